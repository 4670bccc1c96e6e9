"""`make test-deploy`: brings compose.yaml up as it's shipped, and does to it what operators and bad
luck do, while people talk through the balancer.

Prints what it found, with how long it took, and says what it couldn't try and why. The exit status
is 1 if something was lost, doubled, or told that wasn't so, or the cluster doesn't come up, or what
should take a minute has no end; 0 also if this machine can't run it.
"""

import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.deploy import composers, standins
from tests.deploy.daemon import Daemon, lacking
from tests.deploy.pods import played
from tests.deploy.stack import Stack, shipped
from tests.deploy.weekend import opened, weekend
from tests.deploy.wrong import Wrong

ROOT = Path(__file__).parents[2]

PREPARING = 240
BUILDING = 150
"""Seconds that images may take: those that stand in, and then ours. What's in them comes from
mirrors, whose pace is not ours to judge.
"""

ALL = 600
"""Seconds after which what is tried hangs: it takes two minutes on two cores."""


class Overdue(Exception):
    """It takes longer than it may."""


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
                with within(PREPARING):
                    daemon = running.enter_context(Daemon(folder))
                    standins.build(daemon, folder, ROOT, compose)
                    known = composers.found(daemon)
                    monitored = standins.build_others(daemon, folder, compose)
                    _networks(daemon)
            except (RuntimeError, OSError, AssertionError, Overdue) as e:
                print(f"skipped: images can't be made, or run, here: {e}")
                return 0
            if not known:
                print("skipped: there is no docker-compose, and none can be had")
                return 0
            try:
                with within(BUILDING):
                    files, weight = shipped(daemon, ROOT, folder)
            except Overdue as e:
                print(f"skipped: making the image of a node: {e}")
                return 0
            print(f"the image of a node: {weight:.0f} MB over its base", flush=True)
            with within(ALL):
                for line in tried(daemon, files, known, monitored=monitored):
                    print(line, flush=True)
    except (Wrong, AssertionError, RuntimeError, OSError, Overdue) as e:
        print(f"WRONG: {e}")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _networks(daemon: Daemon) -> None:
    """Raises RuntimeError if containers can't have networks here."""
    daemon.run("docker", "network", "create", "--internal", "probe")
    daemon.run("docker", "run", "--rm", "--network=probe", "standin", "true")
    daemon.run("docker", "network", "rm", "probe")
    daemon.run("docker", "run", "--rm", "--publish=127.0.0.1::80", "standin", "true")


def tried(
    daemon: Daemon, files: Path, known: list[composers.Composer], *, monitored: bool
) -> Iterator[str]:
    """The weekend with the newest Compose; with any other, that people can come in."""
    newest, *others = known
    for composer in others:
        with Stack(daemon, files, composer) as stack, _telling(stack):
            opened(stack)
        yield f"Compose {composer.version}: people can come in"
    with Stack(daemon, files, newest) as stack, _telling(stack):
        for line in weekend(stack, monitored=monitored):
            yield f"Compose {newest.version}: {line}"
    yield played(daemon, files)
    if newest.command == ("docker-compose",):
        yield "not tried: Compose v2, which can't be had here"
    if not monitored:
        yield "not tried: the profile `monitoring`, there is no Prometheus here"
    else:
        yield "not tried: Grafana itself, there is no image of it here"


@contextmanager
def _telling(stack: Stack) -> Iterator[None]:
    """If it ends badly, what the balancer did."""
    try:
        yield
    except (Wrong, AssertionError, OSError, RuntimeError, Overdue):
        print(stack.balancer_says(), flush=True)
        raise


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Raises Overdue, wherever it is, when it takes longer."""

    def overdue(*_: object) -> None:
        raise Overdue(f"no end within {seconds} seconds")

    signal.signal(signal.SIGALRM, overdue)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


if __name__ == "__main__":
    sys.exit(main())
