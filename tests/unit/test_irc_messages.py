"""What one says on IRC, and what of it others can be sent as one line: Modern IRC Client Protocol,
"Message Format", "ERR_INPUTTOOLONG (417)".
"""

import pytest

from node.dialects.irc.events import FITS
from tests.support.ircville import Client, IrcVillage, untagged

ANN = ":ann!~ann@192.0.2.7"


@pytest.fixture
def village() -> IrcVillage:
    return IrcVillage(2)


@pytest.fixture
def ann(village: IrcVillage) -> Client:
    return village.here("ann", "#go")


@pytest.fixture
def bob(village: IrcVillage, ann: Client) -> Client:
    bob = village.here("bob", "#go", node=1)
    ann.read()
    return bob


@pytest.mark.parametrize("verb", ["PRIVMSG", "NOTICE"])
@pytest.mark.parametrize("target", ["#go", "bob"])
@pytest.mark.parametrize("end", ["y", "é", "😃"])
def test_a_line_that_fits_with_its_authors_name_comes_as_it_is(
    ann: Client, bob: Client, verb: str, target: str, end: str
) -> None:
    head = f"{ANN} {verb} {target} :"
    text = "x" * (FITS - len(head) - len(end.encode())) + end
    assert [] == ann.type(f"{verb} {target} {text}")
    assert [head + text] == bob.read()


@pytest.mark.parametrize("verb", ["PRIVMSG", "NOTICE"])
@pytest.mark.parametrize("target", ["#go", "bob"])
@pytest.mark.parametrize("end", ["y", "é", "😃"])
def test_a_line_that_does_not_is_refused_and_nobody_reads_it(
    ann: Client, bob: Client, verb: str, target: str, end: str
) -> None:
    text = "x" * (FITS + 1 - len(f"{ANN} {verb} {target} :") - len(end.encode())) + end
    assert ["417"] == ann.numerics(f"{verb} {target} :{text}")
    assert [] == bob.read()


def test_of_several_targets_those_that_it_fits_for_get_it(ann: Client, bob: Client) -> None:
    text = "x" * (FITS - len(f"{ANN} PRIVMSG bob :"))
    assert ["417"] == ann.numerics(f"PRIVMSG bob,@#go :{text}")
    assert [f"{ANN} PRIVMSG bob :{text}"] == bob.read()


def test_a_long_line_in_a_batch_is_cut_as_those_of_others_are(village: IrcVillage) -> None:
    ann = village.here("ann", "#go", caps="batch draft/multiline message-tags")
    bob = village.here("bob", "#go", node=1)
    ann.read()
    long = "x" * (FITS - len("PRIVMSG #go :"))
    lines = [f"@batch=1 PRIVMSG #go :{text}" for text in ("hi", long)]
    assert [] == ann.type("BATCH +1 draft/multiline #go", *lines, "BATCH -1")
    first, *rest = [line.partition(" :")[2] for line in untagged(bob.read())]
    assert ("hi", [True, False], long) == (
        first,
        [len(f"{ANN} PRIVMSG #go :{text}") == FITS for text in rest],
        "".join(rest),
    )
