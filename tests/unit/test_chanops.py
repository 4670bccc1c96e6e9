"""`node.core.chanops` and what rules do to everybody: conversations over nodes in one world."""

import pytest

from node.dialects.json import Json
from tests.support.village import Village, Villager

NOT_OP = "error: only an operator of #go may do that"


@pytest.fixture
def village() -> Village:
    return Village(3, lobby="#lobby")


@pytest.fixture
def ann(village: Village) -> Villager:
    """The operator of #go."""
    return village.person("ann", "#go", node=0)


@pytest.fixture
def bob(village: Village, ann: Villager) -> Villager:
    bob = village.person("bob", "#go", node=1)
    ann.read()
    return bob


@pytest.fixture
def cat(village: Village, bob: Villager) -> Villager:
    cat = village.person("cat", "#go", node=2)
    village.read_up()
    return cat


def changed(by: str, changes: str) -> list[str]:
    return [f"{by} has changed the modes of #go: {changes}"]


# -- statuses


def test_who_comes_first_is_the_operator(ann: Villager, bob: Villager) -> None:
    assert ["in #go (2): @ann bob"] == bob.type("/names #go")


def test_nobody_is_the_operator_of_the_lobby(village: Village) -> None:
    dan = village.person("dan")
    assert ["in #lobby (1): dan"] == dan.type("/names #lobby")
    dan.type("/leave #lobby", "/join #lobby")
    assert ["in #lobby (1): dan"] == dan.type("/names #lobby")


def test_statuses_are_gone_when_nobody_is_there(village: Village, ann: Villager) -> None:
    ann.type("/mode +m", "hello", "/leave #go")
    bob = village.person("bob", "#go", node=1)
    assert ["in #go (1): @bob"] == bob.type("/names #go")
    assert ["the modes of #go are +n"] == bob.type("/mode #go")


def test_an_operator_makes_another_which_everybody_reads(
    ann: Villager, bob: Villager, cat: Villager
) -> None:
    expected = changed("ann", "+o bob")
    assert expected == ann.type("/op bob")
    assert (expected, expected) == (bob.read(), cat.read())
    assert changed("bob", "-o ann") == bob.type("/deop ann")
    assert ["in #go (3): ann @bob cat"] == ann.type("/names")[-1:]


@pytest.mark.parametrize(
    "line, shown",
    [
        ("/op bob cat", "@bob @cat"),
        ("/halfop #go bob", "%bob cat"),
        ("/voice BOB", "+bob cat"),
        ("/mode +vo bob bob", "@bob cat"),
    ],
)
def test_statuses_have_signs(ann: Villager, cat: Villager, line: str, shown: str) -> None:
    ann.type(line)
    assert [f"in #go (3): @ann {shown}"] == ann.type("/names")


@pytest.mark.parametrize(
    "line",
    ["/op bob", "/kick ann", "/ban ann", "/mode +m", "/mode -n", "/deop ann", "/voice cat"],
)
def test_who_is_no_operator_does_none_of_this(ann: Villager, bob: Villager, line: str) -> None:
    assert ([NOT_OP], []) == (bob.type(line), ann.read())


def test_half_an_operator_does_the_half_of_it(ann: Villager, bob: Villager, cat: Villager) -> None:
    ann.type("/halfop bob")
    assert changed("bob", "+v cat") == bob.type("/voice cat")[-1:]
    assert [NOT_OP] == bob.type("/op cat")
    assert [NOT_OP] == bob.type("/kick ann")
    assert ["bob has kicked cat out of the channel #go"] == bob.type("/kick cat")


def test_who_is_not_there_gets_no_status(village: Village, ann: Villager) -> None:
    village.person("dan", node=1)
    assert ["error: dan is not in that channel"] == ann.type("/op dan")
    assert ["error: nobody is called zed"] == ann.type("/op zed")


def test_all_of_it_is_done_or_nothing(ann: Villager, bob: Villager) -> None:
    assert ["error: nobody is called zed"] == ann.type("/mode +mov zed bob")
    assert ["the modes of #go are +n"] == ann.type("/mode")
    assert [] == bob.read()


def test_what_is_so_already_is_told_nobody(ann: Villager, bob: Villager) -> None:
    assert ([], []) == (ann.type("/mode +n", "/op ann", "/unban x"), bob.read())


# -- kicks


def test_who_is_kicked_reads_it_and_nothing_after(
    ann: Villager, bob: Villager, cat: Villager
) -> None:
    expected = ["ann has kicked bob out of the channel #go (enough)"]
    assert expected == ann.type("/kick bob enough")
    ann.type("peace")
    assert (expected, [*expected, "[#go] <ann> peace"]) == (bob.read(), cat.read())


def test_who_is_kicked_is_not_there_any_more(ann: Villager, bob: Villager) -> None:
    ann.type("/kick bob")
    bob.read()
    assert ["error: you are not in #go"] == bob.type("/msg #go hello")
    assert ["in #go (1): @ann"] == ann.type("/names")
    assert "bob has joined the channel #go" == bob.type("/join #go")[0]


def test_who_is_kicked_speaks_in_the_channel_joined_before(village: Village) -> None:
    ann = village.person("ann", "#go", "#two", node=0)
    bob = village.person("bob", "#go", "#two", node=1)
    ann.type("/kick #two bob")
    bob.type("hello")
    assert "[#go] <bob> hello" == ann.read()[-1]


def test_one_can_kick_oneself(ann: Villager, bob: Villager) -> None:
    expected = ["ann has kicked ann out of the channel #go (bye)"]
    assert (expected, expected) == (ann.type("/kick ann bye"), bob.read())


def test_who_is_not_there_is_not_kicked(village: Village, ann: Villager) -> None:
    dan = village.person("dan", node=1)
    assert ["error: dan is not in that channel"] == ann.type("/kick dan")
    assert ["error: nobody is called zed"] == ann.type("/kick zed")
    assert ["error: you are not in #go"] == dan.type("/kick #go ann")
    assert ["error: there is no channel #nowhere"] == dan.type("/kick #nowhere ann")


def test_a_reason_that_could_end_a_line_is_refused(ann: Villager, bob: Villager) -> None:
    assert ["error: a text can't hold a line break or a NUL character"] == ann.type(
        "/kick bob a\rb"
    )


# -- bans


def test_who_is_banned_does_not_come_in(village: Village, ann: Villager) -> None:
    dan = village.person("dan", node=1)
    assert changed("ann", "+b dan!*@*") == ann.type("/ban dan")
    assert ["error: you are banned from #go"] == dan.type("/join #go")
    assert changed("ann", "-b dan!*@*") == ann.type("/unban DAN")
    assert "dan has joined the channel #go" == dan.type("/join #go")[0]


def test_who_is_banned_does_not_speak_without_a_status(ann: Villager, bob: Villager) -> None:
    ann.type("/ban bob")
    bob.read()
    refused = "error: you are banned from #go, and can't speak there"
    assert [refused] == bob.type("hello")
    ann.type("/voice bob")
    bob.read()
    assert ([], ["[#go] <bob> hello"]) == (bob.type("hello"), ann.read()[-1:])


def test_a_network_is_banned_by_the_address_that_people_really_come_from(
    village: Village, ann: Villager
) -> None:
    near, far = (village.guest(1, address=f"192.0.{i}.7", lobby=False) for i in (2, 3))
    ann.type("/ban 192.0.2.0/24")
    assert ["error: you are banned from #go"] == near.type("/join #go")[-1:]
    assert "in #go (2): " in far.type("/join #go")[-1]


def test_an_exception_is_stronger_than_a_ban(village: Village, ann: Villager) -> None:
    dan = village.person("dan", node=1)
    ann.type("/ban *!*@*", "/mode +e dan")
    assert "dan has joined the channel #go" == dan.type("/join #go")[0]


def test_lists_are_shown(ann: Villager, bob: Villager) -> None:
    ann.type("/ban x y", "/mode +e z")
    assert [
        "x!*@* is banned from #go (by ann, 2023-11-14 12:00 UTC)",
        "y!*@* is banned from #go (by ann, 2023-11-14 12:00 UTC)",
    ] == bob.type("/ban")[-2:]
    assert ["z!*@* is excepted from bans in #go (by ann, 2023-11-14 12:00 UTC)"] == bob.type(
        "/mode +e"
    )
    assert ["nobody may come into #go uninvited"] == bob.type("/mode +I")


# -- keys, limits, invitations


def test_a_key_is_needed(village: Village, ann: Villager) -> None:
    dan = village.person("dan", node=1)
    ann.type("/mode +k sesame")
    refused = "error: #go has a key, and can't be joined without it: /join #CHANNEL KEY"
    assert [refused, refused] == dan.type("/join #go", "/join #go no")
    assert "dan has joined the channel #go" == dan.type("/join #go sesame")[0]
    assert ["the modes of #go are +nk sesame"] == dan.type("/mode #go")


def test_no_more_come_in_than_the_limit_says(village: Village, ann: Villager) -> None:
    dan = village.person("dan", node=1)
    ann.type("/mode +l 1")
    assert ["error: #go is full"] == dan.type("/join #go")
    ann.type("/mode -l")
    assert "dan has joined the channel #go" == dan.type("/join #go")[0]


def test_who_is_invited_comes_in_once_past_everything(village: Village, ann: Villager) -> None:
    dan = village.person("dan", node=1)
    ann.type("/mode +ilkb 1 sesame dan")
    assert ["error: you are banned from #go"] == dan.type("/join #go")
    assert ["you have invited dan into #go"] == ann.type("/invite dan")
    assert ["ann invites you into the channel #go"] == dan.read()
    assert "dan has joined the channel #go" == dan.type("/join #go")[0]
    ann.type("/kick dan")
    dan.read()
    assert ["error: you are banned from #go"] == dan.type("/join #go")


def test_who_needs_no_invitation_comes_in_uninvited(village: Village, ann: Villager) -> None:
    dan = village.person("dan", node=1)
    ann.type("/mode +i")
    assert ["error: only who is invited can come into #go"] == dan.type("/join #go")
    ann.type("/mode +I dan")
    assert "dan has joined the channel #go" == dan.type("/join #go")[0]


def test_others_read_nothing_of_an_invitation(
    village: Village, ann: Villager, bob: Villager
) -> None:
    dan = village.person("dan", node=2)
    bob.type("/invite dan")
    assert ([], ["bob invites you into the channel #go"]) == (ann.read(), dan.read())


def test_who_invites_reads_that_somebody_is_away(village: Village, ann: Villager) -> None:
    village.person("dan", node=1).type("/away lunch")
    assert ["you have invited dan into #go", "dan is away (lunch)"] == ann.type("/invite #go dan")


def test_where_one_has_to_be_invited_only_operators_invite(
    village: Village, ann: Villager, bob: Villager
) -> None:
    village.person("dan", node=2)
    ann.type("/mode +i")
    bob.read()
    assert [NOT_OP] == bob.type("/invite dan")


def test_who_is_there_or_nowhere_is_not_invited(ann: Villager, bob: Villager) -> None:
    assert ["error: bob is in that channel already"] == ann.type("/invite bob")
    assert ["error: nobody is called zed"] == ann.type("/invite zed")


def test_who_is_not_in_a_channel_invites_nobody(village: Village, ann: Villager) -> None:
    dan = village.person("dan", node=1)
    assert ["error: you are not in #go"] == dan.type("/invite ann #go")


# -- what the rules keep people from


def test_where_it_is_moderated_only_who_has_a_status_speaks(ann: Villager, bob: Villager) -> None:
    ann.type("/mode +m")
    bob.read()
    assert ["error: only who has a voice may speak in #go now"] == bob.type("hello")
    ann.type("/voice bob")
    bob.read()
    assert ([], ["[#go] <bob> hello"]) == (bob.type("hello"), ann.read()[-1:])


def test_only_operators_set_the_topic_where_that_is_so(ann: Villager, bob: Villager) -> None:
    ann.type("/mode +t")
    bob.read()
    assert [NOT_OP] == bob.type("/topic mine")
    ann.type("/halfop bob")
    bob.read()
    assert ["bob has set the topic of #go to mine"] == bob.type("/topic mine")


def test_an_operator_can_set_other_modes_for_new_channels() -> None:
    village = Village(1, lobby="", channel_modes="nt")
    ann = village.person("ann", "#go")
    assert ["the modes of #go are +nt"] == ann.type("/mode")


@pytest.mark.parametrize("mode", ["s", "p"])
def test_who_is_outside_does_not_see_a_secret_channel(
    village: Village, ann: Villager, bob: Villager, mode: str
) -> None:
    dan = village.person("dan", node=2)
    ann.type(f"/mode +{mode}", "/leave #lobby", "/topic all about Go")
    village.read_up()
    there_is_none = "error: there is no channel #go"
    asked = ("/names #go", "/topic #go", "/mode #go", "/ban #go", "/op #go bob", "/kick #go bob")
    assert [there_is_none] * 7 == dan.type(*asked, "/invite ann #go")
    assert ["#lobby (2)", "1 channel"] == dan.type("/list")
    assert not any("#go" in line for line in dan.type("/whois ann"))
    assert ["#go (2): all about Go", "#lobby (2)", "2 channels"] == bob.type("/list")[-3:]
    assert "ann is in #go" == bob.type("/whois ann")[-1]
    assert ["in #go (2): @ann bob"] == bob.type("/names #go")


# -- nodes that are cut off


def test_whose_place_was_taken_meanwhile_is_told_and_not_there(
    village: Village, ann: Villager, bob: Villager
) -> None:
    ann.type("/mode +l 2")
    village.evict(1)
    cat = village.person("cat", "#go", node=2)
    village.restore(1)
    assert "error: #go is full" in bob.read()
    assert ["error: you are not in #go"] == bob.type("/msg #go hello")
    assert ["in #go (2): @ann cat"] == cat.type("/names #go")


def test_a_channel_that_was_left_empty_has_an_operator_again(village: Village) -> None:
    ann, bob = (village.person(nick, "#go", node=0) for nick in ("ann", "bob"))
    ann.type("/op bob")
    village.evict(0)
    village.restore(0)
    village.read_up()
    (names,) = ann.type("/names #go")
    assert 1 == names.count("@")
    operator, other = (ann, bob) if "@ann" in names else (bob, ann)
    assert [] == [line for line in operator.type("/mode +m") if "error" in line]
    assert ["error: only who has a voice may speak in #go now"] == other.type("hi")[-1:]


def test_what_people_were_they_are_after_everything_was_forgotten(
    village: Village, ann: Villager, bob: Villager, cat: Villager
) -> None:
    ann.type("/voice bob", "/mode +mk sesame", "/ban dan")
    village.world.forget()
    village.read_up()
    assert ["in #go (3): @ann +bob cat"] == cat.type("/names")
    assert ["the modes of #go are +mnk sesame"] == cat.type("/mode")
    assert ["error: only who has a voice may speak in #go now"] == cat.type("hello")


# -- by another dialect


def test_a_program_does_the_same(village: Village, ann: Villager, bob: Villager) -> None:
    program = village.guest(2, lobby=False, dialect=Json(lambda message: message + b"\r\n"))
    program.type('{"do":"join","channel":"#go"}')
    ann.type("/op " + program.nick)
    village.read_up()
    said = program.type('{"do":"mode","id":1,"channel":"#go","changes":["+v","bob"]}')
    assert '{"is":"done","id":1}' == said[-1]
    assert '"changes":[{"mode":"+v","about":"bob"}]' in said[0]
    said = program.type('{"do":"kick","id":2,"channel":"#go","nick":"bob","why":"x"}')
    assert ('"is":"kicked"' in said[0], '{"is":"done","id":2}') == (True, said[1])
    assert f"{program.nick} has kicked bob out of the channel #go (x)" == bob.read()[-1]
    said = program.type('{"do":"invite","id":3,"channel":"#go","nick":"bob"}')
    assert '{"is":"inviting","channel":"#go","nick":"bob","id":3}' == said[-1]
    said = program.type('{"do":"mode","id":4,"channel":"#go"}')
    assert ['{"is":"modes","channel":"#go","modes":"n","id":4}'] == said


def test_nothing_went_wrong(village: Village, ann: Villager, cat: Villager) -> None:
    ann.type("/kick cat", "/mode +o", "/mode +x", "/ban x", "/invite cat", "/invite nobody")
    assert [] == village.failures


# -- sent on


@pytest.fixture
def on(village: Village, ann: Villager, cat: Villager) -> Villager:
    """Cat, who is in #go, which sends others on to #more; ann is in both."""
    ann.type("/join #more", "/mode #go +f #more")
    village.read_up()
    return cat


@pytest.mark.parametrize("rule", ["+i", "+k sesame", "+l 2", "+b dan!*@*"])
def test_who_may_not_come_in_is_sent_on(
    village: Village, ann: Villager, on: Villager, rule: str
) -> None:
    dan = village.person("dan", node=2)
    ann.type(f"/mode #go {rule}")
    first, *rest = dan.type("/join #go")
    assert "#go does not let you in, and sends you on to #more" == first
    assert ["dan has joined the channel #more", "in #more (2): @ann dan"] == rest
    assert ["in #go (3): @ann bob cat"] == on.type("/names #go")[-1:]


def test_who_may_come_in_is_not(village: Village, ann: Villager, on: Villager) -> None:
    ann.type("/mode #go +i")
    dan = village.person("dan", node=2)
    ann.type("/invite dan #go")
    dan.read()
    assert "dan has joined the channel #go" == dan.type("/join #go")[0]


def test_from_there_nobody_is_sent_on(village: Village, ann: Villager, on: Villager) -> None:
    ann.type("/join #third", "/mode #more +if #third", "/mode #go +i")
    assert [
        "#go does not let you in, and sends you on to #more",
        "error: only who is invited can come into #more",
    ] == village.person("dan", node=2).type("/join #go")


def test_who_is_there_already_reads_why_not(village: Village, ann: Villager, on: Villager) -> None:
    ann.type("/mode #go +i")
    dan = village.person("dan", "#more", node=2)
    assert ["error: only who is invited can come into #go"] == dan.type("/join #go")


def test_nobody_is_sent_on_any_more(village: Village, ann: Villager, on: Villager) -> None:
    assert changed("ann", "-f") == ann.type("/mode #go -f")
    ann.type("/mode #go +i")
    dan = village.person("dan", node=2)
    assert ["error: only who is invited can come into #go"] == dan.type("/join #go")


def test_it_takes_an_operator_of_the_other_channel(village: Village, ann: Villager) -> None:
    dan = village.person("dan", "#more", node=1)
    assert ["error: only an operator of #more may do that"] == ann.type("/mode #go +f #more")
    ann.type("/join #more")
    dan.type("/mode #more +o ann")
    ann.read()
    assert changed("ann", "+f #more") == ann.type("/mode #go +f #more")


def test_it_takes_an_operator_of_this_channel(village: Village, ann: Villager) -> None:
    dan = village.person("dan", "#go", "#more", node=1)
    assert [NOT_OP] == dan.type("/mode #go +f #more")


@pytest.mark.parametrize("mode", ["", "+s"])
def test_a_channel_that_one_does_not_see_is_none(
    village: Village, ann: Villager, mode: str
) -> None:
    if mode:
        village.person("dan", "#more", node=1).type(f"/mode #more {mode}")
    assert ["error: there is no channel #more that people could be sent on to"] == ann.type(
        "/mode #go +f #more"
    )
