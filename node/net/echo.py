"""The echo server of the tutorial: bytes come back as they are."""

from typing import Any

from twisted.internet.protocol import Factory, Protocol


class Echo(Protocol):
    """Sends back what it gets; reads no faster than the other side does."""

    transport: Any

    def connectionMade(self) -> None:
        self.transport.registerProducer(self.transport, True)

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


class EchoDoor(Factory):
    """Makes echoes."""

    protocol = Echo
    noisy = False
