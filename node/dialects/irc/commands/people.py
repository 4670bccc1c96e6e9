"""People: who they are and whether they're there (Modern, "User-Based Queries")."""

from node.core import commands as core
from node.core import people
from node.dialects.irc.call import Call, Row
from node.dialects.irc.isupport import AWAY


async def away(call: Call) -> None:
    why = call.param(0)[:AWAY] or None
    reply = await people.away(call.chat, call.session, core.SetAway(why))
    call.chat.hub.reply(call.session, reply)


COMMANDS = {
    "AWAY": Row(away, form="[WHY]", does="be away, or back"),
}
