"""`chorus tail`: follows the log of a channel, for people or for programs.

    read after the last place ─> tell ─> wait until the log has more ─┐
       ▲    └ Redis is away: say so, try again                        │
       └──────────────────────────────────────────────────────────────┘

It's in no roster, and nobody sees it. What is lost is told where it's missing, among the lines;
that Redis is away, on stderr.
"""

import time
from collections.abc import Iterator
from contextlib import suppress

import click
import msgspec

from broker.events import Entry, decode_event
from node.core.dialect import Dialect, Place
from node.core.replies import Disorder, Gap
from node.dialects.json.dialect import Json
from node.dialects.slash import Slash
from node.operate.clients import AWAY
from node.operate.following import Follower, Lost, Placed, Read, Reordered
from node.operate.operator import PAGE, Operator
from node.operate.show import terminal
from node.operate.tables import moment

PATIENCE = 1.0
"""Seconds for which is waited for news, before the log is read all the same."""

AGAIN = 0.5
"""Seconds until Redis is tried again."""

Told = Placed | Lost | Reordered


def follow(operator: Operator, channel: str, *, lines: int, as_json: bool) -> None:
    """Tell the last `lines` of a channel's log, and all that comes, until interrupted.

    Raises redis-py's errors if there is no beginning; later it's waited until Redis is back.
    """
    log = Log(operator, channel)
    born, tip = log.born(), log.read(0, 1)
    if not tip.epoch:
        operator.say(f"there is no channel {channel} now; waiting for it")
    follower = Follower(tip, lines)
    channel = log.spelled(channel)
    dialect = dialect_of(as_json=as_json, color=terminal().color_system is not None)
    days = Days(moment(int(time.time() * 1000)).partition(" ")[0])
    was_away = False
    while True:
        try:
            read = log.read(follower.seq)
            forgotten = False
            if read.epoch != follower.epoch:
                born, before = log.born(), born
                forgotten = was_away or before != born
            if was_away:
                operator.say(f"the Redis at {operator.shown} is back")
                was_away = False
            for told in follower.take(read, forgotten=forgotten):
                day = "" if as_json else days.turn(told)
                click.echo(day + words(dialect, channel, told), nl=False)
            if not follower.is_behind(read):
                log.wait(follower.seq)
        except AWAY as e:
            if not was_away:
                operator.say(f"the Redis at {operator.shown} is away, waiting for it: {e}")
            was_away = True
            time.sleep(AGAIN)


class Log:
    """The log of one channel. Methods raise redis-py's errors."""

    def __init__(self, operator: Operator, channel: str) -> None:
        self._redis = operator.redis
        self._epoch = operator.keys.epoch
        self._keys = operator.keys.log(channel)
        self._script = operator.redis.register_script(operator.scripts["read"].text)

    def read(self, after: int, count: int = PAGE) -> Read:
        """At most `count` entries after a seq."""
        epoch, tip, flat, past = self._script(keys=self._keys, args=[after, count])
        places = [place.rpartition(":") for place in past.decode().split()]
        return Read(
            epoch.decode(),
            int(tip),
            list(_entries(flat)),
            {before: int(seq) for before, _, seq in places},
        )

    def wait(self, after: int) -> None:
        """Until there's something after a seq, or for a while."""
        self._redis.xread({self._keys.log: f"{after}-0"}, count=1, block=int(PATIENCE * 1000))

    def born(self) -> bytes | None:
        """What changes if Redis forgets everything."""
        found: bytes | None = self._redis.get(self._epoch)
        return found

    def spelled(self, channel: str) -> str:
        """The channel's name as its maker wrote it, if it's there."""
        found = self._redis.hget(self._keys.meta, "name")
        return channel if found is None else found.decode()


def _entries(flat: list[bytes]) -> Iterator[Entry]:
    for place, ms, body in zip(*[iter(flat)] * 3, strict=True):
        with suppress(msgspec.DecodeError):  # it's of another release, and counts as missing
            yield Entry(int(place.partition(b"-")[0]), int(ms), decode_event(body))


def dialect_of(*, as_json: bool, color: bool) -> Dialect:
    """How it's told: as people read it, with times, or as programs do."""
    if as_json:
        return Json(framed=lambda message: message + b"\n")
    return Slash(frozenset({"time", "color"} if color else {"time"}))


def words(dialect: Dialect, channel: str, told: Told) -> str:
    """What is told, in a line or several."""
    match told:
        case Placed(epoch, entry):
            place = Place(channel, epoch, entry.seq, entry.ms)
            said = dialect.render(entry.event, place)
        case Lost(many):
            said = dialect.reply(Gap(channel, many))
        case Reordered(before):
            said = dialect.reply(Disorder(channel, before))
    return said.decode().replace("\r\n", "\n")


class Days:
    """Says which day it is, of lines that only have times, when that's another than before."""

    def __init__(self, today: str) -> None:
        self._day = today

    def turn(self, told: Told) -> str:
        """What is to be said before it, if anything."""
        if not isinstance(told, Placed):
            return ""
        day = moment(told.entry.ms).partition(" ")[0]
        if day == self._day:
            return ""
        self._day = day
        return f"on {day} (UTC)\n"
