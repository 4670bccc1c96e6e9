"""Pictures of the dashboard for the docs: rows for the table of `screenshots.py`.

The people and what they say now are real. The hour before isn't: its points are put into Redis,
since nobody waits an hour for a picture.
"""

import math
import random
import re
import time
from collections.abc import Callable
from typing import Any

import msgspec
from playwright.sync_api import Page, expect

from broker.keys import Keys
from broker.reports import HOUR, POINT, POINT_FIELD, Point
from tests.browser.look import Look
from tests.browser.watch import Watch
from tests.support.town import Citizen, Town

DESK = {"viewport": {"width": 1280, "height": 860}}
PHONE = {"viewport": {"width": 360, "height": 720}, "device_scale_factor": 2, "has_touch": True}
DARK = {"color_scheme": "dark"}

SECONDS = 12
"""How long people talk before the picture is taken."""


def well(stage: Any, options: dict[str, Any]) -> Page:
    """A cluster that works, and people who talk."""
    look = _dashboard(stage, options)
    look.sees("All 2 nodes are well.")
    return look.page


def lost(stage: Any, options: dict[str, Any]) -> Page:
    """One of the nodes has died."""
    look = _dashboard(stage, options)
    stage.town.nodes[1].kill()
    look.sees(re.compile("; n2 was lost"))
    return look.page


def _dashboard(stage: Any, options: dict[str, Any]) -> Look:
    town: Town = stage.town
    _remember(town)
    people = [town.person(f"guest{i}", "#ops", on=1 + i % 2) for i in range(6)]
    _talk(people)
    look = Look(Watch(stage.tab(options), town.nodes[0].http))
    expect(look.page.locator("#charts canvas")).to_have_count(6)
    return look


def _talk(people: list[Citizen]) -> None:
    rng = random.Random(3)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for person in rng.choices(people, weights=range(1, len(people) + 1), k=4):
            person.type("something worth saying")
        for person in people:
            person.settle()
        time.sleep(0.05)


def _remember(town: Town) -> None:
    """An hour that wasn't, for each node."""
    keys, redis = Keys(town.cluster.namespace), town.cluster.redis
    rng = random.Random(7)
    now = round(time.time() * 1000)
    for i, incarnation in enumerate(map(str, redis.zrange(keys.leases, 0, -1))):
        with redis.pipeline() as pipe:
            pipe.delete(keys.node_points(incarnation))
            for n in range(HOUR, 0, -1):
                wave = 1 + 0.35 * math.sin(n / 90 + i) + 0.06 * rng.random()
                at = now - round(n * POINT * 1000)
                lag = 0.002 * wave + (0.04 if rng.random() < 0.004 else 0)
                point = Point(at, 6, 28 * wave, 300 * wave, 0.012 * wave, lag, 61 << 20)
                pipe.xadd(keys.node_points(incarnation), {POINT_FIELD: msgspec.json.encode(point)})
            pipe.execute()


PICTURES: dict[str, tuple[Callable[[Any, dict[str, Any]], Page], dict[str, Any]]] = {
    "dashboard-light": (well, DESK),
    "dashboard-dark": (well, {**DESK, **DARK}),
    "dashboard-lost": (lost, DESK),
    "dashboard-phone": (well, PHONE),
}
