"""
The clock of a port: what makes its sessions flush.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from math import inf

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import Attribute, Interface

from kcptwisted.options.table import TICK

#: Milliseconds; a deadline further away than this is slept for, not ticked towards.  Timeouts of
#: segments are: a process with a thousand clients would do little else than tick.
NEAR = 2 * TICK

#: Where there are no more deadlines than this, the first is met to the millisecond.
FEW = 8

#: How often sessions that write while they are flushed are flushed again within one turn.
ROUNDS = 8

#: Seconds that a planned call may be late; more than that, and the process did not run meanwhile.
TOLERANCE = 1.0

#: Entries of the heap that may be left over beside as many as are in use.
SLACK = 64


class IFlushed(Interface):
    """
    What the clock drives.
    """

    scheduled: int | None = Attribute("The deadline that the clock knows; the clock's to change.")

    def flush(now: int) -> None:
        """
        Send what is due and set the next deadline.

        @param now: milliseconds.
        """

    def deadline() -> int | None:
        """
        @return: when to be flushed next, milliseconds; None if nothing waits.
        """

    def failed(reason: Failure) -> None:
        """
        One of the others raised: see that they are not called for ever.
        """


class FlushClock:
    """
    Flushes sessions at the end of each batch that was read, at the end of each reactor turn in
    which the application wrote, and when their deadlines come.

    Deadlines are met at the next tick of one L{LoopingCall}, which runs only while one is near.
    Those further away, or with few others, are slept for, and with none there is nothing that runs.

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
        # Whose deadline is when, milliseconds; and these times as a heap, with some left over of
        # those that nobody's deadline is at any more.
        self._due: dict[int, dict[IFlushed, None]] = {}
        self._times: list[int] = []
        self._dirty: dict[IFlushed, None] = {}
        self._nextTurn: dict[IFlushed, None] = {}
        self._held = False
        self._endOfTurn: IDelayedCall | None = None
        self._wake: IDelayedCall | None = None
        # Up to when no earlier call is needed than what is planned, milliseconds.
        self._wakeAt = inf
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
            self._failed(session, "Flushing")

    def _failed(self, session: IFlushed, what: str) -> None:
        failure = Failure()
        self._log.failure("{what} {session!r} failed", failure, what=what, session=session)
        self.forget(session)
        try:
            session.failed(failure)
        except Exception:
            self._log.failure("Ending {session!r} failed", session=session)

    def schedule(self, session: IFlushed) -> None:
        """
        Take note of C{session}'s deadline, if it is earlier than what is known.
        """
        try:
            deadline = session.deadline()
        except Exception:
            self._failed(session, "The deadline of")
            return
        if deadline is None:
            return
        known = session.scheduled
        if known is not None:
            if known <= deadline:
                return
            self._unschedule(session, known)
        self._schedule(session, deadline)
        if not self._held:
            self._watch()

    def _schedule(self, session: IFlushed, deadline: int) -> None:
        session.scheduled = deadline
        due = self._due.get(deadline)
        if due is None:
            due = self._due[deadline] = {}
            heappush(self._times, deadline)
        due[session] = None

    def _unschedule(self, session: IFlushed, deadline: int) -> None:
        session.scheduled = None
        due = self._due[deadline]
        del due[session]
        if not due:
            del self._due[deadline]
            if len(self._times) > 2 * len(self._due) + SLACK:
                # In place: the tick has the list in its hands.
                self._times[:] = self._due
                heapify(self._times)

    def forget(self, session: IFlushed) -> None:
        """
        C{session} is gone.
        """
        if session.scheduled is not None:
            self._unschedule(session, session.scheduled)
        self._dirty.pop(session, None)
        self._nextTurn.pop(session, None)

    def stop(self) -> None:
        """
        The port is gone: leave no delayed call behind.
        """
        for due in self._due.values():
            for session in due:
                session.scheduled = None
        self._due.clear()
        self._times.clear()
        self._dirty.clear()
        self._nextTurn.clear()
        if self._endOfTurn is not None:
            self._endOfTurn.cancel()
            self._endOfTurn = None
        self._stopWaiting()

    def _tick(self) -> None:
        self._wakeAt = inf
        # Until the flush below: the loop that calls this must not be stopped and started meanwhile.
        self._held = True
        try:
            now = self.now()
            if self._stoodStill:
                # What arrived meanwhile is read before anything is found missing.
                self._stoodStill = False
            else:
                self._popDue(now)
        except Exception:
            # A loop that raises is not called again.
            self._log.failure("The clock's tick failed")
        self.flush()

    def _popDue(self, now: int) -> None:
        times = self._times
        while times and times[0] <= now:
            for session in self._due.pop(heappop(times), ()):
                session.scheduled = None
                try:
                    actual = session.deadline()
                except Exception:
                    self._failed(session, "The deadline of")
                    continue
                if actual is None:
                    continue
                if actual > now:
                    self._schedule(session, actual)
                else:
                    self.wantFlush(session)

    def _watch(self) -> None:
        """
        See that there is a call for the first deadline, if there is any.
        """
        times = self._times
        while times and times[0] not in self._due:
            heappop(times)
        if not times:
            self._stopWaiting()
        elif times[0] < self._wakeAt:
            self._waitFor(times[0])

    def _waitFor(self, deadline: int) -> None:
        now = self.now()
        few = len(self._due) <= FEW and deadline > now
        if few or deadline - now > NEAR:
            self._stopWaiting()
            self._wakeAt = deadline if few else -(-deadline // TICK) * TICK
            self._wake = self._reactor.callLater((self._wakeAt - now) / 1000, self._woken)
            self._limit = self._wake.getTime() + TOLERANCE
            return
        if not self._loop.running:
            self._stopWaiting()
            self._loop.start(TICK / 1000, now=False)
        # No deadline is met before the next tick, not even one that has passed.
        self._wakeAt = -inf
        self._limit = self._lastSeconds + (TICK / 1000 + TOLERANCE)

    def _woken(self) -> None:
        self._wake = None
        self._tick()

    def _stopWaiting(self) -> None:
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        if self._loop.running:
            self._loop.stop()
        self._wakeAt = inf
        self._limit = inf
