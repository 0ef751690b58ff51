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

from twisted.internet.interfaces import IListeningPort, ITransport
from twisted.python.failure import Failure
from zope.interface import Attribute, Interface

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

    def connectionLost(reason: Failure) -> None:
        """
        The transport is gone.
        """


class IKCPTransport(ITransport):
    """
    A connection's transport, and what KCP adds to it.
    """

    conv: int = Attribute("The conversation id.")
    stats = Attribute("L{kcptwisted.stats.SessionStats} of this connection.")

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

    stats = Attribute("L{kcptwisted.stats.PortStats} of the socket and all its sessions.")
    sessions = Attribute("The live sessions: a list of L{kcptwisted.session.KCPSession}.")
