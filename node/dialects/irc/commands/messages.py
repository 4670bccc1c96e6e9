"""Messages (Modern, "Sending Messages"; IRCv3 Message Tags for TAGMSG)."""

from broker.api import BOT, Code, Receipt, Refused
from broker.events import Extra, Tagged, Told
from node.core import commands as core
from node.core import names, verbs
from node.core.dialect import Place
from node.core.modes import STATUSES
from node.core.replies import HolderAway
from node.dialects.irc.call import Call, Row
from node.dialects.irc.events import fits
from node.dialects.irc.isupport import TARGETS
from node.dialects.irc.wire import action

_RANKS = {mark: letter for letter, mark in STATUSES.items()}

NOTICE = "NOTICE"


async def message(call: Call) -> None:
    if not call.param(0):
        _complain(call, "ERR_NORECIPIENT", f"No recipient given ({call.verb})")
    elif not call.param(1):
        _complain(call, "ERR_NOTEXTTOSEND", None)
    else:
        await _send(call, call.params[1])


async def tagmsg(call: Call) -> None:
    if not call.has("message-tags"):
        call.numeric("ERR_UNKNOWNCOMMAND", call.verb)
    elif client_tags(call):
        await _send(call, None)


def _complain(call: Call, name: str, text: str | None) -> None:
    """Nothing is ever said in answer to a notice."""
    if call.verb != NOTICE:
        call.numeric(name, text=text)


def client_tags(call: Call) -> dict[str, str]:
    """The tags that are passed on."""
    return {name: value for name, value in call.tags.items() if name.startswith("+")}


async def _send(call: Call, text: str | None) -> None:
    """Send a text, or (None) only its tags, to all targets that are named."""
    session = call.session
    targets = list(dict.fromkeys(each for each in call.params[0].split(",") if each))
    for target in targets[TARGETS:]:
        call.numeric("ERR_TOOMANYTARGETS", target)
    for target in targets[:TARGETS]:
        if text is not None and call.cuts is None and not fits(session.me, call.verb, target, text):
            call.numeric("ERR_INPUTTOOLONG")
            continue
        try:
            await _send_to(call, target, text)
        except Refused as refused:
            if call.verb == NOTICE:
                continue
            if refused.code is Code.NOT_MEMBER:
                call.numeric("ERR_CANNOTSENDTOCHAN", target)
            else:
                call.refuse(refused)


async def _send_to(call: Call, target: str, text: str | None) -> None:
    chat, session = call.chat, call.session
    rank = _RANKS.get(target[0], "") if target[1:2] == "#" else ""
    name = target[1:] if rank else target
    if text is None:
        await _tag(call, name, rank)
        return
    does = action(text)
    said = does if does is not None else text
    if name.startswith("#"):
        extra = _extra(call, rank)
        await verbs.say_and_wait(
            chat, session, call.channel(name), said, action=does is not None, extra=extra
        )
        return
    extra = _extra(call)
    told = names.lines(said)
    receipt = await chat.broker.tell(session.me, name, told, action=does is not None, extra=extra)
    session.spoke = chat.seconds()
    session.wrote(receipt)
    me = session.me
    event = Told(me.sid, me.num, me.nick, told, "", does is not None, me.profile.by, extra)
    _echo(call, event, receipt)
    if receipt.away is not None and call.verb != NOTICE:
        chat.hub.reply(session, HolderAway(receipt.nick, receipt.away))


async def _tag(call: Call, target: str, rank: str) -> None:
    chat, session, me = call.chat, call.session, call.session.me
    tags = names.tags(client_tags(call))
    if target.startswith("#"):
        await verbs.VERBS[core.Tag](chat, session, core.Tag(call.channel(target), tags, rank))
        return
    extra = _extra(call)
    receipt = await chat.broker.touch(me, target, tags, extra)
    _echo(call, Tagged(me.sid, me.num, me.nick, tags, "", me.profile.by, extra), receipt)


def _echo(call: Call, event: Told | Tagged, receipt: Receipt) -> None:
    """Show it to its author, who asked for that."""
    if call.has("echo-message"):
        place = Place("", receipt.at.epoch, receipt.at.seq, receipt.ms, receipt.nick)
        call.chat.hub.echo(call.session, event, place)


def _extra(call: Call, rank: str = "") -> Extra | None:
    """What a message has besides its text, if it has anything."""
    profile = call.session.me.profile
    tags = client_tags(call) if call.verb != "TAGMSG" else {}
    extra = Extra(
        notice=call.verb == NOTICE,
        tags=names.tags(tags),
        rank=rank,
        bot=BOT in profile.modes,
        account=profile.account,
        cuts=call.cuts or (),
    )
    return extra if extra != _PLAIN else None


_PLAIN = Extra()

COMMANDS = {
    "PRIVMSG": Row(message, form="TARGETS :TEXT", does="say something in channels or to people"),
    "NOTICE": Row(message, form="TARGETS :TEXT", does="as PRIVMSG; nothing answers it by itself"),
    "TAGMSG": Row(tagmsg, 1, form="TARGETS", does="send tags without a text"),
}
