"""
The contracts between layers.

Datagrams travel in lists.  Upward they pass L{IDatagramProtocol}, downward
L{IDatagramTransport}; a layer such as FEC or a cipher is both: the protocol of what is below it
and the transport of what is above it, as in L{twisted.protocols.policies.ProtocolWrapper}::

    UDP port  <->  cipher  <->  listener or connector  <->  FEC  <->  session

What a datagram is differs by place, the contracts do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IListeningPort, IPushProducer, ITLSTransport
from twisted.python.failure import Failure
from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from kcptwisted.stats import PortStats, SessionStats

#: What the socket module calls an address: (host, port), for IPv6 with flow and scope after it.
Address = tuple[str, int] | tuple[str, int, int, int]


class IDatagramTransport(Interface):
    """
    What a layer sends through.
    """

    overhead: int = Attribute(
        "Bytes that this and the layers below it add to a datagram before it is a UDP payload."
    )

    def writeDatagrams(datagrams: Sequence[bytes], address: Address) -> None:
        """
        Send datagrams to one address, in order, without waiting.
        """


class IDatagramProtocol(Interface):
    """
    What receives datagrams.
    """

    def makeConnection(transport: IDatagramTransport) -> None:
        """
        Called once, before anything else.
        """

    def datagramsReceived(datagrams: list[bytes], address: Address) -> None:
        """
        Datagrams arrived from one address, in order.  Whatever they hold, nothing is raised.
        """

    def datagramsRecovered(datagrams: list[bytes], address: Address) -> None:
        """
        Datagrams were rebuilt from redundancy: they may be late and say nothing about the
        path's delay or the peer's present state.
        """

    def batchFinished() -> None:
        """
        All that one reactor turn read has been handed over: time to answer.
        """

    def connectionRefused() -> None:
        """
        The host at the other end of a connected socket says that nothing listens there.
        """

    def peerUnreachable(problem: OSError) -> None:
        """
        The network says that a connected socket's peer cannot be reached, such as for a firewall.
        """

    def sendingFailed(problem: OSError) -> None:
        """
        This system cannot send to a connected socket's peer now, such as for want of a route, or
        because the socket's own address is gone.
        """

    def connectionLost(reason: Failure) -> None:
        """
        The transport is gone.
        """


class IKCPTransport(ITLSTransport, IConsumer, IPushProducer):
    """
    A connection's transport, and what KCP adds to it.
    """

    conv: int = Attribute("The conversation id.")
    stats: SessionStats = Attribute("Counts of this connection.")
    queuedBytes: int = Attribute("Bytes that were written and wait to be sent for the first time.")
    unacknowledged: int = Attribute(
        "Segments that the peer has not acknowledged, those included that wait to be sent."
    )

    smoothedRTT: float = Attribute(
        "The smoothed round-trip time, milliseconds; 0 before the first sample."
    )
    rttVariance: float = Attribute("The mean deviation of the round-trip time, milliseconds.")
    retransmissionTimeout: int = Attribute(
        "How long a segment waits for its ACK before it is sent again, milliseconds."
    )
    segmentsInFlight: int = Attribute("Segments that were sent and are not acknowledged.")
    sendWindow: int = Attribute("The most segments in flight, as this end is set.")
    peerWindow: int = Attribute("Segments for which the peer has room, as it said last.")
    receiveWindow: int = Attribute("Segments for which this end has room now.")
    maximumOutOfBand: int = Attribute(
        "The most bytes that L{sendOutOfBand} takes; -1 if it takes nothing, as FEC is off."
    )
    greeted: bool = Attribute("Whether the peer is kcptwisted, so that it takes control frames.")

    def configure(**changes: Any) -> None:
        """
        Change options of this connection from now on, without loss: C{mode}, C{nodelay},
        C{interval}, C{resend}, C{nc}, C{mtu}, C{sendWindow}, C{receiveWindow}, C{ackNoDelay},
        C{writeDelay}, C{rateLimit} and C{pacing}, with the values that
        L{kcptwisted.options.KCPOptions} takes.  A smaller C{mtu} counts for segments that are cut
        from now on; those that wait or are in flight keep their size.  With control frames there
        must be room for one, 59 bytes beside what the layers take.

        @raise ValueError: names the option that is wrong, or that cannot be changed, and what is
            allowed.
        """

    def abortConnection() -> None:
        """
        End the connection now; what is still queued is lost.  The protocol gets
        L{ConnectionAborted<twisted.internet.error.ConnectionAborted>}, the peer's, if it is
        kcptwisted, L{kcptwisted.errors.PeerReset}.
        """

    def getTcpNoDelay() -> bool:
        """
        What was set last; at first, whether C{writeDelay} is off.
        """

    def setTcpNoDelay(enabled: bool) -> None:
        """
        Note it, and do nothing: KCP has no Nagle algorithm to turn off.
        """

    def getTcpKeepAlive() -> bool:
        """
        What was set last; at first, whether C{keepAlive} is on.
        """

    def setTcpKeepAlive(enabled: bool) -> None:
        """
        With C{keepAlive=0}: ask the peer for signs of life after the default time, or not any more.
        Otherwise only note it: what the endpoint says stays in force.
        """

    def startTLS(contextFactory: Any, normal: bool = True) -> None:
        """
        Go on with TLS, as over TCP: what was written before is sent as it is, what is received from
        now on goes through TLS first.  From now on the transport provides
        L{ISSLTransport<twisted.internet.interfaces.ISSLTransport>}.

        @param contextFactory: see L{twisted.protocols.tls.TLSMemoryBIOFactory}.
        @param normal: whether the KCP client is the TLS client, and not the other way round.
        @raise ValueError: in message mode.
        @raise RuntimeError: if the connection is over, its output is closed here, or it has TLS
            already.
        @raise ImportError: if pyOpenSSL is not installed.
        """

    def loseWriteConnection() -> None:
        """
        Deliver what was written, then tell the peer that no more will come, and go on receiving.

        A protocol that provides
        L{IHalfCloseableProtocol<twisted.internet.interfaces.IHalfCloseableProtocol>} gets
        C{writeConnectionLost} when the peer has it all, and the peer's C{readConnectionLost}; a
        peer's protocol that does not provide it has its connection closed.  A peer that is not
        kcptwisted is not told.
        """

    def sendOutOfBand(data: bytes) -> None:
        """
        Send a datagram beside the stream, at once: it may be lost, repeated, or overtake what was
        written before.  Nothing happens after the connection was closed.

        @param data: may be empty.  At most C{mtu} less what the layers take (FEC 8 bytes; the
            cipher 20, or 28 if it authenticates) less 4 bytes.
        @raise kcptwisted.errors.OutOfBandRefused: if C{data} is longer, or FEC is off on this
            side.
        """


class IOutOfBandProtocol(Interface):
    """
    A protocol that takes out-of-band datagrams.  Those for one that does not are dropped.
    """

    def outOfBandReceived(data: bytes) -> None:
        """
        A datagram arrived, even while the stream is paused.
        """


class IKCPListeningPort(IListeningPort):
    """
    A listening port that can be asked how it does.
    """

    stats: PortStats = Attribute("Counts of the socket and all its sessions.")
    sessions: list[IKCPTransport] = Attribute("The transports of the live connections.")

    def stopListening(sessions: str = "close") -> Deferred[None]:
        """
        Take no new connections; when those that are there have ended, close the socket.  May be
        called again to end them sooner.

        @param sessions: what becomes of the connections: C{"finish"}, they go on until either end
            closes them; C{"close"}, they are closed, what was written is delivered, and what is
            left after C{stopTimeout} is aborted; C{"abort"}, they end now.
        @return: fires when the socket is closed.
        @raise ValueError: if C{sessions} is none of these.
        """
