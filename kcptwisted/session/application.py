"""
The application's protocol, as a session calls it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol, ITransport
from twisted.logger import Logger
from twisted.python.failure import Failure

from kcptwisted.connection.connection import Connection
from kcptwisted.connection.states import Sending
from kcptwisted.interfaces import IOutOfBandProtocol
from kcptwisted.session.outofband import decodeOutOfBand
from kcptwisted.session.stream import Stream
from kcptwisted.stats import SessionStats


class IEnds(Protocol):
    """
    A session, as far as it concerns L{Application}: it ends if the application fails.
    """

    def end(self, reason: Failure) -> None: ...


class Application:
    """
    The one place from which a session calls its application.  What the application raises is
    logged and ends its connection, and no other.

    @ivar protocol: the application's; None before there is one, and after the end.
    """

    __slots__ = ("_delivering", "_session", "protocol")

    _log: ClassVar[Logger] = Logger()

    def __init__(self, session: IEnds) -> None:
        """
        @param session: ends if the application fails.
        """
        self._session: IEnds | None = session
        self._delivering = False
        self.protocol: IProtocol | None = None

    def connect(self, protocol: IProtocol, transport: ITransport | None) -> None:
        """
        Gives the protocol its transport.
        """
        self.protocol = protocol
        self.call("connectionMade", protocol.makeConnection, transport)

    def deliver(self, connection: Connection, stream: Stream, stats: SessionStats) -> None:
        """
        Gives the protocol what has come in order, unless it has paused or closed.

        @param stats: counts.
        """
        if self._delivering or self.protocol is None:
            return
        lifecycle, conversation = connection.lifecycle, connection.conversation
        # A protocol may pause and resume from inside dataReceived.
        self._delivering = True
        try:
            while not lifecycle.discards and (stream.disconnecting or not stream.readPaused):
                data = conversation.read()
                if data is None:
                    break
                # TCP reads no more after loseConnection.  Here the peer's FIN is behind it.
                if not stream.disconnecting:
                    stats.BytesReceived += len(data)
                    self.protocol.dataReceived(data)
                if not conversation.receiver.unread:
                    break
        except Exception:
            self.failed("dataReceived")
        finally:
            self._delivering = False
        if stream.tls is not None:
            stream.tls.delivered()

    def deliverOutOfBand(
        self, packets: list[bytes], connection: Connection, stream: Stream, stats: SessionStats
    ) -> None:
        """
        Gives the protocol out-of-band packets, if it takes them.

        @param stats: counts.
        """
        for packet in packets:
            closed = stream.disconnecting or connection.lifecycle.discards
            data = None if closed else decodeOutOfBand(packet, self.protocol)
            if data is None:
                stats.OOBDropped += 1
                continue
            stats.OOBReceived += 1
            takes = IOutOfBandProtocol(self.protocol)
            self.call("outOfBandReceived", takes.outOfBandReceived, data)

    @property
    def isHalfCloseable(self) -> bool:
        """
        Whether the protocol can go on when the peer has closed its output.
        """
        return IHalfCloseableProtocol.providedBy(self.protocol)

    def inputEnded(self, connection: Connection, stream: Stream) -> None:
        """
        Tells the protocol that the peer sends no more.  One that cannot go on without that has its
        connection closed.
        """
        halfCloseable = self.isHalfCloseable
        self.readConnectionLost()
        if not halfCloseable and connection.lifecycle.sending is Sending.READY:
            # Below TLS: the peer does not answer an end of TLS any more.
            stream.loseConnection()

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
    ) -> object:
        """
        Calls code of the application, and returns what that does; None if it raises.

        @param what: the name of C{function}, for the log.
        @param protocol: the application's, if it is not C{self.protocol} any more.
        """
        try:
            return function(*arguments)
        except Exception:
            self.failed(what, protocol)
            return None

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
        if self._session is not None:
            self._session.end(failure)

    def release(self) -> None:
        """
        Drops the reference to the session, which is over.
        """
        self._session = None
