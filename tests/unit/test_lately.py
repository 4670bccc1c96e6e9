"""How often lists of all that the cluster has are read."""

from typing import Any, cast

import pytest
from twisted.internet.task import Clock

from broker.lately import Lately
from broker.seldom import FEW
from tests.support.village import done


class Slow:
    """Redis, and those who are in it: reading them takes a twentieth of a second."""

    keys = type("Keys", (), {"leases": "leases"})

    def __init__(self, clock: Clock, many: int) -> None:
        self._clock, self._rows, self.read = clock, list(range(many)), 0

    async def ask(self, *_words: object) -> list[bytes]:
        return [b"node"]

    async def everyone(self, _nodes: list[str]) -> list[int]:
        self._clock.advance(0.05)
        self.read += 1
        return self._rows


@pytest.mark.parametrize("many, read", [(FEW, 3), (FEW + 1, 2)])
def test_only_a_long_list_is_not_read_each_time(many: int, read: int) -> None:
    clock = Clock()
    slow = Slow(clock, many)
    lately = Lately(cast(Any, slow), cast(Any, slow), clock, unsaid=lambda: 0)
    for wait in (0.0, 0.3, 0.3):
        clock.advance(wait)
        assert many == len(done(lately.people()))
    assert read == slow.read
