"""`chorus drain` and `chorus rebalance`: take people off a node, all of them or a share."""

import re

from broker.orders import Drain, Shed, Shedding
from node.operate.operator import Operator, OperatorError, name_of, new_report
from node.options import SettingError

SLACK = 20.0
"""Seconds that a node may need besides the time that it was given."""

_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")


def share(text: str) -> float:
    """A share such as `10%`, as a number from 0 to 1. Raises SettingError."""
    found = _SHARE.fullmatch(text.strip())
    percent = float(found[1]) if found else 0.0
    if not 0 < percent <= 100:
        raise SettingError("--share", f"a share such as 10%, up to 100%, not {text!r}")
    return percent / 100


def drain(operator: Operator, name: str, over: float | None) -> None:
    """Have a node close all its connections and end; returns when it's gone.

    Raises OperatorError.
    """
    node, number = operator.find(name), new_report()
    operator.give(node, Drain(number, over))
    begun = operator.report(number, Shedding, operator.wait)
    operator.say(f"{name} drains: {_people(begun.sessions)} within {begun.over:g} s")
    left = [begun.sessions]

    def gone() -> bool:
        now = operator.people(node)
        if now < left[0] * 0.9 - 1 or (now == 0 and left[0]):
            left[0] = now
            operator.say(f"{name}: {_people(now)} left")
        return operator.gone(node)

    if not operator.until(gone, begun.over + SLACK):
        raise OperatorError(f"{name} still isn't gone; {_people(operator.people(node))} left on it")
    operator.say(f"{name} has drained and is gone")


def rebalance(operator: Operator, name: str, part: float, over: float | None) -> None:
    """Have a node close a share of its connections; returns when it has. Raises OperatorError."""
    node, number = operator.find(name), new_report()
    operator.give(node, Shed(number, part, over))
    begun = operator.report(number, Shedding, operator.wait)
    operator.say(
        f"{name} closes {begun.closing} of {_people(begun.sessions)} within {begun.over:g} s"
    )

    def finished() -> bool:
        return operator.gone(node) or operator.report(number, Shedding, 0).finished

    if not operator.until(finished, begun.over + SLACK) or operator.gone(node):
        raise OperatorError(f"{name_of(node)} hasn't finished")
    ended = operator.report(number, Shedding, 0)
    operator.say(f"{name} has closed {ended.closed} of {_people(ended.sessions)}")


def _people(count: int) -> str:
    return f"{count} {'connection' if count == 1 else 'connections'}"
