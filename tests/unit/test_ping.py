"""`broker.ping`: whether there's a Redis, asked of real and of false ones."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from broker.embedded import Embedded
from broker.ping import Unreachable, ping


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    with Embedded(tmp_path_factory.mktemp("redis"), port=0, appendonly=False) as embedded:
        yield embedded


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server that gives its first client one answer, whatever is asked; its URL."""

    def serve() -> None:
        wire, _ = listener.accept()
        with wire, suppress(OSError):  # who has heard enough may hang up
            wire.recv(4_096)
            wire.sendall(answer)
            wire.shutdown(socket.SHUT_WR)
            while wire.recv(4_096):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        thread.join(60)


def reason(url: str, timeout: float = 30.0) -> str:
    with pytest.raises(Unreachable) as caught:
        ping(url, timeout)
    return str(caught.value)


def test_a_redis_on_tcp_is_there(server: Embedded) -> None:
    ping(server.url)


def test_a_redis_on_a_unix_socket_is_there(tmp_path: Path) -> None:
    with Embedded(tmp_path, appendonly=False) as embedded:
        ping(embedded.url)


def test_the_password_is_given_and_never_shown(tmp_path: Path) -> None:
    config = {"requirepass": "hunter2"}
    embedded = Embedded(tmp_path, port=0, appendonly=False, config=config)
    embedded.spawn()
    try:
        address = embedded.url.removeprefix("redis://")
        _until_it_asks_for_a_password(embedded.url)
        ping(f"redis://:hunter2@{address}")
        ping(f"redis://default:hunter2@{address}")
        wrong = reason(f"redis://:wrong-one@{address}")
        assert "WRONGPASS" in wrong
        assert "wrong-one" not in wrong
    finally:
        embedded.kill()
        embedded.stop()


def _until_it_asks_for_a_password(url: str) -> None:
    while "NOAUTH" not in reason(url):
        pass


def test_where_nobody_listens_there_is_none() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        expected = f"no Redis answers at 127.0.0.1:{port}: connection refused"
        assert expected == reason(f"redis://127.0.0.1:{port}/0")


def test_a_socket_that_is_not_there_is_none(tmp_path: Path) -> None:
    expected = f"no Redis answers at {tmp_path}/no.sock: no such file or directory"
    assert expected == reason(f"unix://{tmp_path}/no.sock")


def test_who_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert "timed out" in reason(f"redis://127.0.0.1:{port}/0", timeout=0.05)


@pytest.mark.parametrize(
    "answer, expected",
    [
        (b"-LOADING Redis is loading\r\n", "answers: LOADING Redis is loading"),
        (b"", "it closed the connection"),
        (b"HTTP/1.1 400 Bad Request\r\n", "answers: HTTP/1.1 400 Bad Request"),
        (b"x" * 10_000, "it doesn't speak the redis protocol"),
    ],
)
def test_another_answer_is_told(answer: bytes, expected: str) -> None:
    with answering(answer) as url:
        assert expected in reason(url)


def _found(server: Embedded) -> bytes:
    """A sentinel's answer: the master is there."""
    port = server.url.rpartition(":")[2].partition("/")[0]
    return f"*2\r\n$9\r\n127.0.0.1\r\n${len(port)}\r\n{port}\r\n".encode()


def test_the_master_is_where_the_first_sentinel_says_who_answers(server: Embedded) -> None:
    with answering(_found(server)) as url:
        ping(f"redis+sentinel://127.0.0.1:1,{url.split('/')[2]}/mymaster")


def test_a_service_that_sentinels_do_not_know_is_told() -> None:
    with answering(b"*-1\r\n") as url:
        said = reason(f"redis+sentinel://{url.split('/')[2]}/other")
    assert "the sentinels know no service 'other'" == said


@pytest.mark.parametrize("url", ["redis+sentinel://{}/mymaster", "redis+cluster://{}"])
def test_where_none_of_several_answers_the_last_one_is_told(url: str) -> None:
    where = "127.0.0.1:1,127.0.0.1:2"
    expected = "no Redis answers at 127.0.0.1:2: connection refused"
    assert expected == reason(url.format(where))


def test_one_server_of_a_cluster_will_do(server: Embedded) -> None:
    ping(f"redis+cluster://127.0.0.1:1,{server.url.split('/')[2]}")


def test_what_is_no_url_is_refused() -> None:
    with pytest.raises(ValueError, match="redis://"):
        ping("http://127.0.0.1")
