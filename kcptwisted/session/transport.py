"""
A connection as its application has it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IConsumer, IProtocol, IPushProducer, ISSLTransport
from zope.interface import alsoProvides, implementer

from kcptwisted.connection.states import Sending
from kcptwisted.interfaces import IKCPTransport
from kcptwisted.options import KCPOptions
from kcptwisted.session.egress import send
from kcptwisted.session.figures import Figures
from kcptwisted.session.interfaces import ITransportSession
from kcptwisted.session.outofband import encodeOutOfBand
from kcptwisted.session.stream import Stream
from kcptwisted.session.tls import TLSStream, startTLS
from kcptwisted.udp.addresses import hostAsked, toAddress

_TLS_ATTRIBUTES = ("getHandle", "getPeerCertificate", "negotiatedProtocol")


@implementer(IKCPTransport, IConsumer, IPushProducer)
class KCPTransport(Figures):
    """
    Writing, closing, producers and consumers, and what there is to know and to set.
    """

    # The dictionary is made when an application sets an attribute of its own, as on any transport.
    __slots__ = ("__dict__", "__weakref__", "_keepAlive", "_noDelay", "_stream")

    _session: ITransportSession

    def __init__(self, session: ITransportSession) -> None:
        """
        @param session: what drives the connection.
        """
        super().__init__(session)
        self._stream: Stream | TLSStream = session.stream
        self._noDelay = not session.options.writeDelay
        self._keepAlive = session.options.keepAlive > 0

    def __repr__(self) -> str:
        return repr(self._session).replace("KCPSession", "KCPTransport", 1)

    # What there is to know.

    @property
    def connected(self) -> bool:
        """
        Whether the connection is up, like L{twisted.internet.tcp.Connection}'s.
        """
        return self._session.connected

    @property
    def disconnecting(self) -> bool:
        """
        Whether loseConnection or abortConnection was called.
        """
        return self._session.stream.disconnecting

    @property
    def protocol(self) -> IProtocol | None:
        """
        The application's protocol, or the TLS layer; None after the end.
        """
        return self._session.application.protocol

    @protocol.setter
    def protocol(self, protocol: IProtocol | None) -> None:
        self._session.application.protocol = protocol

    def configure(self, **changes: Any) -> None:
        """
        See L{IKCPTransport.configure}.
        """
        self._session.configure(self._session.options.changed(**changes))

    def networkChanged(self) -> None:
        """
        See L{IKCPTransport.networkChanged}.
        """
        self._session.networkChanged()

    def getPeer(self) -> IPv4Address | IPv6Address:
        """
        Returns the peer's address.
        """
        return toAddress(self._session.address)

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        Returns the local address; of a server on all addresses the one that the peer asked, as far
        as the system tells.
        """
        session = self._session
        return hostAsked(session.socket.getHost(), session.address)

    # ITransport.

    def write(self, data: bytes) -> None:
        """
        Sends bytes, or one message in message mode.

        @raise kcptwisted.errors.MessageTooLong: if a message is too large for KCP, or for the
            peer's window.
        """
        self._stream.write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """
        Sends several pieces as one write.
        """
        self._stream.writeSequence(data)

    def loseConnection(self) -> None:
        """
        Delivers what was written, then ends the connection; if the peer acknowledges nothing for
        C{linger} seconds, ends it before.
        """
        self._stream.loseConnection()

    def loseWriteConnection(self) -> None:
        """
        See L{IKCPTransport.loseWriteConnection}.
        """
        self._stream.loseWriteConnection()

    def abortConnection(self) -> None:
        """
        See L{IKCPTransport.abortConnection}.
        """
        self._stream.abortConnection()

    def sendOutOfBand(self, data: bytes) -> None:
        """
        See L{IKCPTransport.sendOutOfBand}.
        """
        session = self._session
        packet = encodeOutOfBand(session.conv, data, self.maximumOutOfBand)
        if (
            session.connected
            and not session.stream.disconnecting
            and not session.connection.lifecycle.isOver
        ):
            session.stats.OOBSent += 1
            send(session, session.socket, [packet])

    # IConsumer.

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Has C{producer} paused and resumed as the send queue fills and empties.

        @raise RuntimeError: if there is one already.
        """
        self._stream.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """
        Forgets the producer, which is done.
        """
        self._stream.unregisterProducer()

    # IPushProducer.

    def pauseProducing(self) -> None:
        """
        Delivers nothing more; the window closes, and the peer stops when it is full.
        """
        self._stream.pauseProducing()

    def resumeProducing(self) -> None:
        """
        Delivers again, from the end of this turn on.
        """
        self._stream.resumeProducing()

    def stopProducing(self) -> None:
        """
        Closes the connection: the consumer of the received data is gone.
        """
        self.loseConnection()

    # TCP's options, as far as ITCPTransport has them.

    def getTcpNoDelay(self) -> bool:
        """
        Returns what was set last; at first, whether C{writeDelay} is off.
        """
        return self._noDelay

    def setTcpNoDelay(self, enabled: bool) -> None:
        """
        Notes it: KCP has no Nagle algorithm to turn off.  C{writeDelay} stays as it is.
        """
        self._noDelay = bool(enabled)

    def getTcpKeepAlive(self) -> bool:
        """
        Returns what was set last; at first, whether C{keepAlive} is on.
        """
        return self._keepAlive

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """
        With C{keepAlive=0}: turns it on, with the default time, or off again.  Otherwise only notes
        it: C{keepAlive} is on anyway, and whoever made the endpoint wants it on.
        """
        self._keepAlive = bool(enabled)
        session = self._session
        if not session.options.keepAlive:
            seconds = KCPOptions.keepAlive if self._keepAlive else 0
            session.connection.liveness.setKeepAlive(seconds)
            session.schedule()

    # TLS.

    def startTLS(self, contextFactory: Any, normal: bool = True) -> None:
        """
        See L{IKCPTransport.startTLS}.
        """
        session = self._session
        if not session.options.stream:
            raise ValueError("startTLS takes stream=yes: TLS does not keep messages apart")
        if session.stream.tls is not None:
            raise RuntimeError("TLS has been started already")
        if not session.connected:
            raise RuntimeError("the connection is over")
        # What the peer discards fails as over TCP, later.
        usable = session.connection.lifecycle.sending in (Sending.READY, Sending.DISCARDED)
        if session.stream.disconnecting or not usable:
            raise RuntimeError("startTLS on a connection whose output is closed")
        startTLS(
            session.stream,
            self,
            session.application.protocol,
            contextFactory,
            session.socket.calls == normal,
            session.socket.reactor,
            self._replace,
        )

    def _replace(self, stream: TLSStream, layer: IProtocol) -> None:
        session = self._session
        self._stream = session.stream.tls = stream
        session.application.protocol = layer
        alsoProvides(self, ISSLTransport)

    if not TYPE_CHECKING:
        # ISSLTransport declares the other attributes to type checkers.

        def __getattr__(self, name):
            """
            Returns what L{ISSLTransport} has beyond this, once there is TLS.
            """
            if name in _TLS_ATTRIBUTES and isinstance(self._stream, TLSStream):
                return getattr(self._stream, name)
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
