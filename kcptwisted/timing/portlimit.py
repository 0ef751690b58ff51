"""
The rate limit of a port, and how its sessions share it.
"""

from __future__ import annotations

from twisted.python.failure import Failure

from kcptwisted.timing.clock import FlushClock
from kcptwisted.timing.interfaces import IFlushed

#: What the rate gives in so many milliseconds may leave in one burst: two ticks of the clock, which
#: may be late by one.
BURST = 20

#: What it gives in so many milliseconds is one session's part of a round.
PART = 2

#: The least part, bytes: two full datagrams.
LEAST_PART = 3000

#: Milliseconds after which one of those that wait gets its turn, though what cannot wait takes all
#: of the rate.
LONGEST_PAUSE = 1000


class _Share:
    """
    What a session has of a round.

    @ivar deficit: bytes that it may send; negative if it sent more.
    @ivar given: those that it is about to send, because it is flushed.
    @ivar waits: it has segments that might leave, and may not.
    """

    __slots__ = ("deficit", "given", "waits")

    def __init__(self, deficit: int) -> None:
        self.deficit = deficit
        self.given = 0
        self.waits = False


class PortLimit:
    """
    Limits what all sessions of a port send together.  All datagrams count, and new segments wait.
    Nothing else does: what a peer waits for, such as ACKs, leaves at once, and new segments wait
    the longer.

    Sessions that want to send more than there is take turns (deficit round robin, Shreedhar and
    Varghese 1995): each may send one part of a round, and what it sent beyond that, such as
    segments sent again, is taken off its next parts.  A session that sends less than a part in a
    round does not wait at all, as in FQ-CoDel (RFC 8290).  So each gets what it needs, up to an
    equal share of what the others leave.

    The cost of a turn does not depend on the number of sessions.  While the rate is not used up
    there is nothing to keep.

    @ivar rate: bytes a second.
    @ivar scheduled: see L{IFlushed}.
    """

    def __init__(self, clock: FlushClock, rate: int) -> None:
        """
        @param clock: flushes the sessions.
        @param rate: bytes a second, at least 1.
        """
        self._clock = clock
        self.scheduled: int | None = None
        self._now = clock.now()
        # What sessions are about to send.
        self._given = 0
        # Those that wait, or have sent lately while others waited, in the order of their turns.
        self._shares: dict[IFlushed, _Share] = {}
        self._waiting = 0
        # Those of them that have yet to send what is left of their part; they come first.
        self._first: dict[IFlushed, None] = {}
        # When one of those that wait last had its turn, or the first of them began to wait.
        self._lastTurn = 0
        self._use(rate)
        # Thousandths of a byte, so that milliseconds times a rate give a whole amount.
        self._balance = self._burst

    def setRate(self, rate: int) -> None:
        """
        Changes the limit.

        @param rate: bytes a second, at least 1.
        """
        now = self._clock.now()
        self._refill(now)
        self._use(rate)
        self._balance = max(self._balance, -self._burst)
        self._go(now)

    def _use(self, rate: int) -> None:
        self.rate = rate
        self._part = max(LEAST_PART, rate * PART // 1000)
        self._burst = max(LEAST_PART * 1000, rate * BURST)
        # One turn may use up so much more than there is.
        self._patience = LONGEST_PAUSE + 2000 * self._part // rate

    def _refill(self, now: int) -> None:
        self._balance = min(self._balance + (now - self._now) * self.rate, self._burst)
        self._now = now

    def spend(self, size: int) -> None:
        """
        Datagrams leave.

        @param size: bytes of UDP payload.
        """
        self._balance -= size * 1000

    # What sessions ask and tell.

    def room(self, session: IFlushed, now: int) -> int:
        """
        Returns how many bytes of new segments a session may send now; 0 if it has to wait.

        @param now: milliseconds.
        """
        self._refill(now)
        balance, shares = self._balance, self._shares
        if not self._waiting and 2 * balance > self._burst:
            # Nobody has wanted more than there is for a while.
            shares.clear()
            return max(balance // 1000, LEAST_PART)
        share = shares.get(session)
        if share is None:
            share = shares[session] = _Share(self._part)
        mayGo = share.given or (not self._first and balance > -self._burst)
        return max(share.deficit, 0) if mayGo else 0

    def flushed(self, session: IFlushed, sent: int, waits: bool, now: int) -> None:
        """
        A session was flushed after it had asked for L{room}.

        @param sent: bytes that left.
        @param waits: whether there is more that might leave.
        @param now: milliseconds.
        """
        share = self._shares.get(session)
        if share is None:
            if not waits:
                return
            share = self._shares[session] = _Share(0)
        else:
            self._given = max(self._given - share.given, 0)
            share.given = 0
            share.deficit = max(share.deficit - sent, -max(self.rate, self._part))
        if waits and share.deficit > 0:
            self._first[session] = None
        elif self._first:
            self._first.pop(session, None)
        if waits is not share.waits:
            share.waits = waits
            self._waiting += 1 if waits else -1
            if waits and self._waiting == 1:
                self._lastTurn = now
        self._go(now)

    def forget(self, session: IFlushed) -> None:
        """
        Forgets a session, which is over.
        """
        self._first.pop(session, None)
        share = self._shares.pop(session, None)
        if share is not None and share.waits:
            self._waiting -= 1
            if not self._waiting:
                self._clock.forget(self)

    def _go(self, now: int) -> None:
        """
        See that those that wait get their turns.
        """
        if self._waiting:
            if self._balance > self._given:
                self._clock.wantFlushNextTurn(self)
            else:
                self._clock.schedule(self)

    # IFlushed.

    @property
    def due(self) -> int | None:
        """
        When the next turn is, milliseconds; None if nobody waits.
        """
        if not self._waiting:
            return None
        missing = max(self._given - self._balance, 0)
        return min(self._now + missing // self.rate + 1, self._lastTurn + self._patience)

    def flush(self, now: int) -> None:
        """
        Has those flushed whose turn it is.
        """
        self._refill(now)
        if self._balance <= 0 and now - self._lastTurn >= self._patience:
            self._balance = 1
        self._given = 0
        shares, first, part = self._shares, self._first, self._part
        while self._waiting and self._balance > self._given:
            if first:
                session = next(iter(first))
                del first[session]
                self._give(session, shares[session], now)
                continue
            session = next(iter(shares))
            share = shares.pop(session)
            share.deficit = min(share.deficit + part, 2 * part)
            if share.waits and share.deficit > 0:
                self._give(session, share, now)
            elif not share.waits and share.deficit >= part:
                # It has sent less than its part.
                continue
            shares[session] = share
        self._go(now)

    def _give(self, session: IFlushed, share: _Share, now: int) -> None:
        share.waits = False
        self._waiting -= 1
        share.given = share.deficit * 1000
        self._given += share.given
        self._lastTurn = now
        self._clock.wantFlush(session)

    def failed(self, reason: Failure) -> None:
        """
        Goes on with the next turn.
        """
        self._go(self._clock.now())
