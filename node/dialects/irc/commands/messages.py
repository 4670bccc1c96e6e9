"""Messages (Modern, "Sending Messages")."""

from broker.api import Code, Refused
from broker.events import Told
from node.core import names, verbs
from node.core.dialect import Place
from node.core.replies import HolderAway
from node.dialects.irc.call import Call, Row
from node.dialects.irc.isupport import TARGETS
from node.dialects.irc.reader import action

_CHANNEL = {
    Code.NOT_MEMBER: "ERR_CANNOTSENDTOCHAN",
}


async def privmsg(call: Call) -> None:
    if not call.param(0):
        call.numeric("ERR_NORECIPIENT", text=f"No recipient given ({call.verb})")
        return
    if not call.param(1):
        call.numeric("ERR_NOTEXTTOSEND")
        return
    targets = list(dict.fromkeys(call.params[0].split(",")))
    for target in targets[TARGETS:]:
        call.numeric("ERR_TOOMANYTARGETS", target)
    for target in targets[:TARGETS]:
        try:
            await _send(call, target, call.params[1])
        except Refused as refused:
            if call.verb != "NOTICE" or refused.code is not Code.NO_SUCH_NICK:
                call.refuse(refused, _CHANNEL)


async def _send(call: Call, target: str, text: str) -> None:
    chat, session = call.chat, call.session
    if target.startswith("#"):
        does = action(text)
        said = does if does is not None else text
        await verbs.say_and_wait(chat, session, target, said, action=does is not None)
        return
    receipt = await chat.broker.tell(session.me, target, names.text(text))
    if call.has("echo-message"):
        event = Told(
            session.me.sid, session.me.num, session.me.nick, text, by=session.me.profile.by
        )
        chat.hub.echo(session, event, Place("", "", 0, int(chat.seconds() * 1000), receipt.nick))
    if receipt.away is not None and call.verb == "PRIVMSG":
        chat.hub.reply(session, HolderAway(receipt.nick, receipt.away))


COMMANDS = {
    "PRIVMSG": Row(privmsg, form="TARGETS :TEXT", does="say something in channels or to people"),
}
