"""Pictures of the pages, from real nodes, into docs/images: `make screenshots`.

    two nodes ──> people who talk ──> a tab ──> docs/images/NAME.png, for each picture

A row of `PICTURES` for each: what's on the page, and how it's looked at.
"""

import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import pictures
from tests.browser.conftest import chromium
from tests.browser.visit import Visit
from tests.browser.watch import Watch
from tests.support.nodes import Nodes
from tests.support.redis_server import real_server
from tests.support.town import Citizen, Town

IMAGES = Path(__file__).parent.parent.parent / "docs" / "images"

DESK = {"viewport": {"width": 1060, "height": 640}}
PHONE = {"viewport": {"width": 360, "height": 640}, "has_touch": True}
DARK = {"color_scheme": "dark"}
PLACE: dict[str, Any] = {"locale": "en-GB", "timezone_id": "Europe/Berlin"}


class Stage(NamedTuple):
    """What pictures are taken of. `tab` opens one for whoever asks for it."""

    town: Town
    people: dict[str, Citizen]
    browser: Browser

    def tab(self, options: dict[str, Any]) -> Page:
        return self.browser.new_context(**PLACE, **options).new_page()


def talk(town: Town) -> dict[str, Citizen]:
    """A morning in a channel. Returns who is there."""
    people = {
        nick: town.person(nick, "#ops", on=i % 2 + 1)
        for i, nick in enumerate(["bob", "carla", "dmitri", "eve", "hana", "jo"])
    }
    people["bob"].does("/topic Releases, on-call, and the weather: https://wiki.example/ops")
    for nick, line in (
        ("bob", "morning! did last night's deploy go through?"),
        ("bob", "I saw the nodes drain one by one"),
        ("carla", "it did, and nobody noticed: 412 of 412 sessions went on elsewhere"),
        ("hana", "nice 🎉"),
        ("eve", "the graphs: https://grafana.example/d/chorus?from=now-12h (loop lag under 4 ms)"),
        ("dmitri", "صباح الخير، كل شيء يعمل هنا"),
        ("jo", "/me makes coffee"),
        ("carla", "who takes the pager today?"),
    ):
        people[nick].does(line)
    people["hana"].does("/away lunch")
    return people


def visited(stage: Stage, options: dict[str, Any]) -> Visit:
    """Somebody in that channel, who was spoken to."""
    watch = Watch(stage.tab(options), stage.town.nodes[0].http)
    visit = Visit(watch).come("ann", "#ops")
    visit.sees("who takes the pager today?")
    visit.says("I do, until six")
    visit.sees("until six")
    stage.people["bob"].does("ann: thanks! there's one thing left from yesterday, see #lobby")
    stage.people["bob"].does("/msg #lobby the balancer's health check is still the old one")
    visit.sees("one thing left")
    return visit


def chat(stage: Stage, options: dict[str, Any]) -> Page:
    """As `visited`, and in a private conversation, too."""
    visit = visited(stage, options)
    stage.people["hana"].does("/msg ann shall we look at it together?")
    visit.opens("hana")
    visit.says("yes, after lunch")
    visit.sees("hana is away")
    visit.opens("#ops")
    return visit.page


def phone(stage: Stage, options: dict[str, Any]) -> Page:
    """As `visited`."""
    return visited(stage, options).page


class Picture(NamedTuple):
    shows: Callable[[Stage, dict[str, Any]], Page]
    options: dict[str, Any]


PICTURES = {
    **{name: Picture(*row) for name, row in pictures.PICTURES.items()},
    "chat-light": Picture(chat, DESK),
    "chat-dark": Picture(chat, {**DESK, **DARK}),
    "chat-phone": Picture(phone, PHONE),
}


def main(names: list[str]) -> int:
    """Take these pictures, or all. Returns the exit status."""
    if chromium() is None:
        print("no chromium on PATH (apt-get install chromium, or set CHROMIUM)", file=sys.stderr)
        return 1
    IMAGES.mkdir(exist_ok=True)
    with ExitStack() as open_:
        folder = Path(open_.enter_context(tempfile.TemporaryDirectory()))
        port = open_.enter_context(real_server(folder / "redis"))
        playwright = open_.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=chromium())
        for name in names or PICTURES:
            with (
                Nodes(f"redis://127.0.0.1:{port}/0", folder) as nodes,  # a cluster for each
                Town(nodes, 2) as town,
            ):
                page = PICTURES[name].shows(
                    Stage(town, talk(town), browser), PICTURES[name].options
                )
                page.screenshot(path=IMAGES / f"{name}.png")
                page.context.close()
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
