"""
Peers that restart: a session's peer begins another conversation from the same address.
"""

from __future__ import annotations

from kcptwisted.server.newcomers import Newcomers, helloOf
from kcptwisted.server.strangers import Strangers
from kcptwisted.session.session import KCPSession
from kcptwisted.stats import PortStats
from kcptwisted.wire.control import Block
from kcptwisted.wire.opening import Opening, readOpening
from kcptwisted.wire.segment import PUSH


class Restarts:
    """
    Distinguishes a peer that has restarted from late and forged datagrams.  Times are milliseconds.
    """

    def __init__(self, newcomers: Newcomers, strangers: Strangers, stats: PortStats) -> None:
        """
        @param stats: count what is dropped.
        """
        self._newcomers = newcomers
        self._strangers = strangers
        self._stats = stats

    def find(self, session: KCPSession, datagrams: list[bytes], now: int) -> int | None:
        """
        Looks for the beginning of another conversation: its first segment, or a hello.  All before
        it are leftovers, which are counted.

        @param datagrams: from the address of C{session}, but of other conversations.
        @return: the position of the datagram that begins one.
        """
        for position, datagram in enumerate(datagrams):
            opening = readOpening(datagram)
            if opening is not None and self._replaces(session, opening, datagram, now):
                return position
            self._stats.InErrs += 1
        return None

    def _replaces(self, session: KCPSession, opening: Opening, datagram: bytes, now: int) -> bool:
        hello = helloOf(opening)
        if (
            opening.conv == session.conv
            or not opening.opens
            or (hello is None and opening.cmd != PUSH)
            or self._newcomers.isReplayed(opening, datagram)
            or self._strangers.isLate(opening, session.address, now)
        ):
            return False
        if hello is not None:
            return self._strangers.isThere(hello, opening.conv, session.address, now)
        controls = session.connection.controls
        if controls.greeted and controls.mayDoubt(now):
            # This comes from another program than the one that said hello.  If that one is gone, it
            # does not answer.
            session.askAgain()
        return not controls.greeted

    def isAnother(self, session: KCPSession, hello: Block, now: int) -> bool:
        """
        Returns True if a hello of the session's own conversation is from a peer that has restarted
        with the same conversation id.  If not, it is counted, or the peer is asked to show that it
        is there.
        """
        if self._newcomers.knowsToken(hello):
            self._stats.InReplayed += 1
            return False
        return self._strangers.isThere(hello, session.conv, session.address, now)
