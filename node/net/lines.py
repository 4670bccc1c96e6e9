"""Bytes to lines: LF or CRLF ends one; a line over the limit is dropped up to its end.

Telnet's negotiation at the start of a connection (RFC 854) is skipped. Pure.
"""

LIMIT = 4096
"""The most bytes of a line, without its end."""

NEGOTIATION = 1024
"""The most bytes of one subnegotiation that are skipped; what follows is text."""

_IAC, _SB, _SE = 0xFF, 0xFA, 0xF0


class Lines:
    """The lines of one connection."""

    __slots__ = ("_rest", "_skipping", "_fresh", "_limit")

    def __init__(self, limit: int = LIMIT) -> None:
        self._rest = b""
        self._skipping = False
        self._fresh = True
        self._limit = limit

    def feed(self, data: bytes) -> list[bytes | None]:
        """The lines that `data` completes; None stands for one that was too long.

        A line that is too long is told once, as soon as that is known.
        """
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
            if self._skipping:
                self._skipping = False
                continue
            line = raw[:-1] if raw.endswith(b"\r") else raw
            lines.append(line if len(line) <= self._limit else None)
        if self._skipping:
            return lines
        if len(rest) > self._limit + 1:  # one more: its end may be CRLF
            self._skipping = True
            lines.append(None)
        else:
            self._rest = rest
        return lines

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
