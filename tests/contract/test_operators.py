"""Operators of the chat, from one node to all: whole nodes over a real server, without doors."""

from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from msgspec.structs import replace

from broker.api import Code, Profile, Refused
from broker.events import Event
from broker.keys import Keys
from broker.reports import Incident
from node.core.commands import Command, Join
from node.core.dialect import Place
from node.core.opers import (
    Bar,
    Bars,
    BecomeOper,
    Kill,
    ListBars,
    OperDid,
    OperIs,
    OperWrites,
    Rehash,
    Right,
    Unbar,
    Wallops,
)
from node.core.replies import Answered, Closing, Error, Goodbye, Reply
from node.dialects.slash import Slash
from node.opers import draw
from node.service import Node
from node.settings import Settings
from tests.support import spin
from tests.support.spin import eventually
from tests.support.village import Screen

_refs = count(1)
_names = count(1)


class Recorded(Slash):
    """Keeps what it's given rather than put it into words."""

    def __init__(self) -> None:
        super().__init__()
        self.replies: list[Reply] = []
        self.events: list[Event] = []

    def reply(self, reply: Reply, to: str = "") -> bytes:
        self.replies.append(reply)
        return b""

    def render(self, event: Event, place: Place) -> bytes:
        self.events.append(event)
        return b""


class Citizen:
    """Somebody on a node."""

    def __init__(self, node: Node, peer: str) -> None:
        self.node = node
        self.dialect = Recorded()
        self.session = node.chat.connect(Screen(), self.dialect, "", peer=peer)

    async def does(self, command: Command) -> Reply | None:
        """What a command is answered; None if it's done."""
        ref = next(_refs)
        self.session.lane.add(replace(command, ref=ref))

        async def answered() -> bool:
            return any(isinstance(one, Answered) and one.ref == ref for one in self.dialect.replies)

        await eventually(answered, True)
        (answer,) = [
            one.reply
            for one in self.dialect.replies
            if isinstance(one, Answered) and one.ref == ref
        ]
        return answer

    async def until_told(self, reply: Reply) -> None:
        async def told() -> bool:
            return reply in self.dialect.replies

        await eventually(told, True)


class City:
    """Nodes of a cluster of their own, with one operator: boss, whose password is `pass`."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.namespace = f"city{next(_names)}-{folder.name}"
        self.opers = folder / "opers.toml"
        self.opers.write_text(draw("boss", "pass", frozenset(Right)))
        self.nodes: list[Node] = []

    async def grow(self, size: int) -> list[Node]:
        for _ in range(size):
            name = f"n{len(self.nodes) + 1}"
            node = Node(
                Settings(
                    name=name,
                    redis=self.url,
                    namespace=self.namespace,
                    opers=str(self.opers),
                    reports=False,
                )
            )
            await node.start()
            self.nodes.append(node)
        return self.nodes

    async def person(
        self, node: Node, nick: str, *channels: str, peer: str = "192.0.2.1"
    ) -> Citizen:
        """Somebody who has come in. Raises Refused."""
        made = Citizen(node, peer)
        await node.chat.come_in(made.session, nick, Profile(f"{nick}@{nick}.cloak", nick, peer))
        for channel in channels:
            await made.does(Join(channel))
        return made

    async def boss(self, node: Node, *channels: str) -> Citizen:
        made = await self.person(node, "ann", *channels)
        assert OperIs("boss", "o") == await made.does(BecomeOper("boss", "pass"))
        return made

    def incidents(self) -> list[tuple[str, str, str, str]]:
        with redis.Redis.from_url(self.url) as client:
            rows: Any = client.xrange(Keys(self.namespace).incidents)
        told = [msgspec.json.decode(fields[b"i"], type=Incident) for _, fields in rows]
        return [(one.kind.value, one.about, one.says, one.by) for one in told]


BY = "oper boss (ann)"


@pytest.fixture
def city(servers: Callable[[str], int], tmp_path: Path) -> Iterator[City]:
    made = City(f"redis://127.0.0.1:{servers('server')}/0", tmp_path)
    yield made
    for node in made.nodes:
        spin.wait(node.stop())


async def refusal(work: Awaitable[Any]) -> Refused | None:
    try:
        await work
    except Refused as e:
        return e
    return None


async def test_who_is_killed_on_another_node_reads_by_whom_and_others_see_it(city: City) -> None:
    a, b = await city.grow(2)
    ann = await city.boss(a, "#go")
    bob, cat = [await city.person(b, nick, "#go") for nick in ("bob", "cat")]
    assert OperDid("bob was killed: spam") == await ann.does(Kill("BOB", "spam"))
    assert bob.session.gone
    assert Closing(Goodbye.KILLED, about="ann (spam)") == bob.dialect.replies[-1]
    for person in (ann, cat):
        await person.node.broker.barrier()
        whys = [getattr(event, "why", None) for event in person.dialect.events]
        assert "Killed (ann (spam))" == whys[-1]
    expected = [
        ("oper", "ann", "ann is an operator now", BY),
        ("kill", "bob", "bob was killed: spam", BY),
    ]
    assert expected == city.incidents()
    back = await city.person(a, "bob")
    assert "bob" == back.session.me.nick


async def test_who_is_killed_here_is_killed_as_well_and_nobody_is_not(city: City) -> None:
    (a,) = await city.grow(1)
    ann, bob = await city.boss(a), await city.person(a, "bob")
    assert OperDid("bob was killed") == await ann.does(Kill("bob"))
    assert Closing(Goodbye.KILLED, about="ann") == bob.dialect.replies[-1]
    assert Error(Code.NO_SUCH_NICK, "bob") == await ann.does(Kill("bob"))


async def test_an_operator_may_end_their_own_session(city: City) -> None:
    (a,) = await city.grow(1)
    ann = await city.boss(a)
    assert OperDid("ann was killed: enough") == await ann.does(Kill("ann", "enough"))
    await ann.until_told(Closing(Goodbye.KILLED, about="ann (enough)"))


async def test_a_wrong_password_or_name_is_refused(city: City) -> None:
    (a,) = await city.grow(1)
    ann = await city.person(a, "ann")
    for name, password in (("boss", "word"), ("ann", "pass")):
        assert Error(Code.PASSWORD_WRONG) == await ann.does(BecomeOper(name, password))
    assert (None, "") == (ann.session.oper, ann.session.me.profile.modes)


async def test_what_an_operator_writes_to_all_was_read_on_all_nodes_when_it_is_done(
    city: City,
) -> None:
    a, b = await city.grow(2)
    ann = await city.boss(a)
    bob, cat = [await city.person(b, nick) for nick in ("bob", "cat")]
    bob.session.me.profile = replace(bob.session.me.profile, modes="w")
    assert await ann.does(Wallops("hi all")) is None
    written = OperWrites("ann", "ann@ann.cloak", "hi all")
    read = [written in person.dialect.replies for person in (ann, bob, cat)]
    assert [True, True, False] == read
    assert ("wallops", "", "2 people were told", BY) == city.incidents()[-1]


async def test_files_are_read_anew_on_all_nodes_and_who_is_not_there_is_no_operator(
    city: City,
) -> None:
    a, b = await city.grow(2)
    ann, bob = await city.boss(a), await city.person(b, "bob")
    await bob.does(BecomeOper("boss", "pass"))
    city.opers.write_text("[[oper")
    done = await ann.does(Rehash())
    assert isinstance(done, OperDid)
    assert done.says.startswith("n1, n2: --opers: the old ones stay; expected TOML in ")
    assert bob.session.oper is not None
    city.opers.write_text("")
    says = f"n1, n2: --opers: read {city.opers} anew, 0 operators"
    assert OperDid(says) == await ann.does(Rehash())
    assert ("rehash", "", says, BY) == city.incidents()[-1]
    for person in (ann, bob):
        await person.until_told(OperIs("", ""))
        assert person.session.oper is None
    assert Error(Code.NOT_OPER) == await ann.does(Rehash())
    assert Error(Code.NO_OPERS) == await ann.does(BecomeOper("boss", "pass"))


async def test_a_ban_by_mask_holds_on_all_nodes_for_who_is_there_and_for_who_comes(
    city: City,
) -> None:
    a, b = await city.grow(2)
    ann = await city.boss(a)
    bob, rob = [await city.person(b, nick, "#go") for nick in ("bob", "rob")]
    says = "bob@*.cloak is banned for 2 h: spam"
    assert OperDid(says) == await ann.does(Bar("Bob@*.cloak", "spam", 7_200.0))
    await bob.until_told(Closing(Goodbye.BANNED, about="spam"))
    assert not rob.session.gone

    async def refused_on_both() -> list[Refused | None]:
        return [await refusal(city.person(node, "bob")) for node in (a, b)]

    assert [Refused(Code.BARRED, "spam")] * 2 == await refused_on_both()
    found = await ann.does(ListBars())
    assert isinstance(found, Bars)
    (ban,) = found.bans
    assert ("bob@*.cloak", "spam", BY) == (ban.mask, ban.why, ban.by)
    assert 7_200_000 == ban.until - ban.at
    undone = "bob@*.cloak isn't banned any more"
    assert OperDid(undone) == await ann.does(Unbar("bob@*.cloak"))
    told = city.incidents()[-2:]
    assert [("ban", "bob@*.cloak", says, BY), ("unban", "bob@*.cloak", undone, BY)] == told

    async def comes() -> Refused | None:
        return await refusal(city.person(b, "bob"))

    await eventually(comes, None)


async def test_a_mask_means_the_real_address_too_and_a_network_everybody_there(city: City) -> None:
    a, b = await city.grow(2)
    ann = await city.boss(a)
    bob = await city.person(b, "bob", peer="203.0.113.9")
    cat = await city.person(b, "cat", peer="198.51.100.7")
    done = [await ann.does(Bar(who)) for who in ("*@203.0.113.*", "198.51.100.0/24")]
    expected = ["*@203.0.113.* is banned for good", "198.51.100.0/24 is banned for good"]
    assert [OperDid(says) for says in expected] == done
    for person in (bob, cat):
        await person.until_told(Closing(Goodbye.BANNED))
    assert Refused(Code.BARRED, "") == await refusal(city.person(b, "dan", peer="203.0.113.77"))


@pytest.mark.parametrize(
    "who, says",
    [
        ("*@*", "*@* is where the nodes' own machines connect from"),
        ("127.0.0.0/8", "127.0.0.0/8 is where the nodes' own machines connect from"),
        ("ann!bob@host", "expected a mask such as bob@*.example.org, not 'ann!bob@host'"),
        ("a b@host", "expected a mask such as"),
        ("10.1.2.3/8", "expected a network's first address: did you mean 10.0.0.0/8?"),
    ],
)
async def test_what_cannot_be_banned_is_said(city: City, who: str, says: str) -> None:
    (a,) = await city.grow(1)
    ann = await city.boss(a)
    refused = await ann.does(Bar(who))
    assert isinstance(refused, Error)
    assert (Code.NOT_DONE, says) == (refused.code, refused.about[: len(says)])
    assert Error(Code.NO_SUCH_NICK, "nobody") == await ann.does(Bar("nobody"))


async def test_bans_by_mask_are_known_to_a_node_that_starts_later(city: City) -> None:
    (a,) = await city.grow(1)
    ann = await city.boss(a)
    await ann.does(Bar("bob@*", "spam"))
    b = (await city.grow(1))[-1]

    async def known() -> list[str]:
        return [ban.mask for ban in b.broker.barring._known]

    await eventually(known, ["bob@*"])
    assert Refused(Code.BARRED, "spam") == await refusal(city.person(b, "bob"))
