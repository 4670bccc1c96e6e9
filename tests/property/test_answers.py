"""Whatever is asked in the JSON dialect, and whatever happens to the broker meanwhile: each command
that has an id is answered by it once, in the order of the questions, and as the schema has it.
"""

import json
from functools import cache
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from broker.api import Code
from node.dialects.json import Json, schema
from tests.support.village import Village, Villager

names = st.sampled_from(["ann", "bob", "Ann", "guest-1", "1", "nobody"])
channels = st.sampled_from(["#a", "#b", "a", "#A", "# b"])
texts = st.sampled_from(["hi", "  ", "", "a\nb", "x" * 5000, "☃"])
places = st.sampled_from(["x.1", "nonsense"])

commands: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries({"do": st.just("nick"), "nick": names}),
    st.fixed_dictionaries({"do": st.sampled_from(["join", "leave", "names"]), "channel": channels}),
    st.fixed_dictionaries({"do": st.just("say"), "channel": channels, "text": texts}),
    st.fixed_dictionaries({"do": st.just("tell"), "nick": names, "text": texts}),
    st.fixed_dictionaries({"do": st.just("topic"), "channel": channels, "topic": texts}),
    st.fixed_dictionaries({"do": st.just("topic"), "channel": channels}),
    st.fixed_dictionaries({"do": st.just("history"), "channel": channels, "before": places}),
    st.fixed_dictionaries({"do": st.just("whois"), "nick": names}),
    st.fixed_dictionaries({"do": st.just("resume"), "token": texts}),
    st.sampled_from(
        [{"do": verb} for verb in ("list", "who", "away", "back", "token", "ping", "stats", "what")]
    ),
)
steps = st.lists(
    st.tuples(st.sampled_from(["0", "1"]), commands) | st.sampled_from(["lose", "restore"]),
    max_size=25,
)


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator({"$ref": "#/$defs/Message", "$defs": schema()["$defs"]})


def _ask(person: Villager, ref: int, command: dict[str, Any]) -> None:
    person.say(json.dumps({**command, "id": ref}))


@given(steps)
def test_each_command_is_answered_once(story: list[Any]) -> None:
    village, dialect = Village(), Json(lambda message: message + b"\r\n")
    people = [village.guest(lobby=False, dialect=dialect) for _ in range(2)]
    asked: dict[str, list[int]] = {"0": [], "1": []}
    refs, away = count(1), False
    for step in story:
        if isinstance(step, tuple):
            who, command = step
            asked[who].append(next(refs))
            _ask(people[int(who)], asked[who][-1], command)
        elif step == "lose" and not away:
            away = True
            village.lose(0)
        elif step == "restore" and away:
            away = False
            village.restore(0)
    if away:
        village.restore(0)
    for who, person in enumerate(people):
        messages = [json.loads(line) for line in person.read()]
        for message in messages:
            _validator().validate(message)
        assert asked[str(who)] == [message["id"] for message in messages if "id" in message]
    assert [] == village.failures


def test_lines_that_wait_for_the_broker_are_answered_each() -> None:
    village, dialect = Village(), Json(lambda message: message + b"\r\n")
    person = village.guest(lobby=False, dialect=dialect)
    _ask(person, 1, {"do": "join", "channel": "#a"})
    person.read()
    for ref in range(2, 5):
        _ask(person, ref, {"do": "say", "channel": "#a", "text": str(ref)})
    _ask(person, 5, {"do": "say", "channel": "#b", "text": "5"})
    village.lose(0)
    _ask(person, 6, {"do": "say", "channel": "#a", "text": "6"})
    answers = [json.loads(line) for line in person.read()]
    kinds = [(each["id"], each["is"]) for each in answers if "id" in each]
    assert [(2, "done"), (3, "done"), (4, "done"), (5, "error"), (6, "error")] == kinds


def test_what_is_refused_is_counted_with_an_id_or_without() -> None:
    village, dialect = Village(), Json(lambda message: message + b"\r\n")
    person = village.guest(lobby=False, dialect=dialect)
    person.say('{"do":"leave","channel":"#a"}')
    _ask(person, 1, {"do": "leave", "channel": "#a"})
    _ask(person, 2, {"do": "say", "channel": "#a", "text": "x"})
    assert 3 == village.chats[0].tally.refusals[Code.NOT_MEMBER]
