"""The overlays for Kubernetes, as `kubectl kustomize` renders them: whether all fits together.

What Kubernetes itself would refuse its schemas say (kubernetes-validate). What it would take and
what would never work is compared here: names, ports, labels, settings, times.
"""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from shutil import which
from typing import Any

import kubernetes_validate
import pytest
import yaml

from node.options import rows
from node.settings import Settings
from tests.support.prometheus_rule import DEPLOY, MADE, made

KUBERNETES = "1.31"
"""The oldest release whose schemas are asked."""

STORES = ["single", "single-tls", "sentinel", "cluster"]
OVERLAYS = [*STORES, "monitoring"]
KNOWN = {row.env for row in rows(Settings)}
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY.parent / "compose.yaml").read_text())
PRE_STOP, GOODBYE = 5, 5
"""Seconds that a node's end takes besides its drain."""

pytestmark = pytest.mark.skipif(which("kubectl") is None, reason="there is no kubectl here")
each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)
each_store = pytest.mark.parametrize("overlay", STORES)


@cache
def rendered(overlay: str) -> list[Any]:
    """All that an overlay brings."""
    folder = DEPLOY / "k8s" / "overlays" / overlay
    done = subprocess.run(
        ["kubectl", "kustomize", folder], capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def together(overlay: str) -> list[Any]:
    """All that is there when an overlay is: monitoring comes beside another one."""
    return rendered(overlay) + (rendered("cluster") if overlay == "monitoring" else [])


def of(overlay: str, *kinds: str) -> list[Any]:
    return [one for one in together(overlay) if one["kind"] in kinds]


def named(overlay: str, kind: str, name: str) -> Any:
    (found,) = [one for one in of(overlay, kind) if one["metadata"]["name"] == name]
    return found


def config(overlay: str) -> dict[str, str]:
    """The settings of nodes."""
    (found,) = [
        one for one in of(overlay, "ConfigMap") if one["metadata"]["name"].startswith("node-")
    ]
    data: dict[str, str] = found["data"]
    return data


def workloads(overlay: str) -> list[Any]:
    return of(overlay, "Deployment", "StatefulSet", "Job")


def templates(overlay: str) -> list[Any]:
    return [one["spec"]["template"] for one in workloads(overlay)]


def containers(overlay: str) -> Iterator[tuple[Any, Any, Any]]:
    """Each workload, its pod and a container of it."""
    for one in workloads(overlay):
        pod = one["spec"]["template"]["spec"]
        for container in pod["containers"]:
            yield one, pod, container


def selects(selector: Any, labels: dict[str, str]) -> bool:
    """Whether a label selector takes somebody."""
    wanted = selector.get("matchLabels", {}).items() <= labels.items()
    return wanted and all(
        one["operator"] == "In" and labels.get(one["key"]) in one["values"]
        for one in selector.get("matchExpressions", [])
    )


def strings(value: Any) -> Iterator[str]:
    """All text in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)


@each_overlay
def test_kubernetes_takes_it(overlay: str) -> None:
    for one in rendered(overlay):
        if "coreos.com" not in one["apiVersion"]:  # the operator's own kinds have no schema there
            kubernetes_validate.validate(one, KUBERNETES, strict=True)


@each_overlay
def test_nothing_is_there_twice_and_all_is_in_one_namespace(overlay: str) -> None:
    places = [(one["kind"], one["metadata"]["name"]) for one in together(overlay)]
    assert len(set(places)) == len(places)
    spaces = {one["metadata"].get("namespace", "chorus") for one in together(overlay)}
    assert {"chorus"} == spaces


def test_the_namespace_takes_restricted_pods_only() -> None:
    labels = named("single", "Namespace", "chorus")["metadata"]["labels"]
    assert "restricted" == labels["pod-security.kubernetes.io/enforce"]


@each_overlay
def test_pods_are_restricted_and_have_no_rights(overlay: str) -> None:
    accounts = of(overlay, "ServiceAccount")
    assert not any(one["automountServiceAccountToken"] for one in accounts)
    for _, pod, container in containers(overlay):
        assert pod["serviceAccountName"] in {one["metadata"]["name"] for one in accounts}
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert "RuntimeDefault" == pod["securityContext"]["seccompProfile"]["type"]
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"]
        assert ["ALL"] == security["capabilities"]["drop"] and "add" not in security["capabilities"]
        assert container["resources"]["limits"]["memory"] and container["resources"]["requests"]
    assert not of(overlay, "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")


@each_overlay
def test_what_runs_on_is_probed(overlay: str) -> None:
    for workload, _, container in containers(overlay):
        if workload["kind"] == "Job":
            continue
        ports = {port["name"] for port in container["ports"]}
        for probe in ("readinessProbe", "livenessProbe"):
            asked = container[probe]
            assert asked["timeoutSeconds"] <= asked["periodSeconds"]
            assert "exec" in asked or asked["httpGet"]["port"] in ports


@each_overlay
def test_a_workload_selects_its_own_pods_and_nobody_elses(overlay: str) -> None:
    for one in of(overlay, "Deployment", "StatefulSet"):
        found = [
            pod
            for pod in templates(overlay)
            if selects(one["spec"]["selector"], pod["metadata"]["labels"])
        ]
        assert [one["spec"]["template"]] == found


@each_overlay
def test_what_is_mounted_is_there_and_what_is_there_is_mounted(overlay: str) -> None:
    for workload, pod, container in containers(overlay):
        claims = workload["spec"].get("volumeClaimTemplates", [])
        volumes = {one["name"] for one in pod.get("volumes", [])}
        mounted = [one["name"] for one in container.get("volumeMounts", [])]
        assert sorted(mounted) == sorted(volumes | {one["metadata"]["name"] for one in claims})


@each_overlay
def test_every_file_of_a_config_map_is_used(overlay: str) -> None:
    """By a program's arguments, by another file, or as settings."""
    for one in of(overlay, "ConfigMap"):
        labels = one["metadata"].get("labels", {})
        if "grafana_dashboard" in labels:
            continue
        name = one["metadata"]["name"]
        users = [
            container
            for _, pod, container in containers(overlay)
            if name in strings(pod.get("volumes", [])) or name in strings(container)
        ]
        assert users, name
        if any("envFrom" in user for user in users):
            continue
        said = " ".join([*strings(users), *one["data"].values()])
        assert not [file for file in one["data"] if f"/{file}" not in said], name


@each_overlay
def test_every_config_map_and_script_that_is_wanted_is_there(overlay: str) -> None:
    maps = {one["metadata"]["name"]: one["data"] for one in of(overlay, "ConfigMap")}
    for _, pod, container in containers(overlay):
        for one in container.get("envFrom", []):
            assert one["configMapRef"]["name"] in maps
        places = {one["name"]: one["mountPath"] for one in container.get("volumeMounts", [])}
        files = {
            f"{places[one['name']]}/{file}"
            for one in pod.get("volumes", [])
            if "configMap" in one
            for file in maps[one["configMap"]["name"]]
        }
        wanted = {one for one in strings(container) if one.startswith("/usr/local/etc/")}
        assert not wanted - files - set(places.values())


@each_store
def test_nodes_are_given_settings_that_they_have(overlay: str) -> None:
    (container,) = named(overlay, "Deployment", "node")["spec"]["template"]["spec"]["containers"]
    given = config(overlay).keys() | {one["name"] for one in container["env"]}
    assert set() == given - KNOWN


@each_store
def test_a_node_may_take_longer_to_end_than_its_drain_and_its_goodbye(overlay: str) -> None:
    pod = named(overlay, "Deployment", "node")["spec"]["template"]["spec"]
    takes = PRE_STOP + int(config(overlay)["CHORUS_DRAIN"]) + GOODBYE
    assert takes < pod["terminationGracePeriodSeconds"]
    (container,) = pod["containers"]
    assert f"sleep({PRE_STOP})" in container["lifecycle"]["preStop"]["exec"]["command"][-1]


@pytest.mark.parametrize("overlay", ["sentinel", "cluster"])
def test_redis_may_take_longer_to_end_than_its_handing_over(overlay: str) -> None:
    pod = named(overlay, "StatefulSet", "redis")["spec"]["template"]["spec"]
    script = (DEPLOY / "redis" / overlay / "leave.sh").read_text()
    seconds = int(re.findall(r"seq (\d+)", script)[0])
    assert 2 * seconds < pod["terminationGracePeriodSeconds"]


@each_store
def test_nodes_are_replaced_one_after_another_and_one_may_be_away(overlay: str) -> None:
    rolling = named(overlay, "Deployment", "node")["spec"]["strategy"]["rollingUpdate"]
    assert {"maxUnavailable": 0, "maxSurge": 1} == rolling
    autoscaler = named(overlay, "HorizontalPodAutoscaler", "node")["spec"]
    budget = named(overlay, "PodDisruptionBudget", "node")["spec"]
    assert budget["maxUnavailable"] < autoscaler["minReplicas"]
    assert "replicas" not in named(overlay, "Deployment", "node")["spec"]
    (metric,) = autoscaler["metrics"]
    assert "chorus_sessions" == metric["pods"]["metric"]["name"]
    assert autoscaler["behavior"]["scaleDown"]["stabilizationWindowSeconds"] >= 1800


@pytest.mark.parametrize("overlay", ["sentinel", "cluster"])
def test_of_several_servers_one_may_be_away_and_each_has_its_machine(overlay: str) -> None:
    for one in of(overlay, "StatefulSet"):
        assert one["spec"]["replicas"] >= 3
        pod = one["spec"]["template"]
        budget = named(overlay, "PodDisruptionBudget", one["metadata"]["name"])["spec"]
        assert 1 == budget["maxUnavailable"] and "Parallel" == one["spec"]["podManagementPolicy"]
        affinity = pod["spec"]["affinity"]["podAntiAffinity"]
        (apart,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]
        (spread,) = pod["spec"]["topologySpreadConstraints"]
        assert "kubernetes.io/hostname" == apart["topologyKey"]
        for selector in (apart["labelSelector"], spread["labelSelector"], budget["selector"]):
            assert selects(selector, pod["metadata"]["labels"])


@each_overlay
def test_a_service_finds_pods_and_their_ports(overlay: str) -> None:
    for one in of(overlay, "Service"):
        selector = dict(one["spec"]["selector"])
        pod_name = selector.pop("statefulset.kubernetes.io/pod-name", None)
        if pod_name is not None:
            name, _, number = pod_name.rpartition("-")
            stateful = named(overlay, "StatefulSet", name)
            assert int(number) < stateful["spec"]["replicas"]
            found = [stateful["spec"]["template"]]
        else:
            found = [t for t in templates(overlay) if selector.items() <= _labels(t).items()]
        assert found, one["metadata"]["name"]
        for pod in found:
            assert {port["targetPort"] for port in one["spec"]["ports"]} <= _ports(pod).keys()


def _labels(template: Any) -> dict[str, str]:
    labels: dict[str, str] = template["metadata"]["labels"]
    return labels


def _ports(template: Any) -> dict[str, int]:
    return {
        port["name"]: port["containerPort"]
        for one in template["spec"]["containers"]
        for port in one.get("ports", [])
    }


@each_overlay
def test_every_pod_has_a_policy_and_every_policy_a_pod(overlay: str) -> None:
    (everybody,) = [one for one in of(overlay, "NetworkPolicy") if not one["spec"]["podSelector"]]
    assert "ingress" not in everybody["spec"] and "egress" not in everybody["spec"]
    policies = [one for one in of(overlay, "NetworkPolicy") if one is not everybody]
    for pod in templates(overlay):
        assert any(selects(one["spec"]["podSelector"], _labels(pod)) for one in policies)
    for one in policies:
        assert any(selects(one["spec"]["podSelector"], _labels(pod)) for pod in templates(overlay))


def allowed(overlay: str, source: str, target: str, port: int) -> bool:
    """Whether policies let pods of one component reach a port of another's: both must say so."""
    pods = {_labels(one)["app.kubernetes.io/component"]: one for one in templates(overlay)}

    def one_way(mine: str, other: str, way: str, peers: str) -> bool:
        for policy in of(overlay, "NetworkPolicy"):
            if not selects(policy["spec"]["podSelector"], _labels(pods[mine])):
                continue
            for rule in policy["spec"].get(way, []):
                reached = [peer.get("podSelector", {}) for peer in rule.get(peers, [])]
                ports = [_ports(pods[target]).get(p["port"], p["port"]) for p in rule["ports"]]
                known = any(selects(peer, _labels(pods[other])) for peer in reached)
                if (known or not reached) and port in ports:
                    return True
        return False

    return one_way(source, target, "egress", "to") and one_way(target, source, "ingress", "from")


WAYS = {
    "single": [("node", "redis", 6379)],
    "sentinel": [
        ("node", "redis", 6379),
        ("node", "sentinel", 26379),
        ("redis", "redis", 6379),
        ("redis", "sentinel", 26379),
        ("sentinel", "redis", 6379),
        ("sentinel", "sentinel", 26379),
    ],
    "cluster": [
        ("node", "redis", 6379),
        ("redis", "redis", 6379),
        ("redis", "redis", 16379),
        ("form", "redis", 6379),
    ],
}
WAYS["single-tls"] = WAYS["single"]
WAYS["monitoring"] = [*WAYS["cluster"], ("redis-exporter", "redis", 6379)]


@each_overlay
def test_who_must_reach_whom_may_and_nobody_else(overlay: str) -> None:
    components = {_labels(one)["app.kubernetes.io/component"] for one in templates(overlay)}
    ports = {6379, 16379, 26379}
    open_ways = {
        (source, target, port)
        for source in components
        for target in components
        for port in ports
        if allowed(overlay, source, target, port)
    }
    assert set(WAYS[overlay]) == open_ways


@each_overlay
def test_names_that_are_called_are_names_of_services_and_pods(overlay: str) -> None:
    services = {one["metadata"]["name"]: one for one in of(overlay, "Service")}
    pods = {
        f"{one['metadata']['name']}-{i}.{one['spec']['serviceName']}"
        for one in of(overlay, "StatefulSet")
        for i in range(one["spec"]["replicas"])
    }
    said = [one for template in templates(overlay) for one in strings(template)]
    said += config(overlay).values()
    text = " ".join(said)
    called = set(re.findall(r"(?<=[@, /])([a-z][a-z0-9.-]*):(6379|26379)\b", f" {text}"))
    assert called
    for host, port in called:
        assert host in pods | services.keys(), host
        service = services.get(host, services.get(host.partition(".")[2]))
        assert service is not None
        assert int(port) in {one["port"] for one in service["spec"]["ports"]}


@each_store
def test_every_password_is_by_reference_and_every_one_that_is_wanted_is_told_of(
    overlay: str,
) -> None:
    head = "".join(
        (DEPLOY / "k8s" / "overlays" / one / "kustomization.yaml").read_text()
        for one in {"single", overlay}
    )
    told = set(re.findall(r"--from-file=(\w+)=redis_\w+", head))
    wanted = {
        item["key"]
        for _, pod, _ in containers(overlay)
        for volume in pod["volumes"]
        if volume.get("secret", {}).get("secretName") == "redis"
        for item in volume["secret"]["items"]
    }
    assert told == wanted
    assert not of(overlay, "Secret")
    script = (DEPLOY / "secrets" / "make.sh").read_text()
    assert not {f"redis_{one}" for one in wanted} - set(re.findall(r"redis_\w+", script))


@each_store
def test_an_image_is_the_one_that_compose_has(overlay: str) -> None:
    services = COMPOSE["services"]
    images = {container["image"] for _, _, container in containers(overlay)}
    node = services["node"]["image"].partition(":")[0]
    assert {node, services["redis"]["image"]} == {one.removesuffix(":0.1.0") for one in images}


def test_the_exporter_is_the_one_that_compose_has() -> None:
    exporter = named("monitoring", "Deployment", "redis-exporter")["spec"]["template"]["spec"]
    assert COMPOSE["services"]["redis-exporter"]["image"] == exporter["containers"][0]["image"]


def test_a_monitor_finds_its_service_and_gives_nodes_the_job_that_rules_ask_for() -> None:
    for monitor in of("monitoring", "ServiceMonitor"):
        found = [
            one
            for one in of("monitoring", "Service")
            if selects(monitor["spec"]["selector"], one["metadata"].get("labels", {}))
        ]
        (service,) = found
        ports = {port["name"] for port in service["spec"]["ports"]}
        assert {one["port"] for one in monitor["spec"]["endpoints"]} <= ports
        if service["metadata"]["name"] == "nodes":
            assert "chorus" == service["metadata"]["labels"][monitor["spec"]["jobLabel"]]


def test_the_rules_are_those_of_prometheus() -> None:
    assert made() == MADE.read_text()
    rules = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text())
    assert rules == named("monitoring", "PrometheusRule", "chorus")["spec"]


def test_the_dashboard_is_that_of_grafana() -> None:
    (found,) = [
        one for one in rendered("monitoring") if one["metadata"]["name"] == "chorus-dashboard"
    ]
    file = DEPLOY / "grafana" / "dashboards" / "chorus.json"
    assert file.read_text() == found["data"]["chorus.json"]
