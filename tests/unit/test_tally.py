"""`broker.tally` and `node.core.tally`: histograms, and who is busiest."""

from hypothesis import given
from hypothesis import strategies as st

from broker.api import Code
from broker.tally import Histogram
from node.core.tally import Tally, Traffic, largest


def test_a_value_counts_for_the_first_bound_that_it_does_not_exceed() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 2.5):
        histogram.observe(value)
    assert ([2, 2, 1], 7.5) == (histogram.counts, histogram.total)


def test_several_values_count_at_once() -> None:
    histogram = Histogram((1.0,))
    histogram.observe(3.0, 4)
    assert ([0, 4], 12.0) == (histogram.counts, histogram.total)


def test_every_code_of_refusal_is_there_at_zero() -> None:
    assert dict.fromkeys(Code, 0) == Tally().refusals


def test_lines_that_were_shown_count_for_each_who_read_them() -> None:
    tally = Tally()
    tally.shown(6, 2)
    assert (6, 2, 6.0) == (tally.deliveries, sum(tally.fan_out.counts), tally.fan_out.total)


def test_what_was_said_a_while_ago_is_traffic_no_more() -> None:
    traffic = Traffic(2)
    for said in ({"#a": 3}, {"#b": 1}, {"#a": 1, "#b": 1}):
        traffic.take(said)
    assert [("#b", 2), ("#a", 1)] == traffic.busiest(5)
    assert [("#b", 2)] == traffic.busiest(1)
    traffic.take({})
    traffic.take({})
    assert [] == traffic.busiest(5)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(1, 9)), max_size=12))
def test_traffic_is_the_sum_of_the_last_steps(steps: list[dict[str, int]]) -> None:
    traffic = Traffic(4)
    for step in steps:
        traffic.take(dict(step))
    sums = {name: sum(step.get(name, 0) for step in steps[-4:]) for name in "abc"}
    assert {name: many for name, many in sums.items() if many} == dict(traffic.busiest(9))


def test_the_largest_channels_are_told_as_spelled() -> None:
    channels = [("#a", 1), ("#b", 3), ("#c", 2)]
    assert [("#B", 3), ("#C", 2)] == largest(channels, 2, str.upper)
