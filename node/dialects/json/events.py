"""Events as messages."""

from collections.abc import Iterable

from msgspec.structs import replace

from broker import events as core
from broker.api import Found
from broker.events import Entry, Event
from node.core.dialect import Place
from node.dialects.json import messages


def message(event: Event, place: Place, *, tags: bool = False) -> messages.Event | None:
    """An event at its place; the place's channel as spelled, empty for a private message. None if
    there's no message for it. `tags`: whether client-only tags are told.
    """
    channel, epoch, seq, at = place[:4]
    pos = f"{epoch}.{seq}"
    sid, nick = event.sid, event.nick
    match event:
        case core.Said(extra=extra) | core.Told(extra=extra) if extra is not None:
            plain = message(replace(event, extra=None), place)
            told = extra.tags if tags else {}
            if isinstance(plain, messages.Said):
                return replace(plain, notice=extra.notice, rank=extra.rank, tags=told)
            if isinstance(plain, messages.Told):
                return replace(plain, notice=extra.notice, tags=told)
            return plain
        case core.Said(text=text, action=action):
            return messages.Said(
                channel=channel, pos=pos, at=at, sid=sid, nick=nick, text=text, action=action
            )
        case core.Told(text=text, action=action):
            return messages.Told(pos=pos, at=at, sid=sid, nick=nick, text=text, action=action)
        case core.Tagged(tags=sent) if tags:
            where, stands = channel or None, pos if seq else None
            return messages.Tagged(channel=where, pos=stands, at=at, sid=sid, nick=nick, tags=sent)
        case core.Redacted(at=what, why=why):
            where = channel or None
            return messages.Redacted(
                channel=where, pos=pos, at=at, sid=sid, nick=nick, what=what, why=why
            )
        case core.Joined():
            return messages.Joined(channel=channel, pos=pos, at=at, sid=sid, nick=nick)
        case core.Left(why=why):
            return messages.Left(channel=channel, pos=pos, at=at, sid=sid, nick=nick, why=why)
        case core.Kicked(target=target, target_sid=target_sid, why=why):
            return messages.Kicked(
                channel=channel,
                pos=pos,
                at=at,
                sid=sid,
                nick=nick,
                target=target,
                target_sid=target_sid,
                why=why,
            )
        case core.Ruled(changes=changes):
            made = [messages.Change(*change) for change in changes]
            return messages.Ruled(channel=channel, pos=pos, at=at, sid=sid, nick=nick, changes=made)
        case core.Invited(channel=into) if not channel:
            return messages.Invited(channel=into, pos=pos, at=at, sid=sid, nick=nick)
        case core.TopicSet(topic=topic):
            return messages.TopicSet(
                channel=channel, pos=pos, at=at, sid=sid, nick=nick, topic=topic
            )
        case core.Moved(channel=old, new=new, why=why):
            return messages.Moved(channel=old, pos=pos, at=at, sid=sid, nick=nick, new=new, why=why)
        case core.Renamed(new=new):
            return messages.Renamed(channel=channel, pos=pos, at=at, sid=sid, nick=nick, new=new)
        case core.Quit(why=why):
            return messages.Quit(channel=channel, pos=pos, at=at, sid=sid, nick=nick, why=why)
        case _:
            return None


def found(channel: str, read: Iterable[Found]) -> list[messages.Event]:
    """A part of a log, with tags."""
    made = (message(event, Place(channel, *at, ms), tags=True) for at, ms, event in read)
    return [one for one in made if one is not None]


def entries(channel: str, epoch: str, read: Iterable[Entry]) -> list[messages.Event]:
    """What was read back from a log."""
    made = (message(one.event, Place(channel, epoch, one.seq, one.ms)) for one in read)
    return [one for one in made if one is not None]


def lines(channel: str, epoch: str, read: Iterable[Entry]) -> list[messages.Said]:
    """What was said, of what was read back."""
    found = entries(channel, epoch, read)
    return [one for one in found if isinstance(one, messages.Said)]
