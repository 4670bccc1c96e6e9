"""What operators do to a running cluster, and in which words it's told: notices, kicks, bans.

    chorus kick ──────────> acts ──> Desk: redis-py, blocking   (node.operate.desk)
    POST /api/v1/kicks ───> acts ──> Desk: the node's own link  (broker.desk)

Every act is told to the cluster's incidents, with who did it, here or by the node
that does it, and to operators of the chat. Must not know Redis, Twisted or HTTP.
"""

import secrets
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from broker import bans, orders
from broker.api import Code, Refused
from broker.bans import Ban
from broker.names import fold
from broker.orders import Holder, Order
from broker.reports import Kind
from node.core import masks, names
from node.core.limits import spelled

T = TypeVar("T")

LONGEST_TEXT = 4_096
"""Bytes of an operator's words, or a program's."""

LOOPBACK = ("127.0.0.1", "::1")
"""Addresses of a node's own machine."""

LONGEST_WHY = 400
"""Bytes of a reason."""


class Failed(Exception):
    """It couldn't be done: a code for programs, and words."""

    def __init__(self, error: str, says: str) -> None:
        super().__init__(says)
        self.error = error
        self.says = says


class Desk(Protocol):
    """What acts need of the cluster. An incarnation is a node's name, a dot and more."""

    def now(self) -> int: ...

    async def nodes(self) -> list[str]: ...

    async def place(self, incarnation: str, order: Order) -> bool: ...

    async def taken(self, incarnation: str, order: Order) -> bool: ...

    async def report(self, number: str, kind: type[T]) -> T | None: ...

    async def holder(self, nick: str) -> Holder | None: ...

    async def gone(self, holder: Holder) -> bool: ...

    async def ban(self, ban: Ban) -> bool: ...

    async def unban(self, key: str) -> Ban | None: ...

    async def bans(self) -> list[Ban]: ...

    async def tell(self, kind: Kind, about: str, says: str, by: str) -> None: ...


# -- on a node


async def drain(desk: Desk, name: str, over: float | None, by: str) -> str:
    """Have a node close all its connections and end. Returns when it has begun."""
    node, number = await find(desk, name), new_report()
    begun = await _order(desk, node, orders.Drain(number, over, by), orders.Shedding)
    return f"{name} drains: {_connections(begun.sessions)} within {begun.over:g} s"


async def rebalance(desk: Desk, name: str, share: float, over: float | None, by: str) -> str:
    """Have a node close a share of its connections, 0 to 1. Returns when it has begun."""
    node, number = await find(desk, name), new_report()
    begun = await _order(desk, node, orders.Shed(number, share, over, by), orders.Shedding)
    closing = f"{begun.closing} of {_connections(begun.sessions)}"
    return f"{name} closes {closing} within {begun.over:g} s"


async def rehash(desk: Desk, by: str) -> str:
    """Have all nodes read anew the files that their settings name. Returns when they have."""
    given = {node: orders.Rehash(new_report()) for node in await desk.nodes()}
    found, missing = await _everywhere(desk, given, orders.Reread)
    by_words: dict[str, list[str]] = {}
    for name, reread in sorted(found.items()):
        for words in reread.says:
            by_words.setdefault(words, []).append(name)
    each = [f"{', '.join(names)}: {words}" for words, names in by_words.items()]
    says = "; ".join(each or ["there are no files to read anew"]) + missing
    await told(desk, Kind.REHASH, "", says, by)
    return says


async def find(desk: Desk, name: str) -> str:
    """The incarnation of a node by the node's name."""
    living = await desk.nodes()
    for incarnation in reversed(living):
        if _name(incarnation) == name:
            return incarnation
    known = sorted(set(map(_name, living)))
    there = f"there are: {', '.join(known)}" if known else "there is none at all"
    raise Failed("no-such-node", f"no node called {name} is alive; {there}")


async def _order(desk: Desk, node: str, order: Order, kind: type[T]) -> T:
    if not await desk.place(node, order):
        raise Failed("not-taken", f"{_name(node)} has too many orders to take first")
    return await _outcome(desk, node, order, kind)


async def _outcome(desk: Desk, node: str, order: Any, kind: type[T]) -> T:
    """What came of an order that was placed."""
    if not await desk.taken(node, order):
        raise Failed("not-taken", f"{_name(node)} hasn't taken the order")
    found = await desk.report(order.report, kind)
    if found is None:
        raise Failed("not-taken", f"{_name(node)} took the order, and reports nothing")
    return found


# -- people


async def notice(desk: Desk, text: str, by: str) -> str:
    """Tell everybody something."""
    text = words(text, "text", LONGEST_TEXT)
    given = {node: orders.Announce(new_report(), text) for node in await desk.nodes()}
    says = await _tell_all(desk, given)
    await desk.tell(Kind.NOTICE, "", says, by)
    return says


async def wallops(desk: Desk, nick: str, shown: str, text: str, by: str) -> str:
    """Have an operator of the chat, `nick`, write to all who read that. `shown`: their `user@host`
    as others see it.
    """
    text = words(text, "text", LONGEST_TEXT)
    given = {node: orders.Wallops(new_report(), nick, shown, text) for node in await desk.nodes()}
    says = await _tell_all(desk, given)
    await desk.tell(Kind.WALLOPS, "", says, by)
    return says


async def _tell_all(desk: Desk, given: Mapping[str, Order]) -> str:
    """Have people told something on each node; how many there were."""
    told, missing = await _everywhere(desk, given, orders.Announced)
    people = sum(one.people for one in told.values())
    count = f"{people} {'person was' if people == 1 else 'people were'} told"
    return f"{count}{missing}"


async def _everywhere(
    desk: Desk, given: Mapping[str, Order], kind: type[T]
) -> tuple[dict[str, T], str]:
    """Give each node its order; what came of it, by the node's name, and in words which nodes
    haven't taken it. Raises Failed if none has.
    """
    found, missing = {}, []
    placed = {node for node, order in given.items() if await desk.place(node, order)}
    for node, order in given.items():
        try:
            if node not in placed:
                raise Failed("not-taken", "")
            found[_name(node)] = await _outcome(desk, node, order, kind)
        except Failed:
            missing.append(_name(node))
    if not found:
        raise Failed("not-taken", "no node has taken it")
    return found, f"; {', '.join(missing)} didn't take it" if missing else ""


async def kick(desk: Desk, nick: str, why: str, by: str) -> str:
    """End somebody's session for good."""
    return await _end(desk, nick, why, by)


async def kill(desk: Desk, killer: str, own: str, nick: str, why: str, by: str) -> str:
    """End somebody's session for good, as an operator of the chat does, who is called `killer`. If
    it's their `own` (a sid), that's not waited for: it ends when this is done.
    """
    return await _end(desk, nick, why, by, killer, own)


async def told(desk: Desk, kind: Kind, about: str, says: str, by: str) -> None:
    """Write down what was done, and tell operators who read such things, on all nodes: nobody waits
    for that.
    """
    await desk.tell(kind, about, says, by)
    for node in await desk.nodes():
        await desk.place(node, orders.Inform(f"{says} (by {by})"))


async def _end(desk: Desk, nick: str, why: str, by: str, killer: str = "", own: str = "") -> str:
    why = words(why, "why", LONGEST_WHY, empty=True)
    kind, was = (Kind.KILL, "killed") if killer else (Kind.KICK, "kicked")
    for _ in range(2):  # it may be taken up on another node just now
        holder = await _holder(desk, nick)
        living = await desk.nodes()
        if not living:
            raise Failed("not-taken", "no node is alive")
        node = holder.node if holder.node in living else living[-1]
        order = orders.Kick(new_report(), holder.sid, why, killer)
        found = await _order(desk, node, order, orders.Found)
        if found.here and (holder.sid == own or await desk.gone(holder)):
            says = f"{holder.nick} was {was}{f': {why}' if why else ''}"
            await told(desk, kind, holder.nick, says, by)
            return says
    raise Failed("moved", f"{nick} couldn't be found on a node; try again")


async def _holder(desk: Desk, nick: str) -> Holder:
    holder = await desk.holder(nick)
    if holder is None:
        raise Failed("no-such-nick", f"nobody is called {nick}")
    return holder


# -- bans


async def ban(
    desk: Desk,
    *,
    by: str,
    network: str = "",
    nick: str = "",
    mask: str = "",
    seconds: float | None = None,
    why: str = "",
    force: bool = False,
) -> str:
    """Ban a network, or the address from which somebody is connected, or whoever is like a mask
    (`user@host`). `seconds` None: for good.
    """
    why = words(why, "why", LONGEST_WHY, empty=True)
    if seconds is not None and not 1 <= seconds <= bans.LONGEST:
        raise Failed("seconds-invalid", f"seconds: expected 1 to {bans.LONGEST:,.0f}")
    whose = ""
    if nick:
        holder = await _holder(desk, nick)
        network, whose = await _address(desk, holder), f", the address of {holder.nick},"
    if mask:
        mask = _mask(mask)
        await _afford_mask(desk, mask)
    network = bans.NOWHERE if mask else _network(network)
    banned = bans.shown(mask or network) + whose
    if (_reckless(mask) if mask else bans.reckless(network)) and not force:
        raise Failed(
            "reckless",
            f"{banned} is where the nodes' own machines connect from, and a"
            " balancer there that doesn't say who it is that connects: that may be everybody."
            " Insist on it (force) if you mean it",
        )
    now = desk.now()
    until = 0 if seconds is None else now + int(seconds * 1000)
    if not await desk.ban(Ban(until, network, why, by, now, nick, mask)):
        raise Failed("too-many-bans", f"there are {bans.MOST:,} bans already")
    lasting = "for good" if seconds is None else f"for {spelled(seconds)}"
    says = f"{banned} is banned {lasting}{f': {why}' if why else ''}"
    await told(desk, Kind.BAN, bans.shown(mask or network), says, by)
    return says


def whom(who: str) -> dict[str, str]:
    """What it is that's to be banned, for `ban`: no nick holds one of these signs."""
    if "@" in who:
        return {"mask": who}
    return {"network" if any(sign in who for sign in ".:/") else "nick": who}


async def _address(desk: Desk, holder: Holder) -> str:
    order = orders.Locate(new_report(), holder.sid)
    living = await desk.nodes()
    found = orders.Found(here=False)
    if holder.node in living:
        found = await _order(desk, holder.node, order, orders.Found)
    if not found.here:
        raise Failed("not-connected", f"{holder.nick} isn't connected just now; ban an address")
    if not found.address:
        raise Failed("not-connected", f"{holder.nick} is connected from no address")
    return found.address


async def unban(desk: Desk, who: str, by: str) -> str:
    """Take a ban of a network or of a mask away."""
    key = _mask(who) if "@" in who else _network(who)
    if await desk.unban(key) is None:
        raise Failed("not-banned", f"{bans.shown(key)} isn't banned")
    says = f"{bans.shown(key)} isn't banned any more"
    await told(desk, Kind.UNBAN, bans.shown(key), says, by)
    return says


async def _afford_mask(desk: Desk, mask: str) -> None:
    others = [ban for ban in await desk.bans() if ban.mask not in ("", mask)]
    if len(others) >= bans.MASKS:
        raise Failed("too-many-bans", f"there are {bans.MASKS:,} bans by mask already")


def _mask(text: str) -> str:
    """A mask as bans have it: folded, without a nick."""
    try:
        nick, _, mask = masks.spelled(text).partition("!")
    except Refused:
        nick, mask = "", ""
    if nick != "*":
        raise Failed("mask-invalid", f"expected a mask such as bob@*.example.org, not {text!r}")
    return fold(mask)


def _reckless(mask: str) -> bool:
    """Whether a ban of this mask hits everybody, or whoever comes from the nodes' own machines."""
    user = mask.rpartition("@")[0]
    return not user.strip("*?") and any(
        masks.matches(f"*!{mask}", masks.Who("", f"{user}@", host)) for host in LOOPBACK
    )


def _network(text: str) -> str:
    try:
        return bans.network(text)
    except ValueError as e:
        raise Failed("network-invalid", f"expected {e}") from None


# -- channels


async def say(desk: Desk, name: str, channel: str, text: str) -> None:
    """Have a node say something in a channel, as a program called `name`."""
    text = words(text, "text", LONGEST_TEXT)
    try:
        nick, channel = names.program(name), names.channel(channel)
    except Refused as e:
        what = "a name" if e.code is Code.NICK_INVALID else "a channel"
        raise Failed(e.code.value, f"{e.about} can't be {what}") from None
    living = await desk.nodes()
    if not living:
        raise Failed("not-taken", "no node is alive")
    order = orders.Post(new_report(), nick, channel, text)
    posted = await _order(desk, living[-1], order, orders.Posted)
    if posted.refused:
        says = {"no-such-channel": f"there is no channel {channel}"}
        raise Failed(posted.refused, says.get(posted.refused, f"it was refused: {posted.refused}"))


def words(text: str, what: str, most: int, *, empty: bool = False) -> str:
    """A text that may be told to people."""
    if not text.strip() and not empty:
        raise Failed("text-invalid", f"{what}: expected some words")
    if any(sign in text for sign in "\r\n\0"):
        raise Failed("text-invalid", f"{what}: expected no line break and no NUL character")
    if len(text.encode(errors="surrogatepass")) > most:
        raise Failed("text-too-long", f"{what}: expected at most {most:,} bytes")
    return text


def new_report() -> str:
    """A number for a report."""
    return secrets.token_hex(6)


def _name(incarnation: str) -> str:
    return incarnation.rpartition(".")[0]


def _connections(count: int) -> str:
    return f"{count} {'connection' if count == 1 else 'connections'}"
