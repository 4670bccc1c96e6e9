"""Numbers for people: short, with their units. Pure."""

from broker.reports import State

_SPANS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def rate(value: float) -> str:
    """A number a second: `0`, `0.4`, `12.0`, `1,234`."""
    return f"{value:,.0f}" if value >= 99.95 or not value else f"{value:.1f}"


def size(count: float) -> str:
    """Bytes: `512 B`, `1.5 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 99.5 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"


def span(seconds: float) -> str:
    """How long something lasts, in the largest unit that fits: `12 s`, `5 min`, `3 h`, `2 d`."""
    for length, unit in _SPANS:
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return "0 s"


def delay(seconds: float | None) -> str:
    """A short time: `0.4 ms`, `12 ms`, `1.5 s`; None: it's late."""
    if seconds is None:
        return "late"
    if seconds >= 0.9995:
        return f"{seconds:.1f} s"
    ms = seconds * 1000
    return f"{ms:.1f} ms" if ms < 9.95 else f"{ms:.0f} ms"


def share(part: float) -> str:
    """A share of one: `12%`."""
    return f"{part:.0%}"


def many(count: int, one: str, more: str = "") -> str:
    """`1 node`, `2 nodes`; `more`: the plural, if it's irregular."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


STYLES = {
    State.READY: "green",
    State.DEGRADED: "yellow",
    State.DRAINING: "cyan",
    State.GONE: "red",
}
"""A colour for each state. What it says is said in words, too."""
