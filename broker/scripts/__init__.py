"""The scripts: one atomic state change per Lua file. What is a single plain command anyway (a
row of an index, say) has none.

Each file lists its KEYS and ARGV at its head; all keys of a call are in one slot. Files
that begin with `_` are put before others, as `_USES` says.
"""

from hashlib import sha1
from importlib.resources import files
from typing import NamedTuple

_USES: dict[str, tuple[str, ...]] = {
    "admit": (),
    "alter": ("_member", "_log"),
    "amend": ("_member", "_rules", "_moving", "_settle", "_log"),
    "arrive": ("_member", "_moving"),
    "ban": (),
    "bans": (),
    "berth": ("_member", "_rules", "_moving", "_settle", "_log"),
    "bygone": (),
    "carry": (),
    "claim": ("_log", "_was"),
    "count": (),
    "describe": (),
    "detach": ("_kept",),
    "expire": (),
    "flash": ("_member", "_rules", "_log", "_fleeting"),
    "gather": (),
    "heartbeat": (),
    "history": ("_history",),
    "index": (),
    "invite": ("_member", "_rules", "_moving", "_settle", "_log", "_asking"),
    "join": ("_member", "_rules", "_moving", "_settle", "_log", "_history"),
    "keep": ("_kept",),
    "kick": ("_member", "_rules", "_moving", "_settle", "_log", "_asking"),
    "lag": ("_kept",),
    "lapse": ("_kept",),
    "leave": ("_member", "_rules", "_moving", "_settle", "_log"),
    "look": ("_member",),
    "mark": (),
    "move": ("_member", "_rules", "_moving", "_settle", "_log", "_asking"),
    "note": ("_log",),
    "offer": (),
    "post": ("_member", "_rules", "_moving", "_settle", "_log"),
    "read": (),
    "reclaim": ("_kept", "_log"),
    "recover": (),
    "redact": ("_member", "_rules", "_moving", "_settle", "_log"),
    "regain": ("_kept", "_member", "_log"),
    "reinvite": ("_member", "_rules"),
    "release": ("_was",),
    "rename": ("_member", "_log"),
    "reserve": (),
    "retract": ("_member", "_rules", "_moving", "_settle", "_log"),
    "roster": ("_member",),
    "rule": ("_member", "_rules", "_moving", "_settle", "_log", "_asking"),
    "say": ("_member", "_rules", "_log"),
    "secret": (),
    "settle": ("_member", "_rules", "_moving", "_settle"),
    "shelve": (),
    "span": ("_history",),
    "status": (),
    "take": ("_kept", "_log"),
    "taken": ("_kept",),
    "talk": (),
    "tell": ("_member", "_rules", "_moving", "_settle", "_log"),
    "topic": ("_member", "_rules", "_log"),
    "trim": (),
    "unban": (),
    "unberth": (),
    "unshelve": (),
    "uphold": ("_member", "_rules"),
    "wink": ("_log", "_fleeting"),
}


MOMENT = 60
"""Seconds that a log outlives its last holder, so that a node that missed its end can read it."""


class Script(NamedTuple):
    """A script's text and the SHA-1 under which Redis keeps it (hex)."""

    name: str
    text: str
    sha: str


def load(flags_known: bool = True, *, sharded: bool = False) -> dict[str, Script]:
    """All scripts by name, each with what it uses put before it.

    `flags_known`: whether the server understands a `#!lua flags=` line (Redis 7 and Valkey
    do). Without, a server that is out of memory also refuses what would free some. `sharded`: what
    they publish is for who hears it at this master of a Redis Cluster.
    """
    folder = files(__name__)
    scripts = {}
    for name, uses in _USES.items():
        body = (folder / f"{name}.lua").read_text()
        flags = ""
        if body.startswith("#!"):
            flags, body = body.split("\n", 1)
            flags = flags + "\n" if flags_known else ""
        prelude = "".join((folder / f"{part}.lua").read_text() for part in uses)
        text = flags + prelude + body
        if sharded:
            text = text.replace("'PUBLISH'", "'SPUBLISH'")
        scripts[name] = Script(name, text, sha1(text.encode(), usedforsecurity=False).hexdigest())
    return scripts
