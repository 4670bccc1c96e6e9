"""`broker.ruling.Known`: what is known of a channel, and that no line has to be judged by it."""

from broker.events import Ruled
from broker.rules import FREE, Rules, encode_rules
from broker.ruling import Known, unruled

MODERATED = Rules(2, "m")


def quiet(rules: Rules) -> bool:
    """Whether all may speak, as a core may have it."""
    return "m" not in rules.modes


def ruled(rules: Rules) -> Ruled:
    """The event of which these rules are what holds from there on."""
    return Ruled("s", 1, "ann", rules.law, (("+m", ""),), rules=encode_rules(rules))


def test_where_nothing_was_decided_all_may_speak() -> None:
    assert [True, False] == [unruled(FREE), unruled(Rules(1))]


def test_whether_all_may_speak_is_found_out_once_for_each_law() -> None:
    asked: list[int] = []

    def all_speak(rules: Rules) -> bool:
        asked.append(rules.law)
        return quiet(rules)

    known = Known(Rules(1, "n"), all_speak)
    free = [known.free for _ in range(3)]
    known.heard(ruled(MODERATED))
    free.append(known.free)
    assert ([True, True, True, False], [1, 2]) == (free, asked)


def test_all_may_speak_again_when_redis_says_so() -> None:
    known = Known(MODERATED, quiet)
    known.goes_by(Rules(3, "n"))
    assert (True, "3") == (known.free, known.law)


def test_an_event_that_leaves_one_out_changes_nothing() -> None:
    known = Known(Rules(0, "n"), quiet)
    known.heard(ruled(MODERATED))
    assert (True, "0") == (known.free, known.law)
