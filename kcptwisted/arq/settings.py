"""
The tunables of an ARQ conversation.
"""

from __future__ import annotations

from dataclasses import dataclass

from kcptwisted.congestion.spec import ControlSpec
from kcptwisted.wire.segment import OVERHEAD


@dataclass(frozen=True)
class ARQSettings:
    """
    The tunables of one conversation; L{kcptwisted.options} checks their bounds.

    @ivar mtu: the most bytes of a datagram of segments, headers included.
    @ivar sendWindow: the most segments in flight.
    @ivar receiveWindow: the most segments held for the application.
    @ivar mostReceiveWindow: C{receiveWindow} grows up to so many segments while the application
        takes what comes; 0 means that it stays as it is.
    @ivar nodelay: lower bound of the retransmission timeout at 30 ms instead of 100 ms, and slower
        growth of it.
    @ivar interval: milliseconds between flushes of a peer that flushes by the clock, as kcp-go
        does; the retransmission timeout allows for it.
    @ivar ackDelay: milliseconds until the deadline of an ACK that waits for company.
    @ivar resend: ACKs of later segments after which a segment is sent again; 0 turns this off.
    @ivar stream: writes run together into full segments; else each write is one message.
    @ivar ackNoDelay: ACKs never wait.
    @ivar rateLimit: bytes of segments, headers included, that may leave in a second; 0 means no
        limit.
    @ivar pacing: windows are spread over the round trip, if that is long enough.
    @ivar congestion: limits what is in flight, beside the windows; None for no such limit.
    @ivar detectsLossByTime: segments are sent again as RACK-TLP says (RFC 8985); else C{resend}
        counts.
    @ivar deadLinkAfter: milliseconds without a new acknowledgement before the link can be dead.
    @ivar leastMtu: the mtu that limits messages, because C{mtu} may become as small again; 0 means
        C{mtu}.
    """

    mtu: int = 1400
    sendWindow: int = 512
    receiveWindow: int = 1024
    mostReceiveWindow: int = 0
    nodelay: bool = False
    interval: int = 30
    ackDelay: int = 20
    resend: int = 2
    stream: bool = True
    ackNoDelay: bool = False
    rateLimit: int = 0
    pacing: bool = True
    congestion: ControlSpec | None = None
    detectsLossByTime: bool = False
    deadLinkAfter: int = 10_000
    leastMtu: int = 0

    @property
    def mss(self) -> int:
        """
        The most payload bytes of one segment.
        """
        return self.mtu - OVERHEAD

    @property
    def leastMss(self) -> int:
        """
        The payload bytes of a segment by which messages are limited.
        """
        return (self.leastMtu or self.mtu) - OVERHEAD
