"""What one may ask of the server (Modern, "Server Queries and Commands")."""

import time

from node.dialects.irc.call import Call, Row
from node.dialects.irc.isupport import isupport


async def motd(call: Call) -> None:
    config = call.irc.config
    if not config.motd:
        call.numeric("ERR_NOMOTD")
        return
    call.numeric("RPL_MOTDSTART", text=f"- {config.server} Message of the day - ")
    for line in config.motd:
        call.numeric("RPL_MOTD", text=f"- {line}")
    call.numeric("RPL_ENDOFMOTD")


async def lusers(call: Call) -> None:
    totals = await call.chat.broker.totals()
    here = len(call.chat.hub.sessions)
    people = totals.sessions
    call.numeric(
        "RPL_LUSERCLIENT",
        text=f"There are {people} users and 0 invisible on 1 servers",
    )
    call.numeric("RPL_LUSEROP", "0")
    call.numeric("RPL_LUSERUNKNOWN", "0")
    call.numeric("RPL_LUSERCHANNELS", str(totals.channels))
    call.numeric("RPL_LUSERME", text=f"I have {people} clients and 0 servers")
    call.numeric(
        "RPL_LOCALUSERS", str(here), str(here), text=f"Current local users {here}, max {here}"
    )
    call.numeric(
        "RPL_GLOBALUSERS",
        str(people),
        str(people),
        text=f"Current global users {people}, max {people}",
    )


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
    call.numeric("RPL_ENDOFSTATS", letter)


async def summon(call: Call) -> None:
    call.numeric("ERR_SUMMONDISABLED")


async def users(call: Call) -> None:
    call.numeric("ERR_USERSDISABLED")


COMMANDS = {
    "MOTD": Row(motd),
    "LUSERS": Row(lusers),
    "VERSION": Row(version),
    "ADMIN": Row(admin),
    "TIME": Row(time_),
    "INFO": Row(info),
    "LINKS": Row(links),
    "STATS": Row(stats),
    "SUMMON": Row(summon),
    "USERS": Row(users),
}
