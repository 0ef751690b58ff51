"""
The application's protocol, as a session calls it.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol, ITransport
from twisted.logger import Logger
from twisted.python.failure import Failure

from kcptwisted.interfaces import IOutOfBandProtocol


class Application:
    """
    The one place from which a session calls its application.  What the application raises is
    logged and ends its connection, and no other.

    @ivar protocol: the application's; None before there is one, and after the end.
    """

    __slots__ = ("_fail", "protocol")

    _log = Logger()

    def __init__(self, fail: Callable[[Failure], object]) -> None:
        """
        @param fail: ends the connection.
        """
        self._fail = fail
        self.protocol: IProtocol | None = None

    def connect(self, protocol: IProtocol, transport: ITransport) -> None:
        """
        Gives the protocol its transport.
        """
        self.protocol = protocol
        self.call("connectionMade", protocol.makeConnection, transport)

    def dataReceived(self, data: bytes) -> None:
        """
        Gives the protocol data.
        """
        assert self.protocol is not None
        try:
            self.protocol.dataReceived(data)
        except Exception:
            self.failed("dataReceived")

    def outOfBandReceived(self, data: bytes) -> None:
        """
        Gives the protocol an out-of-band datagram.
        """
        self.call("outOfBandReceived", IOutOfBandProtocol(self.protocol).outOfBandReceived, data)

    @property
    def isHalfCloseable(self) -> bool:
        """
        Whether the protocol can go on when the peer has closed its output.
        """
        return IHalfCloseableProtocol.providedBy(self.protocol)

    def readConnectionLost(self) -> None:
        """
        Tells a protocol that can go on that the peer will send no more.
        """
        protocol = IHalfCloseableProtocol(self.protocol, None)
        if protocol is not None:
            self.call("readConnectionLost", protocol.readConnectionLost)

    def writeConnectionLost(self) -> None:
        """
        Tells a protocol that can go on that the peer has everything.
        """
        protocol = IHalfCloseableProtocol(self.protocol, None)
        if protocol is not None:
            self.call("writeConnectionLost", protocol.writeConnectionLost)

    def connectionLost(self, protocol: IProtocol | None, reason: Failure) -> None:
        """
        Tells a protocol that its connection is over.
        """
        if protocol is not None:
            self.call("connectionLost", protocol.connectionLost, reason, protocol=protocol)

    def call(
        self,
        what: str,
        function: Callable[..., object],
        *arguments: object,
        protocol: IProtocol | None = None,
    ) -> None:
        """
        Calls code of the application.

        @param what: the name of C{function}, for the log.
        @param protocol: the application's, if it is not C{self.protocol} any more.
        """
        try:
            function(*arguments)
        except Exception:
            self.failed(what, protocol)

    def failed(self, what: str, protocol: IProtocol | None = None) -> None:
        """
        Reports the exception that is being handled.

        @param what: the name of the function that raised it.
        """
        failure = Failure()
        self._log.failure(
            "{what} of {protocol!r} failed",
            failure,
            what=what,
            protocol=protocol or self.protocol,
        )
        self._fail(failure)

    def release(self) -> None:
        """
        The session is over: refers to it no more.
        """
        self._fail = _ignore


def _ignore(reason: Failure) -> None:
    """
    Ends nothing.
    """
