"""Channels with rules: modes, kicks, invitations (Modern, "MODE message" and what follows)."""

from broker.api import Code, Refused
from node.core import chanops, people, policing, secrecy, verbs
from node.core import commands as core
from node.core.opers import StandDown
from node.core.people import OPERATOR
from node.core.replies import UserModes
from node.dialects.irc.call import Call, Row
from node.dialects.irc.isupport import KICK
from node.dialects.irc.refusals import says, shown


async def mode(call: Call) -> None:
    target, *words = call.params
    if not target.startswith("#"):
        await user_mode(call)
        return
    channel = call.channel(target)
    await secrecy.see(call.chat, call.session, channel)  # before anything else is looked at
    asked = [word for word in words if word]
    spelled = call.spelled(channel)
    try:
        reply = await chanops.mode(
            call.chat, call.session, channel, asked, lambda one: call.refuse(one, spelled)
        )
    except Refused as refused:
        call.refuse(refused, spelled)
        return
    if reply is not None:
        call.chat.hub.reply(call.session, reply)


async def user_mode(call: Call) -> None:
    """One's own modes."""
    changes, sign = [], "+"
    for letter in "".join(call.params[1:2]):
        if letter in "+-":
            sign = letter
        else:
            changes.append((sign, letter))
    command = core.UserModes(call.params[0], tuple(changes))
    reply = await people.user_modes(call.chat, call.session, command)
    if ("-", OPERATOR) in changes:
        await policing.stand_down(call.chat, call.session, StandDown())
    if not isinstance(reply, UserModes):
        return
    if not changes:
        call.numeric("RPL_UMODEIS", f"+{reply.modes}")
    elif reply.changes:
        me = call.session.me
        call.send(f":{me.nick}!{me.profile.by} MODE {me.nick} :{reply.changes}")
    if reply.unknown:
        call.numeric("ERR_UMODEUNKNOWNFLAG")


async def kick(call: Call) -> None:
    channels = call.params[0].split(",")
    nicks = [nick for nick in call.params[1].split(",") if nick]
    pairs = (
        zip(channels, nicks, strict=False)
        if len(channels) > 1
        else ((channels[0], nick) for nick in nicks)
    )
    why = call.param(2)[:KICK]
    for given, nick in pairs:
        spelled = call.spelled(given)
        try:
            command = core.Kick(call.channel(given), nick, why)
            await verbs.kick(call.chat, call.session, command)
        except Refused as refused:
            call.refuse(refused, spelled)


async def invite(call: Call) -> None:
    if not call.params:
        for channel in call.session.invitations:
            call.numeric("RPL_INVITELIST", channel)
        call.numeric("RPL_ENDOFINVITELIST")
        return
    if len(call.params) < 2:
        call.numeric("ERR_NEEDMOREPARAMS", call.verb)
        return
    nick, given = call.params[:2]
    channel = call.channel(given)
    try:
        reply = await verbs.invite(call.chat, call.session, core.Invite(channel, nick))
    except Refused as refused:
        if refused.code is Code.NOT_MEMBER:
            await secrecy.see(call.chat, call.session, channel)
        call.refuse(refused, call.spelled(channel))
        return
    call.chat.hub.reply(call.session, reply)


async def rename(call: Call) -> None:
    """IRCv3 channel-rename."""
    old, new = call.params[0], call.params[1]
    channel = call.channel(old)
    try:
        command = core.RenameChannel(channel, call.channel(new), call.param(2)[:KICK])
        await verbs.rename_channel(call.chat, call.session, command)
    except Refused as refused:
        code = _CANNOT.get(refused.code)
        if code is None or (refused.code is Code.CHANNEL_INVALID and refused.about != new):
            raise
        call.fail(code, says(refused), call.spelled(channel), shown(new))


_CANNOT = {
    Code.NAME_IN_USE: "CHANNEL_NAME_IN_USE",
    Code.NAME_GIVEN_UP: "CANNOT_RENAME",
    Code.CHANNEL_INVALID: "CANNOT_RENAME",
    Code.JOINS_TOO_OFTEN: "CANNOT_RENAME",
    Code.BUSY: "CANNOT_RENAME",
}


COMMANDS = {
    "MODE": Row(
        mode,
        1,
        form="#CHANNEL|NICK [MODES [PARAMETERS]]",
        does="show or change modes, of a channel or your own",
    ),
    "KICK": Row(kick, 2, form="#CHANNEL NICKS [WHY]", does="take people out of a channel"),
    "RENAME": Row(rename, 2, form="#CHANNEL #NEW [WHY]", does="give a channel another name"),
    "INVITE": Row(invite, form="[NICK #CHANNEL]", does="ask somebody in, or see who asked you"),
}
