"""
TLS that begins in the middle of a connection, as L{ITLSTransport.startTLS
<twisted.internet.interfaces.ITLSTransport.startTLS>} begins it.

pyOpenSSL is imported when TLS is started, not before.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import ISSLTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.session.ending import PEERS_ENDS
from kcptwisted.session.session import KCPSession


@implementer(ISSLTransport)
class TLSSession(KCPSession):
    """
    What a session becomes when TLS is started on it.  Its protocol is the TLS layer, whose protocol
    is the application's.  What the application does with the transport, which it has known since
    before, goes to the layer.
    """

    __slots__ = ()

    # In the instance's dictionary: a class that another turns into has no slots of its own.  Weak,
    # as the layer refers to the session.
    _layer: weakref.ref[Any]
    #: Whether the output is to be closed when TLS has written everything.
    _halfCloses = False
    #: Whether a pull producer is registered.
    _pulls = False

    def write(self, data: bytes) -> None:
        """
        Send bytes through TLS.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"Data must be bytes, not {type(data).__name__}")
        if self.connected:
            self._tls.write(bytes(data))

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """
        Send several pieces through TLS.
        """
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """
        Deliver what was written, end TLS, then end the connection.
        """
        if self.connected and not self.disconnecting:
            layer = self._tls
            if not layer.disconnecting:
                self._deafen(layer)
                # The peer's end of TLS is to be read.
                self.resumeProducing()
            layer.loseConnection()

    def end(self, reason: Failure) -> None:
        """
        See L{KCPSession.end}.  The application is given nothing any more, and C{reason} itself, not
        that TLS has been cut, unless it is the peer that ended the connection.
        """
        layer = self._layer()
        if self.connected and layer is not None and not reason.check(ConnectionDone, *PEERS_ENDS):
            self._deafen(layer)
            layer._reason = layer._reason or reason
        super().end(reason)

    def loseWriteConnection(self) -> None:
        """
        Deliver what was written, then tell the peer that no more will come: below TLS, which
        has no half close.
        """
        self._halfCloses = True
        self._halfCloseLater()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Have C{producer} paused and resumed as the send queue and TLS need it.

        @raise RuntimeError: if there is one already.
        """
        if self.connected:
            self._tls.registerProducer(producer, streaming)
            self._pulls = not streaming
        else:
            producer.stopProducing()

    def unregisterProducer(self) -> None:
        """
        The producer is done.
        """
        if self.connected:
            # The layer holds small writes back, and ends TLS without them if it is closing.
            aggregator = getattr(self._tls, "_aggregator", None)
            if aggregator is not None:
                aggregator.flush()
            self._tls.unregisterProducer()
            self._pulls = False
            self._halfCloseLater()

    def pauseProducing(self) -> None:
        """
        Deliver nothing more, to TLS neither; but for its end if this one has closed.
        """
        if not (self.connected and self._tls.disconnecting):
            super().pauseProducing()

    def startTLS(self, contextFactory: Any, normal: bool = True) -> None:
        """
        @raise RuntimeError: always.
        """
        raise RuntimeError("TLS has been started already")

    # What TLS adds.

    def _deliver(self) -> None:
        super()._deliver()
        self._halfCloseLater()

    def _halfCloseLater(self) -> None:
        if self._halfCloses:
            # The layer holds small writes back until the next turn.
            later = self._socket.reactor.callLater
            later(0, lambda: later(0, self._halfClose))

    def _halfClose(self) -> None:
        """
        Close the output if TLS has nothing left to write: neither its handshake, nor what waits for
        that, nor what a pull producer has yet to be asked for.
        """
        layer = self._layer()
        if layer is None or not self._halfCloses:
            return
        if layer._handshakeDone and not layer._appSendBuffer and not self._pulls:
            self._halfCloses = False
            super().loseWriteConnection()

    def _deafen(self, layer: Any) -> None:
        """
        Have no more given to the application.
        """
        if not isinstance(layer.wrappedProtocol, _Deaf):
            layer.wrappedProtocol = _Deaf(layer.wrappedProtocol)

    @property
    def _tls(self) -> Any:
        layer = self._layer()
        if layer is None:
            raise RuntimeError("the connection is over")
        return layer

    def getPeerCertificate(self) -> Any:
        """
        @return: the peer's L{OpenSSL.crypto.X509}, or None if it gave none.
        """
        return self._tls.getPeerCertificate()

    def getHandle(self) -> Any:
        """
        @return: the L{OpenSSL.SSL.Connection}, which L{twisted.internet.ssl.Certificate} asks.
        """
        return self._tls.getHandle()

    @property
    def negotiatedProtocol(self) -> bytes | None:
        """
        What ALPN has agreed on; None if nothing yet, or not at all.
        """
        layer = self._layer()
        return None if layer is None else layer.negotiatedProtocol


class _Deaf:
    """
    Stands for a protocol that has closed its connection: nothing is delivered to it any more.
    """

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol

    def __getattr__(self, name: str) -> Any:
        return getattr(self._protocol, name)

    def dataReceived(self, data: bytes) -> None:
        """
        TCP reads no more after loseConnection, either.
        """


class _BelowTLS:
    """
    The TLS layer's transport: the session without TLS.
    """

    def __init__(self, session: KCPSession) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def write(self, data: bytes) -> None:
        KCPSession.write(self._session, data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        KCPSession.loseConnection(self._session)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        KCPSession.registerProducer(self._session, producer, streaming)

    def unregisterProducer(self) -> None:
        KCPSession.unregisterProducer(self._session)


def startTLS(session: KCPSession, contextFactory: Any, client: bool) -> None:
    """
    Put TLS between a session and its protocol.

    @param contextFactory: as L{twisted.protocols.tls.TLSMemoryBIOFactory} takes it.
    @param client: whether this end begins the handshake.
    @raise ImportError: if pyOpenSSL is not installed.
    """
    try:
        from twisted.protocols.tls import TLSMemoryBIOFactory
    except ImportError as problem:
        raise ImportError("startTLS takes pyOpenSSL: pip install 'Twisted[tls]'") from problem
    # Nothing is built: the protocol is there.
    nobody: Any = None
    factory = TLSMemoryBIOFactory(contextFactory, client, nobody, session._socket.reactor)
    layer = factory.protocol(factory, session.protocol, False)
    producer = None if session._gate is None else session._gate.release()
    session.__class__ = TLSSession
    assert isinstance(session, TLSSession)
    session._layer = weakref.ref(layer)
    session.protocol = layer
    layer.makeConnection(_BelowTLS(session))
    if producer is not None:
        session.registerProducer(*producer)
