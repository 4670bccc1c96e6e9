"""`node.operate`, as far as it's pure: shares, and how Redis and the nodes differ."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.orders import Shown
from broker.records import Member
from node.operate.easing import share
from node.operate.findings import (
    DeafNode,
    Finding,
    FleetingKey,
    GarbledKey,
    GhostMember,
    GhostNick,
    LastingKey,
    ListedChannel,
    LostMember,
    LostNick,
    OrphanedRecords,
    SilentNode,
    UnlistedChannel,
    findings,
)
from node.operate.look import Answer, Claim, Look
from node.options import SettingError

NODE = "n1.aa"
ANN = Shown("secret", "Ann", ("#go",))


def well() -> Look:
    """Ann, on one node, in one channel, and all agree."""
    return Look(
        nodes={NODE: Answer({"sid1": ANN}, frozenset({"#go"}))},
        records={NODE: {"sid1"}},
        claims={"ann": Claim("sid1", "secret", "Ann", NODE)},
        rosters={"#go": {"sid1": Member("secret", "Ann")}},
        listed={"#go"},
        expires={"#go": {"go:meta": -1}, "ann": {"ann:log": -1}},
    )


def found(**other: object) -> list[Finding]:
    """What differs if something is otherwise than `well`."""
    return list(findings(replace(well(), **other)))  # type: ignore[arg-type]


GHOST = Claim("sid9", "t", "Casper", "n9.bb")


def test_nothing_differs_where_all_is_well() -> None:
    assert [] == found()


CASES: list[tuple[dict[str, object], list[Finding]]] = [
    ({"claims": {}}, [LostNick("n1", "Ann", "sid1")]),
    (
        {"claims": {"ann": Claim("sid1", "old", "Ann", NODE)}},
        [GhostNick("Ann", "sid1", "old"), LostNick("n1", "Ann", "sid1")],
    ),
    ({"claims": well().claims | {"casper": GHOST}}, [GhostNick("Casper", "sid9", "t")]),
    ({"rosters": {}}, [LostMember("n1", "#go", "Ann", "sid1")]),
    (
        {"rosters": {"#go": {"sid1": Member("old", "Ann")}}},
        [LostMember("n1", "#go", "Ann", "sid1")],
    ),
    (
        {"rosters": {"#go": well().rosters["#go"] | {"sid9": Member("t", "Casper")}}},
        [GhostMember("#go", "Casper", "sid9", "t", here=False)],
    ),
    (
        {
            "rosters": well().rosters | {"#py": {"sid1": Member("t", "Ann")}},
            "listed": {"#go", "#py"},
        },
        [GhostMember("#py", "Ann", "sid1", "t", here=True)],
    ),
    ({"records": {"n9.bb": {"sid9"}}}, [OrphanedRecords("n9.bb", 1)]),
    (
        {"records": {"n9.bb": {"sid9"}}, "claims": well().claims | {"casper": GHOST}},
        [OrphanedRecords("n9.bb", 1)],
    ),
    ({"records": {"n9.bb": {"sid9"}}, "dying": {"n9.bb"}}, []),
    ({"claims": well().claims | {"casper": GHOST}, "dying": {"n9.bb"}}, []),
    ({"claims": well().claims | {"casper": GHOST}, "kept": {"sid9"}}, []),
    ({"nodes": {NODE: None}}, [SilentNode("n1")]),
    ({"nodes": {NODE: Answer({"sid1": ANN}, frozenset())}}, [DeafNode("n1", "#go")]),
    ({"garbled": ["x"]}, [GarbledKey("x")]),
    ({"listed": set()}, [UnlistedChannel("#go")]),
    ({"listed": {"#go", "#py"}}, [ListedChannel("#py")]),
    ({"expires": {"#go": {"go:meta": 5}}}, [FleetingKey("go:meta")]),
    ({"expires": {"ann": {"ann:log": 5}}}, [FleetingKey("ann:log")]),
    ({"expires": {"#py": {"py:log": -1}}}, [LastingKey("py:log", channel=True)]),
    ({"expires": {"bob": {"bob:log": -1}}}, [LastingKey("bob:log", channel=False)]),
    ({"expires": {"#py": {"py:log": 5}, "bob": {"bob:log": 5}}}, []),
]


@pytest.mark.parametrize("other, expected", CASES)
def test_each_difference_is_found_and_no_other(
    other: dict[str, object], expected: list[Finding]
) -> None:
    assert expected == found(**other)


@pytest.mark.parametrize("finding", {type(each): each for _, f in CASES for each in f}.values())
def test_each_has_words_of_its_own_and_shows_no_token(finding: Finding) -> None:
    assert "{" not in str(finding) + finding.mended
    assert "token" not in finding.as_dict()


@given(st.integers(1, 100), st.sampled_from(["", " ", ".0"]))
def test_a_share_is_a_percentage(percent: int, between: str) -> None:
    text = f"{percent}{between}%"
    assert percent / 100 == share(text)


@given(st.text())
def test_any_text_is_a_share_or_refused(text: str) -> None:
    try:
        assert 0 < share(text) <= 1
    except SettingError as e:
        assert "--share" == e.setting  # noqa: PT017 - one of the two is so
