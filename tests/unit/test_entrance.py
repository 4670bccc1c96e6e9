"""`node.core.entrance`: who may come in."""

from broker.bans import Ban
from node.core.bans import Bans
from node.core.entrance import Entrance
from node.core.limits import Act, Limits, Rate
from node.core.replies import Closing, Goodbye
from tests.support.village import done


class Counts:
    """The cluster's count of connections. `most`: how many it admits."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.open: list[str] = []

    async def admit(self, address: str) -> bool:
        if len(self.open) >= self.most:
            return False
        self.open.append(address)
        return True

    def dismiss(self, address: str) -> None:
        self.open.remove(address)


class Street:
    """An entrance that people from one address come to."""

    def __init__(self, *, most: int = 10, connects: Rate | None = None) -> None:
        self.now = 0.0
        self.counts = Counts(most)
        self.bans = Bans(lambda: 0)
        rates = {Act.CONNECTS: connects} if connects else {}
        self.entrance = Entrance(
            Limits({}, rates, (), lambda: self.now), self.counts, most, self.bans
        )
        allowance = self.entrance.allowance("192.0.2.1")
        assert allowance is not None
        self.allowance = allowance

    def come(self) -> Closing | None:
        return done(self.entrance.admit(self.allowance, "192.0.2.1"))


def test_who_may_come_in_is_counted() -> None:
    street = Street()
    assert (None, ["192.0.2.1"]) == (street.come(), street.counts.open)


def test_who_is_one_too_many_is_told_the_limit() -> None:
    street = Street(most=1)
    assert [None, Closing(Goodbye.CONNECTIONS, about="1")] == [street.come(), street.come()]


def test_who_leaves_makes_room() -> None:
    street = Street(most=1)
    street.come()
    street.entrance.left(street.allowance)
    assert street.come() is None


def test_who_comes_too_often_is_told_the_rate_and_not_counted() -> None:
    street = Street(connects=Rate(2, 60))
    expected = [None, None, Closing(Goodbye.CONNECTS, about="2 in 60 s")]
    assert expected == [street.come() for _ in range(3)]
    assert 2 == len(street.counts.open)


def test_who_waits_may_come_again() -> None:
    street = Street(connects=Rate(1, 60))
    street.come()
    street.now = 60
    assert street.come() is None


def test_who_is_banned_is_told_why_and_takes_no_room() -> None:
    street = Street()
    street.bans.put([Ban(0, "192.0.2.0/24", "spam")])
    expected = Closing(Goodbye.BANNED, about="spam")
    assert (expected, expected, []) == (
        street.entrance.banned("192.0.2.1"),
        street.come(),
        street.counts.open,
    )


def test_bans_hold_where_there_are_no_limits() -> None:
    bans = Bans(lambda: 0)
    bans.put([Ban(0, "192.0.2.1/32")])
    entrance = Entrance(None, Counts(0), 0, bans)
    assert None is entrance.allowance("192.0.2.1")
    assert Closing(Goodbye.BANNED) == entrance.banned("192.0.2.1")
    assert None is entrance.banned("192.0.2.2")
