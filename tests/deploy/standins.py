"""Images that stand in for those that compose.yaml and the Dockerfile name, made from Debian's
packages: so the shipped files are tried as they are, where no registry of images is to be had.

One image has them all: Python and pip, a Redis, HAProxy, the exporter of Redis's metrics; it only
has another name, or starts another program. Prometheus is this machine's own. Grafana is in no
Debian: what has its name only looks at what it's given (`grafana.py`). Must not know what is done
with them.
"""

import os
import re
import shutil
from pathlib import Path
from typing import Any

from tests.deploy.daemon import Daemon

PACKAGES = (
    "python3,python3-pip,redis-server,redis-tools,haproxy,prometheus-redis-exporter,ca-certificates"
)
RELEASE = "bookworm"

_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
_DOCKERFILE = """
FROM debian:standin
COPY authorities.crt {authorities}
ENV {environ}
RUN mkdir -p /data /usr/local/etc/haproxy && chown 999:999 /data
"""

_OTHERS = {
    "redis-exporter": 'ENTRYPOINT ["/usr/bin/prometheus-redis-exporter"]',
    "prometheus": """
COPY prometheus /bin/prometheus
RUN /bin/prometheus --version && mkdir /prometheus && chown 65534:65534 /prometheus
ENTRYPOINT ["/bin/prometheus"]
""",
    "grafana": """
COPY grafana.py /grafana.py
RUN mkdir /var/lib/grafana && chown 472:0 /var/lib/grafana
ENTRYPOINT ["/usr/bin/python3", "/grafana.py"]
""",
}
"""What services of compose.yaml have besides, by their names."""


def build(daemon: Daemon, folder: Path, root: Path, compose: dict[str, Any]) -> None:
    """Make one image, under all names that the shipped files need and don't build. Takes a minute
    or two.

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
    _made(daemon, context, dockerfile, "standin")
    for name in _named(root, compose):
        daemon.run("docker", "tag", "standin", name)


def _named(root: Path, compose: dict[str, Any]) -> set[str]:
    """The images that need nothing besides."""
    services = compose["services"].values()
    used = {s["image"] for s in services if "build" not in s and "profiles" not in s}
    dockerfile = (root / "deploy" / "Dockerfile").read_text()
    return used | set(re.findall(r"^ARG PYTHON=(\S+)$", dockerfile, re.MULTILINE))


def build_others(daemon: Daemon, folder: Path, compose: dict[str, Any]) -> bool:
    """Make those of the profile `monitoring`, from the one that's there. Whether it could be done:
    there may be no Prometheus here, or one that doesn't run in there.
    """
    context = folder / "others"
    context.mkdir()
    prometheus = shutil.which("prometheus")
    if prometheus is None:
        return False
    shutil.copy(prometheus, context / "prometheus")
    shutil.copy(Path(__file__).with_name("grafana.py"), context)
    for service, lines in _OTHERS.items():
        try:
            image = compose["services"][service]["image"]
            _made(daemon, context, f"FROM standin\n{lines}\n", image)
        except RuntimeError:
            return False
    return True


def _made(daemon: Daemon, context: Path, dockerfile: str, name: str) -> None:
    (context / "Dockerfile").write_text(dockerfile)
    daemon.run("docker", "build", "--quiet", "--tag", name, context)
