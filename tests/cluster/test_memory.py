"""What a node holds in memory has a bound, however much is said, and whoever doesn't read (I7)."""

from pathlib import Path

from tests.load.stalled import rounds, running

SAID = 24_000_000
"""Bytes of a round."""


def test_a_stalled_reader_and_a_channel_at_full_rate_cost_no_more_the_longer_they_last(
    tmp_path: Path,
) -> None:
    with running(tmp_path) as town:
        first, *others = list(rounds(town, 4, SAID))
    assert all(0 < each.endured < SAID for each in others), "each was closed, and talk went on"
    # what is kept for a failover was full in the first round
    assert max(each.most for each in others) - first.most < 15_000_000
    assert first.most - first.before < 45_000_000
