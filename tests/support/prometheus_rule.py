"""Prometheus's rules as Kubernetes wants them: one file makes the other.

    python -m tests.support.prometheus_rule     makes it anew (`make rules`)

A test compares what stands there with what would be made (`tests/deploy/test_manifests.py`).
"""

from pathlib import Path

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "rules.yml"
MADE = DEPLOY / "k8s" / "overlays" / "monitoring" / "rules.yaml"

_HEAD = """\
# Made by `make rules` from deploy/prometheus/rules.yml.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: chorus
  namespace: chorus
spec:
"""


def made() -> str:
    """The PrometheusRule, whose `spec` is the file of rules."""
    groups = RULES.read_text().partition("\n\n")[2]
    return _HEAD + "".join(f"  {line}\n" if line else "\n" for line in groups.splitlines())


if __name__ == "__main__":
    MADE.write_text(made())
