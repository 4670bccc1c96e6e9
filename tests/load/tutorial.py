"""The tutorial's server: a port of what a first tutorial of Twisted builds, as a yardstick.

    python -m tests.load.tutorial     prints `chat PORT`, then serves

An echo server, a counter over HTTP, and a chat that sends each line to everybody. It knows one
process, no Redis, no channels, nobody who reads slowly. That is its point.
"""

import re
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import Site

reactor: Any = _reactor  # which of them it is, a tutorial doesn't say

COMMAND = re.compile(rb"^/(join|leave|msg|nick)\s+(.+)$")


class Echo(Protocol):
    transport: Any

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


class Counter(Resource):
    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.requests = 0

    def render_GET(self, request: Request) -> bytes:
        self.requests += 1
        return b"I am request #%d\n" % self.requests


class Chat(LineReceiver):
    def __init__(self, everybody: "list[Chat]") -> None:
        self.everybody = everybody

    def connectionMade(self) -> None:
        self.everybody.append(self)

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.everybody.remove(self)

    def lineReceived(self, line: bytes) -> None:
        if COMMAND.match(line) is None:
            self.sendLine(b"error: line did not conform to chat server requirements!")
            return
        for somebody in self.everybody:
            somebody.sendLine(line)


class ChatFactory(Factory):
    def __init__(self) -> None:
        self.everybody: list[Chat] = []

    def buildProtocol(self, addr: IAddress | None) -> Chat:
        return Chat(self.everybody)


def main() -> None:
    """Serve until somebody ends it."""
    reactor.listenTCP(0, Factory.forProtocol(Echo), interface="127.0.0.1")
    reactor.listenTCP(0, Site(Counter()), interface="127.0.0.1")
    chat = reactor.listenTCP(0, ChatFactory(), backlog=1024, interface="127.0.0.1")
    print("chat", chat.getHost().port, flush=True)
    reactor.run()


if __name__ == "__main__":
    main()
