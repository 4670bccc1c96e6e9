"""Images that stand in for those that compose.yaml and the Dockerfile name, made from Debian's
packages: so the shipped files are tried as they are, where no registry of images is to be had.

One image has them all: Python and pip, a Redis, HAProxy. Must not know what is done with them.
"""

import os
import re
from pathlib import Path
from typing import Any

from tests.deploy.daemon import Daemon

PACKAGES = "python3,python3-pip,redis-server,redis-tools,haproxy,ca-certificates"
RELEASE = "bookworm"

_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
_DOCKERFILE = """
FROM debian:standin
COPY authorities.crt {authorities}
ENV {environ}
RUN mkdir -p /data /usr/local/etc/haproxy && chown 999:999 /data
"""


def named(root: Path, compose: dict[str, Any]) -> set[str]:
    """The images that the shipped files name and don't build, without those of profiles."""
    services = compose["services"].values()
    used = {s["image"] for s in services if "build" not in s and "profiles" not in s}
    dockerfile = (root / "deploy" / "Dockerfile").read_text()
    return used | set(re.findall(r"^ARG PYTHON=(\S+)$", dockerfile, re.MULTILINE))


def build(daemon: Daemon, folder: Path, names: set[str]) -> None:
    """Make one image, under all these names. Takes a minute or two.

    It trusts whom this machine trusts, and pip in it is set up as here.
    """
    tar = folder / "debian.tar"
    daemon.run("mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", RELEASE, tar)
    path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    daemon.run("docker", "import", "--change", f"ENV {path}", tar, "debian:standin")
    context = folder / "standin"
    context.mkdir()
    (context / "authorities.crt").write_bytes(_AUTHORITIES.read_bytes())
    set_up = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    set_up["PIP_CERT"] = str(_AUTHORITIES)
    environ = " ".join(f'{name}="{value}"' for name, value in set_up.items())
    dockerfile = _DOCKERFILE.format(authorities=_AUTHORITIES, environ=environ)
    (context / "Dockerfile").write_text(dockerfile)
    daemon.run("docker", "build", "--quiet", "--tag", "standin", context)
    for name in names:
        daemon.run("docker", "tag", "standin", name)
