"""
Protocols that use out-of-band datagrams.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from zope.interface import implementer

from kcptwisted.interfaces import IOutOfBandProtocol
from tests.interop.roles import EchoClient, EchoServer, session


@implementer(IOutOfBandProtocol)
class OutOfBandEcho(EchoServer):
    """
    Sends out-of-band datagrams back, and is an echo besides.
    """

    def outOfBandReceived(self, data: bytes) -> None:
        """
        Send back.
        """
        session(self).sendOutOfBand(data)


@implementer(IOutOfBandProtocol)
class OutOfBandClient(Protocol):
    """
    Sends datagrams out of band, each after the one before has come back; the first when the stream
    has been echoed, for then the application at the other end is there.

    @ivar received: what came back.
    @ivar done: fires when as many are back as were to be sent.
    """

    def __init__(self, payloads: list[bytes]) -> None:
        """
        @param payloads: what to send.
        """
        self._payloads = payloads
        self.received: list[bytes] = []
        self.done: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """
        Have something echoed.
        """
        session(self).write(b"?")

    def dataReceived(self, data: bytes) -> None:
        """
        Send the first.
        """
        self._next()

    def outOfBandReceived(self, data: bytes) -> None:
        """
        Send the next.
        """
        self.received.append(data)
        self._next()

    def _next(self) -> None:
        if len(self.received) < len(self._payloads):
            session(self).sendOutOfBand(self._payloads[len(self.received)])
        elif not self.done.called:
            self.done.callback(None)


class NoisyEchoClient(EchoClient):
    """
    Sends an out-of-band datagram for each piece of the echo.
    """

    def __init__(self, count: int, payload: bytes) -> None:
        """
        @param payload: of each datagram.
        """
        super().__init__(count)
        self._payload = payload

    def dataReceived(self, data: bytes) -> None:
        """
        Send one, and check what came.
        """
        session(self).sendOutOfBand(self._payload)
        super().dataReceived(data)


class NoisyEchoServer(EchoServer):
    """
    Sends an out-of-band datagram before each piece of the echo.
    """

    def __init__(self, payload: bytes) -> None:
        """
        @param payload: of each datagram.
        """
        self._payload = payload

    def dataReceived(self, data: bytes) -> None:
        """
        Send one, and write back.
        """
        session(self).sendOutOfBand(self._payload)
        super().dataReceived(data)
