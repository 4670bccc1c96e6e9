"""What is told to a node, and to `chorus up`, before it starts: values, checked here once.

Every setting is one row: its field, its default, and what may stand there. The command line,
the environment and the TOML file are made from these rows (`options`, `sources`, `main`).
"""

import secrets
import socket
from dataclasses import dataclass
from typing import Any

from broker.address import Seeds, parse, with_password
from node.checks import (
    admin_lines,
    balancers,
    between,
    channel_modes,
    channel_or_none,
    endpoints,
    motd_file,
    networks,
    one_of,
    oper_file,
    origins,
    rate,
    redis_url,
    secret_file_or_none,
    spelled,
    token_file,
)
from node.files import read_secret
from node.options import SettingError, flag_of, setting, validate

DOORS = ("line", "irc", "irc_ws", "json", "echo", "http")
"""The settings that open doors."""

_HOST_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."


def draw_name() -> str:
    """A name for a node that was given none: its host's, and six random letters."""
    host = socket.gethostname().split(".")[0]
    kept = "".join(letter for letter in host if letter in _HOST_LETTERS)[:40] or "node"
    return f"{kept}-{''.join(secrets.choice('abcdefghijkmnpqrstuvwxyz') for _ in range(6))}"


def _door(help: str) -> Any:
    return setting((), "ENDPOINT", help, check=endpoints)


def _secret(help: str) -> Any:
    return setting("", "FILE", help, check=secret_file_or_none)


def _pace(default: str, help: str) -> Any:
    return setting(default, "COUNT/SECONDS", help, check=rate)


def _amount(
    default: float, what: str, help: str, least: float, most: float, called: str = ""
) -> Any:
    """So many of something, which is `called` otherwise where it's refused."""
    return setting(default, what, help, check=between(least, most, called or what.lower()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One node's settings. Raises SettingError, which names the first that won't do."""

    redis: str = setting(
        "redis://127.0.0.1:6379/0",
        "URL",
        "Where Redis is: redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://.",
        check=redis_url,
        env="CHORUS_REDIS_URL",
        secret=True,
    )
    redis_password_file: str = _secret(
        "Where the password for Redis is, rather than in its URL. Empty: nowhere."
    )
    line: tuple[str, ...] = _door(
        "Open a chat door for nc and telnet: an endpoint string of Twisted's."
    )
    irc: tuple[str, ...] = _door("Open a chat door for IRC clients.")
    irc_ws: tuple[str, ...] = _door(
        "Open a door for IRC over WebSocket, and nothing else; HTTP doors have it at /irc."
    )
    irc_password_file: str = _secret(
        "Where the password is that IRC clients must give (PASS). Empty: they needn't."
    )
    irc_motd: str = setting(
        "",
        "FILE",
        "A text file with IRC's message of the day, read anew by REHASH. Empty: there is none.",
        check=motd_file,
    )
    irc_admin: str = setting(
        "",
        "LINES",
        "What IRC's ADMIN says of who runs this: three lines at most, with | between them.",
        check=admin_lines,
    )
    irc_sts: int = _amount(
        0,
        "PORT",
        "IRC clients that know STS are to use TLS, on this port, and only that. 0: they needn't.",
        0,
        65_535,
        "as a port",
    )
    irc_sts_days: float = _amount(
        30, "DAYS", "How long they are to remember that. 0: they're to forget it.", 0, 3_650
    )
    echo: tuple[str, ...] = _door("Open a door that sends every byte back.")
    json: tuple[str, ...] = _door("Open a chat door for programs: JSON, a line each.")
    http: tuple[str, ...] = _door(
        "Open a door for HTTP, and for chat over WebSocket at /ws (JSON) and /irc."
    )
    origins: tuple[str, ...] = setting(
        (),
        "ORIGIN",
        "Of which other sites' pages may chat over WebSocket: https://chat.example.org; *: of all.",
        check=origins,
    )
    tokens: str = setting(
        "",
        "FILE",
        "A TOML file with the tokens of those who may use the API; see docs/api.md.",
        check=token_file,
    )
    opers: str = setting(
        "",
        "FILE",
        "A TOML file with those who may become operators in the chat; see docs/operators.md.",
        check=oper_file,
    )
    operators_from: tuple[str, ...] = setting(
        ("127.0.0.0/8", "::1"),
        "NETWORK",
        "Who comes to an HTTP door from here, without a proxy, is an operator. Empty: nobody.",
        check=networks,
    )
    name: str = setting(
        draw_name,
        "NODE",
        "This node's name, one of its own in the cluster. Default: the host's and six letters.",
        check=spelled("-_.", 64),
    )
    server_name: str = setting(
        "chorus",
        "NAME",
        "What people see as the server's name; one for the whole cluster.",
        check=spelled("-_.", 63),
    )
    cloak_secret_file: str = _secret(
        "Where the secret for cloaks is, one for all nodes. Empty: in Redis, drawn at random."
    )
    namespace: str = setting(
        "chorus",
        "NAME",
        "Prefix of every key, so that clusters can share a Redis.",
        check=spelled("-_.:", 64),
    )
    lobby: str = setting(
        "#lobby",
        "CHANNEL",
        "The channel that people find themselves in. Empty: there is none.",
        check=channel_or_none,
    )
    channel_modes: str = setting(
        "n",
        "MODES",
        "The modes of new channels, of Cimnpst. On IRC many expect nt.",
        check=channel_modes,
    )
    limits: bool = setting(
        True,
        "",
        "Lift all limits of rate, per address and of idleness, for benchmarks.",
        negated=True,
    )
    trusted: tuple[str, ...] = setting(
        ("127.0.0.0/8", "::1"),
        "NETWORK",
        "Who comes from here has no limits of rate and per address. Empty: nobody.",
        check=networks,
    )
    balancers: tuple[str, ...] = setting(
        (),
        "NETWORK",
        "Who comes from here (unix: to a unix socket) brings others, as a PROXY header says.",
        check=balancers,
    )
    lines_per_session: str = _pace(
        "100/10", "How fast one person's lines are done; what is more waits. Empty: no limit."
    )
    lines_per_address: str = _pace(
        "1000/10", "As --lines-per-session, for all from one address on a node together."
    )
    joins_per_session: str = _pace(
        "60/60", "How often one person may join a channel. Empty: no limit."
    )
    joins_per_address: str = _pace(
        "600/60", "As --joins-per-session, for all from one address on a node together."
    )
    nicks_per_session: str = _pace(
        "10/60", "How often one person may change their nick. Empty: no limit."
    )
    nicks_per_address: str = _pace(
        "200/60", "As --nicks-per-session, for all from one address on a node together."
    )
    opers_per_address: str = _pace(
        "10/60",
        "How often all from one address on a node may try to become operators. Empty: no limit.",
    )
    connects_per_address: str = _pace(
        "200/60", "How often one address may connect to a node. Empty: no limit."
    )
    connections_per_address: int = _amount(
        100,
        "CONNECTIONS",
        "How many connections one address may have open in the whole cluster. 0: any number.",
        0,
        10_000_000,
    )
    idle: float = _amount(
        86_400,
        "SECONDS",
        "Close the connection of a person from whom nothing came for so long. 0: never.",
        0,
        31_536_000,
    )
    registration: float = _amount(
        60.0,
        "SECONDS",
        "How long one may take to say who one is, where that is to be said (IRC).",
        1,
        86_400,
    )
    dead_peer: int = _amount(
        120,
        "SECONDS",
        "When a peer is taken for dead that doesn't answer TCP. 0: when the system thinks so.",
        0,
        32_767,
    )
    history_lines: int = _amount(1_000, "LINES", "Lines that a channel's log keeps.", 1, 1_000_000)
    history_days: float = _amount(
        7, "DAYS", "Days that a channel's log keeps a line.", 0.001, 3_650
    )
    reuse_port: bool = setting(
        False, "", "Open TCP doors with SO_REUSEPORT, so that nodes can share a port."
    )
    lease: float = _amount(
        8.0,
        "SECONDS",
        "How long the cluster believes in a node of which it hears nothing.",
        0.1,
        3_600,
    )
    drain: float = _amount(
        20.0,
        "SECONDS",
        "When the node ends, close people's connections spread over this time. 0: all at once.",
        0,
        86_400,
    )
    reports: bool = setting(
        True,
        "",
        "Tell Redis nothing of how this node is, so that no dashboard knows it.",
        negated=True,
    )
    log_format: str = setting(
        "text",
        "FORMAT",
        "How a node logs, on standard error: text (for people) or json (for programs).",
        check=one_of("text", "json"),
    )
    log_level: str = setting(
        "info",
        "LEVEL",
        "The least that is logged: debug, info (each connection), warn or error.",
        check=one_of("debug", "info", "warn", "error"),
    )
    ack: str = setting(
        "accepted",
        "LEVEL",
        "When a line counts as done: accepted (Redis has it) or replicated (its replicas, too).",
        check=one_of("accepted", "replicated"),
    )
    replicas: int = _amount(
        1, "N", "With --ack replicated: how many replicas must have a line.", 1, 100, "replicas"
    )
    ack_timeout: float = _amount(
        0.5, "SECONDS", "With --ack replicated: how long replicas are waited for.", 0.01, 60
    )
    outbox_bytes: int = _amount(
        1 << 20,
        "BYTES",
        "What may wait for one reader before the connection is closed.",
        4_096,
        1 << 30,
    )
    inbox_lines: int = _amount(
        500, "LINES", "Private messages that a nick's inbox keeps.", 1, 1_000_000
    )
    keep: float = _amount(
        60.0,
        "SECONDS",
        "How long a session is kept for its token's holder after its connection was lost.",
        0.1,
        86_400,
    )
    channels_per_session: int = _amount(
        100, "CHANNELS", "How many channels one person may be in.", 1, 100_000
    )
    channels_per_address: int = _amount(
        1_000, "CHANNELS", "How many channels may be made from one address.", 1, 10_000_000
    )

    def __post_init__(self) -> None:
        validate(self)
        if self.ack == "replicated" and isinstance(parse(self.redis), Seeds):
            raise SettingError("ack", "accepted: on a Redis Cluster replicas can't be waited for")

    @property
    def redis_url(self) -> str:
        """Where Redis is, with the password."""
        if not self.redis_password_file:
            return self.redis
        return with_password(self.redis, read_secret(self.redis_password_file))

    @property
    def irc_password(self) -> str:
        """What IRC clients must give, or nothing."""
        return read_secret(self.irc_password_file) if self.irc_password_file else ""

    @property
    def doors(self) -> int:
        """How many addresses the node is to listen on."""
        return sum(len(getattr(self, field)) for field in DOORS)


def no_doors() -> SettingError:
    """Nothing was said of where to listen."""
    return SettingError(
        ", ".join(f"--{flag_of(door)}" for door in DOORS), "at least one endpoint to listen on"
    )


UP_DOORS: dict[str, tuple[str, ...]] = {
    "line": ("tcp:1234:interface=127.0.0.1",),
    "irc": ("tcp:6667:interface=127.0.0.1",),
    "irc_ws": (),
    "http": ("tcp:8080:interface=127.0.0.1",),
    "echo": (),
    "json": (),
}
"""What `chorus up` opens if nobody says otherwise: endpoints, by setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpSettings:
    """What `chorus up` is told besides. Raises SettingError."""

    nodes: int = _amount(3, "N", "How many nodes to run.", 1, 64, "nodes")
    state: str = setting(
        ".chorus",
        "DIR",
        "Folder in which the embedded Redis keeps its data, made if need be.",
    )

    def __post_init__(self) -> None:
        validate(self)
