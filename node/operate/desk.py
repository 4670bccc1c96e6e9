"""`node.acts` for an operator at a terminal: `chorus notice`, `say`, `kick`, `ban` and so on.

A `node.acts.Desk` over a Redis client that blocks: its methods are coroutines, as that of a node's
are, and never wait for anything, so that `run` is a loop of one step.
"""

import getpass
import re
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from broker.bans import MOST, Ban, decode_ban, encode_ban, shown
from broker.orders import Holder, Order
from broker.reports import INCIDENT_FIELD, INCIDENTS, Incident, Kind
from node import acts
from node.operate.operator import Operator, OperatorError
from node.options import SettingError

T = TypeVar("T")

_UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)")
_HOLDER = ("sid", "node", "nick")


class Desk:
    """See the module's docstring."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self._redis = operator.redis
        self._keys = operator.keys
        self._scripts = operator.scripts

    def _run(self, script: str, *args: Any) -> Any:
        keys = (self._keys.bans, self._keys.bans_version)
        return self._redis.eval(self._scripts[script].text, len(keys), *keys, *args)

    def now(self) -> int:
        seconds, micros = self._operator.home.time()
        return int(seconds * 1000 + micros // 1000)

    async def nodes(self) -> list[str]:
        return self._operator.nodes()

    async def place(self, incarnation: str, order: Order) -> bool:
        try:
            self._operator.place(incarnation, order)
        except OperatorError:
            return False
        return True

    async def taken(self, incarnation: str, order: Order) -> bool:
        try:
            self._operator.await_taken(incarnation, order)
        except OperatorError:
            return False
        return True

    async def report(self, number: str, kind: type[T]) -> T | None:
        try:
            return self._operator.report(number, kind, self._operator.wait)
        except OperatorError:
            return None

    async def holder(self, nick: str) -> Holder | None:
        claim = self._redis.hmget(self._keys.nick(nick).claim, *_HOLDER)
        return Holder(*(part.decode() for part in claim)) if claim[0] is not None else None

    async def gone(self, holder: Holder) -> bool:
        claim = self._keys.nick(holder.nick).claim
        sid = holder.sid.encode()
        left = self._operator.until(
            lambda: self._redis.hget(claim, "sid") != sid, self._operator.wait
        )
        return left is not None

    async def ban(self, ban: Ban) -> bool:
        return bool(self._run("ban", MOST, 0, 0, ban.key, encode_ban(ban)))

    async def unban(self, key: str) -> Ban | None:
        raw = self._run("unban", key)
        return decode_ban(raw) if raw else None

    async def bans(self) -> list[Ban]:
        now = self.now()
        _, flat = self._run("bans")
        found = map(decode_ban, flat[1::2])
        return sorted((ban for ban in found if not ban.over(now)), key=lambda ban: ban.key)

    async def tell(self, kind: Kind, about: str, says: str, by: str) -> None:
        raw = msgspec.json.encode(Incident(self.now(), kind, "", about, says, by))
        self._redis.xadd(self._keys.incidents, {INCIDENT_FIELD: raw}, maxlen=INCIDENTS)


def by() -> str:
    """Who is at the terminal."""
    try:
        return f"operator {getpass.getuser()}"
    except (OSError, KeyError):
        return "operator"


def run(act: Coroutine[Any, Any, T]) -> T:
    """Do an act at once. Raises OperatorError."""
    try:
        act.send(None)
    except StopIteration as e:
        done: T = e.value
        return done
    except acts.Failed as e:
        raise OperatorError(e.says.replace("(force)", "(--force)")) from None
    raise AssertionError("a desk that blocks never waits")


def do(operator: Operator, act: Callable[[Desk], Coroutine[Any, Any, str | None]]) -> bool:
    """Do an act and say what came of it: all is well if it raises nothing."""
    says = run(act(Desk(operator)))
    if says is not None:
        operator.say(says)
    return True


def seconds(text: str) -> float:
    """A time such as 90s, 30m, 12h, 7d, in seconds. Raises SettingError."""
    found = _TIME.fullmatch(text.strip())
    if found is None or found[2] not in _UNITS:
        raise SettingError("--for", f"a time such as 30m, 12h or 7d, not {text!r}")
    return float(found[1]) * _UNITS[found[2]]


def show_bans(operator: Operator, tell: Callable[[str], None], *, as_json: bool) -> bool:
    """All bans, a line each, or as JSON."""
    desk = Desk(operator)
    found = run(desk.bans())
    if as_json:
        tell(msgspec.json.encode([described(ban) for ban in found]).decode())
        return True
    for ban in found:
        about = [f"until {_moment(ban.until)}" if ban.until else "for good"]
        if ban.nick:
            about.append(f"found as {ban.nick}")
        about.append(f"by {ban.by}, {_moment(ban.at)}")
        tell(f"{shown(ban.key)}  {', '.join(about)}{f': {ban.why}' if ban.why else ''}")
    if not found:
        operator.say("nobody is banned")
    return True


def described(ban: Ban) -> dict[str, Any]:
    """A ban for programs: times are Unix milliseconds, `until` None: for good."""
    return {
        "network": "" if ban.mask else ban.network,
        "mask": ban.mask,
        "until": ban.until or None,
        "why": ban.why,
        "by": ban.by,
        "at": ban.at,
        "nick": ban.nick,
    }


def _moment(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
