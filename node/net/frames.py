"""WebSocket frames (RFC 6455): messages of what comes, frames of what is to be sent.

What comes goes through wsproto, which knows all that may be wrong with it. What is sent doesn't: a
server's frame is a header and the payload as it is, so it's made once for all who get the same
bytes, and several go out in one write. Pure, but for wsproto.
"""

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage
from wsproto.frame_protocol import CloseReason

from node.net.pace import Messages

_FIN_TEXT, _FIN_BINARY = 0x81, 0x82
_SHORT, _TWO_BYTES, _EIGHT_BYTES = 125, 126, 127

PING = b"\x89\x00"
"""A ping frame without a payload."""


def text_frame(payload: bytes) -> bytes:
    """A server's text frame (section 5.2); the payload is UTF-8."""
    return _frame(_FIN_TEXT, payload)


def binary_frame(payload: bytes) -> bytes:
    """A server's binary frame."""
    return _frame(_FIN_BINARY, payload)


def _frame(kind: int, payload: bytes) -> bytes:
    size = len(payload)
    if size <= _SHORT:
        return bytes((kind, size)) + payload
    if size < 1 << 16:
        return bytes((kind, _TWO_BYTES)) + size.to_bytes(2) + payload
    return bytes((kind, _EIGHT_BYTES)) + size.to_bytes(8) + payload


class Frames:
    """The frames of one connection from a client: text. `limit`: the most bytes of a message.

    `answers`: what is to be sent back: pongs. `closing`: the last frame that is to be sent, once
    the other side has sent its last or has `broken` the rules; what comes then isn't read.
    `expecting`: whether a pong is to come.
    """

    __slots__ = (
        "answers",
        "closing",
        "broken",
        "expecting",
        "_limit",
        "_read",
        "_message",
        "_skipping",
    )

    def __init__(self, limit: int) -> None:
        self.answers = b""
        self.closing = b""
        self.broken = False
        self.expecting = False
        self._limit = limit
        self._read = Connection(ConnectionType.SERVER)
        self._message = b""
        self._skipping = False  # the rest of a message that is too long

    def feed(self, data: bytes) -> Messages:
        """The messages that `data` completes; None stands for one that was too long.

        That is told once, as soon as it's known. Pings, and whatever else comes in more frames than
        it needs, are messages with nothing in them: who sends them is kept waiting as for others.
        """
        messages: Messages = []
        if data and not self.closing:
            self._read.receive_data(data)
            for event in self._read.events():
                if not self._heed(event, messages):
                    break
        return messages

    def goodbye(self) -> bytes:
        """The frame that ends the connection from this side."""
        return self.closing or self._close(CloseReason.NORMAL_CLOSURE)

    def _heed(self, event: Event, messages: Messages) -> bool:
        """Whether there's more to come."""
        match event:
            case TextMessage():
                self._take(event.data.encode(), event, messages)
            case Ping():
                self.answers += self._read.send(event.response())
                messages.append(b"")
            case Pong():
                if not self.expecting:
                    messages.append(b"")
                self.expecting = False
            case BytesMessage():
                self._binary(event, messages)
            case CloseConnection():
                self.broken = self._read.state is not ConnectionState.REMOTE_CLOSING
                self._close(event.code, event.reason)
        return not self.closing

    def _close(self, code: int, reason: str | None = None) -> bytes:
        self.closing = bytes(self._read.send(CloseConnection(code, reason or "")))
        return self.closing

    def _binary(self, _event: BytesMessage, _messages: Messages) -> None:
        self.broken = True
        self._close(CloseReason.UNSUPPORTED_DATA, "only text is spoken here")

    def _take(self, data: bytes, event: TextMessage | BytesMessage, messages: Messages) -> None:
        """A part of a message, or a whole one."""
        if not self._skipping:
            self._message += data
            if len(self._message) > self._limit:
                self._message, self._skipping = b"", True
                messages.append(None)
        if event.message_finished:
            if not self._skipping:
                messages += self._made_of(self._message)
            self._message, self._skipping = b"", False
        elif event.frame_finished:
            messages.append(b"")

    def _made_of(self, message: bytes) -> Messages:
        return [message]


class LineFrames(Frames):
    """Frames of which each is a line, without its end; text or binary, whichever they like.

    Whoever sends an end with it all the same, or several lines, is understood as over TCP.
    """

    __slots__ = ()

    def _binary(self, event: BytesMessage, messages: Messages) -> None:
        self._take(bytes(event.data), event, messages)

    def _made_of(self, message: bytes) -> Messages:
        return [line.removesuffix(b"\r") for line in message.removesuffix(b"\n").split(b"\n")]
