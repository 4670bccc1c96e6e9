"""Where Redis is: the parts of a URL such as `redis://user:password@host:6379/0`.

    redis://HOST:PORT/DB  rediss://...  unix:///SOCKET?db=DB      one server: Address
    redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/DB               whoever sentinels name: Sentinels
    redis+cluster://HOST:PORT,HOST:PORT                           the masters of a cluster: Seeds

Schemes as registered with IANA and used by redis-py: `redis`, `rediss` (TLS) and
`unix://[user:password@]/path?db=0`. So are the names of TLS's files:
`rediss://host?ssl_ca_certs=ca.pem&ssl_certfile=mine.pem&ssl_keyfile=key.pem`. The other two have
TLS as `rediss+sentinel` and `rediss+cluster`; `sentinel_username` and `sentinel_password` are for
the sentinels themselves. Must not know connections.
"""

import re
from dataclasses import dataclass, field, replace
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

Place = tuple[str, int]
"""Host and port."""

SENTINEL_PORT = 26_379


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

    def at(self, place: Place) -> "Address":
        """The same somewhere else."""
        return replace(self, host=place[0], port=place[1])

    @property
    def shown(self) -> str:
        """For people and logs: where, without any secret."""
        return self.path or f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Sentinels:
    """The sentinels who know where the master of `service` is. `to`: how it's talked to, wherever
    it is; `sentinel`: how they are.
    """

    places: tuple[Place, ...]
    service: str
    to: Address
    sentinel: Address

    @property
    def shown(self) -> str:
        """For people and logs: where, without any secret."""
        return f"{self.service} of the sentinels {_shown(self.places)}"


@dataclass(frozen=True, slots=True)
class Seeds:
    """Some of the servers of a Redis Cluster. `to`: how each of its masters is talked to."""

    places: tuple[Place, ...]
    to: Address

    @property
    def shown(self) -> str:
        """For people and logs: where, without any secret."""
        return f"the cluster of {_shown(self.places)}"


Where = Address | Sentinels | Seeds


def _shown(places: tuple[Place, ...]) -> str:
    return ",".join(f"{host}:{port}" for host, port in places)


_FILES = {"ssl_ca_certs": "authorities", "ssl_certfile": "certificate", "ssl_keyfile": "key"}

_SCHEMES = {
    "redis": "",
    "rediss": "",
    "unix": "unix",
    "redis+sentinel": "sentinel",
    "rediss+sentinel": "sentinel",
    "redis+cluster": "cluster",
    "rediss+cluster": "cluster",
}


def parse(url: str) -> Where:
    """A URL's parts. Raises ValueError, which says what was expected and quotes no secret."""
    try:
        scheme, account, netloc, rest = _split(url)
        parts = urlsplit(f"{scheme}://{rest}")
        kind = _SCHEMES.get(scheme)
        default = SENTINEL_PORT if kind == "sentinel" else 6379
        places = tuple(_place(each, default) for each in netloc.split(",")) if netloc else ()
    except ValueError:  # its message may quote what is part of a password
        raise ValueError(
            "not a URL such as redis://user:password@127.0.0.1:6379/0"
            " (special characters of a password are written as %XX)"
        ) from None
    if kind is None:
        raise ValueError(
            "expected redis://, rediss://, unix://, redis+sentinel://, redis+cluster://"
        )
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if kind != "unix" and not all(host for host, _ in places or (("", 0),)):
        raise ValueError(f"a host is missing, as in {_EXAMPLES[kind]}")
    if kind in ("", "unix") and len(places) > 1:
        raise ValueError("several hosts need redis+sentinel:// or redis+cluster://")
    username, _, password = account.partition(":")
    files = _files(asked, parts)
    to = Address(
        tls=parts.scheme.startswith("rediss"),
        username=unquote(username),
        password=unquote(password),
        authorities=files.get("authorities", ""),
        certificate=files.get("certificate", ""),
        key=files.get("key", ""),
    )
    match kind:
        case "sentinel":
            return _sentinels(places, parts, asked, to)
        case "cluster":
            if parts.path.strip("/") or "db" in asked:
                raise ValueError("a Redis Cluster has one database, and none can be chosen")
            return Seeds(places, to)
        case "unix":
            if not parts.path:
                raise ValueError("a path is missing, as in unix:///run/redis.sock?db=0")
            return replace(to, host="", path=unquote(parts.path), db=_db("", asked))
        case _:
            return replace(to.at(places[0]), db=_db(parts.path.lstrip("/"), asked))


_EXAMPLES = {
    "": "redis://127.0.0.1:6379/0",
    "sentinel": "redis+sentinel://10.0.0.1:26379,10.0.0.2:26379/mymaster/0",
    "cluster": "redis+cluster://10.0.0.1:6379,10.0.0.2:6379",
}


def _split(url: str) -> tuple[str, str, str, str]:
    """Scheme, account, hosts, and what comes after. `urlsplit` may refuse several hosts in one URL
    if there are brackets among them.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return "", "", "", url
    place = re.split("[/?#]", rest, maxsplit=1)[0]
    account, _, hosts = place.rpartition("@")
    return scheme.lower(), account, hosts, rest[len(place) :]


def _place(text: str, default: int) -> Place:
    parts = urlsplit(f"//{text}")
    return parts.hostname or "", parts.port or default


def _files(asked: dict[str, str], parts: SplitResult) -> dict[str, str]:
    files = {field: asked[name] for name, field in _FILES.items() if name in asked}
    if files and not parts.scheme.startswith("rediss"):
        raise ValueError(f"{' and '.join(_FILES.keys() & asked.keys())} need rediss://")
    if files.keys() & {"certificate", "key"} and not {"certificate", "key"} <= files.keys():
        raise ValueError("ssl_certfile and ssl_keyfile come together")
    return files


def _db(named: str, asked: dict[str, str]) -> int:
    named = named or asked.get("db", "0")
    if not (named.isascii() and named.isdigit()):
        raise ValueError("the database must be a number, as in redis://127.0.0.1:6379/0")
    return int(named)


def _sentinels(
    places: tuple[Place, ...], parts: SplitResult, asked: dict[str, str], to: Address
) -> Sentinels:
    service, _, db = parts.path.lstrip("/").partition("/")
    if not service:
        raise ValueError(f"the service's name is missing, as in {_EXAMPLES['sentinel']}")
    sentinel = replace(
        to,
        username=asked.get("sentinel_username", ""),
        password=asked.get("sentinel_password", ""),
    )
    return Sentinels(places, unquote(service), replace(to, db=_db(db, asked)), sentinel)


def with_password(url: str, password: str) -> str:
    """The URL of the same Redis with this password in it, in place of its own if it has one."""
    scheme, account, hosts, rest = _split(url)
    user = account.partition(":")[0]
    return f"{scheme}://{user}:{quote(password, safe='')}@{hosts}{rest}"
