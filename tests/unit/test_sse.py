"""`node.http.sse`: server-sent events."""

from node.http.sse import event


def test_an_event_is_a_kind_and_a_line_of_data() -> None:
    assert b'event: news\ndata: {"n": 1}\n\n' == event("news", b'{"n": 1}')


def test_an_event_may_have_a_place() -> None:
    assert b"id: e.7\nevent: news\ndata: 1\n\n" == event("news", b"1", "e.7")
