"""What one may ask of the server (Modern, "Server Queries and Commands")."""

import time

from broker.api import Presence, Refused
from node.core import masks
from node.core.people import INVISIBLE, OPERATOR
from node.dialects.irc.call import Call, Handler, Row
from node.dialects.irc.commands import opers
from node.dialects.irc.isupport import isupport
from node.dialects.irc.refusals import shown


def asked_of(handler: Handler, number: int = 0) -> Handler:
    """A command of which a parameter says which server is asked. It's this one, by its name or a
    mask of that, or by the nick of somebody who is here, as everybody is; or there's none.
    """

    async def ask(call: Call) -> None:
        target = call.param(number)
        if target and not await _meant(call, target):
            call.numeric("ERR_NOSUCHSERVER", shown(target))
            return
        await handler(call)

    return ask


async def _meant(call: Call, target: str) -> bool:
    if masks.like(target)(call.irc.config.server):
        return True
    (holder,) = await call.chat.broker.persons([target])
    return holder is not None


async def motd(call: Call) -> None:
    config = call.irc.config
    lines = config.motd()
    if not lines:
        call.numeric("ERR_NOMOTD")
        return
    call.numeric("RPL_MOTDSTART", text=f"- {config.server} Message of the day - ")
    for line in lines:
        call.numeric("RPL_MOTD", text=f"- {line}")
    call.numeric("RPL_ENDOFMOTD")


async def lusers(call: Call) -> None:
    broker = call.chat.broker
    everybody, totals = await broker.people(), await broker.totals()
    invisible, operators = _COUNTED.of(everybody)
    here = call.chat.inside
    seen = f"{len(everybody) - invisible} users and {invisible} invisible on 1 servers"
    call.numeric("RPL_LUSERCLIENT", text=f"There are {seen}")
    call.numeric("RPL_LUSEROP", str(operators))
    unknown = len(call.chat.hub.sessions) - here
    if unknown and totals.nodes == 1:  # nobody knows those of other nodes; of none nothing is said
        call.numeric("RPL_LUSERUNKNOWN", str(unknown))
    call.numeric("RPL_LUSERCHANNELS", str(totals.channels))
    call.numeric("RPL_LUSERME", text=f"I have {here} clients and 0 servers")
    # how many there were at most nobody counts, so it isn't said (both numbers may be left out)
    call.numeric("RPL_LOCALUSERS", text=f"Current local users {here}")
    call.numeric("RPL_GLOBALUSERS", text=f"Current global users {len(everybody)}")


class _Counted:
    """Who is invisible, and who an operator, in the list of everybody that was seen last. Where
    there are many it's the same one for a while, and it's asked for each who comes in.
    """

    def __init__(self) -> None:
        self._everybody: list[Presence] = []
        self._found = 0, 0

    def of(self, everybody: list[Presence]) -> tuple[int, int]:
        """How many of them are invisible, and how many operators."""
        if everybody is not self._everybody:
            modes = [one.profile.modes for one in everybody]
            invisible = sum(INVISIBLE in each for each in modes)
            self._found = invisible, sum(OPERATOR in each for each in modes)
            self._everybody = everybody
        return self._found


_COUNTED = _Counted()


async def version(call: Call) -> None:
    config = call.irc.config
    call.numeric(
        "RPL_VERSION",
        f"chorus-{config.version}",
        config.server,
        text="a chat cluster: every node is this server",
    )
    for tokens in isupport(config).lines:
        call.numeric("RPL_ISUPPORT", *tokens)


async def admin(call: Call) -> None:
    config = call.irc.config
    one, two, mail = config.admin
    call.numeric("RPL_ADMINME", config.server)
    call.numeric("RPL_ADMINLOC1", text=one or f"{config.network}, a chorus cluster")
    call.numeric("RPL_ADMINLOC2", text=two or "no more is said of who runs it")
    call.numeric("RPL_ADMINEMAIL", text=mail or "no address is given")


async def time_(call: Call) -> None:
    now = call.chat.seconds()
    shown = time.strftime("%A %B %d %Y -- %H:%M:%S +00:00", time.gmtime(now))
    call.numeric("RPL_TIME", call.irc.config.server, text=shown)


async def info(call: Call) -> None:
    config = call.irc.config
    for line in (
        f"chorus {config.version}: a chat cluster. Any number of equal nodes, one order of events.",
        "Whoever is here may speak IRC, the line protocol, JSON, or use a browser.",
        f"This node began {config.since}.",
    ):
        call.numeric("RPL_INFO", text=line)
    call.numeric("RPL_ENDOFINFO")


async def links(call: Call) -> None:
    server = call.irc.config.server
    call.numeric("RPL_LINKS", server, server, text="0 every node of the cluster is this server")
    call.numeric("RPL_ENDOFLINKS", "*")


async def stats(call: Call) -> None:
    letter = call.param(0, "*")[:1] or "*"
    if letter == "u":
        up = int(call.chat.seconds() - call.chat.started)
        days, rest = divmod(up, 86400)
        hours, rest = divmod(rest, 3600)
        minutes, seconds = divmod(rest, 60)
        call.numeric(
            "RPL_STATSUPTIME", text=f"Server Up {days} days {hours}:{minutes:02}:{seconds:02}"
        )
    elif letter in "kKdD":
        try:
            await opers.bars(call, letter)
        except Refused as refused:
            call.refuse(refused)
    call.numeric("RPL_ENDOFSTATS", letter)


async def summon(call: Call) -> None:
    call.numeric("ERR_SUMMONDISABLED")


async def users(call: Call) -> None:
    call.numeric("ERR_USERSDISABLED")


COMMANDS = {
    "MOTD": Row(asked_of(motd), form="[SERVER]", does="the message of the day"),
    "LUSERS": Row(lusers, does="how many people, channels and operators there are"),
    "VERSION": Row(
        asked_of(version), form="[SERVER]", does="which server this is, and what it supports"
    ),
    "ADMIN": Row(asked_of(admin), form="[SERVER]", does="who runs this server"),
    "TIME": Row(asked_of(time_), form="[SERVER]", does="the server's clock, in UTC"),
    "INFO": Row(asked_of(info), form="[SERVER]", does="what this server is"),
    "LINKS": Row(links, does="which servers there are: all nodes are this one"),
    "STATS": Row(
        asked_of(stats, 1),
        form="LETTER [SERVER]",
        does="numbers of the server: u (since when it runs), k, d (bans)",
    ),
    "SUMMON": Row(summon, does="nothing: nobody can be summoned"),
    "USERS": Row(users, does="nothing: WHO shows who is there"),
}
