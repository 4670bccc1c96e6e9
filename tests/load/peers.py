"""Other people's chat servers, where they are installed: ngIRCd and InspIRCd.

Each is set up as its makers would for as much traffic as it can take: no limits, no look-ups,
nothing logged. Must not know what is done with them.
"""

import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from broker.embedded import free_port
from tests.load.generator import LoadError
from tests.load.servers import Server, await_port, running

OPERATOR = "bench"

NGIRCD = """
[Global]
Name = one.bench.local
Info = benchmark
AdminInfo1 = nobody
AdminEMail = nobody@bench.local
Listen = 127.0.0.1
Ports = {port}
MotdPhrase = welcome
{user}
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxNickLength = 15
MaxPenaltyTime = 0
PingTimeout = 600
PongTimeout = 600
[Options]
DNS = no
Ident = no
PAM = no
[Operator]
Name = bench
Password = bench
"""

INSPIRCD = """
<server name="{name}.bench.local" description="benchmark" network="bench" id="{id}">
<admin name="nobody" nick="nobody" email="nobody@bench.local">
<bind address="127.0.0.1" port="{port}" type="clients">
<connect name="bench" allow="*" timeout="60" pingfreq="600" hardsendq="1073741824"
 softsendq="1073741824" recvq="1048576" threshold="1000000" commandrate="1000000000" fakelag="no"
 localmax="100000" globalmax="100000" resolvehostnames="no" useident="no" maxchans="1000"
 limit="100000" maxconnwarn="no" modes="">
<performance netbuffersize="10240" somaxconn="4096" limitsomaxconn="no" softlimit="100000"
 clonesonconnect="no" quietbursts="yes" nouserdns="yes">
<limits maxnick="30" maxchan="64" maxident="32">
<options prefixquit="Quit: " defaultmodes="" announcets="no" pingwarning="0"
 nosnoticestack="yes" allowmismatch="yes" xlinemessage="x">
<files motd="">
<pid file="{folder}/{name}.pid">
<path configdir="{folder}" datadir="{folder}" logdir="{folder}" moduledir="{modules}">
"""

INSPIRCD_LINK = """
<module name="spanningtree">
<bind address="127.0.0.1" port="{own}" type="servers">
<link name="{other}.bench.local" ipaddr="127.0.0.1" port="{theirs}" allowmask="127.0.0.0/8"
 sendpass="bench" recvpass="bench" timeout="30">
<autoconnect period="1" server="{other}.bench.local">
"""


def find(name: str) -> Path | None:
    """A peer's program, if it's installed."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    return Path(found) if found is not None else None


@contextmanager
def ngircd(folder: Path) -> Iterator[Server]:
    """An ngIRCd. It lets 10 connections wait to be accepted, so few may come at once."""
    port = free_port()
    config = folder / "ngircd.conf"
    user = "ServerUID = 0\nServerGID = 0" if os.getuid() == 0 else ""
    config.write_text(NGIRCD.format(port=port, user=user))
    command = [str(_found("ngircd")), "-n", "-f", str(config)]
    with running(command, folder / "ngircd.log") as process:
        await_port(port, process)
        options = ("--oper", f"{OPERATOR} {OPERATOR}")
        yield Server("irc", [port], [process.pid], 8, options)


@contextmanager
def inspircd(folder: Path) -> Iterator[Server]:
    """An InspIRCd alone. It lets people in once a second, so many must come at once."""
    with ExitStack() as stack:
        port = free_port()
        pid = _run_inspircd(stack, folder, "one", port, "")
        yield Server("irc", [port], [pid], 1000)


@contextmanager
def inspircd_linked(folder: Path) -> Iterator[Server]:
    """Two InspIRCd that are linked."""
    names = ("one", "two")
    ports = {name: free_port() for name in names}
    links = {name: free_port() for name in names}
    with ExitStack() as stack:
        pids = []
        for name, other in (names, names[::-1]):
            link = INSPIRCD_LINK.format(own=links[name], other=other, theirs=links[other])
            pids.append(_run_inspircd(stack, folder, name, ports[name], link))
        _await_link(ports["one"])
        yield Server("irc", list(ports.values()), pids, 1000)


def _run_inspircd(stack: ExitStack, folder: Path, name: str, port: int, more: str) -> int:
    program = _found("inspircd")
    places = Path("/usr/lib").glob("**/inspircd/modules/core_channel.so")
    modules = next((place.parent for place in places), None)
    if modules is None:
        raise LoadError("InspIRCd's modules were not found under /usr/lib")
    config = folder / f"{name}.conf"
    identity = f"{len(list(folder.glob('*.conf'))) + 1}AA"
    head = INSPIRCD.format(name=name, id=identity, port=port, folder=folder, modules=modules)
    config.write_text(head + more)
    root = ["--runasroot"] if os.getuid() == 0 else []
    command = [str(program), "--nofork", "--nolog", *root, f"--config={config}"]
    process = stack.enter_context(running(command, folder / f"{name}.log"))
    await_port(port, process)
    return process.pid


def _await_link(port: int, seconds: float = 30.0) -> None:
    """Ask a server again and again which ones it knows, until there are two."""
    deadline = time.monotonic() + seconds
    with socket.create_connection(("127.0.0.1", port), seconds) as asking:
        lines = asking.makefile("rb")
        asking.sendall(b"NICK asker\r\nUSER asker 0 * :asker\r\n")
        while time.monotonic() < deadline:
            words = lines.readline().split(b" ")
            if b"001" in words[1:2]:
                asking.sendall(b"LUSERS\r\n")
            elif b"255" in words[1:2]:  # `:I have 1 clients and 1 servers`
                if words[-2] != b"0":
                    return
                time.sleep(0.1)
                asking.sendall(b"LUSERS\r\n")
            elif words[0] == b"PING":
                asking.sendall(b"PONG " + words[1])
    raise LoadError("two InspIRCd did not link")


def _found(name: str) -> Path:
    program = find(name)
    if program is None:
        raise LoadError(f"there is no {name} here")
    return program
