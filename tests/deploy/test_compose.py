"""What is shipped for Docker fits together, and the settings that nodes have."""

import subprocess
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import yaml

from node.options import rows
from node.settings import Settings

ROOT = Path(__file__).parents[2]
KNOWN = {row.env for row in rows(Settings)}
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


@pytest.mark.skipif(which("haproxy") is None, reason="there is no haproxy here")
def test_the_balancer_takes_its_configuration() -> None:
    config = ROOT / "deploy" / "haproxy" / "haproxy.cfg"
    done = subprocess.run(
        ["haproxy", "-c", "-f", config], capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr
