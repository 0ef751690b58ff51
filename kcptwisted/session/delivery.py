"""
What arrives, as the application is given it.
"""

from __future__ import annotations

from kcptwisted.connection.connection import Connection
from kcptwisted.connection.states import Sending
from kcptwisted.session.application import Application
from kcptwisted.session.outofband import decodeOutOfBand
from kcptwisted.session.stream import Stream
from kcptwisted.stats import SessionStats


class Delivery:
    """
    Gives one application its data, unless it has paused or closed.
    """

    __slots__ = ("_application", "_connection", "_delivering", "_stats", "_stream")

    def __init__(
        self,
        connection: Connection,
        application: Application,
        stream: Stream,
        stats: SessionStats,
    ) -> None:
        """
        @param stats: counts.
        """
        self._connection = connection
        self._application = application
        self._stream = stream
        self._stats = stats
        self._delivering = False

    def deliver(self) -> None:
        """
        Gives the application what has come in order.
        """
        application, stream = self._application, self._stream
        if self._delivering or application.protocol is None:
            return
        lifecycle = self._connection.lifecycle
        read = self._connection.read
        # A protocol may pause and resume from inside dataReceived.
        self._delivering = True
        try:
            while not lifecycle.discards and (stream.disconnecting or not stream.readPaused):
                data = read()
                if data is None:
                    break
                if stream.disconnecting:
                    # TCP reads no more after loseConnection.  Here the peer's FIN is behind it.
                    continue
                self._stats.BytesReceived += len(data)
                application.dataReceived(data)
        finally:
            self._delivering = False
        if stream.tls is not None:
            stream.tls.delivered()

    def deliverOutOfBand(self, packets: list[bytes]) -> None:
        """
        Gives the application out-of-band packets, if it takes them.
        """
        closed = self._stream.disconnecting or self._connection.lifecycle.discards
        for packet in packets:
            data = None if closed else decodeOutOfBand(packet, self._application.protocol)
            if data is None:
                self._stats.OOBDropped += 1
                continue
            self._stats.OOBReceived += 1
            self._application.outOfBandReceived(data)
            closed = self._stream.disconnecting or self._connection.lifecycle.discards

    def inputEnded(self) -> None:
        """
        Tells the application that the peer sends no more.  One that cannot go on without has its
        connection closed.
        """
        halfCloseable = self._application.isHalfCloseable
        self._application.readConnectionLost()
        if not halfCloseable and self._connection.lifecycle.sending is Sending.READY:
            # Below TLS: the peer does not answer an end of TLS any more.
            self._stream.loseConnection()
