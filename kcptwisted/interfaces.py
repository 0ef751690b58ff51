"""
The contracts between layers.

Datagrams are passed in lists: upward to an L{IDatagramProtocol}, downward to an
L{IDatagramTransport}.  A layer such as FEC or a cipher provides both: it is the protocol of the
layer below it and the transport of the layer above it, as in
L{twisted.protocols.policies.ProtocolWrapper}::

    UDP port  <->  cipher  <->  listener or connector  <->  FEC  <->  session

The contents of datagrams differ from place to place; the contracts are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IListeningPort, IPushProducer, ITLSTransport
from twisted.python.failure import Failure
from zope.interface import Attribute, Interface

from kcptwisted.stats import PortStats, SessionStats

#: An address as in the socket module: (host, port), for IPv6 with flow and scope after them.
Address = tuple[str, int] | tuple[str, int, int, int]


class IDatagramTransport(Interface):
    """
    Sends datagrams: what is below a layer.
    """

    overhead: int = Attribute("Bytes that this layer and the layers below it add to a datagram.")

    def writeDatagrams(datagrams: Sequence[bytes], address: Address) -> None:
        """
        Sends datagrams to one address, in order, without waiting.
        """


class IDatagramProtocol(Interface):
    """
    Receives datagrams: what is above a layer.
    """

    def makeConnection(transport: IDatagramTransport) -> None:
        """
        Connects the protocol to its transport.  Called once, before all other methods.
        """

    def datagramsReceived(datagrams: list[bytes], address: Address) -> None:
        """
        Takes datagrams that arrived from one address, in order.  Raises nothing, whatever the
        datagrams hold.
        """

    def datagramsRecovered(datagrams: list[bytes], address: Address) -> None:
        """
        Takes datagrams that were rebuilt from parity.  They may be late, so they say nothing about
        the path's delay or the peer's present state.
        """

    def batchFinished() -> None:
        """
        Called when all datagrams that were read in one reactor turn have been passed up.  Now is
        the time to answer.
        """

    def connectionRefused() -> None:
        """
        Called when the peer's host reports, to a connected socket, that nothing listens there.
        """

    def peerUnreachable(problem: OSError) -> None:
        """
        Called when the network reports that a connected socket's peer cannot be reached, such as
        because of a firewall.
        """

    def sendingFailed(problem: OSError) -> None:
        """
        Called when this host cannot send to a connected socket's peer now, such as because there
        is no route or the socket's own address is gone.
        """

    def connectionLost(reason: Failure) -> None:
        """
        Called when the transport is closed.
        """


class IKCPTransport(ITLSTransport, IConsumer, IPushProducer):
    """
    The transport of a connection.  It adds to Twisted's transports what KCP has.
    """

    conv: int = Attribute("The conversation id.")
    stats: SessionStats = Attribute("Counts of this connection.")
    queuedBytes: int = Attribute("Bytes that were written and wait to be sent for the first time.")
    unacknowledged: int = Attribute(
        "Segments that the peer has not acknowledged, including those that wait to be sent."
    )

    smoothedRTT: float = Attribute(
        "The smoothed round-trip time, milliseconds; 0 before the first sample."
    )
    minimumRTT: int = Attribute(
        "The shortest round-trip time, milliseconds; 0 before the first sample."
    )
    rttVariance: float = Attribute("The mean deviation of the round-trip time, milliseconds.")
    retransmissionTimeout: int = Attribute(
        "How long a segment waits for its ACK before it is sent again, milliseconds."
    )
    segmentsInFlight: int = Attribute("Segments that were sent and are not acknowledged.")
    bytesInFlight: int = Attribute(
        "Bytes of these, headers included, without those that are taken for lost."
    )
    congestion: str = Attribute("The name of the congestion control, as in C{congestion=}.")
    congestionWindow: int = Attribute(
        "The most bytes in flight that the congestion control allows now, headers included; 0 if "
        "it sets no limit."
    )
    pacingRate: int = Attribute(
        "How fast segments may leave now, bytes a second, headers included; 0 while nothing is "
        "spread over time."
    )
    sendWindow: int = Attribute("The most segments in flight: the option of this end.")
    peerWindow: int = Attribute("Segments that the peer has room for, by its last segment.")
    receiveWindow: int = Attribute("Segments that this end has room for now.")
    mtu: int = Attribute(
        "The largest UDP payload that is sent now, bytes.  With C{mtu=auto} it changes as the path "
        "is found to carry more or less."
    )
    maximumOutOfBand: int = Attribute(
        "The most bytes that L{sendOutOfBand} takes; -1 if it takes nothing because FEC is off."
    )
    greeted: bool = Attribute("True if the peer takes control frames, so is kcptwisted.")

    def configure(**changes: Any) -> None:
        """
        Changes options of this connection from now on, without loss: C{mode}, C{nodelay},
        C{interval}, C{resend}, C{congestion}, C{nc}, C{mtu}, C{sendWindow}, C{receiveWindow},
        C{ackNoDelay}, C{writeDelay}, C{rateLimit} and C{pacing}, with the values that
        L{kcptwisted.options.KCPOptions} takes.  A smaller C{mtu} counts for segments that are cut
        from now on; those that wait or are in flight keep their size.  With control frames there
        must be room for one, 59 bytes beside what the layers take.

        @raise ValueError: if an option is wrong or cannot be changed.  The message names it and
            says what is allowed.
        """

    def networkChanged() -> None:
        """
        Takes note that this host's network has changed: another interface is up, another network
        was joined, a tunnel begins or ends.  So nothing need be found missing first.  A client
        sends from a new socket from now on, if the peer follows it there, for which both must be
        kcptwisted with a cipher that authenticates.  At either end, what was measured of the path
        is forgotten, the peer is asked for a sign of life, and what is in flight is sent again, all
        at once.  May be called at any time, also though nothing has changed.
        """

    def abortConnection() -> None:
        """
        Ends the connection now; what is still queued is lost.  The protocol's C{connectionLost}
        gets L{ConnectionAborted<twisted.internet.error.ConnectionAborted>}; the peer's protocol, if
        the peer is kcptwisted, gets L{kcptwisted.errors.PeerReset}.
        """

    def getTcpNoDelay() -> bool:
        """
        Returns the value that was set last; before that, True if C{writeDelay} is off.
        """

    def setTcpNoDelay(enabled: bool) -> None:
        """
        Remembers the value, and does nothing else: KCP has no Nagle algorithm to turn off.
        """

    def getTcpKeepAlive() -> bool:
        """
        Returns the value that was set last; before that, True if C{keepAlive} is on.
        """

    def setTcpKeepAlive(enabled: bool) -> None:
        """
        Switches the keepalive on, with the default time, or off, if the endpoint has
        C{keepAlive=0}.  Otherwise only remembers the value: the endpoint's C{keepAlive} stays in
        force.
        """

    def startTLS(contextFactory: Any, normal: bool = True) -> None:
        """
        Starts TLS, as over TCP.  What was written before is sent without TLS; what is received from
        now on is TLS.  From now on the transport provides
        L{ISSLTransport<twisted.internet.interfaces.ISSLTransport>}.

        @param contextFactory: see L{twisted.protocols.tls.TLSMemoryBIOFactory}.
        @param normal: True if the KCP client is the TLS client, False if the KCP server is.
        @raise ValueError: in message mode.
        @raise RuntimeError: if the connection has ended, its output is closed here, or it has TLS
            already.
        @raise ImportError: if pyOpenSSL is not installed.
        """

    def loseWriteConnection() -> None:
        """
        Half-closes the connection: delivers what was written, then tells the peer that no more data
        follows.  The connection goes on receiving.

        A protocol that provides
        L{IHalfCloseableProtocol<twisted.internet.interfaces.IHalfCloseableProtocol>} gets
        C{writeConnectionLost} when the peer has everything, and C{readConnectionLost} when the peer
        has half-closed.  If the peer's protocol does not provide it, the peer's connection is
        closed.  A peer that is not kcptwisted does not learn of the half close.
        """

    def sendOutOfBand(data: bytes) -> None:
        """
        Sends an out-of-band datagram at once.  It may be lost, arrive more than once, or overtake
        what was written before.  Does nothing after the connection was closed.

        @param data: may be empty.  Its length is at most C{mtu} minus the bytes of the layers (FEC:
            8; the cipher: 20, or 28 if it authenticates) minus 4.
        @raise kcptwisted.errors.OutOfBandRefused: if C{data} is too long, or FEC is off on this
            side.
        """


class IOutOfBandProtocol(Interface):
    """
    A protocol that receives out-of-band datagrams.  If a protocol does not provide this, they are
    dropped.
    """

    def outOfBandReceived(data: bytes) -> None:
        """
        Takes a datagram that arrived.  Also called while the transport is paused.
        """


class IGracefulPort(IListeningPort):
    """
    A listening port that ends its connections when it stops.
    """

    def stopListening(sessions: str = "close") -> Deferred[None]:
        """
        Takes no new connections, and closes the socket when all connections have ended.  May be
        called again to end them sooner.

        @param sessions: what happens to the connections.  C{"finish"}: they go on until either end
            closes them.  C{"close"}: they are closed and what was written is delivered; those that
            are left after C{stopTimeout} are aborted.  C{"abort"}: they end now.
        @return: fires when the socket is closed.
        @raise ValueError: if C{sessions} is none of these.
        """


class IKCPListeningPort(IGracefulPort):
    """
    A listening port with counters and sessions.
    """

    stats: PortStats = Attribute("Counts of the socket and all its sessions.")
    sessions: Sequence[IKCPTransport] = Attribute(
        "The transports of the connections that are live."
    )

    def configure(**changes: Any) -> None:
        """
        Changes options of the port from now on, without loss: C{portRateLimit}, with the values
        that L{kcptwisted.options.KCPOptions} takes.

        @raise ValueError: if an option is wrong or cannot be changed.  The message names it and
            says what is allowed.
        """

    def networkChanged() -> None:
        """
        Takes note that this host's network has changed; see L{IKCPTransport.networkChanged}.  It
        concerns all connections.
        """
