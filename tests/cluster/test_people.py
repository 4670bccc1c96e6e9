"""What is known of people on every node: hosts that hide addresses, who had a nick, who watches."""

import re
from pathlib import Path

from tests.support.town import Citizen, Town, settle
from tests.support.towns import MakeTown

CLOAK = re.compile(r"slash@([a-z2-7]{10}\.){3}cloak")


def _host(reader: Citizen, nick: str) -> str:
    """What others see of where somebody comes from."""
    found = CLOAK.search("\n".join(reader.does(f"/whois {nick}")))
    assert found is not None
    return found[0]


def test_an_address_is_hidden_behind_the_same_name_on_every_node(town: Town) -> None:
    people = town.people("ann", "bob", "cat")
    assert 1 == len({_host(reader, nick) for reader in people for nick in ("ann", "bob", "cat")})


def test_nobody_reads_anothers_address(town: Town) -> None:
    ann, bob, _ = town.people("ann", "bob", "cat")
    assert ["ann comes from 127.0.0.1"] == [
        line for line in ann.does("/whois ann") if "comes from" in line
    ]
    assert "127.0.0.1" not in "\n".join(bob.does("/whois ann"))


def test_hosts_stay_what_they_are_when_all_nodes_begin_anew(make_town: MakeTown) -> None:
    town = make_town(count=2)
    before = _host(town.person("ann"), "ann")
    town.leave()
    for node in town.nodes:
        node.end()
    again = town.cluster.start("n4", "n5")
    assert before == _host(town.come("ann", on=again[1]), "ann")


def test_clusters_with_the_same_secret_show_the_same_hosts(
    make_town: MakeTown, tmp_path: Path
) -> None:
    secret = tmp_path / "cloak"
    secret.write_text("a secret of two clusters, in a file\n")
    towns = [make_town("--cloak-secret-file", str(secret), count=1) for _ in range(2)]
    other = make_town(count=1)
    hosts = [_host(town.person("ann"), "ann") for town in (*towns, other)]
    assert (True, False) == (hosts[0] == hosts[1], hosts[0] == hosts[2])
    logs = "".join(node.log.read_text() for town in towns for node in town.nodes)
    assert "a secret of two clusters" not in logs


def test_who_had_a_nick_is_known_on_every_node(town: Town) -> None:
    ann, bob, cat = town.people("ann", "bob", "cat")
    host = _host(bob, "ann")
    ann.does("/real Ann Liddell")
    ann.leave()
    cat.does("/nick other")
    for reader in bob, cat:
        (line,) = reader.does("/whowas ANN 1")
        assert line.startswith(f"ann was {host} (Ann Liddell) on the node n1, until 20")


def test_nobody_remembers_guests(town: Town) -> None:
    guest, ann = town.person(), town.person("ann", on=2)
    nick = next(word for word in guest.heard[0].split() if word.startswith("guest-"))
    guest.leave()
    assert [f"nobody was called {nick} lately"] == ann.does(f"/whowas {nick}")


def test_who_watches_is_told_whichever_node_somebody_is_on(town: Town) -> None:
    ann = town.person("ann", on=1)
    assert ["bob is not there", "cat is not there"] == ann.does("/watch bob cat")
    bob = town.person("Bob", on=2)
    assert re.match(r"Bob is there \(slash@", ann.until("Bob is there"))
    bob.does("/nick cat")
    news = sorted([ann.read(), ann.read()])
    assert ("Bob is not there", True) == (news[0], news[1].startswith("cat is there ("))
    bob.leave()
    ann.until("cat is not there")
    assert ["you watch bob cat"] == ann.does("/watch")


def test_who_watches_no_more_is_told_no_more(town: Town) -> None:
    ann = town.person("ann", on=1)
    ann.does("/watch bob")
    ann.does("/unwatch")
    town.person("bob", on=2)
    assert [] == ann.settle()


def test_who_watches_sees_those_of_a_killed_node_go(make_town: MakeTown) -> None:
    town = make_town("--lease", "2", count=2)
    ann = town.person("ann", on=1)
    bob = town.person("bob", on=2)
    settle(ann, bob)
    ann.does("/watch bob")
    town.nodes[1].kill()
    ann.until("bob is not there")
