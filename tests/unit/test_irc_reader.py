"""`node.dialects.irc.reader`: lines said in a channel go straight to the core."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.api import Identity, Profile
from broker.events import Extra
from node.core import commands as core
from node.core.session import Session
from node.dialects.irc import Irc, IrcConfig
from node.dialects.irc.reader import Reader
from tests.support.village import NOON, Screen


def reader(modes: str = "", account: str = "") -> Reader:
    """Of somebody who is registered."""
    me = Identity("s", "token", "ann")
    me.profile = Profile("~a@host", "", "", modes, account)
    return Reader(Session(me, Irc(IrcConfig(created=NOON)), Screen()))


READER = reader()


def test_a_line_in_a_channel_is_said() -> None:
    assert core.Say("#go", "hi: there", outside=True) == READER(b"PRIVMSG #go :hi: there")


@given(st.text(max_size=30), st.text(max_size=30), st.sampled_from(["", " ", "#", "x "]))
def test_a_line_is_the_same_however_the_verb_is_written(
    channel: str, text: str, between: str
) -> None:
    raw = f" #{channel}{between} :{text}".encode()
    short, long = (READER(verb + raw) for verb in (b"PRIVMSG", b"privmsg"))
    assert type(long) is type(short)
    if isinstance(short, core.Say):
        assert long == short


@pytest.mark.parametrize(
    "line",
    [
        b"PRIVMSG #go",
        b"PRIVMSG #go :",
        b"PRIVMSG #go :\xff",
        b"PRIVMSG #go :a\0b",
        b"PRIVMSG #go :a\rb",
        b"PRIVMSG #go,#no :hi",
        b"PRIVMSG #go :\x01VERSION\x01",
        b"PRIVMSG #go :" + b"x" * 500,
        b"@+typing=active PRIVMSG #go :hi",
        b"NOTICE #go :hi",
    ],
)
def test_whatever_is_not_plain_is_a_row_of_the_table(line: bytes) -> None:
    assert isinstance(READER(line), core.Do)


@pytest.mark.parametrize(
    "own, extra",
    [
        (reader(modes="B"), Extra(bot=True)),
        (reader(account="ann"), Extra(account="ann")),
    ],
)
@pytest.mark.parametrize("verb", [b"PRIVMSG", b"privmsg"])
def test_lines_of_who_has_a_mark_take_it_along(own: Reader, extra: Extra, verb: bytes) -> None:
    assert core.Say("#go", "hi", extra=extra, outside=True) == own(verb + b" #go :hi")
