"""Doing a command: its row of the table is found, and what it brings is the answer to its label."""

from broker.api import Refused
from node.core.session import Diversion
from node.dialects.irc import refusals
from node.dialects.irc.call import Call, Handler
from node.dialects.irc.commands import COMMANDS
from node.dialects.irc.commands.batches import add


async def perform(call: Call, handler: Handler | None = None) -> None:
    """Do a command, and answer to its label if it has one. `handler`: what does it, if it's not
    its row of the table.
    """
    do = handler or _do
    label = call.tags.get("label", "")
    if not label or not call.has("labeled-response") or call.verb in UNLABELLED:
        await do(call)
        return
    session = call.session
    diversion = session.diversion = Diversion(session.me.num)
    try:
        await do(call)
    finally:
        session.diversion = None
        irc = call.irc
        lines: list[str] = []
        for piece in diversion.pieces:
            if isinstance(piece, tuple):
                lines += irc.lines(*piece)
            else:
                lines += irc.answer(piece, session.me.nick)
        call.send(*irc.labelled(label[:64], call.reader.ref(), lines))


UNLABELLED = frozenset({"QUIT", "BATCH"})
"""What ends the connection, or is answered as one with what follows, has no answer of its own."""


async def _do(call: Call) -> None:
    if "batch" in call.tags and call.registered:
        add(call, call.reader.batch)
        return
    row = COMMANDS.get(call.verb)
    if row is None or not (row.before or call.registered):
        if call.registered:
            call.numeric("ERR_UNKNOWNCOMMAND", refusals.shown(call.verb))
        else:
            call.numeric("ERR_NOTREGISTERED")
    elif len(call.params) < row.least or (row.least and not call.params[row.least - 1]):
        call.numeric("ERR_NEEDMOREPARAMS", call.verb)
    else:
        try:
            await row.handler(call)
        except Refused as refused:
            call.refuse(refused)
