"""Nicks that people here watch: who has taken one, and when it's free again, wherever that is.

    claim, release, describe ──PUBLISH──> {n:NICK}:watch ──> came, went, altered ──> Sink
                                                               ^
    the link was lost, or a topic heard elsewhere ──> look ────┘

What is published is a hint, and the claim is the truth: after whatever may have kept a word from
this node it asks anew who holds the nicks, and tells what is otherwise. That somebody is gone is
believed then only at the second look: after a failover, nodes put back what their people hold one
by one. Must not know what people are told.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import msgspec

from broker.api import Sighting, Sink
from broker.events import Altered, decode_event
from broker.names import fold
from broker.people import Holder, People
from broker.profiles import ALTERED, CAME, WENT
from broker.store import Store

_list = msgspec.json.Decoder(list[str]).decode


class Watching:
    """See the module's docstring."""

    sink: Sink

    def __init__(self, store: Store, people: People) -> None:
        self._store = store
        self._people = people
        self._holders: dict[str, Holder | None] = {}  # by the folded nicks that are watched
        self._unknown: set[str] = set()  # nicks of which nothing was answered yet
        self._words: Counter[str] = Counter()  # that were heard, by nick
        self._doubted: set[str] = set()  # to be looked at again
        self._hear: dict[str, Callable[[str], None]] = {
            CAME: self._came,
            WENT: self._went,
            ALTERED: self._altered,
        }

    async def watch(self, nicks: Sequence[str]) -> list[Sighting | None]:
        """As `broker.api.Broker.watch`."""
        names = list(map(fold, nicks))
        for name in names:
            if name not in self._holders:
                self._holders[name] = None
                self._unknown.add(name)
                self._store.link.subscribe(self._store.keys.watch(name))
        await self._ask(names, self._answered)  # after the topics are heard: see `link`
        return [_seen(self._holders.get(name)) for name in names]

    def _answered(self, name: str, holder: Holder | None) -> None:
        found = None if holder is None or holder.retained else holder
        if name in self._unknown:
            self._unknown.discard(name)
            self._holders[name] = found
        else:
            self._learn(name, found)

    async def _ask(self, names: Sequence[str], learn: Callable[[str, Holder | None], None]) -> None:
        """Ask who holds nicks, until no word of any comes between the question and the answer: it
        could be either that is newer.
        """
        while names:
            heard = {name: self._words[name] for name in names}
            again = []
            for name, holder in zip(names, await self._people.holders(names), strict=True):
                if self._words[name] == heard[name]:
                    learn(name, holder)
                else:
                    again.append(name)
            names = again

    def unwatch(self, nicks: Iterable[str]) -> None:
        """As `broker.api.Broker.unwatch`."""
        for name in map(fold, nicks):
            if name in self._holders:
                del self._holders[name]
                self._unknown.discard(name)
                self._doubted.discard(name)
                self._words.pop(name, None)
                self._store.link.unsubscribe(self._store.keys.watch(name))

    def heard(self, kind: str, about: str) -> bool:
        """A word that was published; whether it's one of these."""
        hear = self._hear.get(kind)
        if hear is None:
            return False
        with suppress(msgspec.DecodeError, ValueError):  # a later release's
            hear(about)
        return True

    def _came(self, about: str) -> None:
        nick, sid, by, *_ = _list(about)
        name = fold(nick)
        if name in self._holders:
            self._words[name] += 1
            self._learn(name, Holder(nick, sid, by))

    def _went(self, about: str) -> None:
        nick, sid, *_ = _list(about)
        name = fold(nick)
        holder = self._holders.get(name)
        if name in self._holders:
            self._words[name] += 1
        if holder is not None and holder.sid == sid:
            self._learn(name, None)

    def _altered(self, about: str) -> None:
        event = decode_event(about.encode())
        name = fold(event.nick)
        if isinstance(event, Altered) and name in self._holders and name not in self._unknown:
            self.sink.altered(event)

    def _learn(self, name: str, holder: Holder | None) -> None:
        """A nick's holder is this; tell it if that's news."""
        if name not in self._holders:
            return  # nobody watches it any more
        before, self._holders[name] = self._holders[name], holder
        self._doubted.discard(name)
        if name in self._unknown or (before and holder and before.sid == holder.sid):
            return  # whoever asked reads it in the answer
        if before is not None:
            self.sink.watched(before.nick, None)
        if holder is not None:
            self.sink.watched(holder.nick, _seen(holder))

    # -- after a word may have been missed

    async def look(self, nicks: Iterable[str] | None = None) -> None:
        """Ask anew who holds these nicks, or all that are watched."""
        await self._ask(list(self._holders if nicks is None else nicks), self._look)

    def _look(self, name: str, holder: Holder | None) -> None:
        gone = holder is None or holder.retained
        if gone and self._holders.get(name) is not None and name not in self._doubted:
            self._doubted.add(name)
        elif holder is None or not holder.retained:
            self._learn(name, holder)

    async def look_again(self) -> None:
        """Look again at what was doubted."""
        if self._doubted:
            await self.look(list(self._doubted))


def _seen(holder: Holder | None) -> Sighting | None:
    return Sighting(holder.nick, holder.sid, holder.by) if holder is not None else None
