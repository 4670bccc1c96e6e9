"""Channels with rules, for tests: judges, decisions, and people in them."""

from typing import Any

from twisted.internet.defer import Deferred

from broker.api import Code, Identity, Refused
from broker.events import Event
from broker.rules import Decision, Mask, Rules, Standing
from tests.support.fleet import Node

BAN: dict[str, tuple[Mask, ...]] = {"b": (Mask("bob!*@*", "ann", 5),)}


def nobody(*_judged: object) -> Any:
    """Lets nobody do anything."""
    raise Refused(Code.NOT_OP)


def all_may(*_judged: object) -> None:
    """Lets everybody do it; the broker doesn't know that."""


def speaks(rules: Rules, standing: Standing) -> None:
    """In a moderated channel only who has a status says something."""
    if "m" in rules.modes and not standing.status:
        raise Refused(Code.CANNOT_SPEAK)


def comes(rules: Rules, standing: Standing) -> None:
    """Nobody comes into a closed channel but who is invited; no bans are in the way of Ann."""
    if "i" in rules.modes and not standing.invited:
        raise Refused(Code.INVITE_ONLY)
    if rules.lists.get("b"):
        raise Refused(Code.BANNED_HERE)


def deciding(*changes: tuple[str, str], statuses: Any = (), **rules: Any) -> Any:
    """Decides that these rules hold, and these statuses, by nick."""

    def decide(before: Rules, fellows: Any) -> Decision:
        after = Rules(**{"modes": before.modes, "key": before.key, "limit": before.limit, **rules})
        found = tuple((fellows[nick].sid, status) for nick, status in statuses)
        return Decision(after, changes or (("+x", ""),), found)

    return decide


def adding(letter: str) -> Any:
    """Decides that one more flag holds; nothing, if it does."""

    def decide(before: Rules, _fellows: Any) -> Decision:
        modes = "".join(sorted({*before.modes, letter}))
        changes = () if letter in before.modes else ((f"+{letter}", ""),)
        return Decision(Rules(modes=modes), changes)

    return decide


async def said_by(node: Node, me: Identity, text: str, **how: Any) -> Code | None:
    """Say a line with a judge; the code with which it's refused."""
    settled: Deferred[Refused | None] = Deferred()
    node.broker.say(me, "#go", text, False, settled.callback, **{"judge": speaks, **how})
    refused = await settled
    return refused.code if refused is not None else None


async def ruled(make_brokers: Any, *others: str) -> tuple[Node, Node, Identity, Any]:
    """Ann, an operator, on one node, and others on another, in one channel."""
    a, b = await make_brokers(2)
    ann = await a.enter("ann", "#go", status="o")
    people = [await b.enter(nick, "#go") for nick in others]
    return a, b, ann, people


def kinds(events: list[Event], *kinds: type) -> list[Any]:
    return [event for event in events if isinstance(event, kinds)]
