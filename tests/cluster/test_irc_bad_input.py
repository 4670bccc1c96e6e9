"""Whatever somebody sends to an IRC door of a real node: it costs no other person anything, and
nothing in Redis gets an odd name (I7, I8).
"""

import random
import re
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.cluster.conftest import MakeTown
from tests.support.irc import TEXT, Frames, Irc, Tcp
from tests.support.irc_noise import noise
from tests.support.town import Citizen, Town

KEY = re.compile(r"1:\{(cluster|[cnawsm]:[A-Za-z0-9#_.~%-]+)\}(:[A-Za-z0-9#_.~%:/-]+)?")


@pytest.fixture
def witnesses(town: Town, go: str) -> Iterator[tuple[Citizen, Irc]]:
    """Two people who talk to each other before and after, and hear nothing strange between."""
    ann = town.person("ann", f"{go}-quiet", on=1)
    with Irc(Tcp(town.nodes[1].irc), "ben", f"{go}-quiet") as ben:
        ann.settle()
        yield ann, ben
        ann.does("still there?")
        (heard,) = [
            line for line in ben.settle() if line.endswith(f" PRIVMSG {go}-quiet :still there?")
        ]
        assert heard.startswith(":ann!")
        ben.does(f"PRIVMSG {go}-quiet :yes")
        assert [f"[{go}-quiet] <ben> yes"] == ann.settle()


def test_random_bytes_are_answered_and_the_connection_stays(
    town: Town, witnesses: tuple[Citizen, Irc]
) -> None:
    with Irc(Tcp(town.nodes[0].irc), "mallory") as mallory:
        mallory.type(*("x", "y"))
        mallory.wire.send(random.Random(1).randbytes(300_000))
        verbs = {line.split()[1] for line in mallory.settle()}
        assert verbs <= {"421", "417", "NOTICE", "FAIL", "461"}


@pytest.mark.parametrize("seed", range(3))
def test_a_noise_of_messages_harms_nobody_and_names_nothing_oddly(
    make_town: MakeTown, seed: int
) -> None:
    rng = random.Random(seed)
    town = make_town(count=2)
    caps = "message-tags server-time batch labeled-response echo-message standard-replies"
    with Irc(Tcp(town.nodes[1].irc), "eve", "#e") as eve:
        for node in town.nodes:
            mallory = Irc(Tcp(node.irc), "mallory", "#a", caps=caps)
            mallory.wire.send(noise(rng, 600, but=("QUIT", "KILL", "BATCH")))
            mallory.settle()
            mallory.leave()
        assert [] == eve.settle()
        namespace = town.cluster.namespace
        odd = [
            key
            for key in town.cluster.all_keys()
            if not KEY.fullmatch(key.removeprefix(f"{namespace}:"))
        ]
        assert [] == odd
    logs = [node.log.read_text() for node in town.nodes]
    assert [] == [log for log in logs if "Traceback" in log]


def test_a_frame_may_hold_what_it_likes(town: Town, witnesses: tuple[Citizen, Irc]) -> None:
    with Irc(Frames(town.nodes[0].http, TEXT), "mallory") as mallory:
        for text in ("", "\n\n\n", "\0", "x" * 20_000, "é" * 3000, "PRIVMSG ben", ":\r\n:\r\n"):
            mallory.type(text)
        verbs = {line.split()[1] for line in mallory.settle()}
        assert verbs <= {"421", "417", "412", "461", "NOTICE", "FAIL"}


@pytest.mark.parametrize("nick", ["", "mallory"])
def test_ten_megabytes_without_an_end_are_not_kept_and_end_the_connection(
    town: Town, witnesses: tuple[Citizen, Irc], nick: str
) -> None:
    mallory = Irc(Tcp(town.nodes[0].irc), nick)
    before = town.nodes[0].memory
    with suppress(OSError):
        for _ in range(100):
            mallory.wire.send(b"x" * 100_000)
    mallory.rest()
    mallory.wire.close()
    assert town.nodes[0].memory - before < 8_000_000


def test_before_registration_a_line_that_is_too_long_is_dropped(
    town: Town, witnesses: tuple[Citizen, Irc]
) -> None:
    with Irc(Tcp(town.nodes[0].irc)) as mallory:
        mallory.wire.send(b"x" * 16_000)
        mallory.register("mallory")
        assert [":irc.chorus 417 * :Input line was too long"] == mallory.heard[:1]
