"""What is shipped for Docker fits together, and the settings that nodes have."""

import os
import re
import subprocess
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import yaml

from node.options import rows
from node.settings import Settings
from tests.support.doors import certificate

ROOT = Path(__file__).parents[2]
KNOWN = {row.env for row in rows(Settings)}
CONFIG = ROOT / "deploy" / "haproxy" / "haproxy.cfg"
BALANCER = CONFIG.read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())


def test_compose_gives_nodes_settings_that_they_have() -> None:
    assert set() == COMPOSE["services"]["node"]["environment"].keys() - KNOWN


def test_a_container_may_take_longer_to_end_than_its_drain_and_its_goodbye() -> None:
    grace = COMPOSE["services"]["node"]["stop_grace_period"]
    assert Settings().drain + 5 < int(grace.removesuffix("s"))


@pytest.mark.parametrize("service", COMPOSE["services"].values(), ids=COMPOSE["services"])
def test_a_container_has_no_rights_and_a_bound(service: Any) -> None:
    assert service["read_only"] is True
    assert ["ALL"] == service["cap_drop"]
    assert service["mem_limit"] and service["restart"] == "unless-stopped"
    assert not {"privileged", "container_name", "network_mode"} & service.keys()


def test_every_secret_has_a_file_that_the_script_makes() -> None:
    script = (ROOT / "deploy" / "secrets" / "make.sh").read_text()
    for secret in COMPOSE["secrets"].values():
        assert Path(secret["file"]).name in script


def test_every_door_of_a_node_has_its_place_in_the_balancer() -> None:
    given = COMPOSE["services"]["node"]["environment"]
    doors = {given[f"CHORUS_{kind}"].removeprefix("tcp:") for kind in ("LINE", "IRC", "HTTP")}
    published = [one.rpartition(":")[2] for one in COMPOSE["services"]["balancer"]["ports"]]
    assert doors < set(published)
    for port in doors:
        assert f"    bind :{port}\n" in BALANCER
        assert re.search(rf"server-template node 50 node:{port}\b", BALANCER)


def checked(**variables: str) -> "subprocess.CompletedProcess[str]":
    """What the balancer says to its configuration."""
    return subprocess.run(
        ["haproxy", "-c", "-f", CONFIG],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


without_haproxy = pytest.mark.skipif(which("haproxy") is None, reason="there is no haproxy here")


@without_haproxy
@pytest.mark.parametrize("variables", [{}, {"CHORUS_IRC_CERTIFICATE": ""}], ids=["unset", "empty"])
def test_the_balancer_takes_its_configuration(variables: dict[str, str]) -> None:
    done = checked(**variables)
    assert 0 == done.returncode, done.stderr


@without_haproxy
def test_the_balancer_takes_a_certificate_for_irc_and_misses_one_that_is_not_there(
    tmp_path: Path,
) -> None:
    key, made = certificate(tmp_path)
    both = tmp_path / "both.pem"
    both.write_bytes(made.read_bytes() + key.read_bytes())
    done = [checked(CHORUS_IRC_CERTIFICATE=name) for name in (str(both), "no.pem")]
    assert [0, 1] == [one.returncode for one in done], done[0].stderr
