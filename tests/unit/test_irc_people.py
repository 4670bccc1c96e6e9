"""IRC's questions about people and the server: Modern IRC Client Protocol, "User-Based Queries" and
"Server Queries and Commands"; IRCv3 WHOX, Monitor, setname, bot mode.
"""

import pytest
from msgspec.structs import replace

from tests.support.ircville import Client, IrcVillage, untagged


@pytest.fixture
def village() -> IrcVillage:
    return IrcVillage(2)


@pytest.fixture
def ann(village: IrcVillage) -> Client:
    return village.here("ann", "#go", caps="setname")


@pytest.fixture
def bob(village: IrcVillage, ann: Client) -> Client:
    bob = village.here("bob", "#go", node=1)
    ann.read()
    return bob


def test_whois_tells_what_may_be_known(ann: Client, bob: Client) -> None:
    ann.say("AWAY :lunch")
    assert [
        ":irc.chorus 311 bob ann ~ann 192.0.2.7 * :The real ann",
        ":irc.chorus 319 bob ann :@#go",
        ":irc.chorus 312 bob ann irc.chorus :chorus",
        ":irc.chorus 301 bob ann :lunch",
        ":irc.chorus 317 bob ann 0 1699963200 :seconds idle, signon time",
        ":irc.chorus 318 bob ann :End of /WHOIS list",
    ] == bob.type("WHOIS irc.chorus ann")


def test_whois_of_nobody_ends_too(bob: Client) -> None:
    assert [
        ":irc.chorus 401 bob nobody :No such nick/channel",
        ":irc.chorus 318 bob nobody :End of /WHOIS list",
    ] == bob.type("WHOIS nobody")


def test_whose_nick_was_taken_while_their_node_was_cut_off_is_shown_their_new_one() -> None:
    village = IrcVillage(2)
    ann, bob = village.here("ann", "#go"), village.here("bob", node=1)
    village.evict(0)
    bob.type("NICK ann")
    village.restore(0)
    changes = [line for line in ann.read() if " NICK " in line]
    assert [f":ann NICK {ann.nick}"] == changes
    assert ann.nick.startswith("guest-")


def test_whowas_tells_who_had_a_nick(ann: Client, bob: Client) -> None:
    bob.say("NICK rob")
    ann.read()
    assert [
        ":irc.chorus 314 ann bob ~bob 192.0.2.7 * :The real bob",
        ":irc.chorus 312 ann bob irc.chorus :Tue Nov 14 12:00:00 2023",
        ":irc.chorus 369 ann bob :End of WHOWAS",
    ] == ann.type("WHOWAS bob")
    assert ["406", "369"] == ann.numerics("WHOWAS nobody")


WHO = [
    ("WHO #go", ["#go ~ann 192.0.2.7 irc.chorus ann H@", "#go ~bob 192.0.2.7 irc.chorus bob G"]),
    ("WHO bob", ["* ~bob 192.0.2.7 irc.chorus bob G"]),
    ("WHO b*", ["* ~bob 192.0.2.7 irc.chorus bob G"]),
    ("WHO nobody", []),
]


@pytest.mark.parametrize("line, rows", WHO)
def test_who_shows_rows(ann: Client, bob: Client, line: str, rows: list[str]) -> None:
    bob.say("AWAY :x")
    *shown, end = ann.type(line)
    assert [f":irc.chorus 352 ann {row} :0 The real {row.split()[-2]}" for row in rows] == shown
    assert f":irc.chorus 315 ann {line.split()[1]} :End of /WHO list" == end


def test_whox_sends_fields_in_its_own_order(ann: Client, bob: Client) -> None:
    assert (
        ":irc.chorus 354 ann 7 * ~bob irc.chorus bob H 0 :The real bob"
        == ann.type("WHO bob %rafnsuct,7")[0]
    )


def test_ison_and_userhost(ann: Client, bob: Client) -> None:
    bob.say("AWAY :x")
    assert [
        ":irc.chorus 303 ann :bob",
        ":irc.chorus 302 ann :bob=-~bob@192.0.2.7 ann=+~ann@192.0.2.7",
    ] == ann.type("ISON bob nobody", "USERHOST bob ann nobody")


def test_setname_is_seen_and_shown(ann: Client, bob: Client) -> None:
    assert [":ann!~ann@192.0.2.7 SETNAME :Ann Other"] == ann.type("SETNAME :Ann Other")
    assert [] == bob.read()
    assert bob.type("WHOIS ann")[0].endswith(":Ann Other")
    assert ann.type(f"SETNAME :{'x' * 151}")[0].startswith(
        ":irc.chorus FAIL SETNAME INVALID_REALNAME :"
    )


def test_monitor_tells_who_comes_and_goes(village: IrcVillage, ann: Client) -> None:
    assert [":irc.chorus 731 ann :cat,dan"] == ann.type("MONITOR + cat,dan")
    cat = village.client(1)
    cat.register("cat")
    assert [":irc.chorus 730 ann :cat!~cat@192.0.2.7"] == ann.read()
    assert [
        ":irc.chorus 730 ann :cat!~cat@192.0.2.7",
        ":irc.chorus 731 ann :dan",
        ":irc.chorus 732 ann :cat,dan",
        ":irc.chorus 733 ann :End of MONITOR list",
    ] == ann.type("MONITOR S", "MONITOR L")
    ann.type("MONITOR - dan")
    cat.say("QUIT")
    assert [":irc.chorus 731 ann :cat"] == ann.read()
    assert [":irc.chorus 733 ann :End of MONITOR list"] == ann.type("MONITOR C", "MONITOR L")


OBSERVING = [
    ("away-notify", False),
    ("extended-monitor", False),
    ("extended-monitor away-notify", True),
    ("draft/extended-monitor away-notify", True),
]


@pytest.mark.parametrize("caps, told", OBSERVING)
def test_who_watches_somebody_far_is_told_of_their_absence_if_they_asked_for_it(
    village: IrcVillage, bob: Client, caps: str, told: bool
) -> None:
    cat = village.here("cat", caps=caps, node=1)
    cat.type("MONITOR + bob")
    bob.say("AWAY :lunch", "AWAY")
    shown = [":bob!~bob@192.0.2.7 AWAY :lunch", ":bob!~bob@192.0.2.7 AWAY"]
    assert (shown if told else []) == cat.read()


def test_one_may_watch_so_many(ann: Client) -> None:
    many = ",".join(f"n{i}" for i in range(60))
    more = ",".join(f"m{i}" for i in range(60))
    ann.type(f"MONITOR + {many}")
    assert any(
        line.startswith(":irc.chorus 734 ann 100 m40") for line in ann.type(f"MONITOR + {more}")
    )


def test_user_modes_are_set_and_shown(ann: Client) -> None:
    assert [":ann!~ann@192.0.2.7 MODE ann :+iw"] == ann.type("MODE ann +iw")
    assert [":irc.chorus 221 ann +iw"] == ann.type("MODE ann")
    assert [":irc.chorus 501 ann :Unknown MODE flag"] == ann.type("MODE ann +Z")


def test_who_wants_no_ctcp_is_told_actions_only(ann: Client, bob: Client) -> None:
    assert [":ann!~ann@192.0.2.7 MODE ann :+T"] == ann.type("MODE ann +T")
    bob.say("PRIVMSG ann :\x01VERSION\x01", "NOTICE ann :\x01VERSION x\x01")
    bob.say("PRIVMSG ann :\x01ACTION waves\x01", "PRIVMSG ann :hi")
    said = ["\x01ACTION waves\x01", "hi"]
    assert said == [line.partition(" PRIVMSG ann :")[2] for line in ann.read()]
    ann.type("MODE ann -T")
    bob.say("PRIVMSG ann :\x01VERSION\x01")
    assert [":bob!~bob@192.0.2.7 PRIVMSG ann :\x01VERSION\x01"] == ann.read()


def test_others_modes_are_theirs(ann: Client, bob: Client) -> None:
    assert ["502", "401"] == ann.numerics("MODE bob +i", "MODE nobody")


def test_nobody_makes_themselves_an_operator(ann: Client) -> None:
    assert [] == ann.type("MODE ann +o")
    assert ["481"] == ann.numerics("KILL ann")


def test_a_bot_is_known_as_one(ann: Client, bob: Client) -> None:
    bob.say("MODE bob +B")
    assert ["311", "319", "312", "335", "317", "318"] == ann.numerics("WHOIS bob")


def test_who_has_said_nothing_is_idle_and_signed_on_when_they_came(
    village: IrcVillage, ann: Client, bob: Client
) -> None:
    def idle() -> str:
        return next(line for line in bob.type("WHOIS ann") if " 317 " in line)

    village.now += 90
    assert ":irc.chorus 317 bob ann 90 1699963200 :seconds idle, signon time" == idle()
    ann.type("PING x", "JOIN #py")
    assert ":irc.chorus 317 bob ann 90 1699963200 :seconds idle, signon time" == idle()
    ann.type("PRIVMSG bob :hi")
    village.now += 5
    assert ":irc.chorus 317 bob ann 5 1699963200 :seconds idle, signon time" == idle()
    ann.type("PRIVMSG #go :hi")
    assert ":irc.chorus 317 bob ann 0 1699963200 :seconds idle, signon time" == idle()


def test_who_comes_over_tls_is_known_for_it(village: IrcVillage, bob: Client) -> None:
    cat = village.client()
    cat.session.me.profile = replace(cat.session.me.profile, secure=True)
    cat.register("cat")
    assert ":irc.chorus 671 bob cat :is using a secure connection" in bob.type("WHOIS cat")


def test_lines_of_a_bot_are_tagged(village: IrcVillage, bob: Client) -> None:
    cat = village.here("cat", "#go", caps="message-tags")
    bob.say("MODE bob +B", "PRIVMSG #go :beep")
    (line,) = cat.read()
    assert ";bot :bob!" in line
    assert [":bob!~bob@192.0.2.7 PRIVMSG #go :beep"] == untagged([line])


def test_lusers_counts_the_whole_cluster(village: IrcVillage, ann: Client, bob: Client) -> None:
    bob.say("MODE bob +i")
    village.client().say("NICK somebody")
    assert [
        ":irc.chorus 251 ann :There are 1 users and 1 invisible on 1 servers",
        ":irc.chorus 252 ann 0 :operator(s) online",
        ":irc.chorus 254 ann 1 :channels formed",
        ":irc.chorus 255 ann :I have 1 clients and 0 servers",
        ":irc.chorus 265 ann :Current local users 1",
        ":irc.chorus 266 ann :Current global users 2",
    ] == ann.type("LUSERS")


def test_who_has_not_registered_yet_is_counted_by_a_node_that_is_alone() -> None:
    village = IrcVillage()
    ann = village.here("ann")
    village.client().say("NICK somebody")
    assert ":irc.chorus 253 ann 1 :unknown connection(s)" in ann.type("LUSERS")


def test_who_is_invisible_is_seen_by_who_shares_a_channel(
    village: IrcVillage, ann: Client, bob: Client
) -> None:
    bob.say("MODE bob +i")
    cat = village.here("cat")
    assert (["352", "315"], ["315"]) == (ann.numerics("WHO b*"), cat.numerics("WHO b*"))


def test_away_before_registration_holds_from_the_beginning(
    village: IrcVillage, ann: Client
) -> None:
    dan = village.client()
    dan.say("CAP REQ :draft/pre-away", "AWAY :asleep", "NICK dan", "USER d 0 * :D", "CAP END")
    assert ":irc.chorus 301 ann dan :asleep" in ann.type("WHOIS dan")


SERVER = [
    ("MOTD", ["422"]),
    ("VERSION", ["351", "005"]),
    ("ADMIN", ["256", "257", "258", "259"]),
    ("TIME", ["391"]),
    ("INFO", ["371", "374"]),
    ("LINKS", ["364", "365"]),
    ("STATS u", ["242", "219"]),
    ("HELP", ["704", "705", "706"]),
    ("HELP JOIN", ["704", "705", "706"]),
    ("HELP NOSUCH", ["524"]),
    ("SUMMON x", ["445"]),
    ("USERS", ["446"]),
    ("NOSUCH", ["421"]),
    ("NO_SUCH", ["421"]),
    ("VERSION irc.chorus", ["351", "005"]),
    ("TIME IRC.*", ["391"]),
    ("INFO ann", ["371", "374"]),
    ("ADMIN elsewhere", ["402"]),
    ("MOTD [x]*", ["402"]),
    ("STATS u nobody", ["402"]),
    ("ISUPPORT", ["005"]),
]


@pytest.mark.parametrize("line, numerics", SERVER)
def test_what_one_may_ask_of_the_server(ann: Client, line: str, numerics: list[str]) -> None:
    assert numerics == list(dict.fromkeys(ann.numerics(line)))
