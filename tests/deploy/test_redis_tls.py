"""`deploy/k8s/overlays/single-tls`: Redis as its pod starts it, with nothing but TLS."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import yaml

from broker.ping import Unreachable, ping
from tests.deploy.test_balancer import free_ports
from tests.support.pki import Authority
from tests.support.processes import await_fact

DEPLOY = Path(__file__).parents[2] / "deploy"
OVERLAY = DEPLOY / "k8s" / "overlays" / "single-tls"
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
PASSWORD = "opensesame"
NEEDED = ("kubectl", "redis-server", "redis-cli")


def speaks_tls() -> bool:
    """Whether the server here was built with it: then it asks for what is missing."""
    file = "/nowhere"
    words = ("redis-server", "--port", "0", "--tls-port", "1", "--tls-cert-file", file)
    said = subprocess.run(
        [*words, "--tls-key-file", file], capture_output=True, text=True, check=False, timeout=60
    ).stdout
    return "tls-ca-cert-file" in said


pytestmark = pytest.mark.skipif(
    any(which(one) is None for one in NEEDED) or not speaks_tls(),
    reason="there is no kubectl here, or no Redis that speaks TLS",
)


class Pod:
    """The container of Redis that the overlay brings, its files in a folder, at another port."""

    def __init__(self, folder: Path) -> None:
        rendered = subprocess.run(
            ["kubectl", "kustomize", OVERLAY], capture_output=True, text=True, check=True
        ).stdout
        (redis,) = [
            one
            for one in yaml.safe_load_all(rendered)
            if (one["kind"], one["metadata"]["name"]) == ("StatefulSet", "redis")
        ]
        (self._container,) = redis["spec"]["template"]["spec"]["containers"]
        (self.port,) = free_ports(1)
        self._folder = folder
        for name in ("data", "secrets", "tls"):
            (folder / name).mkdir()
        (folder / "secrets" / "redis_node").write_text(PASSWORD)
        authority = Authority(folder)
        authority.issue("redis", "127.0.0.1")
        for made, mounted in {
            "redis.pem": "tls.crt",
            "redis.key": "tls.key",
            "ca.pem": "ca.crt",
        }.items():
            (folder / made).rename(folder / "tls" / mounted)
        self.url = (
            f"rediss://node:{PASSWORD}@127.0.0.1:{self.port}/0?ssl_ca_certs={folder}/tls/ca.crt"
        )

    def _here(self, words: list[str]) -> list[str]:
        """As words of the container are meant on this machine."""
        return [
            word.replace("/run/tls", str(self._folder / "tls"))
            .replace("/usr/local/etc/redis", str(DEPLOY / "redis"))
            .replace("6379", str(self.port))
            .replace("redis-cli", f"redis-cli -p {self.port}")
            for word in words
        ]

    @contextmanager
    def runs(self) -> Iterator[None]:
        command = self._here([*self._container["command"], *self._container["args"]])
        places = {
            "REDIS_DATA": str(self._folder / "data"),
            "REDIS_SECRETS": str(self._folder / "secrets"),
        }
        with (self._folder / "log").open("wb") as log:
            process = subprocess.Popen(command, env=os.environ | places, stdout=log, stderr=log)
        try:
            await_fact(lambda: process.poll() is not None or self.answers(PROBES[0]), 30)
            assert process.poll() is None, (self._folder / "log").read_text()
            yield
        finally:
            process.terminate()
            process.wait(30)

    def answers(self, probe: str) -> bool:
        asked: dict[str, Any] = self._container[probe]["exec"]
        done = subprocess.run(self._here(asked["command"]), capture_output=True, check=False)
        return done.returncode == 0


def test_redis_speaks_tls_with_who_knows_its_authority_and_with_nobody_else(
    tmp_path: Path,
) -> None:
    pod = Pod(tmp_path)
    with pod.runs():
        assert [True] * 3 == [pod.answers(probe) for probe in PROBES]
        ping(pod.url)
        for other in (
            pod.url.partition("?")[0],
            pod.url.replace("rediss", "redis").partition("?")[0],
        ):
            with pytest.raises(Unreachable):
                ping(other)
