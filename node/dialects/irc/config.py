"""What an operator says of the IRC door."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IrcConfig:
    """`server`: what all nodes call themselves. `network`: its name for people. `version`: of
    chorus. `created`: when the node began (Unix seconds). `motd`: its lines as they are now; none:
    there's none.
    `admin`: two lines of where and who it is, and an address to write to. `channels`: how many
    one may be in. `password`: that everybody has to give; empty: none. `sts`: the port on
    which to use TLS, and for how many seconds that's to be remembered (IRCv3 STS); None: they
    needn't.
    """

    server: str = "irc.chorus"
    network: str = "chorus"
    version: str = "0"
    created: float = 0.0
    motd: Callable[[], Sequence[str]] = tuple
    admin: tuple[str, str, str] = ("", "", "")
    channels: int = 100
    password: str = ""
    sts: tuple[int, int] | None = None

    @property
    def since(self) -> str:
        """When the node began, for people."""
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self.created))
