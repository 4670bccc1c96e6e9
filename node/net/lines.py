"""Bytes to lines: LF or CRLF ends one; a line over the limit is dropped up to its end.

Telnet's negotiation at the start of a connection (RFC 854) is skipped. Pure.
"""

LIMIT = 4096
"""The most bytes of a line, without its end."""

NEGOTIATION = 1024
"""The most bytes of one subnegotiation that are skipped; what follows is text."""

_IAC, _SB, _SE = 0xFF, 0xFA, 0xF0


class Lines:
    """The lines of one connection.

    `limit`: the most bytes of a line, without its end. `most`: a line of more is `endless`, and
    nothing is heard after it; 0: there's no such limit.
    """

    __slots__ = ("endless", "_rest", "_skipping", "_skipped", "_fresh", "_limit", "_most")

    def __init__(self, limit: int = LIMIT, most: int = 0) -> None:
        self.endless = False
        self._rest = b""
        self._skipping = False
        self._skipped = 0
        self._fresh = True
        self._limit = limit
        self._most = most

    def feed(self, data: bytes) -> list[bytes | None]:
        """The lines that `data` completes; None stands for one that was too long.

        A line that is too long is told once, as soon as that is known; an endless one once more.
        """
        if self.endless:
            return []
        if self._rest:
            data = self._rest + data
            self._rest = b""
        if self._fresh:
            data = self._after_telnet(data)
            if self._fresh:
                return []
        *ended, rest = data.split(b"\n")
        lines: list[bytes | None] = []
        for raw in ended:
            line = raw[:-1] if raw.endswith(b"\r") else raw
            if self._skipping or len(line) > self._limit:
                self._skip(len(line), lines)
                self._skipping, self._skipped = False, 0
            else:
                lines.append(line)
        if self._skipping or len(rest) > self._limit + 1:  # one more: its end may be CRLF
            self._skip(len(rest), lines)
        else:
            self._rest = rest
        return lines

    def _skip(self, size: int, lines: list[bytes | None]) -> None:
        """Drop so many bytes of a line that is too long."""
        if not self._skipping:
            lines.append(None)
        self._skipping = True
        self._skipped += size
        if self._most and self._skipped > self._most + 1 and not self.endless:  # as above
            self.endless = True
            lines.append(None)

    def _after_telnet(self, data: bytes) -> bytes:
        """What follows the negotiation; an unfinished piece of it is kept for later."""
        at = 0
        while at < len(data) and data[at] == _IAC:
            end = self._command_end(data, at)
            if end is None:
                self._rest = data[at:]
                return b""
            at = end
        self._fresh = at == len(data)
        return data[at:]

    @staticmethod
    def _command_end(data: bytes, at: int) -> int | None:
        if len(data) < at + 2:
            return None
        verb = data[at + 1]
        if verb == _SB:
            end = data.find(bytes((_IAC, _SE)), at + 2, at + NEGOTIATION)
            if end >= 0:
                return end + 2
            return at + NEGOTIATION if len(data) >= at + NEGOTIATION else None
        if 0xFB <= verb <= 0xFE:  # WILL, WONT, DO, DONT and an option
            return at + 3 if len(data) >= at + 3 else None
        return at + 2
