"""A name server for one name, in a thread: whoever asks gets the addresses that it has just now.

Must not know who asks.
"""

import socket
import threading
from types import TracebackType
from typing import Any, Self

from twisted.names import dns


class NameServer:
    """As a context manager: it answers inside, on 127.0.0.1.

    `addresses`: what the name means; none: there's no such name. `asked`: how often it was.
    """

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def port(self) -> int:
        port: int = self._socket.getsockname()[1]
        return port

    def _serve(self) -> None:
        while True:
            question, who = self._socket.recvfrom(4096)
            if not question:
                return
            self._socket.sendto(self._answer(question), who)
            self.asked += 1

    def _answer(self, question: bytes) -> bytes:
        message: Any = dns.Message()
        message.fromStr(question)
        message.answer, message.additional = 1, []
        message.rCode = dns.OK if self.addresses else dns.ENAME
        name = message.queries[0].name.name
        records: list[Any] = [dns.Record_A(address) for address in self.addresses]
        message.answers = [dns.RRHeader(name, dns.A, ttl=1, payload=record) for record in records]
        packed: bytes = message.toStr()
        return packed

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _where: TracebackType | None,
    ) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()
