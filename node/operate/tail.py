"""`chorus tail`: follows the log of a channel, for people or for programs.

    read after the last place ─> tell ─> wait until the log has more ─┐
       ▲    └ Redis is away: say so, try again                        │
       └──────────────────────────────────────────────────────────────┘

It's in no roster, and nobody sees it. What is lost is told where it's missing, among the lines;
that Redis is away, on stderr.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import click
import msgspec
from redis.exceptions import ConnectionError as NotReached
from redis.exceptions import MasterDownError
from redis.exceptions import TimeoutError as TooLate

from broker.events import Entry, Event, decode_event
from broker.scripts import load
from node.core import replies
from node.core.dialect import Place
from node.dialects.slash import Slash
from node.dialects.slash.replies import REPLIES
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
    color = terminal().color_system is not None
    today = moment(int(time.time() * 1000)).partition(" ")[0]
    lines_of = as_objects(channel) if as_json else as_lines(channel, color=color, today=today)
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
                for line in lines_of(told):
                    click.echo(line)
            if not follower.is_behind(read):
                log.wait(follower.seq)
        except (NotReached, TooLate, MasterDownError) as e:
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
        self._script = operator.redis.register_script(load()["read"].text)

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


def as_lines(channel: str, *, color: bool, today: str) -> Callable[[Told], Iterator[str]]:
    """Makes lines of what is told, as the slash dialect has them with times.

    `today`: the day (as `moment` has it) of which nothing is said, before the first.
    """
    slash = Slash(frozenset({"time", "color"} if color else {"time"}))
    day = today

    def lines(told: Told) -> Iterator[str]:
        nonlocal day
        match told:
            case Placed(epoch, entry):
                on = moment(entry.ms).partition(" ")[0]
                if on != day:
                    day = on
                    yield f"on {day} (UTC)"
                place = Place(channel, epoch, entry.seq, entry.ms)
                yield slash.render(entry.event, place).decode().rstrip("\r\n")
            case Lost(many):
                yield from REPLIES[replies.Gap](slash, replies.Gap(channel, many))
            case Reordered(before):
                yield from REPLIES[replies.Disorder](slash, replies.Disorder(channel, before))

    return lines


_IF_EMPTY_LEFT_OUT = ("why", "action")


def _besides(event: Event) -> dict[str, Any]:
    """What is told of an event besides where it stands and whose it is."""
    own = ((name, getattr(event, name)) for name in event.__struct_fields__[3:])
    return {
        name: value
        for name, value in own
        if name != "channels" and (value or name not in _IF_EMPTY_LEFT_OUT)
    }


def as_objects(channel: str) -> Callable[[Told], Iterator[str]]:
    """Makes a JSON object in a line of what is told, as `docs/json-protocol.md` has them."""
    words = as_lines(channel, color=False, today="")

    def objects(told: Told) -> Iterator[str]:
        match told:
            case Placed(epoch, Entry(seq=seq, ms=ms, event=event)):
                found = {
                    "is": event.__struct_config__.tag,
                    "channel": channel,
                    "pos": f"{epoch}.{seq}",
                    "at": ms,
                    "sid": event.sid,
                    "nick": event.nick,
                } | _besides(event)
            case Lost(many):
                lost = {} if many is None else {"lost": many}
                found = {"is": "gap", "channel": channel, **lost, "says": next(words(told))}
            case Reordered(before):
                says = next(words(told))
                found = {"is": "disorder", "channel": channel, "before": before, "says": says}
        yield msgspec.json.encode(found).decode()

    return objects
