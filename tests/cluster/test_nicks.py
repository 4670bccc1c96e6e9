"""One holder for a nick, whoever asks where and when (I1)."""

from concurrent.futures import ThreadPoolExecutor

from tests.support.town import Citizen, Town, named, settle


def test_of_fifty_people_on_three_nodes_one_gets_the_nick(town: Town, go: str) -> None:
    people = [town.person("", go, on=i % 3 + 1) for i in range(50)]
    settle(*people)
    for person in people:
        person.type("/nick king")
    done = settle(*people)
    everything = [one + two for one, two in zip(done, settle(*people), strict=True)]
    heard = [[line for line in lines if "king" in line] for lines in everything]
    for lines in heard:
        assert 1 == len([line for line in lines if line.endswith(" is changing nick to king")])
    refused = [lines for lines in heard if "error: the nick king is taken" in lines]
    assert (49, 1) == (len(refused), len(heard) - len(refused))
    assert 1 == named(people[0].does(f"/names {go}")).count("king")


def test_a_nick_that_changes_hands_all_the_time_has_one_holder(town: Town, go: str) -> None:
    """Whoever gets it says so and gives it up; in the log the lines of two holders never mix."""
    people = town.people("ann", "bob", "cat", "dan", "eve", "fay", at=go)
    reader = town.person("reader", go)

    def compete(person: Citizen, own: str) -> int:
        reigns = 0
        for _ in range(25):
            if "error: the nick king is taken" in person.does("/nick king"):
                continue
            person.does(f"{own} reigns")
            person.does(f"/nick {own}")
            reigns += 1
        return reigns

    with ThreadPoolExecutor(6) as pool:
        own = ["ann", "bob", "cat", "dan", "eve", "fay"]
        reigns = sum(pool.map(compete, people, own))
    assert reigns > 0
    heard = reader.settle()
    assert 3 * reigns == len(heard)
    for i in range(0, len(heard), 3):
        king = heard[i].split()[0]
        assert [
            f"{king} is changing nick to king",
            f"[{go}] <king> {king} reigns",
            f"king is changing nick to {king}",
        ] == heard[i : i + 3]


def test_guests_get_different_nicks(town: Town) -> None:
    people = [town.person(on=i % 3 + 1) for i in range(40)]
    nicks = {word for person in people for word in person.heard[0].split() if "guest-" in word}
    assert 40 == len(nicks)


def test_two_who_swap_nicks_never_share_one(town: Town, go: str) -> None:
    ann, bob, cat = town.people("ann", "bob", "cat", at=go)
    ann.does("/nick tmp")
    bob.does("/nick ann")
    ann.does("/nick bob")
    assert [
        "ann is changing nick to tmp",
        "bob is changing nick to ann",
        "tmp is changing nick to bob",
    ] == cat.settle()
    cat.does("/msg ann are you bob?")
    assert ["[private] <cat> are you bob?"] == bob.settle()[-1:]
