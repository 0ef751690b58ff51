"""
The clock of a port: what makes its sessions flush.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from math import inf

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from zope.interface import Attribute, Interface

from kcptwisted.optiontable import TICK

#: Milliseconds; a deadline further away than this is slept for, not ticked towards.
NEAR = 100

#: How often sessions that write while they are flushed are flushed again within one turn.
ROUNDS = 8

#: Seconds that a planned call may be late; more than that, and the process did not run meanwhile.
TOLERANCE = 1.0

#: Dead entries that the heap of deadlines may hold beside as many as live ones.
SLACK = 64


class ScheduledFlush:
    """
    An entry of the clock's heap.

    @ivar deadline: milliseconds.
    @ivar session: whom to flush; None if the entry is dead.
    """

    __slots__ = ("_number", "deadline", "session")

    def __init__(self, deadline: int, number: int, session: IFlushed) -> None:
        """
        @param number: entries with the same deadline come up by it.
        """
        self.deadline = deadline
        self._number = number
        self.session: IFlushed | None = session

    def __lt__(self, other: ScheduledFlush) -> bool:
        return (self.deadline, self._number) < (other.deadline, other._number)


class IFlushed(Interface):
    """
    What the clock drives.
    """

    scheduled: ScheduledFlush | None = Attribute("What the clock knows; the clock's to change.")

    def flush(now: int) -> None:
        """
        Send what is due and set the next deadline.

        @param now: milliseconds.
        """

    def deadline() -> int | None:
        """
        @return: when to be flushed next, milliseconds; None if nothing waits.
        """


class FlushClock:
    """
    Flushes sessions at the end of each batch that was read, at the end of each reactor turn in
    which the application wrote, and when their deadlines come.

    The deadlines are watched by one L{LoopingCall} that runs only while one is near: with none,
    nothing runs.

    While the process is suspended, or blocked by a long call, the clock stands still, so that no
    session takes the time in which nobody listened for its peer's silence.
    """

    _log = Logger()

    def __init__(self, reactor: IReactorTime) -> None:
        """
        @param reactor: tells the time and calls later.
        """
        self._reactor = reactor
        self._lastSeconds = reactor.seconds()
        self._elapsed = 0.0
        # The reactor's time up to which the process has been running; inf if nothing is planned.
        self._limit = inf
        self._stoodStill = False
        self._deadlines: list[ScheduledFlush] = []
        self._count = 0
        self._dead = 0
        self._dirty: dict[IFlushed, None] = {}
        self._nextTurn: dict[IFlushed, None] = {}
        self._held = False
        self._endOfTurn: IDelayedCall | None = None
        self._wake: IDelayedCall | None = None
        self._loop = LoopingCall(self._tick)
        self._loop.clock = reactor

    def now(self) -> int:
        """
        @return: milliseconds since the clock was made.  Never goes back, even if the reactor's
            wall clock does, and goes no further than L{TOLERANCE} past a planned call that has not
            come.
        """
        seconds = self._reactor.seconds()
        if seconds > self._lastSeconds:
            if seconds > self._limit:
                self._standStill(seconds)
            self._elapsed += seconds - self._lastSeconds
        else:
            # Set back, the wall clock may be set forth again.
            self._limit += seconds - self._lastSeconds
        self._lastSeconds = seconds
        return int(self._elapsed * 1000)

    def _standStill(self, seconds: float) -> None:
        """
        Take it that the process was not there between the limit and C{seconds}.
        """
        limit = self._limit
        self._lastSeconds = seconds - (limit - self._lastSeconds)
        # The planned call has yet to come.
        self._limit = seconds + TOLERANCE
        self._stoodStill = True
        self._log.debug("The process stood still for {seconds} s", seconds=seconds - limit)

    def beginBatch(self) -> None:
        """
        Datagrams are being handed over: L{flush} will follow when the batch is finished.
        """
        self._held = True

    def wantFlush(self, session: IFlushed) -> None:
        """
        Flush C{session} at the end of the batch, or else of the reactor turn.
        """
        if session in self._nextTurn:
            return
        self._dirty[session] = None
        if not self._held:
            self._awaitEndOfTurn()

    def wantFlushNextTurn(self, session: IFlushed) -> None:
        """
        Flush C{session} in the next reactor turn, and not before: it has had its share of this one.
        """
        self._dirty.pop(session, None)
        self._nextTurn[session] = None
        self._awaitEndOfTurn()

    def _awaitEndOfTurn(self) -> None:
        if self._endOfTurn is None:
            self._endOfTurn = self._reactor.callLater(0, self._turnEnded)

    def _turnEnded(self) -> None:
        self._endOfTurn = None
        self._dirty.update(self._nextTurn)
        self._nextTurn.clear()
        self.flush()

    def flush(self) -> None:
        """
        Flush all sessions that want it.
        """
        self._held = True
        try:
            for _ in range(ROUNDS):
                if not self._dirty:
                    break
                sessions = list(self._dirty)
                self._dirty.clear()
                now = self.now()
                for session in sessions:
                    self._flushOne(session, now)
        finally:
            self._held = False
        if self._dirty:
            self._awaitEndOfTurn()
        self._watch()

    def _flushOne(self, session: IFlushed, now: int) -> None:
        try:
            session.flush(now)
        except Exception:
            # The others are not to wait for it.
            self._log.failure("Flushing {session!r} failed", session=session)

    def schedule(self, session: IFlushed) -> None:
        """
        Take note of C{session}'s deadline, if it is earlier than what is known.
        """
        deadline = session.deadline()
        if deadline is None:
            return
        known = session.scheduled
        if known is not None:
            if known.deadline <= deadline:
                return
            self._kill(known)
        self._count += 1
        session.scheduled = ScheduledFlush(deadline, self._count, session)
        heappush(self._deadlines, session.scheduled)
        if not self._held:
            self._watch()

    def _kill(self, entry: ScheduledFlush) -> None:
        entry.session = None
        self._dead += 1
        if self._dead > len(self._deadlines) // 2 + SLACK:
            # In place: the tick has the list in its hands.
            self._deadlines[:] = [entry for entry in self._deadlines if entry.session is not None]
            heapify(self._deadlines)
            self._dead = 0

    def forget(self, session: IFlushed) -> None:
        """
        C{session} is gone.
        """
        if session.scheduled is not None:
            self._kill(session.scheduled)
            session.scheduled = None
        self._dirty.pop(session, None)
        self._nextTurn.pop(session, None)

    def stop(self) -> None:
        """
        The port is gone: leave no delayed call behind.
        """
        self._deadlines.clear()
        self._dead = 0
        self._dirty.clear()
        self._nextTurn.clear()
        self._limit = inf
        for call in (self._endOfTurn, self._wake):
            if call is not None and call.active():
                call.cancel()
        self._endOfTurn = self._wake = None
        if self._loop.running:
            self._loop.stop()

    def _tick(self) -> None:
        # Until the flush below: the loop that calls this must not be stopped and started meanwhile.
        self._held = True
        now = self.now()
        if self._stoodStill:
            # What arrived meanwhile is read before anything is found missing.
            self._stoodStill = False
        else:
            self._popDue(now)
        self.flush()

    def _popDue(self, now: int) -> None:
        deadlines = self._deadlines
        while deadlines and deadlines[0].deadline <= now:
            session = self._pop()
            if session is None:
                continue
            session.scheduled = None
            actual = session.deadline()
            if actual is None or actual > now:
                self.schedule(session)
            else:
                self.wantFlush(session)

    def _pop(self) -> IFlushed | None:
        session = heappop(self._deadlines).session
        self._dead -= session is None
        return session

    def _watch(self) -> None:
        """
        Tick while a deadline is near, sleep towards one that is far, else stand still.
        """
        deadlines = self._deadlines
        while deadlines and deadlines[0].session is None:
            self._pop()
        if not deadlines:
            if self._loop.running:
                self._loop.stop()
            self._sleep(None)
            self._limit = inf
            return
        remaining = deadlines[0].deadline - self.now()
        if remaining <= NEAR:
            self._sleep(None)
            self._limit = self._lastSeconds + (TICK / 1000 + TOLERANCE)
            if not self._loop.running:
                self._loop.start(TICK / 1000, now=False)
        else:
            if self._loop.running:
                self._loop.stop()
            self._sleep(remaining / 1000)

    def _sleep(self, seconds: float | None) -> None:
        wake = self._wake
        if wake is not None:
            if seconds is not None and wake.getTime() <= self._reactor.seconds() + seconds:
                return
            wake.cancel()
            self._wake = None
        if seconds is not None:
            self._wake = self._reactor.callLater(seconds, self._woken)
            self._limit = self._wake.getTime() + TOLERANCE

    def _woken(self) -> None:
        self._wake = None
        self._tick()
