"""What `broker.kept` promises of each step, whatever another node did in between."""

import random
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import Deferred

from broker.address import Address
from broker.api import Code, Identity
from broker.kept import Keep, KeptRows, Row, Taken
from broker.keys import Keys
from broker.link import Link
from broker.records import Record
from broker.store import Late, Store
from broker.writes import Writes
from tests.support.fleet import refusal, somebody
from tests.support.spin import reactor, wait

SECRET = "a hash"
STATE = b"{}"
SEEN, OTHER = b'{"#go":["e",1,1]}', b'{"#go":["e",9,9]}'
FAR, PAST = 1 << 52, 1
"""Deadlines (ms)."""
HOUR = 3_600_000


@pytest.fixture(params=["fakeredis", "server"])
def store(request: pytest.FixtureRequest, servers: Callable[[str], int]) -> Iterator[Store]:
    """A namespace of its own."""
    up: Deferred[None] = Deferred()
    store = Store(
        Keys(f"test-{secrets.token_hex(4)}"),
        history_lines=10,
        history_days=1,
        inbox_lines=10,
        script_flags=request.param == "server",
        writes=Writes(reactor.seconds),
    )
    store.link = Link(
        reactor,
        Address(port=servers(request.param)),
        random.Random(1),
        deadline=2.5,
        up=lambda: up.callback(None),
        down=lambda: None,
        heard=lambda _: None,
        introduce=store.load_scripts,
    )
    store.link.start()
    wait(up)
    yield store
    wait(store.link.stop())


@pytest.fixture
def rows(store: Store) -> KeptRows:
    """The rows of the kept sessions there."""
    return KeptRows(store)


async def kept(rows: KeptRows) -> tuple[Identity, Record]:
    """Somebody who is kept on node `a`, and what they hold."""
    me = somebody("ann")
    await rows.keep(me, SECRET, "a", STATE, Keep.FRESH)
    return me, Record(me.token, ["ann"], {"#go": "#go"}, kept=True)


async def peek(rows: KeptRows, sid: str) -> Row:
    """The row of a session that's kept."""
    row = await rows.peek(sid)
    assert row is not None
    return row


async def take(rows: KeptRows, sid: str, token: str, seen: bytes = SEEN) -> Taken:
    """Take a session up on node `b`, as it is now."""
    row = await peek(rows, sid)
    taken = await rows.take(sid, token, "b", row=row, seen=seen, deadline=FAR)
    assert taken is not None
    return taken


async def test_a_state_that_comes_late_does_not_bring_back_who_was_detached(rows: KeptRows) -> None:
    me, record = await kept(rows)
    await rows.detach(me.sid, record, SEEN, 0, STATE)
    nobody_else_has_it = await rows.keep(me, SECRET, "a", b"late", Keep.STILL)
    assert nobody_else_has_it
    assert "" == (await peek(rows, me.sid)).owner


async def test_a_state_that_comes_late_is_not_that_of_who_took_it_up(rows: KeptRows) -> None:
    me, record = await kept(rows)
    await rows.detach(me.sid, record, SEEN, 0, STATE)
    await take(rows, me.sid, "other")
    assert not await rows.keep(me, SECRET, "a", b"late", Keep.STILL)


async def test_what_was_detached_since_it_was_looked_at_is_not_taken(rows: KeptRows) -> None:
    me, record = await kept(rows)
    row = await peek(rows, me.sid)
    await rows.detach(me.sid, record, SEEN, 0, STATE)
    assert await rows.take(me.sid, "other", "b", row=row, seen=OTHER, deadline=FAR) is None
    assert me.token == (await peek(rows, me.sid)).token


async def test_nothing_is_taken_by_a_node_that_may_have_been_swept(rows: KeptRows) -> None:
    me, _ = await kept(rows)
    row = await peek(rows, me.sid)
    with pytest.raises(Late):
        await rows.take(me.sid, "other", "b", row=row, seen=SEEN, deadline=PAST)
    assert me.token == (await peek(rows, me.sid)).token


async def test_how_far_it_was_told_outlives_a_taking_that_comes_to_nothing(rows: KeptRows) -> None:
    me, _ = await kept(rows)
    await take(rows, me.sid, "second", SEEN)
    third = await take(rows, me.sid, "third", OTHER)  # as node b told others
    assert SEEN == third.seen


async def test_a_join_that_comes_late_does_not_get_a_membership_back(
    store: Store, rows: KeptRows
) -> None:
    me, _ = await kept(rows)
    how: dict[str, Any] = {"announce": False, "quiet": False, "roster": 0, "history": 0}
    how |= {"may_make": True, "deadline": FAR}
    await store.join(me, "#go", num=1, **how)
    taken = await take(rows, me.sid, "second")
    await rows.regain(me.sid, taken, "second", "#go", FAR)
    assert Code.CUT_OFF == await refusal(store.join(me, "#go", num=1, **how))
    assert await rows.regain(me.sid, taken, "second", "#go", FAR) is not None


async def test_who_was_detached_again_stays_on_the_shelf(rows: KeptRows) -> None:
    me, _ = await kept(rows)
    await rows.shelve(me.sid, HOUR, b"first")
    await rows.shelve(me.sid, HOUR, b"second")
    await rows.unshelve(me.sid, b"first")
    assert b"second" == await rows.shelved_row(me.sid)
    await rows.unshelve(me.sid, b"second")
    assert await rows.shelved_row(me.sid) is None


async def test_one_detaching_is_as_long_as_it_was_at_first(store: Store, rows: KeptRows) -> None:
    me, _ = await kept(rows)
    await rows.shelve(me.sid, 0, b"first")
    await rows.shelve(me.sid, HOUR, b"first")
    assert [me.sid] == await _overdue(store)


async def test_each_detaching_is_as_long_as_any(store: Store, rows: KeptRows) -> None:
    me, _ = await kept(rows)
    await rows.shelve(me.sid, 0, b"first")
    await rows.shelve(me.sid, HOUR, b"second")
    assert [] == await _overdue(store)


async def _overdue(store: Store) -> list[str]:
    _, sids = await store.expired(1000, 10, 1 << 52)
    return sids


async def test_who_has_quit_on_a_node_is_not_ended_by_another(rows: KeptRows) -> None:
    me, record = await kept(rows)
    await rows.detach(me.sid, record, SEEN, 0, STATE)
    await take(rows, me.sid, "second")
    await rows.settle(me.sid, "second")
    assert (["second"], b"") == await rows.lapse(me.sid, "second")
    assert await rows.lapse(me.sid, "") is None


async def test_who_is_being_ended_is_ended_by_whoever_comes_next(rows: KeptRows) -> None:
    me, record = await kept(rows)
    await rows.detach(me.sid, record, SEEN, 0, STATE)
    held = msgspec.json.encode((["ann"], ["#go"]))
    for _ in range(2):
        assert ([me.token], held) == await rows.lapse(me.sid, "")


async def test_who_was_buried_is_detached_by_nobody(rows: KeptRows) -> None:
    me, record = await kept(rows)
    await rows.bury([me.sid, "never kept"])
    assert await rows.detach(me.sid, record, SEEN, 0, STATE) is None
    assert await rows.peek("never kept") is None
