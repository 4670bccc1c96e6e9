"""`node.core.rules`: what the rules of a channel allow whom."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from broker.api import Code, Refused
from broker.names import fold
from broker.rules import FREE, Fellow, Mask, Rules, Standing
from node.core import rules
from node.core.masks import Who
from node.core.modes import LIST, MODES, STATUSES, Change, Kind, read, written
from node.core.rules import Enacted

BOB = Who("bob", "slash@1f2e.cloak", "192.0.2.7")
STRANGER = Standing(member=False)
GUEST = Standing(member=False, invited=True)
MEMBER = Standing(member=True)
VOICED, HALF, OP = (Standing(member=True, status=letter) for letter in "vho")


def masks(*texts: str) -> tuple[Mask, ...]:
    return tuple(Mask(text, "ann", 0) for text in texts)


def having(modes: str = "", **lists: str) -> Rules:
    """Rules with these flags, and a mask in each of these lists."""
    return Rules(1, modes, lists={letter: masks(mask) for letter, mask in lists.items()})


def refusal(judgment: object, *asked: object) -> Code | None:
    assert callable(judgment)
    try:
        judgment(*asked)
    except Refused as refused:
        return refused.code
    return None


# -- coming in


@pytest.mark.parametrize(
    "law, expected",
    [
        (FREE, None),
        (having("mnpst"), None),
        (having("i"), Code.INVITE_ONLY),
        (having("i", I="bob!*@*"), None),
        (having("i", I="rob!*@*"), Code.INVITE_ONLY),
        (having(b="*!*@192.0.2.0/24"), Code.BANNED_HERE),
        (having(b="*!*@*.cloak"), Code.BANNED_HERE),
        (having(b="rob!*@*"), None),
        (having(b="m:bob!*@*"), None),
        (having(b="*!*@*", e="m:bob!*@*"), Code.BANNED_HERE),
        (having(b="*!*@*", e="bob!*@*"), None),
        (having("i", b="bob!*@*", I="bob!*@*"), Code.BANNED_HERE),
    ],
)
def test_who_may_come_in_is_told_by_bans_and_invitations(law: Rules, expected: Code | None) -> None:
    assert expected is refusal(rules.join, law, STRANGER, "#go", BOB)


@pytest.mark.parametrize(
    "key, expected", [("", Code.KEY_WRONG), ("no", Code.KEY_WRONG), ("k", None)]
)
def test_where_there_is_a_key_it_is_needed(key: str, expected: Code | None) -> None:
    assert expected is refusal(rules.join, Rules(key="k"), STRANGER, "#go", BOB, key)


def test_who_was_invited_may_come_in_whatever_the_rules_say() -> None:
    law = replace(having("i", b="*!*@*"), key="k")
    assert None is refusal(rules.join, law, GUEST, "#go", BOB)


# -- speaking


@pytest.mark.parametrize(
    "law, expected",
    [
        (FREE, [Code.NOT_MEMBER, None, None, None]),
        (having(), [None] * 4),
        (having("n"), [Code.NOT_MEMBER, None, None, None]),
        (having("m"), [Code.CANNOT_SPEAK, Code.CANNOT_SPEAK, None, None]),
        (having(b="bob!*@*"), [Code.SILENCED, Code.SILENCED, None, None]),
        (having(b="bob!*@*", e="*!*@192.0.2.7"), [None] * 4),
        (having(b="m:BOB!*@*"), [Code.SILENCED, Code.SILENCED, None, None]),
        (having(b="m:rob!*@*"), [None] * 4),
        (having(b="m:bob!*@*", e="m:*!*@192.0.2.0/24"), [None] * 4),
        (having(b="bob!*@*", e="m:bob!*@*"), [None] * 4),
        (having(b="m:bob!*@*", e="bob!*@*"), [None] * 4),
    ],
)
def test_who_may_speak(law: Rules, expected: list[Code | None]) -> None:
    standings = (STRANGER, MEMBER, VOICED, OP)
    assert expected == [refusal(rules.speak, law, each, "#go", BOB, "hi") for each in standings]


def test_nobody_may_speak_ctcp_where_that_is_forbidden() -> None:
    said = ("\x01VERSION\x01", "hi \x01")
    assert [Code.CTCP_REFUSED, None] == [
        refusal(rules.speak, having("C"), OP, "#go", BOB, text) for text in said
    ]


@given(st.sets(st.sampled_from("CimnpstI")), st.sampled_from(["", "*!*@*", "rob!*@*"]))
def test_where_anybody_speaks_no_member_is_kept_from_it(letters: set[str], ban: str) -> None:
    law = having("".join(letters), **({"b": ban} if ban else {}))
    if rules.anybody_speaks(law):
        assert None is refusal(rules.speak, law, MEMBER, "#go", BOB, "\x01VERSION\x01")


# -- what operators do


@pytest.mark.parametrize(
    "judgment, law, expected",
    [
        (rules.topic, FREE, [Code.NOT_MEMBER, None, None, None, None]),
        (rules.topic, having("t"), [Code.NOT_MEMBER, *[Code.NOT_OP] * 2, None, None]),
        (rules.invite, FREE, [Code.NOT_MEMBER, None, None, None, None]),
        (rules.invite, having("i"), [Code.NOT_MEMBER, *[Code.NOT_OP] * 2, None, None]),
    ],
)
def test_who_may_set_the_topic_and_invite(
    judgment: object, law: Rules, expected: list[Code | None]
) -> None:
    standings = (STRANGER, MEMBER, VOICED, HALF, OP)
    assert expected == [refusal(judgment, law, each, "#go") for each in standings]


@pytest.mark.parametrize(
    "standing, kicked", [(MEMBER, ""), (VOICED, ""), (HALF, "-v"), (OP, "-vho")]
)
def test_who_may_kick_whom(standing: Standing, kicked: str) -> None:
    statuses = {"-": "", "v": "v", "h": "h", "o": "ov"}
    may = [
        letter
        for letter, status in statuses.items()
        if not refusal(rules.kick, standing, status, "#go")
    ]
    assert kicked == "".join(may)


def test_others_do_not_see_a_channel_that_is_secret_or_private() -> None:
    assert [True, True, False] == [rules.hidden(modes) for modes in ("ns", "np", "imnt")]


# -- changing modes

NICKS = ("Ann", "Bob", "Cat")
ANN = Who("Ann", "slash@host")


def enact(line: str, law: Rules = FREE, standing: Standing = OP, **held: str) -> Enacted:
    """What becomes of a line of Ann's. `held`: statuses, by nick."""

    def target(nick: str) -> Fellow:
        for one in NICKS:
            if fold(one) == fold(nick):
                return Fellow(f"sid-{fold(one)}", one, held.get(fold(one), ""))
        raise Refused(Code.NO_SUCH_NICK, nick)

    asked = read(line.split(" ")).changes
    return rules.enact(law, standing, asked, target, channel="#go", me=ANN, ms=42)


def test_an_operator_changes_everything_in_one_go() -> None:
    done = enact("+tnlkbov 5 pass rob bob CAT")
    expected = Rules(0, "nt", "pass", 5, {"b": (Mask("rob!*@*", "Ann", 42),)})
    assert (expected, {"sid-bob": "o", "sid-cat": "v"}, []) == (
        done.rules,
        done.statuses,
        done.refused,
    )
    assert ("+o", "Bob") in done.changes


@pytest.mark.parametrize("line", ["-t", "-k x", "-l", "-b x!*@*", "-v bob", "-o bob"])
def test_what_is_so_already_is_not_told(line: str) -> None:
    done = enact(line)
    assert (FREE, [], {}, []) == tuple(done)


def test_a_mask_is_taken_off_a_list_in_any_case_and_told_as_it_stands_there() -> None:
    done = enact("-b BAR!*@*", having(b="bar!*@*"))
    assert ({}, [("-b", "bar!*@*")]) == (done.rules.lists, done.changes)


def test_statuses_of_one_person_add_up() -> None:
    assert {"sid-bob": "hv"} == enact("+vo-o+h bob bob bob bob").statuses


def test_a_full_list_takes_no_more_but_gives_back() -> None:
    law = Rules(lists={"b": masks(*(f"n{i}!*@*" for i in range(LIST)))})
    assert [Refused(Code.LIST_FULL, "x!*@*")] == enact("+b x", law).refused
    assert [] == enact("-b+b n1 x", law).refused


def test_what_is_refused_keeps_nothing_else_from_being_done() -> None:
    done = enact("+onv zed cat")
    assert [("+n", ""), ("+v", "Cat")] == done.changes
    assert [Refused(Code.NO_SUCH_NICK, "zed")] == done.refused


@pytest.mark.parametrize("standing", [STRANGER, MEMBER, VOICED])
def test_who_is_no_operator_changes_nothing_and_is_told_once(standing: Standing) -> None:
    done = enact("+ntb-l+ov x bob cat", standing=standing)
    assert (FREE, [], {}, [Refused(Code.NOT_OP, "#go")]) == tuple(done)


def test_half_an_operator_makes_no_operators() -> None:
    done = enact("+nov-h bob cat bob", standing=HALF)
    assert [("+n", ""), ("+v", "Cat")] == done.changes
    assert [Refused(Code.NOT_OP, "#go")] == done.refused


def test_anybody_may_give_up_their_own_status() -> None:
    assert {"sid-ann": ""} == enact("-v ann", standing=VOICED, ann="v").statuses


LINES = st.builds(
    lambda letters, about: " ".join([letters, *about]),
    st.text(st.sampled_from("".join(MODES) + "+-"), max_size=12),
    st.lists(st.sampled_from(["ann", "bob", "CAT", "zed", "7", "x!*@*"]), max_size=12),
)


@given(LINES)
def test_changes_that_are_told_make_the_same_of_the_same_rules(line: str) -> None:
    done = enact(line)
    told = enact(written(done.changes))
    assert (done.rules, done.changes) == (told.rules, told.changes)


@given(LINES, LINES)
def test_statuses_are_known_letters_and_flags_are_sorted(line: str, another: str) -> None:
    done = enact(another, enact(line).rules)
    assert done.rules.modes == "".join(sorted(set(done.rules.modes)))
    assert all(MODES[letter].kind is Kind.NEVER for letter in done.rules.modes)
    assert all(set(status) <= set(STATUSES) for status in done.statuses.values())


def test_a_change_knows_its_letter_and_whether_it_is_on() -> None:
    assert [("o", True), ("b", False)] == [(c.letter, c.on) for c in (Change("+o"), Change("-b"))]
