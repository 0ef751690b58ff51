"""
What there is to know of a connection.
"""

from __future__ import annotations

from typing import Protocol

from kcptwisted.arq.sender import Sender
from kcptwisted.connection.connection import Connection
from kcptwisted.options import KCPOptions
from kcptwisted.session.holder import SessionSocket
from kcptwisted.session.outofband import maximumOutOfBand
from kcptwisted.session.sizes import mtuOf
from kcptwisted.stats import PortStats, SessionStats


class IMeasured(Protocol):
    """
    What is asked of a session.
    """

    conv: int
    stats: SessionStats
    connection: Connection
    socket: SessionSocket
    options: KCPOptions

    @property
    def overhead(self) -> int: ...


class Figures:
    """
    The figures of a transport, at any time, also when the connection is over: see
    L{IKCPTransport<kcptwisted.interfaces.IKCPTransport>}.
    """

    __slots__ = ("_session",)

    def __init__(self, session: IMeasured) -> None:
        """
        @param session: whose figures these are.
        """
        self._session = session

    @property
    def conv(self) -> int:
        """
        The conversation id.
        """
        return self._session.conv

    @property
    def stats(self) -> SessionStats:
        """
        Counts of this connection.
        """
        return self._session.stats

    @property
    def portStats(self) -> PortStats:
        """
        Counts of the socket and all its sessions.
        """
        return self._session.socket.stats

    @property
    def queuedBytes(self) -> int:
        """
        Bytes that were written and wait to be sent for the first time.
        """
        return self._session.connection.conversation.sender.queuedBytes

    @property
    def segmentsInFlight(self) -> int:
        """
        Segments that were sent and are not acknowledged.
        """
        return len(self._sender.inFlight)

    @property
    def bytesInFlight(self) -> int:
        """
        Bytes of these, headers included, without those that are taken for lost.
        """
        return self._sender.bytesInFlight

    @property
    def unacknowledged(self) -> int:
        """
        Segments that the peer has not acknowledged, those included that wait to be sent.
        """
        sender = self._sender
        return len(sender.queue) + len(sender.inFlight)

    @property
    def smoothedRTT(self) -> float:
        """
        The smoothed round-trip time, milliseconds; 0 before the first sample.
        """
        return self._sender.rtt.smoothed

    @property
    def rttVariance(self) -> float:
        """
        The mean deviation of the round-trip time, milliseconds.
        """
        return self._sender.rtt.variation

    @property
    def minimumRTT(self) -> int:
        """
        The shortest round-trip time of the path, milliseconds; 0 before the first sample.
        """
        return max(self._sender.rtt.least, 0)

    @property
    def retransmissionTimeout(self) -> int:
        """
        How long a segment waits for its ACK before it is sent again, milliseconds.
        """
        return self._sender.rtt.timeout

    @property
    def congestion(self) -> str:
        """
        The name of the congestion control.
        """
        return self._session.options.congestionName

    @property
    def congestionPhase(self) -> str:
        """
        What the congestion control is doing, in a word or two; empty while there is none at work,
        or if it does not tell.
        """
        governor = self._sender.limits.governor
        return "" if governor is None else governor.control.phase

    @property
    def congestionWindow(self) -> int:
        """
        The most bytes in flight that the congestion control allows, headers included; 0 if there is
        no limit of it.
        """
        sender = self._sender
        return sender.limits.congestionWindow(sender.una)

    @property
    def pacingRate(self) -> int:
        """
        How fast segments may leave, bytes a second, headers included; 0 while nothing is spread.
        """
        return self._sender.limits.pacer.rate

    @property
    def sendWindow(self) -> int:
        """
        The most segments in flight, as this end is set.
        """
        return self._session.options.windows.send

    @property
    def peerWindow(self) -> int:
        """
        Segments for which the peer has room, as it said last.
        """
        return self._sender.remoteWindow

    @property
    def receiveWindow(self) -> int:
        """
        Segments for which this end has room now.
        """
        return self._session.connection.conversation.receiver.window

    @property
    def mtu(self) -> int:
        """
        The largest UDP payload that is sent now, bytes.
        """
        return mtuOf(self._session.options, self._session.connection)

    @property
    def maximumOutOfBand(self) -> int:
        """
        The most bytes that C{sendOutOfBand} takes; -1 if it takes nothing, as FEC is off.
        """
        session = self._session
        return maximumOutOfBand(session.options, self.mtu, session.overhead)

    @property
    def greeted(self) -> bool:
        """
        Whether the peer takes control frames.
        """
        return self._session.connection.controls.greeted

    @property
    def _sender(self) -> Sender:
        return self._session.connection.conversation.sender
