"""Asks once, blocking, whether a Redis is there: before there's anything that could wait for it.

Speaks just enough of the Redis protocol for AUTH and PING; the client library is `link`'s.
"""

import socket
from contextlib import closing

from broker.address import Address, parse

_ANSWER_LIMIT = 4_096
"""Bytes. An answer to AUTH or PING is one short line."""


class Unreachable(Exception):
    """The Redis gives no good answer; the text says where and why, without any secret."""


def ping(url: str, timeout: float = 3.0) -> None:
    """Return if the Redis at `url` takes our password and answers, within `timeout` seconds.

    Raises Unreachable, also while it's still loading its data; ValueError if `url` is none.
    """
    address = parse(url)
    if not isinstance(address, Address):
        raise ValueError("one server can be asked, not many")
    try:
        with closing(_connect(address, timeout)) as wire:
            if address.password:
                user = [address.username] if address.username else []
                _ask(wire, "AUTH", *user, address.password)
            _ask(wire, "PING")
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


def _ask(wire: socket.socket, *words: str) -> None:
    """Send a command and read its answer. Raises _ErrorReply, OSError."""
    parts = [word.encode() for word in words]
    wire.sendall(
        b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
    )
    answer = b""
    while not answer.endswith(b"\r\n"):
        more = wire.recv(_ANSWER_LIMIT)
        if not more:
            raise ConnectionResetError("it closed the connection")
        answer += more
        if len(answer) > _ANSWER_LIMIT:
            raise ConnectionResetError("it doesn't speak the Redis protocol")
    if not answer.startswith(b"+"):
        raise _ErrorReply(answer.decode(errors="replace").strip().removeprefix("-"))
