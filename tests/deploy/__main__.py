"""`make test-deploy`: brings compose.yaml up as it's shipped, and does to it what operators and bad
luck do, while people talk through the balancer.

Prints what it found, with how long it took, and says what it couldn't try and why. The exit status
is 1 if something was lost, doubled, or told that wasn't so, or the cluster doesn't come up; 0 also
if this machine can't run it.
"""

import shutil
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml

from tests.deploy import standins
from tests.deploy.daemon import Daemon, lacking
from tests.deploy.stack import Stack
from tests.deploy.weekend import Wrong, weekend

ROOT = Path(__file__).parents[2]


def main() -> int:
    compose: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    why = lacking()
    if why:
        print(f"skipped: compose.yaml can't be tried here: {', '.join(why)}")
        return 0
    folder = Path(tempfile.mkdtemp(prefix="chorus-deploy-", dir="/tmp"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that all is taken down
    try:
        with ExitStack() as running:
            print("making images that stand in for those of a registry", flush=True)
            try:
                daemon = running.enter_context(Daemon(folder))
                standins.build(daemon, folder, standins.named(ROOT, compose))
            except (RuntimeError, OSError, AssertionError) as e:
                print(f"skipped: images can't be made, or run, here: {e}")
                return 0
            stack = running.enter_context(Stack(daemon, ROOT, folder))
            print(f"the image of a node: {stack.weight:.0f} MB over its base", flush=True)
            try:
                for line in weekend(stack):
                    print(line, flush=True)
            except (Wrong, AssertionError, OSError):
                print(stack.balancer_says(), flush=True)
                raise
    except (Wrong, AssertionError, RuntimeError, OSError) as e:
        print(f"WRONG: {e}")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("not tried: the profile `monitoring` (no images of Prometheus and Grafana), Compose v2")
    return 0


if __name__ == "__main__":
    sys.exit(main())
