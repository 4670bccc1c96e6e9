"""Events: facts that were accepted, the same for everyone on every node.

An event lives in the log of a channel (or in a nick's inbox) and travels in an envelope.
Its identity is its author and the author's command number, `(sid, num)`: the key under
which a retried command happens once. On the wire an event is a JSON array whose first
element names its kind, so that Redis can hold and splice it without understanding it.

This module knows shapes and bytes only; it must not know Redis, sockets or dialects.
"""

import secrets
from typing import Any, get_args

import msgspec

SCHEMA = 1
"""Version of keys and payloads. Two releases that share it can share a cluster."""


PROGRAM = "."
"""How the sid of a program begins, which says something and is no session: no session's does."""


def program() -> str:
    """A sid for one line of a program's."""
    return PROGRAM + secrets.token_hex(8)


class Extra(msgspec.Struct, array_like=True, frozen=True):
    """What few lines have. `notice`: nobody is to answer it by itself. `tags`: client-only tags of
    IRCv3, with their `+`. `rank`: the least status that reads it, empty: all. `bot`: a program says
    it. `account`: of the author, empty: none. `cuts`: where a text of several lines was sent in
    pieces that belong together, by the number of characters before. `outside`: the author isn't in
    the channel.
    """

    notice: bool = False
    tags: dict[str, str] = {}
    rank: str = ""
    bot: bool = False
    account: str = ""
    cuts: tuple[int, ...] = ()
    outside: bool = False


class Said(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="said"):
    """A line said in a channel. `action`: said as `/me`.

    `by`, of all events: the author's `user@host`, as others see it; empty if it isn't known.
    """

    sid: str
    num: int
    nick: str
    text: str
    action: bool = False
    by: str = ""
    extra: Extra | None = None


class Told(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="told"):
    """A private message, in the inbox of the nick that it was sent to.

    `to` is the session that held the nick at that moment: whoever holds it later doesn't
    read it. The broker fills it in.
    """

    sid: str
    num: int
    nick: str
    text: str
    to: str = ""
    action: bool = False
    by: str = ""
    extra: Extra | None = None


FLEETING = frozenset({"+typing", "+draft/typing"})
"""Names of tags that tell of a moment only."""


def is_fleeting(tags: dict[str, str]) -> bool:
    """Whether tags without a line tell of a moment only, and needn't be kept."""
    return bool(tags) and tags.keys() <= FLEETING


class Tagged(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="tagged"):
    """Tags without a line (TAGMSG of IRCv3), in a channel, or with `to` as in `Told` in an
    inbox.
    """

    sid: str
    num: int
    nick: str
    tags: dict[str, str]
    to: str = ""
    by: str = ""
    extra: Extra | None = None


class Joined(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="joined"):
    """Somebody came into the channel. `real`: their real name, `account` as in `Extra`."""

    sid: str
    num: int
    nick: str
    by: str = ""
    real: str = ""
    account: str = ""


class Left(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="left"):
    """Somebody left the channel; `why` may be empty."""

    sid: str
    num: int
    nick: str
    why: str = ""
    by: str = ""


class Kicked(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="kicked"):
    """`nick` took somebody out of the channel: the session `target_sid`, then called `target`."""

    sid: str
    num: int
    nick: str
    target_sid: str
    target: str
    why: str = ""
    by: str = ""


class Ruled(msgspec.Struct, array_like=True, frozen=True, tag="ruled"):
    """The channel's rules, or the standing of some who are there, are others from here on.

    `law` counts the changes. `changes`: the sign and letter of each mode, and what it's about or
    an empty string, as IRC has them: `("+o", "bob")`, `("+b", "*!*@192.0.2.1")`, `("-k", "*")`.
    `statuses`: of each session whose status changed, all the letters that it has now.
    `rules`: all of them from here on, as `broker.rules` encodes them; empty: they're as before.
    """

    sid: str
    num: int
    nick: str
    law: int
    changes: tuple[tuple[str, str], ...]
    statuses: tuple[tuple[str, str], ...] = ()
    by: str = ""
    rules: str = ""


class Invited(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="invited"):
    """`nick` asked `guest` into `channel` (as spelled): in its log, and in the inbox of the guest,
    who is the session `to`.
    """

    sid: str
    num: int
    nick: str
    guest: str
    channel: str
    to: str = ""
    by: str = ""


class Redacted(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="redacted"):
    """What stood at the place `at` of this log (`EPOCH.SEQ`) was taken back. `to`: in an inbox, the
    session that had got it.
    """

    sid: str
    num: int
    nick: str
    at: str
    why: str = ""
    by: str = ""
    to: str = ""


class TopicSet(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="topic"):
    """The channel's topic became `topic`."""

    sid: str
    num: int
    nick: str
    topic: str
    by: str = ""


class Moved(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="moved"):
    """The channel `channel` (as spelled until then) is called `new` from here on: the last event
    that its people have of it under the old name.

    `epoch`: of its log under the new name, in which all up to this place stands at the same places,
    and everybody is in it who was in it here. Empty: only the spelling is another, and this log
    goes on.
    """

    sid: str
    num: int
    nick: str
    channel: str
    new: str
    epoch: str
    why: str = ""
    by: str = ""


class Renamed(msgspec.Struct, array_like=True, frozen=True, tag="renamed"):
    """`nick` is called `new` from here on.

    The same fact stands in the log of each of `channels` (folded, in the order in which
    they were written); a listener is shown it once.
    """

    sid: str
    num: int
    nick: str
    new: str
    channels: tuple[str, ...]
    by: str = ""


class Quit(msgspec.Struct, array_like=True, frozen=True, tag="quit"):
    """Somebody is gone from every one of `channels`; shown once, as `Renamed` is."""

    sid: str
    num: int
    nick: str
    why: str
    channels: tuple[str, ...]
    by: str = ""


class Altered(msgspec.Struct, array_like=True, frozen=True, tag="altered"):
    """Something about somebody is `value` from here on; shown once, as `Renamed` is.

    `what`: `away` (why; `value` None: they're back), `host` (their `user@host`, `by` is what it was
    before), `real` (their real name), `bot`.
    """

    sid: str
    num: int
    nick: str
    what: str
    value: str | None
    channels: tuple[str, ...]
    by: str = ""


class Unknown(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="?"):
    """An event of a later release, or what is left of one that was taken back: it has its place,
    and nobody is shown it.
    """

    sid: str = ""
    num: int = 0
    nick: str = ""
    by: str = ""


Event = (
    Said
    | Told
    | Tagged
    | Joined
    | Left
    | Kicked
    | Ruled
    | Invited
    | Redacted
    | TopicSet
    | Moved
    | Renamed
    | Quit
    | Altered
    | Unknown
)
Wide = Renamed | Quit | Altered
"""Kinds that stand in several logs, and are shown once."""

DECISIONS = frozenset((Invited, Joined, Kicked, Moved, Ruled))
"""Kinds that the broker itself has to know of."""

SPOKEN = (Said,)
"""The kinds that history shows: what was said, not who came and went."""


class Envelope(msgspec.Struct, array_like=True, frozen=True):
    """What Redis publishes: events that were accepted together, with their place.

    `log` is a folded channel name, or a folded nick for its inbox; they can't be mixed up,
    since a nick never begins with `#`. The empty name carries no events: it's a word to the
    node on whose own topic it comes, in the place of `epoch`. `seq` is the place of the first
    event, the others follow without a hole; 0: these events have none. `ms` is Redis's clock,
    milliseconds of Unix time.
    """

    schema: int
    log: str
    epoch: str
    seq: int
    ms: int
    events: list[Event]


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One event with its place in a log that was read back; `ms` as in `Envelope`."""

    seq: int
    ms: int
    event: Event


_encoder = msgspec.json.Encoder()
encode = _encoder.encode
"""Event -> bytes (JSON, no line breaks)."""

_decode_event = msgspec.json.Decoder(Event).decode
decode_quickly = msgspec.json.Decoder(Envelope).decode
"""As `decode_envelope`, of events that this release knows. Raises ValidationError for others."""

_decode_apart = msgspec.json.Decoder(tuple[int, str, str, int, int, list[msgspec.Raw]]).decode
_fields = msgspec.json.Decoder(list[Any]).decode
_KINDS = {kind.__struct_config__.tag for kind in get_args(Event)}


def decode_event(data: bytes | str | msgspec.Raw) -> Event:
    """One event; `Unknown` if it's of a kind that only a later release has.

    Raises `msgspec.DecodeError` (or its `ValidationError`).
    """
    try:
        event: Event = _decode_event(data)
    except msgspec.ValidationError:
        fields = _fields(data)
        if not fields or not isinstance(fields[0], str) or fields[0] in _KINDS:
            raise
        return Unknown()
    return event


def decode_envelope(data: bytes) -> Envelope:
    """An envelope. Raises as `decode_event` does."""
    try:
        return decode_quickly(data)
    except msgspec.ValidationError:
        schema, log, epoch, seq, ms, events = _decode_apart(data)
        return Envelope(schema, log, epoch, seq, ms, list(map(decode_event, events)))


def around_nick(event: Left | Quit) -> tuple[bytes, bytes]:
    """The encoding of `event` without its nick and its `by`: what stands before the one, and what
    between the two.

    A script puts in what the roster holds at that moment, which the caller of a sweep can't know.
    """
    fields: Any = msgspec.to_builtins(event)
    head = _encoder.encode(fields[:_NICK])[:-1] + b","
    between = _encoder.encode(["", *fields[_NICK + 1 : -1]])[3:-1] + b","
    return head, between


def around_to(event: Told | Tagged | Invited) -> tuple[bytes, bytes]:
    """The encoding of `event` cut in two, around the session that holds the nick it's sent to,
    which only the inbox's script knows.
    """
    return _around(event, _TO[type(event)])


def around_target(event: Kicked) -> tuple[bytes, bytes]:
    """The encoding of `event` cut in two, around the nick that the roster has of who is kicked."""
    return _around(event, _TARGET)


def around_channel(event: Invited) -> tuple[bytes, bytes]:
    """The encoding of `event` cut in two, around the channel's name, as first spelled."""
    return _around(event, _CHANNEL)


_NICK = 3
_TARGET = 5
_CHANNEL = 5
_TO = {Told: 5, Tagged: 5, Invited: 6}


def _around(event: Event, field: int) -> tuple[bytes, bytes]:
    fields: Any = msgspec.to_builtins(event)
    head = _encoder.encode(fields[:field])[:-1] + b","
    tail = _encoder.encode(["", *fields[field + 1 :]])[3:]  # after the empty field's `[""`
    return head, tail
