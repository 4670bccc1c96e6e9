"""A replica takes over that lacks what was accepted last: people notice nothing of what any node
was there to see (I3, I4, I6).
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import MakeTown
from tests.support.redis_server import Lagging
from tests.support.talk import LONG, Talk, missed
from tests.support.town import settle, settle_once_back

BACK = "notice: the broker is back"


@pytest.fixture
def lagging(tmp_path: Path) -> Iterator[Lagging]:
    with Lagging(tmp_path / "redis") as servers:
        yield servers


def spoken(lines: list[str]) -> list[str]:
    """The texts among lines, or among history."""
    return [line.partition("> ")[2] for line in lines if "> " in line]


def test_what_was_accepted_last_is_neither_lost_nor_doubled_nor_disordered(
    make_town: MakeTown, lagging: Lagging
) -> None:
    town = make_town(*LONG, url=lagging.url)
    nicks = ["ann", "bob", "cat", "dan", "eve", "fay"]
    people = dict(zip(nicks, town.people(*nicks, at=("#py", "#go")), strict=True))
    with Talk(people, "#go") as talk:
        for _ in range(2):
            talk.go_on(30)
            lagging.fall_behind()
            talk.go_on(200)
            lagging.fail_over()
            talk.go_on(100)
    read = talk.check()
    assert [] == missed(*people.values())
    late = town.person("late", "#go")
    assert spoken(read)[-500:] == spoken(late.does("/history 500"))


def test_what_people_were_is_what_they_are_after_it(make_town: MakeTown, lagging: Lagging) -> None:
    town = make_town(url=lagging.url, count=2)
    ann, bob = town.people("ann", "bob", at="#go")
    guest = town.person(on=2)
    lagging.fall_behind()
    ann.does("/nick anna")
    ann.does("/join #new")
    ann.does("hello #new")
    guest.does("/nick kim")
    bob.does("/topic #go gophers")
    bob.does("/msg anna psst")
    leaving = town.person("leaving", "#go", on=2)
    leaving.leave()
    settle(ann, bob, guest)
    lagging.fail_over()
    for person in (ann, bob, guest):
        person.until(BACK)
    assert ["in #go (2): @anna bob"] == bob.does("/names #go")
    assert ["in #new (1): @anna"] == ann.does("/names #new")
    assert ["error: the nick KIM is taken"] == bob.does("/nick KIM")
    assert ["error: nobody is called leaving"] == bob.does("/whois leaving")
    assert "the topic of #go is gophers" in bob.does("/topic #go")
    ann.does("/msg #go still here")
    assert ["[#go] <anna> still here"] == bob.settle()
    settle(ann, bob, guest)
    assert [["leaving has quit"], ["leaving has quit"], []] == [
        missed(person) for person in (ann, bob, guest)
    ]
    assert 1 == ann.heard.count("[private] <bob> psst")


def test_what_nobody_living_saw_is_gone_without_a_word(
    make_town: MakeTown, lagging: Lagging
) -> None:
    town = make_town("--lease", "4", url=lagging.url, count=2)
    ann, bob = town.people("ann", "bob", at="#go")
    ann.does("kept")
    bob.settle()
    lagging.fall_behind()
    town.nodes[1].freeze()
    town.cluster.redis.client_kill_filter(_type="pubsub", skipme=True)
    ann.until(BACK)
    ann.does("unseen")
    town.nodes[0].kill()
    lagging.fail_over()
    town.nodes[1].wake()
    bob.until(BACK)
    bob.until("ann has quit (connection lost)")
    bob.does("after")
    bob.settle()
    assert ["kept"] == spoken(bob.heard)
    assert ["kept", "after"] == spoken(bob.does("/history"))
    assert [] == [line for line in bob.heard if line.startswith("gap: ")]


def test_who_comes_too_late_is_told_that_the_order_may_differ(
    make_town: MakeTown, lagging: Lagging
) -> None:
    town = make_town(url=lagging.url, count=2)
    bob = town.person("bob", "#go", on=2)
    ann = town.person("ann", on=1)
    bob.does("/set echo on")
    lagging.fall_behind()
    bob.does("early")
    town.nodes[1].freeze()
    lagging.fail_over()
    ann.until(BACK)
    ann.does("/join #go")
    ann.does("soon")
    town.nodes[1].wake()
    assert bob.until("gap: ").startswith("gap: the order of #go before ")
    settle_once_back(ann, bob)
    bob.does("at last")
    settle(ann)
    assert ["early", "soon", "at last"] == spoken(bob.heard)
    assert ["early", "at last"] == spoken([line for line in ann.heard if line[0] == "["])
    assert ["soon", "early", "at last"] == spoken(ann.does("/history"))
