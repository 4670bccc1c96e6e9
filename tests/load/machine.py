"""What the figures were measured on: the machine, and the versions of all that took part.

Says nothing that would name the machine.
"""

import os
import platform
import re
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import node
from broker.embedded import find_server
from tests.load.columns import PEERS
from tests.load.peers import find

PACKAGES = ("Twisted", "txredisapi", "hiredis", "msgspec")


def machine() -> list[tuple[str, str]]:
    """Names and values."""
    return [
        ("cores", str(os.cpu_count())),
        ("CPU", _first(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()) or "unknown"),
        ("memory", f"{_memory() / 2**30:.1f} GiB"),
        ("kernel", f"{platform.system()} {platform.release()}"),
    ]


def versions() -> list[tuple[str, str]]:
    """Names and versions. Peers only if they're here."""
    return [
        ("chorus", node.__version__),
        ("Python", platform.python_version()),
        *((name, version(name)) for name in PACKAGES),
        ("Valkey or Redis", _printed(str(find_server()), r"v=(\S+)")),
        *_peers(),
    ]


def _peers() -> Iterator[tuple[str, str]]:
    for name, columns in PEERS.items():
        program = find(name)
        if program is not None:
            yield columns[0].title, _printed(str(program), r"(?i)ircd[- ](\d[\w.]*)")


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _printed(program: str, pattern: str) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return _first(pattern, said.stdout + said.stderr) or "unknown"


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found is not None else ""
