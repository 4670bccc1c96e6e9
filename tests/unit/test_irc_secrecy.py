"""Secret channels over IRC: who isn't in one learns nothing of it, by no command."""

import pytest

from tests.support.ircville import Client, IrcVillage


@pytest.fixture
def village() -> IrcVillage:
    return IrcVillage(2, lobby="")


@pytest.fixture(params=["s", "p"])
def mode(request: pytest.FixtureRequest) -> str:
    mode: str = request.param
    return mode


@pytest.fixture
def ann(village: IrcVillage, mode: str) -> Client:
    """The operator of #go, which is secret."""
    ann = village.here("ann", "#go")
    ann.type("TOPIC #go :all about Go", f"MODE #go +{mode}")
    return ann


@pytest.mark.parametrize(
    "line, numerics",
    [
        ("LIST", ["321", "323"]),
        ("LIST #go", ["321", "323"]),
        ("NAMES #go", ["366"]),
        ("TOPIC #go", ["403"]),
        ("TOPIC #go :mine", ["403"]),
        ("MODE #go", ["403"]),
        ("MODE #go +b", ["403"]),
        ("KICK #go ann", ["403"]),
        ("INVITE ann #go", ["403"]),
        ("WHOIS ann", ["311", "312", "317", "318"]),
    ],
)
def test_who_is_outside_learns_nothing(
    village: IrcVillage, ann: Client, line: str, numerics: list[str]
) -> None:
    bob = village.here("bob", node=1)
    assert numerics == bob.numerics(line)


def test_who_is_inside_sees_it(village: IrcVillage, ann: Client) -> None:
    assert ["321", "322", "323"] == ann.numerics("LIST")
    assert ["332", "333"] == ann.numerics("TOPIC #go")


def test_the_list_of_who_is_there_says_how_it_is_hidden(ann: Client, mode: str) -> None:
    sign = {"s": "@", "p": "*"}[mode]
    assert [
        f":irc.chorus 353 ann {sign} #go :@ann",
        ":irc.chorus 366 ann #go :End of /NAMES list",
    ] == ann.type("NAMES #go")
