"""`node.core.policing`: what operators of the chat may do, and who is one."""

from typing import Any

import pytest
from msgspec.structs import replace

from broker.api import Code, Profile, Refused
from broker.bans import NOWHERE, Ban
from node.core import policing, replies
from node.core.commands import Command, Resume, Token
from node.core.limits import Act, Limits, Rate
from node.core.opers import (
    Bar,
    BecomeOper,
    Kill,
    ListBars,
    Oper,
    OperDid,
    OperInfo,
    OperIs,
    OperWrites,
    Rehash,
    Right,
    StandDown,
    Unbar,
    Wallops,
)
from node.core.replies import Closing, Error, Goodbye, Reply
from node.dialects.slash import Slash
from tests.support.boss import ALL, BARS, OneBoss
from tests.support.village import Screen, Village, Villager


class Recorded(Slash):
    """Keeps replies rather than put them into words."""

    def __init__(self) -> None:
        super().__init__()
        self.replies: list[Reply] = []

    def reply(self, reply: Reply, to: str = "") -> bytes:
        self.replies.append(reply)
        return b""


class Written:
    """A journal that keeps who wasn't an operator."""

    def __init__(self, journal: Any) -> None:
        self._journal = journal
        self.names: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    def not_oper(self, session: Any, name: str) -> None:
        self.names.append(name)


class Station(Village):
    """A village whose node has operators. `told(person, command)`: what a command is answered."""

    def __init__(self) -> None:
        super().__init__()
        (self.chat,) = self.chats
        self.fake = self.chat.operators = OneBoss()
        self.written = self.chat.journal = Written(self.chat.journal)

    def somebody(self, nick: str, *, oper: frozenset[Right] | None = None) -> Villager:
        person = self.guest(lobby=False, dialect=Recorded())
        person.say(f"/nick {nick}")
        if oper is not None:
            self.fake.known["boss"] = oper
            self.told(person, BecomeOper("boss", "boss's"))
            self.fake.did.clear()
        return person

    def told(self, person: Villager, *commands: Command) -> list[Reply]:
        dialect = person.session.dialect
        assert isinstance(dialect, Recorded)
        dialect.replies.clear()
        for command in commands:
            person.session.lane.add(command)
        assert [] == self.failures
        return list(dialect.replies)


@pytest.fixture
def station() -> Station:
    return Station()


def test_an_operator_is_who_has_the_password_and_only_they_are_told(station: Station) -> None:
    ann, bob = station.somebody("ann"), station.somebody("bob")
    assert isinstance(bob.session.dialect, Recorded)
    bob.session.dialect.replies.clear()
    assert [OperIs("boss", "ox")] == station.told(ann, BecomeOper("boss", "boss's"))
    assert Oper("boss", ALL) == ann.session.oper
    expected = [("find", "boss", "boss's", "", ""), ("became", "ann", "oper boss (ann)")]
    assert expected == station.fake.did
    assert [] == bob.session.dialect.replies


def test_who_has_not_is_none_and_the_log_knows_the_name_if_it_is_one(station: Station) -> None:
    ann = station.somebody("ann")
    tries = [BecomeOper("boss", "wrong"), BecomeOper("boss's", "boss")]
    assert [Error(Code.PASSWORD_WRONG)] * 2 == station.told(ann, *tries)
    assert ann.session.oper is None
    assert (["boss", ""], "x") == (station.written.names, ann.session.me.profile.modes)


def test_modes_that_one_has_stay(station: Station) -> None:
    ann = station.somebody("ann")
    ann.session.me.profile = replace(ann.session.me.profile, modes="iw")
    assert [OperIs("boss", "iow")] == station.told(ann, BecomeOper("boss", "boss's"))
    assert [OperIs("", "iw")] == station.told(ann, StandDown())
    assert ann.session.oper is None
    assert [] == station.told(ann, StandDown())


def test_one_may_try_it_only_so_often(station: Station) -> None:
    ann = station.somebody("ann")
    limits = Limits({Act.OPERS: Rate(2, 60.0)}, {}, [], lambda: 0.0)
    ann.session.allowance = limits.of("192.0.2.1")
    tries = [BecomeOper("boss", "wrong")] * 2 + [BecomeOper("boss", "boss's")]
    expected = [Error(Code.PASSWORD_WRONG)] * 2 + [Error(Code.OPERS_TOO_OFTEN, "30 s")]
    assert expected == station.told(ann, *tries)
    assert ann.session.oper is None


WORK: list[tuple[Right, Command, list[Reply], tuple[Any, ...]]] = [
    (
        Right.KILL,
        Kill("bob", "spam"),
        [OperDid("killed")],
        ("kill", "ann", "bob", "spam", "oper boss (ann)"),
    ),
    (Right.WALLOPS, Wallops("hi"), [], ("wallops", "ann", "hi", "oper boss (ann)")),
    (Right.REHASH, Rehash(), [OperDid("read")], ("rehash", "oper boss (ann)")),
    (
        Right.BAN,
        Bar("bob@*", "spam", 60.0),
        [OperDid("banned")],
        ("bar", Bar("bob@*", "spam", 60.0), "oper boss (ann)"),
    ),
    (Right.BAN, Unbar("bob@*"), [OperDid("unbanned")], ("unbar", "bob@*", "oper boss (ann)")),
]


@pytest.mark.parametrize("right, command, replies, did", WORK, ids=lambda one: type(one).__name__)
def test_an_operator_does_what_they_may(
    station: Station, right: Right, command: Command, replies: list[Reply], did: tuple[Any, ...]
) -> None:
    ann = station.somebody("ann", oper=frozenset([right]))
    assert replies == station.told(ann, command)
    assert [did] == station.fake.did


def test_an_operator_sees_who_is_banned(station: Station) -> None:
    assert [BARS] == station.told(station.somebody("ann", oper=ALL), ListBars())


@pytest.mark.parametrize(
    "right, command",
    [*((right, command) for right, command, _, _ in WORK), (Right.BAN, ListBars())],
    ids=lambda one: type(one).__name__,
)
def test_nobody_else_does(station: Station, right: Right, command: Command) -> None:
    ann = station.somebody("ann")
    bob = station.somebody("bob", oper=ALL - {right})
    assert [Error(Code.NOT_OPER)] == station.told(ann, command)
    assert [Error(Code.RIGHT_LACKED, right)] == station.told(bob, command)
    assert [] == station.fake.did


@pytest.mark.parametrize("text", ["two\nlines", "nul\0"])
def test_what_could_end_a_line_is_refused(station: Station, text: str) -> None:
    ann = station.somebody("ann", oper=ALL)
    commands = [Kill("bob", text), Wallops(text), Bar("bob@*", text)]
    assert [Error(Code.TEXT_INVALID)] * 3 == station.told(ann, *commands)
    assert [] == station.fake.did


def test_what_can_not_be_done_is_said(station: Station) -> None:
    ann = station.somebody("ann", oper=ALL)

    station.fake.refused = Refused(Code.NOT_DONE, "nobody is there")
    assert [Error(Code.NOT_DONE, "nobody is there")] == station.told(ann, Kill("bob"))


def test_who_sees_real_addresses_is_an_operator_who_may(station: Station) -> None:
    people = [
        station.somebody("ann"),
        station.somebody("bob", oper=ALL),
        station.somebody("cat", oper=ALL - {Right.SEE}),
    ]
    assert [False, True, False] == [policing.may(one.session, Right.SEE) for one in people]


def test_operators_and_who_wants_it_read_what_an_operator_writes_to_all(station: Station) -> None:
    ann, bob, cat = (station.somebody(nick) for nick in ("ann", "bob", "cat"))
    station.told(ann, BecomeOper("boss", "boss's"))
    bob.session.me.profile = Profile(modes="w")
    for person in (ann, bob, cat):
        assert isinstance(person.session.dialect, Recorded)
        person.session.dialect.replies.clear()
    written = OperWrites("boss", "boss@host", "hi")
    assert 2 == policing.write(station.chat, written)
    read = [getattr(one.session.dialect, "replies", None) for one in (ann, bob, cat)]
    assert [[written], [written], []] == read


def test_operators_who_may_see_and_want_it_read_what_operators_do(station: Station) -> None:
    ann, bob = station.somebody("ann", oper=ALL), station.somebody("bob")
    cat, dan = station.somebody("cat", oper=ALL - {Right.SEE}), station.somebody("dan", oper=ALL)
    for person in (ann, bob, cat):
        person.session.me.profile = replace(person.session.me.profile, modes="osx")
    for person in (ann, bob, cat, dan):
        assert isinstance(person.session.dialect, Recorded)
        person.session.dialect.replies.clear()
    policing.inform(station.chat, "eve was kicked")
    told = [getattr(one.session.dialect, "replies", None) for one in (ann, bob, cat, dan)]
    assert [[OperInfo("eve was kicked")], [], [], []] == told


def test_when_the_file_was_read_anew_operators_may_what_it_says_now(station: Station) -> None:
    ann = station.somebody("ann", oper=ALL)
    station.fake.known["boss"] = frozenset([Right.KILL])
    policing.review(station.chat)
    assert ann.session.oper == Oper("boss", frozenset([Right.KILL]))
    del station.fake.known["boss"]
    dialect = ann.session.dialect
    assert isinstance(dialect, Recorded)
    dialect.replies.clear()
    policing.review(station.chat)
    assert [OperIs("", "x")] == dialect.replies
    assert not policing.may(ann.session, Right.KILL)


def test_who_takes_up_an_operators_session_has_to_show_that_they_are_one(station: Station) -> None:
    ann = station.somebody("ann", oper=ALL)
    (kept,) = station.told(ann, Token())
    assert isinstance(kept, replies.Token)
    ann.hang_up()
    again = station.guest(lobby=False, dialect=Recorded())
    *_, last = station.told(again, Resume(kept.token))
    assert ("ann", OperIs("", "x"), None) == (again.nick, last, again.session.oper)
    assert "x" == station.world.sessions[again.session.me.sid].profile.modes


def test_without_operators_nobody_becomes_one() -> None:
    village = Village()
    ann = village.guest(lobby=False, dialect=Recorded())
    assert isinstance(ann.session.dialect, Recorded)
    ann.session.dialect.replies.clear()
    for command in (BecomeOper("boss", "x"), Kill("bob")):
        ann.session.lane.add(command)
    assert [Error(Code.NO_OPERS), Error(Code.NOT_OPER)] == ann.session.dialect.replies


# -- bans by mask, for who comes


@pytest.fixture
def guarded() -> Village:
    village = Village()
    village.chats[0]._bans.put([*BARS.bans, Ban(0, NOWHERE, mask="slash@192.0.2.*")])
    return village


def test_who_is_like_a_banned_mask_reads_so_and_is_never_there(guarded: Village) -> None:
    bob = guarded.guest(address="192.0.2.1", dialect=Recorded())
    assert isinstance(bob.session.dialect, Recorded)
    assert [Closing(Goodbye.BANNED)] == bob.session.dialect.replies
    assert (False, "", 0) == (bob.here, bob.nick, len(guarded.chats[0].hub.sessions))
    assert {Goodbye.BANNED: 1} == guarded.chats[0].tally.turned_away
    assert guarded.guest(address="192.0.3.1").here


def test_who_chooses_a_user_that_is_banned_does_not_come_in(guarded: Village) -> None:
    (chat,) = guarded.chats
    refused: list[Refused] = []

    async def come(nick: str, by: str) -> None:
        person = Unregistered(guarded)
        try:
            await chat.come_in(person.session, nick, Profile(by))
        except Refused as e:
            refused.append(e)

    for by in ("bob@host", "rob@host"):
        chat.spawn(come("somebody", by))
    assert ([Refused(Code.BARRED, "spam")], []) == (refused, guarded.failures)
    nicks = {one.me.profile.by: one.me.nick for one in chat.hub.sessions.values()}
    assert {"bob@host": "", "rob@host": "somebody"} == nicks


class Unregistered(Villager):
    """Somebody who has connected, and isn't greeted."""

    def __init__(self, village: Village) -> None:
        self._chat = village.chats[0]
        self.screen = Screen()
        self.session = self._chat.connect(self.screen, Recorded(), "")
