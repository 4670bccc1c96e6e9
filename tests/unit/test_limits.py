"""`node.core.limits`: how fast, for whom, and at what cost."""

import sys
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.core import limits
from node.core.limits import Act, Allowance, Bucket, Limits, Rate, parse_networks, parse_rate

LINES = Act.LINES


class Time:
    """A clock. `now`: seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def made(
    time: Time, session: Rate | None = None, address: Rate | None = None, *trusted: str
) -> Limits:
    """Limits for lines."""
    return Limits(
        {LINES: session} if session else {},
        {LINES: address} if address else {},
        parse_networks(trusted),
        time,
    )


def somebody(made: Limits, address: str = "192.0.2.1") -> Allowance:
    allowance = made.of(address)
    assert allowance is not None
    return allowance


# -- rates


@pytest.mark.parametrize(
    "text, expected",
    [("100/10", Rate(100, 10)), ("1/0.5", Rate(1, 0.5)), ("5/86400", Rate(5, 86_400)), ("", None)],
)
def test_a_rate_is_so_many_in_so_many_seconds(text: str, expected: Rate | None) -> None:
    assert expected == parse_rate(text)


@pytest.mark.parametrize(
    "text",
    ["5", "/", "5/", "/5", "0/5", "-1/5", "5/0", "5/-1", "1.5/5", "5/nan", "5/inf", "5/90000", "x"],
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its text is nobody's business
        parse_rate(text)


def test_a_rate_is_shown_in_words() -> None:
    assert "100 in 10 s" == str(Rate(100, 10))


@pytest.mark.parametrize(
    "seconds, expected",
    [
        (0.5, "0.5 s"),
        (11.2, "12 s"),
        (12, "12 s"),
        (60, "60 s"),
        (90, "90 s"),
        (120, "2 min"),
        (121, "121 s"),
        (3_600, "60 min"),
        (5_400, "90 min"),
        (86_400, "24 h"),
    ],
)
def test_a_time_is_spelled_so_that_it_is_not_too_short(seconds: float, expected: str) -> None:
    assert expected == limits.spelled(seconds)


# -- buckets


def test_a_new_bucket_holds_a_burst() -> None:
    assert 5 == Bucket(Rate(5, 10)).holds(0)


def test_what_was_taken_comes_back_bit_by_bit() -> None:
    bucket = Bucket(Rate(5, 10))
    bucket.take(0, 5)
    assert [0, 0, 1, 1, 2, 5, 5] == [bucket.holds(now) for now in (0, 1.9, 2, 3.9, 4, 10, 99)]


def test_a_bucket_tells_how_long_it_will_hold_none() -> None:
    bucket = Bucket(Rate(5, 10))
    waits = [bucket.wait(0)]
    bucket.take(0, 5)
    waits += [bucket.wait(now) for now in (0, 0.5, 2)]
    assert [0, 2, 1.5, 0] == waits


def test_a_bucket_is_full_again_when_all_has_come_back() -> None:
    bucket = Bucket(Rate(5, 10))
    bucket.take(0, 3)
    assert [False, True] == [bucket.is_full(5.9), bucket.is_full(6)]


RATES = st.builds(Rate, st.integers(1, 1000), st.floats(0.01, 1000))
STEPS = st.lists(st.tuples(st.floats(0, 100), st.integers(1, 50)), max_size=50)


@given(RATES, STEPS)
def test_in_any_window_no_more_is_taken_than_a_burst_and_what_comes_back(
    rate: Rate, steps: list[tuple[float, int]]
) -> None:
    bucket, taken = Bucket(rate), []
    times = list(accumulate(pause for pause, _ in steps))
    for now, (_, wanted) in zip(times, steps, strict=True):
        many = min(wanted, bucket.holds(now))
        bucket.take(now, many)
        taken.append((now, many))
    for i, (begin, _) in enumerate(taken):
        for j in range(i, len(taken)):
            end = taken[j][0]
            most = rate.burst + (end - begin) * rate.burst / rate.seconds
            assert sum(many for _, many in taken[i : j + 1]) <= most + 1e-3


@given(RATES, STEPS)
def test_who_waits_as_long_as_they_are_told_gets_one(
    rate: Rate, steps: list[tuple[float, int]]
) -> None:
    bucket, now = Bucket(rate), 0.0
    for pause, wanted in steps:
        now += pause
        bucket.take(now, min(wanted, bucket.holds(now)))
        now += bucket.wait(now)
        assert bucket.holds(now) >= 1


# -- allowances


def test_a_session_gets_what_there_is(time: Time) -> None:
    ann = somebody(made(time, Rate(5, 10)))
    assert [3, 2, 0] == [ann.take(LINES, 3) for _ in range(3)]


def test_sessions_take_nothing_from_each_other(time: Time) -> None:
    both = made(time, Rate(5, 10))
    ann, bob = somebody(both), somebody(both)
    assert (5, 5) == (ann.take(LINES, 9), bob.take(LINES, 9))


def test_sessions_from_one_address_share_what_it_has(time: Time) -> None:
    both = made(time, Rate(5, 10), Rate(7, 10))
    ann, bob, cat = somebody(both), somebody(both), somebody(both, "192.0.2.2")
    assert (5, 2, 5) == (ann.take(LINES, 9), bob.take(LINES, 9), cat.take(LINES, 9))


def test_what_one_bucket_does_not_hold_is_not_taken_from_the_other(time: Time) -> None:
    both = made(time, Rate(2, 10), Rate(4, 10))
    ann, bob = somebody(both), somebody(both)
    ann.take(LINES, 9)
    ann.take(LINES, 9)
    assert 2 == bob.take(LINES, 9)


def test_one_has_to_wait_for_whichever_bucket_is_slower(time: Time) -> None:
    ann = somebody(made(time, Rate(2, 10), Rate(2, 20)))
    ann.take(LINES, 2)
    assert 10 == ann.wait(LINES)
    time.now += 10
    assert (0, 1) == (ann.wait(LINES), ann.take(LINES, 2))


def test_an_act_without_a_rate_has_no_limit(time: Time) -> None:
    ann = somebody(made(time, Rate(1, 10)))
    assert (1_000_000, 0) == (ann.take(Act.JOINS, 1_000_000), ann.wait(Act.JOINS))


def test_who_has_done_nothing_costs_nothing(time: Time) -> None:
    many = made(time, Rate(1, 10), Rate(1, 10))
    ann = somebody(many)
    ann.wait(Act.JOINS)
    assert (None, 0) == (ann._own, len(many.shared[LINES]))
    assert sys.getsizeof(ann) < 64


# -- addresses


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", ""])
def test_who_comes_from_a_trusted_network_or_from_none_has_no_limits(
    time: Time, address: str
) -> None:
    assert made(time, Rate(1, 10), None, "127.0.0.0/8", "::1").of(address) is None


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "fe80::1%lo"])
def test_others_have_limits(time: Time, address: str) -> None:
    assert made(time, Rate(1, 10), None, "127.0.0.0/8", "::1").of(address) is not None


def test_if_nobody_is_trusted_this_machine_is_not(time: Time) -> None:
    assert made(time, Rate(1, 10)).of("127.0.0.1") is not None


@pytest.mark.parametrize(
    "address, expected",
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ],
)
def test_of_ipv6_a_whole_subnet_counts_as_one(time: Time, address: str, expected: str) -> None:
    assert expected == somebody(made(time), address).site


def test_addresses_with_nothing_owing_are_forgotten(time: Time) -> None:
    many = made(time, None, Rate(1, 10))
    for i in range(20_000):
        somebody(many, f"10.1.{i // 256}.{i % 256}").take(LINES)
        time.now += 1
    assert len(many.shared[LINES]) <= 1024


def test_addresses_have_a_bound_even_if_all_owe_something(
    time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SITES", 2000)
    many = made(time, None, Rate(1, 3600))
    for i in range(5000):
        somebody(many, f"10.1.{i // 256}.{i % 256}").take(LINES)
    assert len(many.shared[LINES]) <= 2000
    assert 0 == somebody(many, "10.1.19.135").take(LINES)  # the last: not forgotten
