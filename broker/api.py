"""The broker's interface: all that a node may ask of the rest of the cluster.

Everything that two nodes must agree on goes through a `Broker`; what was accepted comes
back to every node through a `Sink`, the author's own events included. There is no other
path. The doc comments here are the contract: `tests/contract` has a test for each
sentence, and runs them on every implementation.

A method that changes something is done, in Redis, when it returns. It raises `Refused`
when the change was not made and never will be, and `Refused(UNSETTLED)` when the broker
was lost in between and it can't be known. Channel and nick arguments may be spelled in
any case; `Envelope.log` is always folded.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

import msgspec

from broker.events import Altered, Entry, Envelope, Event, Extra, Redacted
from broker.rules import FREE, Decision, Fellow, Judge, Rules, Standing, anybody


class Code(StrEnum):
    """Why a command was refused. Each dialect has its own words for each code."""

    NICK_TAKEN = "nick-taken"
    NICK_INVALID = "nick-invalid"
    NICK_RESERVED = "nick-reserved"
    NO_SUCH_NICK = "no-such-nick"
    NO_SUCH_CHANNEL = "no-such-channel"
    CHANNEL_INVALID = "channel-invalid"
    NO_SUCH_LINE = "no-such-line"
    NOT_MEMBER = "not-member"
    NOT_YOURS = "not-yours"
    ALREADY_MEMBER = "already-member"
    NO_CURRENT_CHANNEL = "no-current-channel"
    TEXT_INVALID = "text-invalid"
    TEXT_TOO_LONG = "text-too-long"
    TOO_MANY_CHANNELS = "too-many-channels"
    TOO_MANY_MADE = "too-many-made"
    NICKS_TOO_OFTEN = "nicks-too-often"
    JOINS_TOO_OFTEN = "joins-too-often"
    CHANGES_TOO_OFTEN = "changes-too-often"
    OTHERS_MODES = "others-modes"
    OPTION_UNKNOWN = "option-unknown"
    TOKEN_UNKNOWN = "token-unknown"  # noqa: S105
    NO_OPERS = "no-operators"
    PASSWORD_WRONG = "password-wrong"  # noqa: S105
    OPERS_TOO_OFTEN = "operators-too-often"
    NOT_OPER = "no-operator"
    RIGHT_LACKED = "right-lacked"
    NOT_DONE = "not-done"
    BARRED = "barred"
    ELSEWHERE = "elsewhere"
    AWAY = "broker-away"
    BUSY = "busy"
    CUT_OFF = "cut-off"
    UNSETTLED = "unsettled"

    # what a channel's rules forbid, and what it takes to change them
    BANNED_HERE = "banned-here"
    KEY_WRONG = "key-wrong"
    CHANNEL_FULL = "channel-full"
    INVITE_ONLY = "invite-only"
    NOT_OP = "not-op"
    CANNOT_SPEAK = "cannot-speak"
    TARGET_NOT_MEMBER = "target-not-member"
    ALREADY_THERE = "already-there"
    LIST_FULL = "list-full"
    SILENCED = "silenced"
    CTCP_REFUSED = "ctcp-refused"
    MODE_UNKNOWN = "mode-unknown"
    MODE_LACKS = "mode-lacks"
    TOO_MANY_MODES = "too-many-modes"
    MASK_INVALID = "mask-invalid"
    KEY_INVALID = "key-invalid"
    LIMIT_INVALID = "limit-invalid"
    NAME_IN_USE = "name-in-use"
    NAME_GIVEN_UP = "name-given-up"
    FORWARD_INVALID = "forward-invalid"


HELD_BACK = 10
"""Seconds for which a nick is kept for who held it when the broker forgot everything."""


class Refused(Exception):
    """The one expected failure of a command. `about`: the name that it's about, or empty."""

    def __init__(self, code: Code, about: str = "") -> None:
        super().__init__(code.value, about)
        self.code = code
        self.about = about

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Refused) and (self.code, self.about) == (other.code, other.about)

    def __hash__(self) -> int:
        return hash((self.code, self.about))


class Profile(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of somebody, beside their nick; it stands in the nick's claim.

    `by`: `user@host` as others see it. `real`: their real name, as they say. `peer`: the address
    that they're connected from, for operators. `modes`: letters of user modes. `account`, and
    `certificate` (its fingerprint): empty if there's none. `secure`: nobody between can read what's
    said on their connection, as far as this cluster knows.
    """

    by: str = ""
    real: str = ""
    peer: str = ""
    modes: str = ""
    account: str = ""
    certificate: str = ""
    secure: bool = False


NOBODY = Profile()

BOT = "B"
"""The user mode of a bot."""

ALTERABLE: dict[str, Callable[[Profile, str], Profile]] = {
    "host": lambda profile, by: msgspec.structs.replace(profile, by=by),
    "real": lambda profile, real: msgspec.structs.replace(profile, real=real),
    "bot": lambda profile, on: msgspec.structs.replace(
        profile, modes="".join(sorted({*profile.modes} - {BOT} | ({BOT} if on else set())))
    ),
    "account": lambda profile, account: msgspec.structs.replace(profile, account=account),
    "modes": lambda profile, modes: msgspec.structs.replace(profile, modes=modes),
    "peer": lambda profile, peer: msgspec.structs.replace(profile, peer=peer),
    "secure": lambda profile, on: msgspec.structs.replace(profile, secure=bool(on)),
}
"""What may be altered of a profile, and how; of a bot, and of what's secure: whether it is (empty:
it isn't).
"""

UNTOLD = {"modes", "peer", "secure"}
"""What of that is altered without a word to anybody."""


def altered(profile: Profile, what: str, value: str | None) -> Profile:
    """A profile after that change; the same if it's about nothing that it has (being away)."""
    change = ALTERABLE.get(what)
    return profile if change is None else change(profile, value or "")


class Identity(msgspec.Struct):
    """Who acts. The broker accepts an event only from the identity whose token it holds.

    `sid` is public, `token` a secret. `nick` is the name held now; the core changes it
    after a `rename`. `num` is the number of the last command; it only grows. `address` is
    where the person comes from, as far as it counts (empty: it doesn't), and `since` when, in Unix
    milliseconds. `away`: why they're away, or None; the core changes it after a `set_away`, as it
    does `profile` after an `alter`.
    """

    sid: str
    token: str
    nick: str
    address: str = ""
    since: int = 0
    away: str | None = None
    num: int = 0
    profile: Profile = NOBODY


class Position(NamedTuple):
    """A place in a log. A `seq` says nothing without its epoch."""

    epoch: str
    seq: int


class Topic(NamedTuple):
    """A channel's topic, who set it, and when (Unix milliseconds). Empty text: none."""

    text: str
    nick: str
    ms: int


class Member(NamedTuple):
    """One who is in a channel. `status`: letters, the highest rank first; empty: none. `by`: their
    `user@host` as others see it; empty if it isn't known.
    """

    nick: str
    status: str = ""
    by: str = ""


class Roster(NamedTuple):
    """Who is in a channel: its name as first spelled, its members, and how many there are.

    `members` may be cut short at a page; `total` never is.
    """

    channel: str
    members: list[Member]
    total: int

    @property
    def nicks(self) -> list[str]:
        return [member.nick for member in self.members]


class Arrival(NamedTuple):
    """What somebody finds who comes into a channel, all of one moment.

    Everything after `tip` is theirs to read, beginning with their own `Joined` if they
    came `announced`, in which case `tip` is the place before it. An attempt whose answer was lost
    may have announced them before; then they haven't been `announced` here. `status` is theirs.
    """

    tip: Position
    roster: Roster
    topic: Topic
    history: list[Entry]
    announced: bool = True
    status: str = ""
    rules: Rules = FREE


FAR = (1 << 53) - 1
"""Beyond any seq."""


class Reach(NamedTuple):
    """How far somebody was told in a log: all up to `after` has reached them; what comes then, up
    to the seq `maybe`, may have (FAR: nobody knows how far).
    """

    after: Position
    maybe: int


class Kept(NamedTuple):
    """A kept session that is here: the core's `state` of it, and whether all that was told before
    has `reached` the person.
    """

    me: Identity
    state: bytes
    reached: bool


class Resumed(NamedTuple):
    """A session that was taken up again, its memberships not yet; see `Broker.regain`.

    `nick`: empty if none of its nicks could be had back. `channels` may hold some that it isn't in
    any more. `inbox` is where what's sent to the nick goes on. `told`: how far it was told, by log
    as far as that's known; what was accepted up to `till` (Redis's clock, ms) may have been shown,
    too.
    """

    nick: str
    away: str | None
    since: int
    state: bytes
    channels: list[str]
    inbox: Position
    told: dict[str, Reach]
    till: int


class Regained(NamedTuple):
    """A membership that was taken up again. `channel` as spelled, `nick` as the roster has it.

    Everything after `tip` comes through the sink; what lies between `since`, when it began, and
    `tip` can be read (`Broker.missed`). `status`, `rules`: as of `tip`.
    """

    channel: str
    tip: Position
    quiet: bool
    nick: str
    since: int
    status: str = ""
    rules: Rules = FREE


class Missed(NamedTuple):
    """What a log has after a place, oldest first. `lost`: how many of it are there no more, None
    if nobody knows.
    """

    lost: int | None
    entries: list[Entry]


class History(NamedTuple):
    """What was said in a channel: spoken entries, oldest first, at places of `epoch`. `more`: there
    are older ones.
    """

    epoch: str
    entries: list[Entry]
    more: bool


class Way(StrEnum):
    """Which part of a log is asked for. BEFORE and AFTER a place; the LATEST, or the latest after a
    place; AROUND one, half of it before; BETWEEN two, from the first one's side.
    """

    BEFORE = "before"
    AFTER = "after"
    LATEST = "latest"
    AROUND = "around"
    BETWEEN = "between"


Place = Position | int
"""A place in a log, or a time (Unix ms)."""


class Wanted(msgspec.Struct, frozen=True):
    """A part of a log. `places`: as many as the way says. `count`: how many entries at most.

    `every`: also what wasn't said, but happened. `ranks`: letters of status whose lines the reader
    may read, of those that aren't for all (`broker.spans.ranks`).
    """

    way: Way
    places: tuple[Place, ...]
    count: int
    every: bool = False
    ranks: str = ""


class Found(NamedTuple):
    """An entry of a log, with its place as it was told when it was new, as far as that's known."""

    at: Position
    ms: int
    event: Event


class Span(NamedTuple):
    """A part of a log, oldest first. `more`: with a greater count there would be more of it."""

    entries: list[Found]
    more: bool


class Redaction(NamedTuple):
    """That something was taken back: the event and where it stands. Its `at` is the place as it was
    told when that was new.
    """

    at: Position
    ms: int
    event: Redacted


class Receipt(NamedTuple):
    """For a private message: the holder's nick as spelled, and why they are away (or None); where
    it stands in their inbox, and since when (Unix ms).
    """

    nick: str
    away: str | None
    at: Position = Position("", 0)
    ms: int = 0


class Posted(NamedTuple):
    """Where a program's line stands, and since when (Unix ms). `fresh`: it's there since this call.
    `same`: what stands there has this text.
    """

    at: Position
    ms: int
    fresh: bool
    same: bool


class Invitation(NamedTuple):
    """Who was invited: their nick as spelled, and why they are away (or None)."""

    nick: str
    away: str | None


class ChannelInfo(NamedTuple):
    """A row of the list of channels. `modes`: as in `Rules`. `created`, `topic_ms`: since when
    there is the channel, and its topic (Unix milliseconds; 0: there's none, or it isn't known).
    """

    name: str
    members: int
    topic: str
    modes: str = ""
    created: int = 0
    topic_ms: int = 0


class Seat(NamedTuple):
    """Where somebody is: a channel as first spelled, their status there, and the letters of its
    modes.
    """

    channel: str
    status: str
    modes: str


class Person(NamedTuple):
    """One person's details. `since`: Unix milliseconds; `away`: why, or None. `channels` may be
    spelled as the person typed them; `seats` are the same ones, in the same order.
    """

    nick: str
    node: str
    since: int
    away: str | None
    channels: list[str]
    profile: Profile = NOBODY
    seats: tuple[Seat, ...] = ()


class Presence(NamedTuple):
    """A row of the list of everyone. `since`, `away`: as of a `Person`. `channels`: folded."""

    nick: str
    node: str
    since: int = 0
    away: str | None = None
    profile: Profile = NOBODY
    channels: frozenset[str] = frozenset()


class Attendee(NamedTuple):
    """Somebody who is in a channel: as its members see them, and what is known of them. `person`
    has no channels; of somebody whose nick is changing at this moment it has little else.
    """

    member: Member
    person: Person


class Attendance(NamedTuple):
    """Who is in a channel: its name as first spelled, the letters of its modes, everyone."""

    channel: str
    modes: str
    attendees: list[Attendee]


class Was(NamedTuple):
    """Somebody who had a nick: as spelled, on which node, since when they were there, and until
    when they had it (Unix milliseconds).
    """

    nick: str
    node: str
    since: int
    until: int
    profile: Profile


class Sighting(NamedTuple):
    """Who has a nick: as spelled, which session that is, and their `user@host`."""

    nick: str
    sid: str
    by: str


class Totals(NamedTuple):
    """The cluster in numbers. `messages` counts channel lines accepted since Redis was empty."""

    nodes: int
    sessions: int
    channels: int
    messages: int


JudgeOf = Callable[[Rules, Standing, Fellow], None]
"""As a `Judge`, of what somebody wants to do to somebody else who is there."""

Decide = Callable[[Rules, Mapping[str, Fellow]], Decision]
"""What somebody decides who sees the rules of a channel, and some members by their folded nicks."""

Settled = Callable[[Refused | None], None]
"""Told how a pipelined command ended: None when it was accepted."""


class Sink(Protocol):
    """What a broker tells its node. Called in the node's own thread, never re-entered."""

    def events(self, envelope: Envelope) -> None:
        """Events of a followed channel, or of the inbox of a nick that is held here.

        For each log: in its order, each event once, without a hole but those told by `gap`; but for
        events without a place (`seq` 0), which come somewhere between. Only
        after a `continued` that tells of another order, places of what had come by are skipped.
        Between logs no order is promised, but what was missed in an outage comes in the order in
        which it was accepted, to the millisecond.
        """

    def gap(self, log: str, lost: int | None) -> None:
        """Events of `log` are lost at this place: how many, or None if that can't be known.

        If the broker forgot everything while this node was cut off from it, that's told once of
        each inbox that is heard here: nobody knows whether it had anything. Of one to which nothing
        was ever sent it's not told by a node that was connected until then.
        """

    def continued(self, log: str, epoch: str, differs: int | None) -> None:
        """`log` goes on under another epoch, since it's kept by another server now.

        `differs` None: nothing is lost, and each place that was told is the same place under the
        new epoch. Otherwise the log has other things at some of the last places: this node came
        too late to put back what it had been told. Up to that time (Unix ms) others may have been
        told in another order; what this node alone had been told stands at later places now. What
        has come by in another place doesn't come again.
        """

    def nick_lost(self, sid: str) -> None:
        """The session's nick is somebody else's, who has held it for longer.

        Both held it because the broker had forgotten the one while the other took it. The session
        stays, is a member where it was, and needs another nick. It has the old one still, for a
        moment: for a second at most the other waits for it to have taken another. It may be told
        again until it has.
        """

    def away(self) -> None:
        """The broker is gone: commands will be refused with AWAY. Told once per outage."""

    def back(self) -> None:
        """The broker is there again, and everything missed meanwhile has been delivered."""

    def evicted(self, forgotten: bool) -> None:
        """No session of this node whose `open` has returned is known to the cluster any more.

        `forgotten`: the broker lost what it knew, and nobody saw them leave; otherwise this
        node's lease ended and the others saw them quit. The node opens its sessions again
        with new tokens; of one that is being opened its `open` tells. In an outage this comes
        before `back`; a node that stood still may be told so without one. Kept sessions were
        detached, unless all is forgotten.
        """

    def replicated(self, enough: bool) -> None:
        """Whether enough replicas have what is accepted, told when that changes.

        Only where the broker was asked to see to that. At the beginning it's believed to be so.
        Not `enough`: a failover could lose what is accepted now. `enough` again: replicas have
        everything, also what was accepted meanwhile.
        """

    def watched(self, nick: str, holder: Sighting | None) -> None:
        """A watched nick has a holder, or (None) is free. Told once of each change, in order.

        Of a change of hands both is told. Nothing if the holder only spells it otherwise. What
        changed while the broker was away is told soon after `back`; of what was undone meanwhile
        nothing is.
        """

    def altered(self, event: Altered) -> None:
        """Something about the holder of a watched nick is otherwise. It's told as it happens, and
        not what happened while the broker was away. Whoever hears a channel of theirs gets it
        there, too.
        """

    def kept(self) -> Iterable[Kept]:
        """The kept sessions that are here. Asked for each second."""

    def idle(self, sid: str) -> int | None:
        """For how many seconds a session that is here has said nothing; None if it's not here."""

    def taken(self, sid: str) -> None:
        """The kept session is taken up on another node: nothing of it is this node's any more.

        If that was done while this node was cut off, it's told before what was missed meanwhile.
        If it was being resumed here, that's refused from now on with ELSEWHERE.
        """


class Broker(Protocol):
    """One node's way to the cluster."""

    @property
    def ready(self) -> bool:
        """Whether commands are taken now; otherwise they're refused with AWAY."""

    async def start(self, sink: Sink) -> None:
        """Connect, and take a lease for this node. Returns when commands are taken."""

    async def stop(self) -> None:
        """Give the lease back. The node has ended its sessions before."""

    async def admit(self, address: str) -> bool:
        """Count a connection from an address. False if it has as many open as it may have in the
        whole cluster: then this one isn't counted.

        Those of a node whose lease has ended don't count any more. While the broker is away
        everybody is admitted, without waiting, and counted once it's back.
        """

    def dismiss(self, address: str) -> None:
        """A connection that was admitted is gone."""

    async def open(self, me: Identity) -> None:
        """Make the session known and claim `me.nick`, in one step that only one can win.

        Nicks are compared folded. NICK_TAKEN if another session holds it. The new holder
        gets what is sent to the nick from here on, never what was sent before. CUT_OFF if this
        node lost the broker or its lease meanwhile, or if the session is open under another token.
        Nothing is held when it's refused; another attempt needs another token.

        Where the broker forgot everything, a nick is held for the session that had it: nobody else
        gets it before that is opened again or has quit, or HELD_BACK seconds are over. A node that
        comes back later than others takes it from somebody who got it meanwhile (see
        `Sink.nick_lost`), unless its lease had ended.
        """

    async def rename(self, me: Identity, new: str, channels: list[str]) -> list[str]:
        """Claim `new`, put it into each channel's roster with a `Renamed` event, free the old.

        Returns the (folded) channels that were told; a quiet member's channel isn't. The
        event carries them all, as given. NICK_TAKEN leaves everything as it was. `new` may be the
        old nick in other letters' case. The caller sets `me.nick` afterwards.
        """

    async def quit(self, me: Identity, why: str, channels: list[str]) -> None:
        """Take the session out of each channel with a `Quit` event, then free its nick.

        A quiet member goes without an event. Never refused: while the broker is away it
        waits, and a session that isn't known any more has quit already.
        """

    async def keep(self, me: Identity, secret: str, state: bytes) -> None:
        """Keep the session for whoever knows the secret, with what the core needs of it.

        From then on it's detached, rather than ended, when its node dies. CUT_OFF if the session
        isn't known.
        """

    def detach(self, me: Identity, state: bytes) -> Awaitable[None]:
        """Leave a kept session to whoever takes it up; nobody else is told.

        How far it was told is what the sink was told at the call, before anything is awaited. In a
        channel that this node doesn't follow any more it's FAR since the session was taken up.
        It holds its nick and its memberships, and ends after a while with a `Quit` if nobody does.
        One that is being resumed was told as far as it was before. One that was taken up elsewhere
        stays there. Never refused: while the broker is away it waits. A session that isn't kept is
        ended.
        """

    async def resume(self, me: Identity, secret: str, *, detached: bool = False) -> Resumed:
        """Take up a kept session, wherever it is, under a new token; its nick and away are `me`'s.

        TOKEN_UNKNOWN if there's none with that sid and secret. CUT_OFF if it's on this node: it has
        to be detached before. `detached`: only if it's on no other
        node; ELSEWHERE if it is, or if somebody else takes it up at this moment. The node that had
        it is told (`Sink.taken`) after `resumed`. Nothing under its earlier tokens is accepted
        where it was taken up. `me.num` goes on above all earlier ones. Nothing comes through the
        sink before `attend` and `regain`.
        """

    async def regain(self, me: Identity, channel: str) -> Regained | None:
        """Take up a membership of a session that is being resumed; None if it isn't in there.

        This node follows the channel already. No event is made of it, but for a `Renamed` where the
        roster has another nick than the session: a nick change was stopped in the middle, or the
        nick is lost.
        """

    def attend(self, me: Identity, inbox: Position) -> None:
        """Hear what is sent to the nick after `inbox`."""

    async def resumed(self, me: Identity) -> None:
        """The session has been taken up: nobody else has anything of it any more.

        ELSEWHERE if somebody else took it up meanwhile, who has it then; CUT_OFF if it was lost.
        """

    async def missed(self, log: str, after: Position, upto: Position) -> Missed:
        """What a log has after one place and up to another. At most as much as logs keep.

        After a place that a failover has taken away: what follows the last one before it that it
        left. After a place of a log that isn't there any more: all. `lost` is None then.
        Nor is it known how much somebody has lost whose place is beyond the log's end.
        """

    async def follow(self, channel: str) -> None:
        """Begin to hear a channel; returns when it's certain that nothing after is missed.

        Events arrive once a `join` has told from where on. AWAY if the broker is away.
        """

    async def listen(self, channel: str) -> Position:
        """Hear a channel that this node follows without anybody's being in it: all after the place
        that is returned comes through the sink, as it does for members. NO_SUCH_CHANNEL.
        """

    def unfollow(self, channel: str) -> None:
        """Stop hearing a channel. Nothing of it arrives after this call."""

    async def join(
        self,
        me: Identity,
        channel: str,
        *,
        announce: bool = True,
        quiet: bool = False,
        roster: int = 100,
        history: int = 10,
        judge: Judge = anybody,
        status: str = "",
        modes: str = "",
    ) -> Arrival:
        """Become a member of a channel that this node follows, which makes it if need be.

        A channel keeps the spelling of its first join as its name. `announce`: with a
        `Joined` event. `quiet`: nicks and quits aren't told there until the member has said
        something. `roster`: the most nicks to return. `history`: the most spoken entries to
        return, oldest first. A session that is a member already stays one, without an event,
        and reads on from where the log is now. TOO_MANY_MADE if the channel is new and the
        address has made too many.

        Who comes into a channel in which nobody is gets `status`, and the channel `modes`. Others
        come in if the `judge` lets them, by the rules that hold at that moment, and if there are
        fewer members than the rules' limit: else CHANNEL_FULL, unless they were invited. An
        invitation is good for coming in once. Who is a member already isn't judged.
        Whoever was a member when the broker forgot everything isn't, either: they have their old
        status, and the channel has the rules and invitations that it had, as far as any node knew
        them.
        """

    async def leave(self, me: Identity, channel: str, why: str) -> None:
        """Leave with a `Left` event, also when quiet. NOT_MEMBER if not a member.

        The last to leave takes the channel's rules along, and if not everybody might come in (there
        was a key, or one had to be invited), all that was said.
        """

    def say(
        self,
        me: Identity,
        channel: str,
        text: str,
        action: bool,
        settled: Settled,
        *,
        judge: Judge = anybody,
        extra: Extra | None = None,
        outside: bool = False,
    ) -> None:
        """Append a line to the channel's log; the answer comes through `settled`, once.

        Lines of one session to one channel keep their order, without waiting for answers.
        NOT_MEMBER if the session isn't in the channel. BUSY if too much is under way.
        It's accepted if the `judge` lets it, by the rules and with the status that hold at that
        moment; in a channel that never had any rules members aren't judged. `outside`: the session
        isn't in the channel, and may say something nevertheless if the judge lets it;
        NO_SUCH_CHANNEL as for `roster`.
        If replicas count (see `Sink.replicated`), an accepted line is settled when enough have it;
        at once where there aren't enough, of which the sink was told before. Everybody is
        shown it as soon as it's accepted, whatever replicas do.
        """

    async def post(self, name: str, channel: str, text: str, key: str = "") -> Posted:
        """Append a line of a program's to the channel's log, as `Said`, by a `sid` of its own that
        no session has.

        The program is no member, and `name` is none that anybody could have as a nick. Members
        hear it as they hear one another. NO_SUCH_CHANNEL as for `roster`. If replicas count, it
        returns as a line is settled: see `say`. `key`: under which the same name says something in
        the channel once within 10 minutes; whatever is posted under it after that, by any node, is
        not appended, and what is returned is the place of the first.
        """

    async def set_topic(
        self, me: Identity, channel: str, topic: str, *, judge: Judge = anybody
    ) -> None:
        """Set the topic with a `TopicSet` event; empty takes it away. NOT_MEMBER.

        The `judge` is asked as for `say`, also where there are no rules.
        """

    # -- channels with rules

    async def rules(self, channel: str) -> Rules:
        """What holds in the channel now. NO_SUCH_CHANNEL as for `roster`."""

    async def rule(
        self,
        me: Identity,
        channel: str,
        decide: Decide,
        about: Iterable[str] | None = None,
    ) -> Decision:
        """Change the channel's rules, or the statuses of some who are there, with a `Ruled` event.

        `decide` is given the rules and the members with the nicks that it's `about` (None: all),
        and of course `me`, if that's one; it may raise Refused. It's pure: if the rules, or a
        status that it was given of `me` or gives another, are others by the time at which they'd be
        changed, nothing is done, and it's asked again. So of two who decide at the same time the
        second knows what the first did. Nothing is done either if there are no changes in what it
        decides, which is returned. The `law` is counted here. NO_SUCH_CHANNEL.
        """

    async def kick(
        self, me: Identity, channel: str, nick: str, why: str, *, judge: JudgeOf
    ) -> None:
        """Take the nick's holder out of the channel with a `Kicked` event, if the `judge` lets it,
        by the rules and statuses that hold at that moment.

        NO_SUCH_NICK, TARGET_NOT_MEMBER, NO_SUCH_CHANNEL. `me` need not be a member. Nothing that
        the other says in the channel is accepted after that; where they are it's known when the
        event has come by. A session that is detached finds it out when it's taken up.
        """

    async def move(self, me: Identity, channel: str, new: str, why: str, *, judge: Judge) -> None:
        """Give a channel another name, with a `Moved` event, if the `judge` lets it, by the rules
        and with the status that hold at that moment.

        Everybody who is in it is in it under the new name, with their status, and the channel has
        its rules, invitations, topic, times and history. The event is the last that they're told
        under the old name; after it comes what follows under the new one, without anybody's doing
        anything. Whoever leaves, quits or changes their nick before they were told does it where
        the channel is. What is said under the old name after the event is refused. Nobody comes
        into the channel under the new name before all that's done.

        NAME_IN_USE if there's a channel `new`, as for `roster`. NAME_GIVEN_UP if another one gave
        that name up less than a minute ago; it's free for who comes in by `join`, where they find
        nothing of the old one. The spelling may be changed alone. `me` need not be a member.
        NO_SUCH_CHANNEL. Of a move that was stopped in the middle nothing is left, or all.
        """

    async def invite(self, me: Identity, channel: str, nick: str, *, judge: Judge) -> Invitation:
        """Invite the nick's holder into the channel (see `join` and `Standing.invited`), with an
        `Invited` event in its log and in their inbox.

        NO_SUCH_NICK; ALREADY_THERE if they're a member. `me` need not be one, if the `judge` lets
        them, by the rules and with the status that hold at that moment. If there's no such channel
        it's only told to the guest. The last hundred invitations of a channel count, as long as
        somebody is in it.
        """

    async def tell(
        self,
        me: Identity,
        nick: str,
        text: str,
        *,
        action: bool = False,
        extra: Extra | None = None,
    ) -> Receipt:
        """Put a private message into the inbox of whoever holds the nick. NO_SUCH_NICK.

        If replicas count, it returns as a line is settled: see `say`.
        """

    async def tag(
        self,
        me: Identity,
        channel: str,
        tags: dict[str, str],
        extra: Extra | None = None,
        *,
        judge: Judge = anybody,
    ) -> None:
        """Append a `Tagged` to the channel's log, in its order among lines; refused as they are.

        Tags that tell of a moment (`events.is_fleeting`) are shown at once to who is there, and
        kept nowhere: they come with `seq` 0 and no epoch, and with no connection they're lost.
        """

    async def touch(
        self, me: Identity, nick: str, tags: dict[str, str], extra: Extra | None = None
    ) -> Receipt:
        """Put a `Tagged` into the inbox of whoever holds the nick; as `tell`. Tags of a moment: as
        with `tag`; the receipt has no place then.
        """

    async def alter(
        self, me: Identity, what: str, value: str | None, channels: Iterable[str] = ()
    ) -> list[str]:
        """Have something of oneself be otherwise, with an `Altered` event in each channel.

        `what`: a key of ALTERABLE, or `away` (why, which may be empty; None: one is back). Returns
        the (folded) channels that were told; a quiet member's channel isn't, nor is one that one
        isn't in. Rosters have one's new `user@host` from then on, the quiet member's, too. The
        event carries all channels, as given; all are told at once, before a `barrier` that is asked
        for meanwhile has come. Nobody is told of what is UNTOLD. The caller sets
        `me.profile` (by `altered`), or `me.away`, afterwards.
        """

    async def set_away(self, me: Identity, why: str | None, channels: Iterable[str] = ()) -> None:
        """Say why one is away (may be empty), or None: one is back. As `alter` does."""

    async def barrier(self, *, patient: bool = False) -> None:
        """Returns when everything accepted before the call has been given to the sink.

        `patient`: as a rule also what others had sent to other nodes by then, which get a few
        milliseconds to accept it. While the broker is away it waits.
        """

    async def roster(self, channel: str) -> Roster:
        """Everyone who is in the channel, exactly. NO_SUCH_CHANNEL if there is none; one that
        is empty is kept as long as something was said in it that isn't forgotten.
        """

    async def topic(self, channel: str) -> Topic:
        """The channel's topic. NO_SUCH_CHANNEL."""

    async def history(
        self, channel: str, count: int, before: Position | None = None, ranks: str = ""
    ) -> History:
        """The last `count` spoken entries of the log; none if no such channel.

        `before`: the last that stand before this place. It may have been told under an earlier
        epoch of the log; none if the log has begun anew since. `ranks`: as in `Wanted`.
        """

    # -- what logs have kept

    async def span(self, me: Identity, target: str, wanted: Wanted) -> Span:
        """A part of a channel's log; or, if `target` is a nick, of what the session and whoever was
        called so wrote to one another, in the order of its times. Nothing if there's no such log.

        Both ends are exact: what stands at a place, or has its very millisecond, is neither before
        nor after it. A place may have been told under an earlier epoch; of one that has gone, what
        was before it is before it. If it isn't known at all, nothing is before it. In an inbox
        nothing is found that an earlier holder of the session's nick was sent.
        """

    async def latest(self, me: Identity, channels: list[str]) -> dict[str, int]:
        """When something was last said (Unix ms) in each of these channels, by its folded name, and
        by each who wrote to the session, by nick. Who never did isn't in it.
        """

    async def redact(
        self, me: Identity, target: str, at: Position, why: str, *, power: bool = False
    ) -> Redaction:
        """Take back a line, or tags, in a channel or sent to a nick, with a `Redacted`.

        Nobody finds it any more in history, spans or gaps, and its bytes aren't in the log. Its
        place stays; nobody is told a gap. NOT_MEMBER; NO_SUCH_LINE if nothing is said there, or not
        any more; NOT_YOURS in a channel, if somebody else said it and the session is neither op
        nor half-op there. What somebody else told a nick is no such line. `power`: an operator of
        the server, who may do all this in any channel, without being in it. Asked again under the
        same number it's done once.
        """

    async def channels(self) -> list[ChannelInfo]:
        """Every channel that has members, by name. Where there are many it may be a second old, or
        as old as reading it takes twice.
        """

    async def channel(self, name: str) -> ChannelInfo:
        """One channel, as it's now. NO_SUCH_CHANNEL as for `roster`.

        It's created when somebody comes into it and there is none, and anew by those who put it
        back after the broker forgot it.
        """

    async def person(self, nick: str) -> Person:
        """Details of the nick's holder. NO_SUCH_NICK.

        A channel that was left a second ago may be among theirs.
        """

    async def idle(self, nick: str) -> int | None:
        """For how many seconds whoever has the nick has said nothing, as their node tells
        (`Sink.idle`). None if they're on none, or it doesn't tell within a second. NO_SUCH_NICK.
        """

    async def persons(self, nicks: Iterable[str]) -> list[Person | None]:
        """Details of each nick's holder, without their channels; None if it has none."""

    async def members(self, channel: str) -> Attendance:
        """Everyone who is in the channel, with what is known of them. NO_SUCH_CHANNEL as for
        `roster`.
        """

    async def was(self, nick: str, count: int = 0) -> list[Was]:
        """Who had a nick before, the last first; at most `count`, if it's above 0.

        That's kept for a day, of the last ten, and of so many nicks as the broker may keep, those
        that were given back last. Of nicks that are given to whoever comes, nothing is.
        """

    async def watch(self, nicks: Sequence[str]) -> list[Sighting | None]:
        """Hear who takes these nicks, and when they're free again, wherever that is; who has them
        now. What changes after that is told (`Sink.watched`).

        After a refusal they may be watched or not, until `unwatch`.
        """

    def unwatch(self, nicks: Iterable[str]) -> None:
        """Hear no more of these nicks. Nothing is told after this call."""

    async def secret(self, name: str, drawn: str) -> str:
        """A secret that all nodes share: the one that is kept under this name, or `drawn` if there
        is none, which is kept from then on; also if the broker forgets everything, as long as a
        node is there that has asked for it.
        """

    async def people(self) -> list[Presence]:
        """Everyone, by nick. May be as old as `channels`, where there are so many that reading them
        takes long.
        """

    async def totals(self) -> Totals:
        """The cluster in numbers. May be as old as `channels`."""

    async def count(self, counter: str) -> int:
        """Add one to a counter of the whole cluster and return it: 1, 2, 3, without a hole."""


Later = Callable[[Callable[[], None]], None]
"""Run something once at the end of this turn of the event loop."""
