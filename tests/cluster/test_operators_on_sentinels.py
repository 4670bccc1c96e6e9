"""Operators' commands on a Redis that sentinels watch over."""

from pathlib import Path

from tests.cluster.conftest import MakeTown
from tests.support.operator import diagnosis, operate, operate_on, told
from tests.support.sentinels import Guard
from tests.support.town import settle


def test_what_they_do_is_done_at_the_master(tmp_path: Path, make_town: MakeTown) -> None:
    with Guard(tmp_path / "guard") as guard:
        town = make_town(url=guard.url, count=2)
        ann, bob = town.people("ann", "bob", at="#go")
        assert ["#go", "#lobby"] == [each["channel"] for each in told(town.cluster, "channels")]
        status, said = diagnosis(town.cluster)
        assert (0, []) == (status, said["found"])
        assert 0 == operate(town.cluster, "say", "#go", "hello").returncode
        settle(ann, bob)
        for person in (ann, bob):
            assert 1 == len([line for line in person.heard if line.endswith("hello")])


def test_where_no_sentinel_can_be_reached_it_is_said() -> None:
    done = operate_on("redis+sentinel://127.0.0.1:1/mymaster", "status")
    assert 1 == done.returncode
    assert "mymaster of the sentinels 127.0.0.1:1 (--redis) can't be reached" in done.stderr
    assert "Traceback" not in done.stderr
