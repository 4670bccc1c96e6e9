"""Asks once, blocking, whether a Redis is there: before there's anything that could wait for it.

Speaks just enough of the Redis protocol for AUTH, PING and a question to a sentinel; the client
library is `link`'s.
"""

import re
import socket
from contextlib import closing
from typing import BinaryIO

from broker.address import Address, Place, Seeds, Sentinels, parse

_LIMIT = 4_096
"""Bytes of a line of an answer."""

_WORDS = 2
"""How many words an answer has at most: a host and a port."""


class Unreachable(Exception):
    """The Redis gives no good answer; the text says where and why, without any secret."""


def ping(url: str, timeout: float = 3.0) -> None:
    """Return if the Redis at `url` takes our password and answers, each server within `timeout`
    seconds: the master that a sentinel names, or one server of a Redis Cluster, will do.

    Raises Unreachable, also while it's still loading its data; ValueError if `url` is none.
    """
    match parse(url):
        case Address() as address:
            _talk(address, timeout, "PING")
        case Seeds() as seeds:
            _first(seeds.to, seeds.places, timeout, "PING")
        case Sentinels() as where:
            asked = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", where.service)
            found = _first(where.sentinel, where.places, timeout, *asked)
            if len(found) != 2:
                raise Unreachable(f"the sentinels know no service {where.service!r}")
            _talk(where.to.at((found[0], int(found[1]))), timeout, "PING")


def _first(to: Address, places: tuple[Place, ...], timeout: float, *words: str) -> list[str]:
    """What the first of several servers says who answers. Raises Unreachable: what the last did."""
    *others, last = places
    for place in others:
        try:
            return _talk(to.at(place), timeout, *words)
        except Unreachable:
            continue
    return _talk(to.at(last), timeout, *words)


def _talk(address: Address, timeout: float, *words: str) -> list[str]:
    """What one server answers, asked one thing. Raises Unreachable."""
    try:
        with closing(_connect(address, timeout)) as wire:
            if address.password:
                user = [address.username] if address.username else []
                _ask(wire, "AUTH", *user, address.password)
            return _ask(wire, *words)
    except OSError as e:
        why = (e.strerror or str(e) or type(e).__name__).lower()
        raise Unreachable(f"no Redis answers at {address.shown}: {why}") from None
    except _ErrorReply as e:
        raise Unreachable(f"the Redis at {address.shown} answers: {e}") from None


class _ErrorReply(Exception):
    pass


def _connect(address: Address, timeout: float) -> socket.socket:
    if address.path:
        wire = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            wire.settimeout(timeout)
            wire.connect(address.path)
        except BaseException:
            wire.close()
            raise
        return wire
    wire = socket.create_connection((address.host, address.port), timeout)
    if not address.tls:
        return wire
    import ssl  # costs start-up time, seldom needed

    try:
        context = ssl.create_default_context(cafile=address.authorities or None)
        if address.certificate:
            context.load_cert_chain(address.certificate, address.key)
        return context.wrap_socket(wire, server_hostname=address.host)
    except BaseException:
        wire.close()
        raise


def _ask(wire: socket.socket, *words: str) -> list[str]:
    """Send a command and read its answer: a word, or several. Raises _ErrorReply, OSError."""
    parts = [word.encode() for word in words]
    wire.sendall(
        b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
    )
    with wire.makefile("rb") as answer:
        said = _line(answer)
        if said.startswith("+"):
            return [said[1:]]
        if not re.fullmatch(r"\*(-1|\d+)", said):
            raise _ErrorReply(said.removeprefix("-"))
        # an array of strings, each a line behind a line with its length; -1: there is none
        return [(_line(answer), _line(answer))[1] for _ in range(min(int(said[1:]), _WORDS))]


def _line(answer: BinaryIO) -> str:
    line = answer.readline(_LIMIT)
    if not line.endswith(b"\r\n"):
        if len(line) == _LIMIT:
            raise ConnectionResetError("it doesn't speak the Redis protocol")
        raise ConnectionResetError("it closed the connection")
    return line.decode(errors="replace").strip()
