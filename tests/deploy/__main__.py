"""`make test-deploy`: brings compose.yaml up as it's shipped, and does to it what operators and bad
luck do, while people talk through the balancer.

Prints what it found, with how long it took, and says what it couldn't try and why; the exit status
is 1 if something was lost, doubled, or told that wasn't so.
"""

import shutil
import sys
import tempfile
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
    try:
        with Daemon(folder) as daemon:
            print(
                "making images that stand in for those of a registry (a minute or two)", flush=True
            )
            names = standins.named(ROOT, compose)
            standins.build(daemon, folder, names)
            with Stack(daemon, ROOT, folder) as stack:
                print(f"the image of a node: {stack.weight:.0f} MB over its base", flush=True)
                for line in weekend(stack):
                    print(line, flush=True)
    except Wrong as e:
        print(f"WRONG: {e}")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("not tried: the profile `monitoring` (no images of Prometheus and Grafana), Compose v2")
    return 0


if __name__ == "__main__":
    sys.exit(main())
