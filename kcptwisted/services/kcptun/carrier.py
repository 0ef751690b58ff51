"""
What lies between KCP and smux: compression, and finding out that the other end has other flags.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet import error
from twisted.internet.protocol import connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure

from kcptwisted.services.kcptun.mismatch import wrongCompression, wrongVersion
from kcptwisted.services.kcptun.snappy import CompressionError, Framer, Unframer
from kcptwisted.smux.protocol import SmuxProtocol


class PeerMismatch(error.ConnectionLost):
    """
    What the peer sends shows that the flags of the two ends do not fit.
    """

    MESSAGE = "The flags of the two ends do not fit"


class PeerCorrupt(error.ConnectionLost):
    """
    What the peer sends is not what a compressor has written, or a checksum is wrong.
    """

    MESSAGE = "The compressed stream is corrupt"


class Carrier(ProtocolWrapper):
    """
    The transport of a session, and the protocol of its KCP connection.

    @ivar heard: bytes that have come from the peer.
    """

    transport: Any

    def __init__(
        self, factory: WrappingFactory[Any], protocol: Any, isCompressed: bool, version: int
    ) -> None:
        """
        @param protocol: the session.
        @param isCompressed: whether both directions are compressed.
        @param version: smux's.
        @raise kcptwisted.services.kcptun.snappy.CompressionMissing: if the library is needed and
            is not installed.
        """
        super().__init__(factory, protocol)
        self._framer = Framer() if isCompressed else None
        self._unframer = Unframer() if isCompressed else None
        self._version = version
        self._isRead = False
        self._problem: Failure | None = None
        self.heard = 0

    # The transport of the session.

    def write(self, data: bytes) -> None:
        """
        Sends frames: compressed, what is written at once can be read at once.
        """
        if self._framer is not None and data:
            data = self._framer.compress(data)
        self.transport.write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """
        Sends several pieces as one write.
        """
        self.write(b"".join(data))

    # The protocol of the connection.

    def dataReceived(self, data: bytes) -> None:
        """
        Passes frames on.
        """
        if self._problem is not None:
            return
        if not self.heard:
            problem = wrongCompression(data, self._unframer is not None)
            if problem:
                return self._fail(PeerMismatch(problem))
        self.heard += len(data)
        if self._unframer is not None:
            try:
                data = self._unframer.decompress(data)
            except CompressionError as corrupt:
                return self._fail(PeerCorrupt(str(corrupt)))
        if not data:
            return
        if not self._isRead:
            self._isRead = True
            problem = wrongVersion(data, self._version)
            if problem:
                return self._fail(PeerMismatch(problem))
        self.session.dataReceived(data)

    def _fail(self, problem: Exception) -> None:
        self._problem = Failure(problem)
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Tells the session why it is over.
        """
        super().connectionLost(self._problem or reason)  # type: ignore[no-untyped-call]

    # What there is to know.

    @property
    def session(self) -> SmuxProtocol:
        """
        The session.
        """
        session: Any = self.wrappedProtocol
        found: SmuxProtocol = session
        return found

    def counters(self) -> dict[str, int]:
        """
        Returns the counters of the KCP connection, and at a client of its socket.
        """
        transport = self.transport
        counters: dict[str, int] = transport.stats.asDict()
        return counters | (transport.portStats.asDict() if self.session.isClient else {})
