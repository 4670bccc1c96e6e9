"""`broker.asking`: what another node tells, or doesn't."""

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from broker.asking import PATIENCE, TOLD, Asking
from broker.keys import Keys


class Elsewhere:
    """A node's questions about somebody who is on another, and what came of them."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.got: list[int | None] = []
        link = SimpleNamespace(publish=lambda _topic, _message: None)
        store: Any = SimpleNamespace(keys=Keys("test"), ask=self._ask, own_topic="own", link=link)
        self.asking = Asking(store, self.clock)
        sink: Any = SimpleNamespace(idle=lambda _sid: None)
        self.asking.sink = sink

    async def _ask(self, *_command: object) -> list[bytes]:
        return [b"sid", b"topic", b"token"]

    def ask(self) -> None:
        Deferred.fromCoroutine(self.asking.idle("bob")).addCallback(self.got.append)


@pytest.mark.parametrize("said, known", [("42", 42), ("", None)])
def test_what_their_node_says_is_told(said: str, known: int | None) -> None:
    there = Elsewhere()
    there.ask()
    assert there.asking.heard(TOLD, ["1", said])
    assert [known] == there.got


@pytest.mark.parametrize("about", [["1", "soon"], ["1"], ["2", "7"]])
def test_what_cannot_be_understood_keeps_nobody_waiting(about: list[str]) -> None:
    there = Elsewhere()
    there.ask()
    assert there.asking.heard(TOLD, about)
    assert [] == there.got
    there.clock.advance(PATIENCE)
    assert [None] == there.got
