"""What is shipped for Prometheus and Grafana, against a real Prometheus that asks real nodes."""

import json
import re
import signal
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import redis
import yaml

from tests.support.nodes import Nodes
from tests.support.processes import await_fact
from tests.support.redis_server import real_server
from tests.support.town import Town

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text())
DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboards" / "chorus.json").read_text())
TARGETS = [
    (panel["title"], target) for panel in DASHBOARD["panels"] for target in panel.get("targets", [])
]
ALL_RULES = [rule for group in RULES["groups"] for rule in group["rules"]]
ASKED = {name for rule in ALL_RULES for name in re.findall(r"(?<!:)\bchorus_\w+", rule["expr"])}
"""What rules ask of nodes. (What begins with `redis_` its exporter tells.)"""

installed = pytest.mark.skipif(
    which("prometheus") is None or which("promtool") is None, reason="there is no Prometheus here"
)


def promtool(*args: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["promtool", *args], capture_output=True, text=True, check=False)


@installed
def test_the_rules_do_what_their_tests_say() -> None:
    done = promtool("test", "rules", DEPLOY / "prometheus" / "rules_test.yml")
    assert 0 == done.returncode, done.stdout + done.stderr


@installed
def test_prometheus_takes_its_configuration() -> None:
    done = promtool("check", "config", DEPLOY / "prometheus" / "prometheus.yml")
    assert 0 == done.returncode, done.stdout + done.stderr


def test_every_alert_is_tested() -> None:
    tests = (DEPLOY / "prometheus" / "rules_test.yml").read_text()
    alerts = {rule["alert"] for rule in ALL_RULES if "alert" in rule}
    fired = set(re.findall(r"alertname: (\w+)\n\s+exp_alerts:", tests))
    assert alerts == fired


def test_every_alert_is_in_the_run_book() -> None:
    book = (DEPLOY / "RUNBOOK.md").read_text()
    alerts = {rule["alert"] for rule in ALL_RULES if "alert" in rule}
    assert alerts == set(re.findall(r"^### (\w+)$", book, re.MULTILINE))


class Prometheus:
    """A real one, that asks some nodes each second and evaluates the shipped rules."""

    def __init__(self, folder: Path, targets: list[str]) -> None:
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(DEPLOY / "prometheus" / "rules.yml")],
            "scrape_configs": [{"job_name": "chorus", "static_configs": [{"targets": targets}]}],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        self._log = folder / "prometheus.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={folder}/prometheus.yml",
                    f"--storage.tsdb.path={folder}/data",
                    "--web.listen-address=127.0.0.1:0",
                    "--log.format=json",
                ],
                stderr=log,
                stdout=log,
            )
        self._address = await_fact(self._listens)

    def _listens(self) -> str | None:
        found = re.search(r'"address":"(127\.0\.0\.1:[1-9]\d*)"', self._log.read_text())
        return found[1] if found else None

    def ask(self, expression: str) -> list[Any]:
        """The samples of an expression, now. Raises for one that it doesn't take."""
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(
            f"http://{self._address}/api/v1/query?{query}", timeout=20
        ) as f:
            result: list[Any] = json.load(f)["data"]["result"]
        return result

    def end(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(20)


class Watched:
    """Two nodes with people who talk, and a Prometheus that has asked them for a while."""

    def __init__(self, prometheus: Prometheus, nodes: Nodes) -> None:
        self.prometheus = prometheus
        self.nodes = nodes


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("prometheus")
    with (
        real_server(folder / "redis") as port,
        Nodes(f"redis://127.0.0.1:{port}/0", folder, namespace="chorus") as nodes,
        Town(nodes, count=2) as town,
    ):
        targets = [f"127.0.0.1:{node.http}" for node in town.nodes]
        prometheus = Prometheus(folder, targets)
        try:
            ann, bob = town.people("ann", "bob", at="#go")
            asked = "min(count_over_time(chorus_lines_total[1m]))"

            def has_asked_a_while() -> bool:
                ann.type("hello")
                bob.until("[#go] <ann> hello")
                found = prometheus.ask(asked)
                return bool(found) and int(found[0]["value"][1]) >= 5

            await_fact(has_asked_a_while, 40)
            yield Watched(prometheus, nodes)
        finally:
            prometheus.end()


@installed
@pytest.mark.parametrize(
    "title, target",
    [(title, target) for title, target in TARGETS if "expr" in target],
    ids=lambda one: one if isinstance(one, str) else one["refId"],
)
def test_a_panel_shows_something(watched: Watched, title: str, target: Any) -> None:
    expression = target["expr"].replace("$__rate_interval", "1m")
    assert await_fact(lambda: watched.prometheus.ask(expression)), title


@installed
@pytest.mark.parametrize(
    "title, target",
    [(title, target) for title, target in TARGETS if "expr" not in target],
    ids=lambda one: one if isinstance(one, str) else one["refId"],
)
def test_a_panel_of_redis_shows_something(watched: Watched, title: str, target: Any) -> None:
    commands: dict[str, list[Any]] = {
        "info": ["INFO", target.get("section")],
        "hgetall": ["HGETALL", target.get("keyName")],
        "xrevrange": ["XREVRANGE", target.get("keyName"), "+", "-", "COUNT", target.get("count")],
        "slowlogGet": ["SLOWLOG", "GET", target.get("size")],
    }
    client: redis.Redis = watched.nodes.redis
    said = client.execute_command(*commands[target["command"]])
    assert said or target["command"] == "slowlogGet", title


@installed
@pytest.mark.parametrize("name", sorted(ASKED))
def test_what_a_rule_asks_for_nodes_tell(watched: Watched, name: str) -> None:
    assert await_fact(lambda: watched.prometheus.ask(name))
