"""A Docker daemon of our own: on its own socket, with its own data, and gone at the end.

It changes how this machine forwards packets; that's put back. Must not know what it runs.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Self

from tests.support.processes import await_fact

NEEDED = ("dockerd", "docker", "iptables", "mmdebstrap")
"""From Debian's packages docker.io, iptables and mmdebstrap."""

LONGEST = 180
"""Seconds for one command. The slowest, which fetches packages, takes 20 to 40."""

_FORWARDS = Path("/proc/sys/net/ipv4/ip_forward")
_CHAINS = {
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
}


def lacking() -> list[str]:
    """Why no daemon can be started here; empty if one can."""
    missing = [f"there is no {name}" for name in NEEDED if shutil.which(name) is None]
    return missing if os.getuid() == 0 else [*missing, "it needs root"]


class Daemon:
    """As a context manager: it runs, and nothing of it stays but `folder`, whose path is short.

    `config`: the folder in which `docker` looks for plugins.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "config"
        self._log = folder / "dockerd.log"
        self._host = f"unix://{folder / 'docker.sock'}"
        self.environ = os.environ | {"DOCKER_HOST": self._host, "DOCKER_CONFIG": str(self.config)}

    def __enter__(self) -> Self:
        self._forwarded, self._rules = _FORWARDS.read_text(), _rules()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    "dockerd",
                    f"--host={self._host}",
                    f"--data-root={self.folder / 'data'}",
                    f"--exec-root={self.folder / 'exec'}",
                    f"--pidfile={self.folder / 'pid'}",
                ],
                stdout=log,
                stderr=log,
            )
        await_fact(self._answers, 60)
        return self

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(self._log.read_text()[-2000:])
        asked = subprocess.run(
            ["docker", "info"], env=self.environ, capture_output=True, check=False
        )
        return asked.returncode == 0

    def run(self, *command: str | Path, cwd: Path | None = None) -> str:
        """What a command printed that speaks to the daemon. Raises RuntimeError with its words, or
        if it takes longer than any should.
        """
        try:
            done = subprocess.run(
                command,
                env=self.environ,
                cwd=cwd,
                capture_output=True,
                text=True,
                check=False,
                timeout=LONGEST,
            )
        except subprocess.TimeoutExpired:
            words = " ".join(map(str, command))
            raise RuntimeError(f"{words}: no end within {LONGEST} seconds") from None
        if done.returncode:
            words = (done.stdout + done.stderr)[-3000:]
            raise RuntimeError(f"{' '.join(map(str, command))}: {words}")
        return done.stdout

    def __exit__(self, *_exc: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        subprocess.run(["iptables-restore"], input=self._rules, text=True, check=True)
        _FORWARDS.write_text(self._forwarded)
        for undo in (
            ("ip", "link", "del", "docker0"),
            ("umount", self.folder / "exec" / "netns" / "default"),
        ):
            subprocess.run(undo, capture_output=True, check=False)


def _rules() -> str:
    """What `iptables-restore` needs to have things as they are: also tables that aren't there."""
    saved = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout
    for table, chains in _CHAINS.items():
        if f"*{table}\n" not in saved:
            saved += "".join(
                [f"*{table}\n", *(f":{chain} ACCEPT\n" for chain in chains), "COMMIT\n"]
            )
    return saved
