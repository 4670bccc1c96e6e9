"""Where Redis is: the parts of a URL such as `redis://user:password@host:6379/0`.

Schemes as registered with IANA and used by redis-py: `redis`, `rediss` (TLS) and
`unix://[user:password@]/path?db=0`. So are the names of TLS's files:
`rediss://host?ssl_ca_certs=ca.pem&ssl_certfile=mine.pem&ssl_keyfile=key.pem`. Must not know
connections.
"""

from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, quote, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Address:
    """One Redis. `path`: a unix socket, and then `host` and `port` mean nothing.

    `authorities`: a PEM file with those who may vouch for the server, empty: the system's.
    `certificate` and `key`: PEM files of one's own, for a server that asks who we are.
    """

    host: str = "127.0.0.1"
    port: int = 6379
    path: str = ""
    tls: bool = False
    db: int = 0
    username: str = ""
    password: str = field(default="", repr=False)
    authorities: str = ""
    certificate: str = ""
    key: str = ""

    def at(self, host: str, port: int) -> "Address":
        return replace(self, host=host, port=port)

    @property
    def shown(self) -> str:
        """For people and logs: where, without any secret."""
        return self.path or f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Seeds:
    """Some of the servers of a Redis Cluster. `to`: how each of its masters is talked to."""

    hosts: tuple[tuple[str, int], ...]
    to: Address

    @property
    def shown(self) -> str:
        """For people and logs: where, without any secret."""
        return ", ".join(f"{host}:{port}" for host, port in self.hosts)


_FILES = {"ssl_ca_certs": "authorities", "ssl_certfile": "certificate", "ssl_keyfile": "key"}


def parse(url: str) -> "Address | Seeds":
    """A URL's parts. Raises ValueError, which says what was expected and quotes no secret."""
    if url.startswith("redis+cluster://"):
        hosts = tuple(
            (h.rpartition(":")[0], int(h.rpartition(":")[2])) for h in url[16:].split(",")
        )
        return Seeds(hosts, Address())
    try:
        parts = urlsplit(url)
        port = parts.port or 6379
    except ValueError:  # its message may quote what is part of a password
        raise ValueError(
            "not a URL such as redis://user:password@127.0.0.1:6379/0"
            " (special characters of a password are written as %XX)"
        ) from None
    path = ""
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    named = asked.get("db", "0")
    files = {field: asked[name] for name, field in _FILES.items() if name in asked}
    if files and parts.scheme != "rediss":
        raise ValueError(f"{' and '.join(_FILES.keys() & asked.keys())} need rediss://")
    if files.keys() & {"certificate", "key"} and not {"certificate", "key"} <= files.keys():
        raise ValueError("ssl_certfile and ssl_keyfile come together")
    if parts.scheme in ("redis", "rediss"):
        if not parts.hostname:
            raise ValueError("a host is missing, as in redis://127.0.0.1:6379/0")
        named = parts.path.lstrip("/") or named
    elif parts.scheme == "unix":
        if not parts.path:
            raise ValueError("a path is missing, as in unix:///run/redis.sock?db=0")
        path = unquote(parts.path)
    else:
        raise ValueError("expected redis://, rediss:// or unix://")
    if not (named.isascii() and named.isdigit()):
        raise ValueError("the database must be a number, as in redis://127.0.0.1:6379/0")
    return Address(
        host=parts.hostname or "",
        path=path,
        port=port,
        tls=parts.scheme == "rediss",
        db=int(named),
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        **files,
    )


def with_password(url: str, password: str) -> str:
    """The URL of the same Redis with this password in it, in place of its own if it has one."""
    parts = urlsplit(url)
    user, at, where = parts.netloc.rpartition("@")
    user = user.partition(":")[0] if at else ""
    return parts._replace(netloc=f"{user}:{quote(password, safe='')}@{where}").geturl()
