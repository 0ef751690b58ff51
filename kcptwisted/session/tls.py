"""
TLS that begins in the middle of a connection, as L{ITLSTransport.startTLS
<twisted.internet.interfaces.ITLSTransport.startTLS>} begins it.

pyOpenSSL is imported when TLS is started, not before.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.interfaces import IProtocol
from twisted.python.failure import Failure

from kcptwisted.connection.events import Cause
from kcptwisted.session.reasons import endOf
from kcptwisted.session.stream import Stream


class TLSStream:
    """
    What the application writes, reads and closes when TLS lies between it and the L{Stream}.  The
    session's protocol is then the TLS layer, whose protocol is the application's.
    """

    __slots__ = ("__weakref__", "_halfCloses", "_layer", "_pulls", "_reactor", "_stream")

    def __init__(self, stream: Stream, layer: Any, reactor: Any) -> None:
        """
        @param layer: a L{twisted.protocols.tls.TLSMemoryBIOProtocol}.
        """
        self._stream = stream
        # Weak, as the layer refers to the transport.
        self._layer: weakref.ref[Any] = weakref.ref(layer)
        self._reactor = reactor
        # Whether the output is to be closed when TLS has written everything.
        self._halfCloses = False
        # Whether a pull producer is registered.
        self._pulls = False

    @property
    def layer(self) -> Any:
        """
        The TLS layer.

        @raise RuntimeError: if the connection is over.
        """
        layer = self._layer()
        if layer is None:
            raise RuntimeError("the connection is over")
        return layer

    def write(self, data: bytes) -> None:
        """
        Sends bytes through TLS.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"Data must be bytes, not {type(data).__name__}")
        if self._stream.connected:
            self.layer.write(bytes(data))

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """
        Sends several pieces through TLS.
        """
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """
        Delivers what was written, ends TLS, then ends the connection.
        """
        stream = self._stream
        if stream.connected and not stream.disconnecting:
            layer = self.layer
            if not layer.disconnecting:
                _deafen(layer)
                # The peer's end of TLS is to be read.
                stream.resumeProducing()
            layer.loseConnection()

    def loseWriteConnection(self) -> None:
        """
        Delivers what was written, then tells the peer that no more will come: below TLS, which has
        no half close.
        """
        self._halfCloses = True
        self._halfCloseLater()

    def abortConnection(self) -> None:
        """
        Ends the connection now; what is still queued is lost.
        """
        self._stream.abortConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Has C{producer} paused and resumed as the send queue and TLS need it.

        @raise RuntimeError: if there is one already.
        """
        if self._stream.connected:
            self.layer.registerProducer(producer, streaming)
            self._pulls = not streaming
        else:
            producer.stopProducing()

    def unregisterProducer(self) -> None:
        """
        Forgets the producer, which is done.
        """
        if self._stream.connected:
            layer = self.layer
            # The layer holds small writes back, and ends TLS without them if it is closing.
            aggregator = getattr(layer, "_aggregator", None)
            if aggregator is not None:
                aggregator.flush()
            layer.unregisterProducer()
            self._pulls = False
            self._halfCloseLater()

    def pauseProducing(self) -> None:
        """
        Delivers nothing more, to TLS neither; but for its end if this one has closed.
        """
        if not (self._stream.connected and self.layer.disconnecting):
            self._stream.pauseProducing()

    def resumeProducing(self) -> None:
        """
        Delivers again, from the end of this turn on.
        """
        self._stream.resumeProducing()

    def getPeerCertificate(self) -> Any:
        """
        Returns the peer's L{OpenSSL.crypto.X509}, or None if it gave none.
        """
        return self.layer.getPeerCertificate()

    def getHandle(self) -> Any:
        """
        Returns the L{OpenSSL.SSL.Connection}, which L{twisted.internet.ssl.Certificate} asks.
        """
        return self.layer.getHandle()

    @property
    def negotiatedProtocol(self) -> bytes | None:
        """
        What ALPN has agreed on; None if nothing yet, or not at all.
        """
        layer = self._layer()
        return None if layer is None else layer.negotiatedProtocol

    # What the session says.

    def ending(self, reason: Failure) -> None:
        """
        The connection is about to end: the application is given nothing any more, and C{reason}
        itself, not that TLS has been cut, unless it is the peer that ended the connection.
        """
        layer = self._layer()
        cause = endOf(reason).cause
        isOurs = cause is not Cause.CLOSED and not cause.isPeers
        if isOurs and layer is not None and self._stream.connected:
            _deafen(layer)
            layer._reason = layer._reason or reason

    def delivered(self) -> None:
        """
        TLS has been given what has arrived.
        """
        self._halfCloseLater()

    def _halfCloseLater(self) -> None:
        if self._halfCloses:
            # The layer holds small writes back until the next turn.
            later = self._reactor.callLater
            later(0, lambda: later(0, self._halfClose))

    def _halfClose(self) -> None:
        """
        Closes the output if TLS has nothing left to write: neither its handshake, nor what waits
        for that, nor what a pull producer has yet to be asked for.
        """
        layer = self._layer()
        if layer is None or not self._halfCloses:
            return
        if layer._handshakeDone and not layer._appSendBuffer and not self._pulls:
            self._halfCloses = False
            self._stream.loseWriteConnection()


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


def _deafen(layer: Any) -> None:
    """
    Gives no more to the application.
    """
    if not isinstance(layer.wrappedProtocol, _Deaf):
        layer.wrappedProtocol = _Deaf(layer.wrappedProtocol)


class _BelowTLS:
    """
    The TLS layer's transport: the application's, without TLS.
    """

    def __init__(self, transport: Any, stream: Stream) -> None:
        """
        @param transport: the application's.
        """
        self._transport = transport
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        self._stream.write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self._stream.writeSequence(data)

    def loseConnection(self) -> None:
        self._stream.loseConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self._stream.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        self._stream.unregisterProducer()


def startTLS(
    stream: Stream,
    transport: Any,
    protocol: IProtocol | None,
    contextFactory: Any,
    client: bool,
    reactor: Any,
    replace: Callable[[TLSStream, IProtocol], None],
) -> None:
    """
    Puts TLS between a stream and its application.

    @param transport: the application's.
    @param contextFactory: as L{twisted.protocols.tls.TLSMemoryBIOFactory} takes it.
    @param client: whether this end begins the handshake.
    @param replace: puts the TLS stream and the TLS layer in the places of stream and protocol.
    @raise ImportError: if pyOpenSSL is not installed.
    """
    try:
        from twisted.protocols.tls import TLSMemoryBIOFactory
    except ImportError as problem:
        raise ImportError("startTLS takes pyOpenSSL: pip install 'Twisted[tls]'") from problem
    # Nothing is built: the protocol is there.
    nobody: Any = None
    factory = TLSMemoryBIOFactory(contextFactory, client, nobody, reactor)
    layer = factory.protocol(factory, protocol, False)
    producer = None if stream.gate is None else stream.gate.release()
    tls = TLSStream(stream, layer, reactor)
    replace(tls, layer)
    layer.makeConnection(_BelowTLS(transport, stream))
    if producer is not None:
        tls.registerProducer(*producer)
