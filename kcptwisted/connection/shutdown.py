"""
How a connection is closed: each direction by a FIN that the other end acknowledges.
"""

from __future__ import annotations

from kcptwisted.wire.control import Fin, FinAck
from kcptwisted.wire.segment import HALF, MASK

#: Milliseconds that a FIN waits for its acknowledgement at most before it is sent again.
LONGEST_WAIT = 5000

#: FINs sent until the peer is taken to be gone, if it has acknowledged all data before.
FINS = 8


class Shutdown:
    """
    Both directions' FINs.  Without clock and I/O; times are milliseconds, sns are not wrapped.

    @ivar sent: what our FIN says; None before L{begin}.
    @ivar acknowledged: the peer has acknowledged it.
    @ivar tries: how often it has been sent; set back when the peer shows that it is there.
    @ivar deadline: when it is due, for the first time or again; None if it is not.
    @ivar peerFinal: the sn after the peer's last segment; None before its FIN.
    @ivar peerReads: the peer still takes what this side sends.
    @ivar owesAnswer: a FIN of the peer has arrived that has not been acknowledged.
    """

    __slots__ = (
        "_wait",
        "acknowledged",
        "deadline",
        "owesAnswer",
        "peerFinal",
        "peerReads",
        "sent",
        "tries",
    )

    def __init__(self) -> None:
        self.sent: Fin | None = None
        self.acknowledged = False
        self.tries = 0
        self.deadline: int | None = None
        self._wait = 0
        self.peerFinal: int | None = None
        self.peerReads = True
        self.owesAnswer = False

    # This side's direction.

    def begin(self, finalSn: int, both: bool, now: int, timeout: int) -> None:
        """
        Makes the FIN due, because there is nothing more to send.  May be called again; only a
        change to C{both} counts then.

        @param finalSn: the sn after the last segment.
        @param both: whether this side stops reading, too.
        @param timeout: how long to wait for the answer the first time.
        """
        if self.sent is not None and (self.sent.both or not both):
            return
        self.sent = Fin(finalSn & MASK, both)
        self.acknowledged = False
        self.tries = 0
        self._wait = timeout
        self.deadline = now

    @staticmethod
    def farewell(finalSn: int) -> Fin:
        """
        Returns a FIN whose answer nobody waits for.

        @param finalSn: the sn after the last segment.
        """
        return Fin(finalSn & MASK, True)

    def due(self, now: int) -> Fin | None:
        """
        Returns the FIN if it is to be sent now, else None.
        """
        if self.deadline is None or now < self.deadline:
            return None
        self.tries += 1
        self.deadline = now + self._wait
        self._wait = min(self._wait * 2, LONGEST_WAIT)
        return self.sent

    def answered(self, ack: FinAck) -> None:
        """
        Takes an acknowledgement, if it is of the FIN that was sent last.
        """
        if self.sent is not None and tuple(ack) == tuple(self.sent):
            self.acknowledged = True
            self.deadline = None

    @property
    def unheard(self) -> bool:
        """
        Whether the FIN was sent often enough, and the last had its time to be answered.
        """
        return self.tries > FINS

    # The peer's direction.

    def received(self, fin: Fin, awaited: int) -> bool:
        """
        Takes a FIN of the peer.

        @param awaited: the sn that this side awaits.
        @return: whether it makes sense.
        """
        distance = (fin.finalSn - awaited) & MASK
        final = awaited + distance
        if distance >= HALF or self.peerFinal not in (None, final):
            return False
        self.peerFinal = final
        self.peerReads = self.peerReads and not fin.both
        self.owesAnswer = True
        return True

    def complete(self, awaited: int) -> bool:
        """
        Returns True if all that the peer sent has been received.

        @param awaited: the sn that this side awaits.
        """
        return self.peerFinal == awaited

    def answer(self) -> FinAck:
        """
        Returns the acknowledgement of the peer's FIN.
        """
        assert self.peerFinal is not None
        self.owesAnswer = False
        return FinAck(self.peerFinal & MASK, not self.peerReads)
