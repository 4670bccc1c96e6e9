"""What is shipped for Docker and Kubernetes fits together, and the settings that nodes have."""

import subprocess
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import yaml

from node.options import rows
from node.settings import Settings

ROOT = Path(__file__).parents[2]
BASE = ROOT / "deploy" / "k8s" / "base"
KNOWN = {row.env for row in rows(Settings)}
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())


def manifests() -> dict[tuple[str, str], Any]:
    """What is in the base and the overlay with one Redis, by kind and name."""
    files = [*BASE.glob("*.yaml"), BASE.parent / "overlays" / "single" / "redis.yaml"]
    found = [one for file in files for one in yaml.safe_load_all(file.read_text())]
    named = [one for one in found if one["kind"] != "Kustomization"]
    return {(one["kind"], one["metadata"]["name"]): one for one in named}


MANIFESTS = manifests()
NODE = MANIFESTS["Deployment", "node"]["spec"]["template"]["spec"]
(CONTAINER,) = NODE["containers"]
CONFIG = MANIFESTS["ConfigMap", "node"]["data"]
WORKLOADS = [one for (kind, _), one in MANIFESTS.items() if kind in ("Deployment", "StatefulSet")]


def test_compose_gives_nodes_settings_that_they_have() -> None:
    assert set() == COMPOSE["services"]["node"]["environment"].keys() - KNOWN


def test_kubernetes_gives_nodes_settings_that_they_have() -> None:
    given = CONFIG.keys() | {one["name"] for one in CONTAINER["env"]}
    assert set() == given - KNOWN


def test_a_pod_may_take_longer_to_end_than_its_drain_and_its_goodbye() -> None:
    pre_stop, goodbye = 5, 5
    assert pre_stop + int(CONFIG["CHORUS_DRAIN"]) + goodbye < NODE["terminationGracePeriodSeconds"]


def test_a_container_may_take_longer_to_end_than_its_drain_and_its_goodbye() -> None:
    grace = COMPOSE["services"]["node"]["stop_grace_period"]
    assert Settings().drain + 5 < int(grace.removesuffix("s"))


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda one: one["metadata"]["name"])
def test_a_workload_selects_its_own_pods_and_gives_them_no_rights(workload: Any) -> None:
    spec = workload["spec"]
    pod = spec["template"]
    assert spec["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    for container in pod["spec"]["containers"]:
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"]
        assert ["ALL"] == security["capabilities"]["drop"]
        assert container["resources"]["limits"]["memory"]
        mounts = {mount["name"] for mount in container["volumeMounts"]}
        claimed = {one["metadata"]["name"] for one in spec.get("volumeClaimTemplates", [])}
        assert mounts == {one["name"] for one in pod["spec"]["volumes"]} | claimed


@pytest.mark.parametrize(
    "kind, name, found",
    [
        ("Service", "chorus", "Deployment"),
        ("Service", "nodes", "Deployment"),
        ("Service", "redis", "StatefulSet"),
    ],
)
def test_a_service_finds_pods_and_their_ports(kind: str, name: str, found: str) -> None:
    service = MANIFESTS[kind, name]["spec"]
    (workload,) = [one for one in WORKLOADS if one["kind"] == found]
    pod = workload["spec"]["template"]
    assert service["selector"].items() <= pod["metadata"]["labels"].items()
    ports = {port["name"] for one in pod["spec"]["containers"] for port in one["ports"]}
    assert {port["targetPort"] for port in service["ports"]} <= ports


@pytest.mark.parametrize("kind, name", [("PodDisruptionBudget", "node"), ("NetworkPolicy", "node")])
def test_what_is_about_nodes_selects_them(kind: str, name: str) -> None:
    spec = MANIFESTS[kind, name]["spec"]
    selected = spec.get("selector", spec.get("podSelector"))["matchLabels"]
    labels = MANIFESTS["Deployment", "node"]["spec"]["template"]["metadata"]["labels"]
    assert selected.items() <= labels.items()


def test_an_image_of_kubernetes_is_the_one_that_compose_builds() -> None:
    assert CONTAINER["image"] == COMPOSE["services"]["node"]["image"].partition(":")[0]
    (redis,) = MANIFESTS["StatefulSet", "redis"]["spec"]["template"]["spec"]["containers"]
    assert redis["image"] == COMPOSE["services"]["redis"]["image"]


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


@pytest.mark.skipif(which("kubectl") is None, reason="there is no kubectl here")
def test_the_overlay_builds() -> None:
    overlay = BASE.parent / "overlays" / "single"
    done = subprocess.run(
        ["kubectl", "kustomize", overlay], capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr
    kinds = [one["kind"] for one in yaml.safe_load_all(done.stdout)]
    assert {"Deployment", "StatefulSet", "ConfigMap"} <= set(kinds)
