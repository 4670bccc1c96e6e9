"""The cluster as an operator's commands see it: Redis, its nodes' leases, orders and reports."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
import redis
from redis.exceptions import RedisClusterException

from broker.address import Seeds, parse
from broker.keys import Keys
from broker.orders import FORGOTTEN, SUMMARY, WAITING, Order, encode_order
from broker.scripts import load
from node.operate.clients import client, home, masters
from node.settings import Settings

T = TypeVar("T")

PAGE = 500
"""How many keys, or fields, are read at a time."""


class OperatorError(Exception):
    """It couldn't be done; the text says why."""


class Operator:
    """Commands to one cluster. `wait`: seconds within which a node must take an order.

    `say` gets what is under way. All methods raise redis-py's errors; see `reaching`. `patient`:
    whether what fails is tried again for a while.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        wait: float,
        say: Callable[[str], None],
        patient: bool = True,
    ) -> None:
        self.keys = Keys(settings.namespace)
        self.settings = settings
        self.wait = wait
        self.say = say
        self._address = parse(settings.redis_url)
        self.shown = self._address.shown
        self.scripts = load(sharded=isinstance(self._address, Seeds))
        self._patient = patient
        self._client: Any = None

    @property
    def redis(self) -> Any:
        """A client of the Redis, or Redis Cluster: whatever is asked by key."""
        if self._client is None:
            self._client = client(self._address, patient=self._patient)
        return self._client

    @property
    def home(self) -> Any:
        """A client of the one server that has what is said of nodes, and the clock they go by."""
        return home(self.redis, self.keys.leases)

    @property
    def masters(self) -> dict[str, Any]:
        """A client of each master of a Redis Cluster, by its HOST:PORT; empty if Redis is one."""
        return masters(self.redis)

    @property
    def where(self) -> str:
        """Which cluster this is, with the names of the settings that say so."""
        return f"{self.shown} (--redis) for {self.settings.namespace} (--namespace)"

    @contextmanager
    def reaching(self) -> Iterator["Operator"]:
        """Raises OperatorError where redis-py would raise its own."""
        try:
            yield self
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError) as e:
            raise OperatorError(
                f"the Redis at {self.shown} (--redis) can't be reached: {e}"
            ) from None
        except (redis.exceptions.RedisError, RedisClusterException) as e:
            raise OperatorError(f"the Redis at {self.shown} (--redis) doesn't do it: {e}") from None
        finally:
            if self._client is not None:
                self._client.close()
            self._client = None  # where things are may have changed until the next time

    # -- nodes

    def nodes(self) -> list[str]:
        """The incarnations of nodes that are alive, the one that was heard of last at the end."""
        seconds, micros = self.home.time()
        now = seconds * 1000 + micros // 1000
        return [node.decode() for node in self.redis.zrangebyscore(self.keys.leases, now, "+inf")]

    def find(self, name: str) -> str:
        """The incarnation of a node by the node's name. Raises OperatorError."""
        living = self.nodes()
        for incarnation in reversed(living):
            if name_of(incarnation) == name:
                return incarnation
        names = sorted(set(map(name_of, living)))
        there = f"there are: {', '.join(names)}" if names else "there is none at all"
        raise OperatorError(f"no node called {name} is alive; {there}")

    def people(self, incarnation: str) -> int:
        """How many sessions a node has."""
        count: int = self.redis.hlen(self.keys.node_sessions(incarnation))
        return count

    def gone(self, incarnation: str) -> bool:
        """Whether the node has given its lease back, or lost it."""
        return self.redis.zscore(self.keys.leases, incarnation) is None

    # -- orders

    def give(self, incarnation: str, order: Order) -> None:
        """Order a node to do something; returns when it has taken the order.

        Raises OperatorError if it doesn't in time; then it never will.
        """
        self.place(incarnation, order)
        self.await_taken(incarnation, order)

    def place(self, incarnation: str, order: Order) -> None:
        """Put an order where the node will find it. Raises OperatorError."""
        key, raw = self.keys.orders(incarnation), encode_order(order)
        waiting, _ = self.redis.pipeline().rpush(key, raw).expire(key, FORGOTTEN).execute()
        if waiting > WAITING:
            self.redis.lrem(key, -1, raw)
            raise OperatorError(f"{name_of(incarnation)} has {WAITING} orders to take first")

    def await_taken(self, incarnation: str, order: Order) -> None:
        """Returns when the node has taken an order. Raises OperatorError, as `give` does."""
        key, raw = self.keys.orders(incarnation), encode_order(order)
        if self.until(lambda: self.redis.lpos(key, raw) is None, self.wait):
            return
        if self.redis.lrem(key, -1, raw):
            raise OperatorError(
                f"{name_of(incarnation)} hasn't taken the order within {self.wait:g} s"
            )

    def report(self, number: str, kind: type[T], seconds: float) -> T:
        """The summary of a report, once it's there. Raises OperatorError, msgspec.DecodeError."""
        raw = self.until(lambda: self.redis.hget(self.keys.report(number), SUMMARY), seconds)
        if raw is None:
            raise OperatorError("the node took the order, and reports nothing")
        return msgspec.json.decode(raw, type=kind)

    @staticmethod
    def until(fact: Callable[[], T], seconds: float) -> T | None:
        """Look again and again for something true; None if that takes too long."""
        deadline = time.monotonic() + seconds
        while not (found := fact()):
            if time.monotonic() > deadline:
                return None
            time.sleep(0.05)
        return found


def name_of(incarnation: str) -> str:
    """A node's name."""
    return incarnation.rpartition(".")[0]


def new_report() -> str:
    """A number for a report."""
    return secrets.token_hex(6)


def pages(items: Iterator[T]) -> Iterator[list[T]]:
    """In lists of PAGE at most."""
    page = []
    for item in items:
        page.append(item)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page
