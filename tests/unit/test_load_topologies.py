"""`tests.load.topologies`: the arithmetic, and that it measures what it says."""

import sys
from pathlib import Path

import pytest

from broker.keys import Keys
from tests.load.topologies import CHANNELS, Cost, cluster, drive, one

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc")


def test_the_busiest_server_says_when_redis_is_full() -> None:
    assert 100_000 == Cost(1, [5.0, 10.0, 4.0]).full


def test_one_redis_is_measured(tmp_path: Path) -> None:
    keys = Keys("load")
    with one(tmp_path, keys) as places:
        cost = drive(places, keys, 0.2, sharded=False)
    assert 1 == len(cost.us)
    assert cost.messages and cost.busiest


def test_each_master_of_a_cluster_is_measured_by_what_its_channels_are(tmp_path: Path) -> None:
    keys = Keys("load")
    with cluster(tmp_path, keys, 3) as places:
        assert CHANNELS == sum(len(place.channels) for place in places)
        cost = drive(places, keys, 0.2, sharded=True)
    assert 3 == len(cost.us)
    assert min(cost.us) and cost.busiest < sum(cost.us)
