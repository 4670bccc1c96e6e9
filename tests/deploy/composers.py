"""What reads compose.yaml: docker-compose 1.29, and Compose v2, a plugin of `docker`.

Debian's release that has dockerd has no plugin yet; the next one's package does. It's unpacked for
our daemon alone: nothing is installed, and apt's sources stay as they are. Must not know what is
brought up.
"""

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.deploy.daemon import Daemon

NEXT = "trixie"
"""The Debian release whose package is unpacked."""

_PACKAGE = "docker-compose"
_IN_IT = Path("usr/libexec/docker/cli-plugins/docker-compose")
_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
_SECONDS = 60
"""A mirror that takes longer has no plugin for us."""


class Composer(NamedTuple):
    """Something that does `up`, `down` and so on."""

    version: str
    command: tuple[str, ...]


def found(daemon: Daemon) -> list[Composer]:
    """Those that can be had here, the newest first."""
    plugin = _asked(daemon, "docker", "compose")
    if plugin is None and _fetched(daemon):
        plugin = _asked(daemon, "docker", "compose")
    old = _asked(daemon, "docker-compose") if shutil.which("docker-compose") else None
    return [one for one in (plugin, old) if one is not None]


def _asked(daemon: Daemon, *command: str) -> Composer | None:
    try:
        version = daemon.run(*command, "version", "--short").strip().removeprefix("v")
    except RuntimeError:
        return None
    return Composer(version, command)


def _fetched(daemon: Daemon) -> bool:
    """Whether the plugin could be had, and put where our `docker` looks for it."""
    folder = daemon.folder / "apt"
    try:
        _fetch(folder)
    except (OSError, subprocess.SubprocessError, StopIteration):
        return False
    plugins = daemon.config / "cli-plugins"
    plugins.mkdir(parents=True)
    (folder / _IN_IT).rename(plugins / _PACKAGE)
    return True


def _fetch(folder: Path) -> None:
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    sources = folder / "next.sources"
    sources.write_text(
        f"Types: deb\nURIs: {_mirror()}\nSuites: {NEXT}\nComponents: main\nSigned-By: {_KEYS}\n"
    )
    apt = [
        "apt-get",
        f"-oDir::Etc::sourcelist={sources}",
        "-oDir::Etc::sourceparts=-",
        f"-oDir::State::lists={folder / 'lists'}",
        f"-oDir::Cache={folder / 'cache'}",
        "-oAcquire::Languages=none",
        "-oAPT::Sandbox::User=root",
    ]
    _run([*apt, "update"], folder)
    _run([*apt, "download", _PACKAGE], folder)
    _run(["dpkg-deb", "--extract", *map(str, folder.glob("*.deb")), str(folder)], folder)


def _mirror() -> str:
    """Where this machine has its Debian from."""
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI)"]
    wanted = ["Created-By: Packages", "Origin: Debian", "Component: main"]
    return next(iter(_run([*asked, *wanted], Path("/")).splitlines()))


def _run(command: list[str], folder: Path) -> str:
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=True, timeout=_SECONDS
    ).stdout
