"""`broker.address`: the parts of a URL, and what's wrong with one that has none."""

import pytest

from broker.address import Address, Seeds, Sentinels, Where, parse, with_password

GOOD = [
    ("redis://localhost", Address("localhost")),
    ("redis://10.0.0.1:7000", Address("10.0.0.1", 7000)),
    ("redis://localhost/3", Address("localhost", db=3)),
    ("redis://localhost?db=3", Address("localhost", db=3)),
    ("redis://localhost/", Address("localhost")),
    ("redis://[::1]:7000/1", Address("::1", 7000, db=1)),
    ("redis://:pw@localhost", Address("localhost", password="pw")),
    ("redis://me:pw@localhost", Address("localhost", username="me", password="pw")),
    ("redis://m%40e:p%2Fw@localhost", Address("localhost", username="m@e", password="p/w")),
    ("rediss://localhost", Address("localhost", tls=True)),
    (
        "rediss://localhost?ssl_ca_certs=/c%20a.pem&ssl_certfile=/me.pem&ssl_keyfile=/key.pem",
        Address(
            "localhost", tls=True, authorities="/c a.pem", certificate="/me.pem", key="/key.pem"
        ),
    ),
    ("unix:///run/redis.sock", Address("", path="/run/redis.sock")),
    ("unix:///run/redis.sock?db=2", Address("", path="/run/redis.sock", db=2)),
    ("unix:///run/a%20b.sock", Address("", path="/run/a b.sock")),
    (
        "unix://me:pw@/run/redis.sock",
        Address("", path="/run/redis.sock", username="me", password="pw"),
    ),
    (
        "redis+sentinel://me:pw@10.0.0.1:7000,10.0.0.2/mymaster/2?sentinel_password=s",
        Sentinels(
            (("10.0.0.1", 7000), ("10.0.0.2", 26379)),
            "mymaster",
            Address(username="me", password="pw", db=2),
            Address(password="s"),
        ),
    ),
    (
        "rediss+sentinel://[::1]/mymaster?ssl_ca_certs=/ca.pem",
        Sentinels(
            (("::1", 26379),),
            "mymaster",
            Address(tls=True, authorities="/ca.pem"),
            Address(tls=True, authorities="/ca.pem"),
        ),
    ),
    (
        "redis+cluster://:pw@10.0.0.1,[::1]:7001",
        Seeds((("10.0.0.1", 6379), ("::1", 7001)), Address(password="pw")),
    ),
    ("rediss+cluster://a", Seeds((("a", 6379),), Address(tls=True))),
]

BAD = [
    ("", "redis://"),
    ("localhost:6379", "redis://"),
    ("http://localhost", "redis://"),
    ("redis://", "a host is missing"),
    ("redis:///0", "a host is missing"),
    ("unix://", "a path is missing"),
    ("redis://localhost/x", "the database must be a number"),
    ("redis://localhost/-1", "the database must be a number"),
    ("redis://localhost?db=x", "the database must be a number"),
    ("unix:///run/redis.sock?db=x", "the database must be a number"),
    ("redis://localhost:99999", "not a URL"),
    ("redis://localhost:port", "not a URL"),
    ("redis://[::1", "not a URL"),
    ("redis://localhost?ssl_ca_certs=/ca.pem", "ssl_ca_certs need rediss://"),
    ("rediss://localhost?ssl_certfile=/me.pem", "come together"),
    ("redis://one,two", "several hosts need"),
    ("redis+sentinel://one", "the service's name is missing"),
    ("redis+sentinel:///mymaster", "a host is missing"),
    ("redis+sentinel://one,,two/mymaster", "a host is missing"),
    ("redis+sentinel://one/mymaster/x", "the database must be a number"),
    ("redis+cluster://", "a host is missing"),
    ("redis+cluster://one/1", "has one database"),
    ("redis+cluster://one:x", "not a URL"),
    ("redis+cluster://one?ssl_ca_certs=/ca.pem", "ssl_ca_certs need rediss://"),
]


@pytest.mark.parametrize("url, address", GOOD)
def test_a_url_has_these_parts(url: str, address: Where) -> None:
    assert address == parse(url)


@pytest.mark.parametrize("url, expected", BAD)
def test_a_url_that_will_not_do_is_told_why(url: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        parse(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://u:hunter2@h",
        "redis://u:hunter2@h/x",
        "redis://u:hunter2@/0",
        "redis://u:hunter2@h:x",
    ],
)
def test_no_complaint_quotes_a_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(not|expected|a|the) ") as caught:
        parse(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url, shown",
    [
        ("redis://me:hunter2@localhost:7000", "localhost:7000"),
        ("unix://me:hunter2@/run/redis.sock", "/run/redis.sock"),
    ],
)
def test_what_is_shown_has_no_secret(url: str, shown: str) -> None:
    assert shown == parse(url).shown


def test_a_password_is_not_in_the_representation() -> None:
    assert "hunter2" not in repr(parse("redis://me:hunter2@localhost"))


@pytest.mark.parametrize(
    "url, expected",
    [
        ("redis://localhost/0", "redis://:p%2Fw@localhost/0"),
        ("rediss://me:old@localhost?db=1", "rediss://me:p%2Fw@localhost?db=1"),
        ("unix:///run/redis.sock", "unix://:p%2Fw@/run/redis.sock"),
        ("redis+sentinel://a:1,[::1]:2/m/3", "redis+sentinel://:p%2Fw@a:1,[::1]:2/m/3"),
        ("redis+cluster://me@a,b", "redis+cluster://me:p%2Fw@a,b"),
    ],
)
def test_a_password_is_put_in(url: str, expected: str) -> None:
    assert expected == with_password(url, "p/w")
