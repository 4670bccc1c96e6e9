"""What is measured: a table with a row for each run of the generator.

Must not know on which servers.
"""

from typing import NamedTuple


class Row(NamedTuple):
    """Figures of one kind. `rate`: messages per second; 0: as fast as it goes; -1: none.

    `cost`, `speed`: the units of both; an empty one isn't shown.
    """

    key: str
    title: str
    rate: int = 0
    cost: str = "CPU µs per delivery"
    speed: str = "deliveries/s"
    latency: bool = True


class Case(NamedTuple):
    """One run of the generator. `seconds`: what a measurement takes at most. `rooms`: it needs
    a server that knows channels. `fresh`: each repetition needs a server of its own.
    """

    arguments: tuple[str, ...]
    rows: tuple[Row, ...]
    seconds: float = 1.5
    rooms: bool = False
    fresh: bool = False

    @property
    def talks(self) -> bool:
        """Whether messages are sent, at the rates of the rows."""
        return "talk" in self.arguments


def talk(channels: int, members: int, senders: int, *more: str) -> tuple[str, ...]:
    """People in channels, of whom some talk."""
    counts = {"channels": channels, "members": members, "senders": senders}
    words = [word for name, count in counts.items() for word in (f"--{name}", str(count))]
    return ("--mode", "talk", *words, *more)


def channel(members: int, *rows: Row) -> Case:
    """One channel, where 4 talk, with 64 messages under way."""
    return Case(talk(1, members, 4, "--window", "64"), rows)


def fanout(members: int) -> Row:
    """A channel as fast as it goes."""
    return Row(f"fanout{members}", f"one channel of {members:,}, as fast as it goes")


def rooms(channels: int, *rows: Row) -> Case:
    """Channels of 10, where all talk, with 256 messages under way in all."""
    arguments = talk(channels, 10, 10, "--window", "256", "--all-witness")
    return Case(arguments, rows, rooms=True)


RATE = Row("rate", "one channel of 500, 20,000 deliveries/s", 40)
ROOMS = Row("rooms", "200 channels of 10, as fast as it goes")
ROOMS_RATE = Row("roomsrate", "200 channels of 10, 1,000 messages/s", 1000)


def cases(sessions: int) -> list[Case]:
    """All of them. `sessions`: how many are idle."""
    return [
        channel(50, fanout(50)),
        channel(500, fanout(500), RATE),
        channel(2000, fanout(2000)),
        rooms(200, ROOMS, ROOMS_RATE),
        Case(
            ("--mode", "churn"),
            (Row("churn", "connect, nick, join, part, quit", 0, "CPU µs per cycle", "cycles/s"),),
            fresh=True,
        ),
        Case(
            ("--mode", "idle", "--sessions", str(sessions)),
            (Row("idle", f"{sessions:,} idle sessions", 0, "bytes per session", "", False),),
            seconds=0.5,
            fresh=True,
        ),
    ]
