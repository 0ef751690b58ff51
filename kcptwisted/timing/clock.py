"""
What flushes sessions: at the end of a batch, at the end of a turn, and when they are due.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from kcptwisted.options.table import TICK
from kcptwisted.timing.deadlines import Deadlines
from kcptwisted.timing.interfaces import IFlushed
from kcptwisted.timing.runningtime import RunningTime
from kcptwisted.timing.turns import Turn

#: Milliseconds; a deadline further away than this is slept for, not ticked towards.  Timeouts of
#: segments are: a process with a thousand clients would do little else than tick.
NEAR: Final = 2 * TICK

#: Where there are no more deadlines than this, the first is met to the millisecond.
FEW_DEADLINES: Final = 8

#: Milliseconds; later and earlier than any deadline.
_NEVER: Final = 1 << 60
_ALWAYS: Final = -(1 << 60)

#: How often sessions that write while they are flushed are flushed again within one turn.
ROUNDS: Final = 8


class FlushClock:
    """
    Flushes sessions at the end of each batch that was read, at the end of each reactor turn in
    which the application wrote, and when their deadlines come.  All ports of a reactor share one:
    see L{kcptwisted.timing.shared.clockOf}.

    Deadlines are met at the next tick of one L{LoopingCall}, which runs only while one is near.
    Those further away, or with few others, are slept for.  Where there is no deadline nothing runs.

    @ivar time: what tells L{now}; each batch asks it, some twice.
    @ivar deadlines: when the sessions are due.
    @ivar turn: how much a session may send now.
    @ivar reference: whatever is to live as long as the clock.
    @ivar held: whether somebody is handing over datagrams who calls L{flush} afterwards, so that no
        call need be planned.  Who sets it restores it before returning to the reactor: one port
        that does not finish its batch must not hold up the others.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(self, reactor: IReactorTime) -> None:
        """
        @param reactor: tells the time and calls later.
        """
        self._reactor = reactor
        self.time = RunningTime(reactor)
        self.deadlines = Deadlines()
        self.turn = Turn()
        self._dirty: dict[IFlushed, None] = {}
        self._nextTurn: dict[IFlushed, None] = {}
        # How many of these may have another turn.
        self._mayGoOn = 0
        self.held = False
        self._flushing = False
        # What is left of the round that is being flushed.
        self._round: Iterator[IFlushed] = iter(())
        # Whether the loop is calling; it plans its next call only afterwards.
        self._looping = False
        # Whether the planned call may be wrong because deadlines changed while the clock was held.
        self._unwatched = False
        self._endOfTurn: IDelayedCall | None = None
        self._wake: IDelayedCall | None = None
        # A deadline before this needs an earlier call than what is planned, milliseconds.
        self._wakeAt = _NEVER
        self._loop = LoopingCall(self._loopCalled)
        self.reference: object = None
        self._loop.clock = reactor

    def now(self) -> int:
        """
        Returns milliseconds since the clock was made; see L{RunningTime.now}.
        """
        return self.time.now()

    def wantFlush(self, session: IFlushed) -> None:
        """
        Flushes C{session} at the end of the batch, or else of the reactor turn.
        """
        if session in self._nextTurn:
            return
        self._dirty[session] = None
        if not self.held and self._endOfTurn is None:
            self._endOfTurn = self._reactor.callLater(0, self._turnEnded)

    def wantFlushNextTurn(self, session: IFlushed) -> None:
        """
        Flushes C{session} in the next reactor turn that has room, and not before: it has had its
        share of this one.  Sessions that wait for this get it in the order in which they asked.
        """
        self._dirty.pop(session, None)
        self._nextTurn[session] = None
        self._awaitEndOfTurn()

    def _awaitEndOfTurn(self) -> None:
        if self._endOfTurn is None:
            self._endOfTurn = self._reactor.callLater(0, self._turnEnded)

    def _turnEnded(self) -> None:
        self._endOfTurn = None
        # The reactor calls: if a flush is not over, an application runs the reactor inside it, as
        # that of a modal dialog.  The other connections are not to wait for that.
        self._flushing = False
        if self._looping:
            self._stopWaiting()
            self._unwatched = True
        self._mayGoOn = len(self._nextTurn)
        self.flush()

    def flush(self) -> None:
        """
        Flushes all sessions that want it: the batch or turn is finished.  From inside a flush, they
        are flushed by that, or at the end of the turn.
        """
        if self._flushing:
            self._awaitEndOfTurn()
            return
        self._flushing = self.held = True
        rounds = 0
        if self.turn.isUsed:
            self.turn.begin()
        try:
            for session in self._round:
                # Left by a flush in which an application runs the reactor.
                self._dirty[session] = None
            while True:
                if self._dirty and rounds < ROUNDS:
                    rounds += 1
                    self._round, self._dirty = iter(self._dirty), {}
                elif self._mayGoOn:
                    self._round = self._goingOn()
                else:
                    break
                # Read anew: an application may have taken long over the batch.
                now = self.time.now()
                for session in self._round:
                    try:
                        session.flush(now)
                    except Exception:
                        # The others are not to wait for it.
                        self._failed(session, Failure(), "Flushing")
        finally:
            self._flushing = self.held = False
        if self._dirty or self._nextTurn:
            self._awaitEndOfTurn()
        if self._unwatched:
            self._watch()

    def _goingOn(self) -> Iterator[IFlushed]:
        """
        Returns those that wait for this turn, as far as it goes, but one at least.
        """
        count, self._mayGoOn = self._mayGoOn, 0
        waiting, turn = self._nextTurn, self.turn
        turn.goOn(count)
        while count and waiting and not turn.isOver:
            count -= 1
            session = next(iter(waiting))
            del waiting[session]
            yield session

    def _failed(self, session: IFlushed, failure: Failure, what: str) -> None:
        self._log.failure("{what} {session!r} failed", failure, what=what, session=session)
        self.forget(session)
        try:
            session.failed(failure)
        except Exception:
            self._log.failure("Ending {session!r} failed", session=session)

    def schedule(self, session: IFlushed) -> None:
        """
        Sees that C{session}'s deadline is met, which may have become earlier.
        """
        try:
            due = session.due
        except Exception:
            self._failed(session, Failure(), "The deadline of")
            return
        if due is None:
            return
        known = session.scheduled
        if known is not None:
            if known <= due:
                # When that comes the session is asked again.
                return
            self.deadlines.remove(session, known)
        self.deadlines.add(session, due)
        if due < self._wakeAt:
            self._unwatched = True
        if self._unwatched and not self.held:
            self._watch()

    def forget(self, session: IFlushed) -> None:
        """
        Flushes C{session} no more: it is over.  After the last one no call is left behind.
        """
        if session.scheduled is not None:
            self.deadlines.remove(session, session.scheduled)
        self._dirty.pop(session, None)
        self._nextTurn.pop(session, None)
        if self.held:
            self._unwatched = True
            return
        if not self.deadlines:
            self._stopWaiting()
        if self._endOfTurn is not None and not self._dirty and not self._nextTurn:
            self._endOfTurn.cancel()
            self._endOfTurn = None

    def _loopCalled(self) -> None:
        self._looping = True
        try:
            self._tick()
        finally:
            self._looping = False

    def _tick(self) -> None:
        # Until the flush below: the loop that calls this must not be stopped and started meanwhile.
        self.held = True
        self._wakeAt = _NEVER
        self._unwatched = True
        try:
            now = self.now()
            if self.time.stoodStill:
                # What arrived meanwhile is read before anything is found missing.
                self.time.stoodStill = False
            else:
                self._wantDue(now)
        except Exception:
            # A loop that raises is not called again.
            self._log.failure("The clock's tick failed")
        finally:
            self._flushing = self.held = False
        self.flush()

    def _wantDue(self, now: int) -> None:
        """
        Has those flushed that are due, and keeps those whose deadlines have become later.
        """
        failed: list[tuple[IFlushed, Failure]] = []
        for session in self.deadlines.takeDue(now):
            try:
                due = session.due
            except Exception:
                failed.append((session, Failure()))
                continue
            if due is None:
                continue
            if due > now:
                self.deadlines.add(session, due)
            else:
                self.wantFlush(session)
        # Not before all have their place: the application may now end any of them.
        for session, failure in failed:
            self._failed(session, failure, "The deadline of")

    def _watch(self) -> None:
        """
        See that there is a call for the first deadline, if there is any.
        """
        self._unwatched = False
        first = self.deadlines.first()
        if first is None:
            self._stopWaiting()
        elif first < self._wakeAt:
            self._waitFor(first)

    def _waitFor(self, deadline: int) -> None:
        now = self.now()
        few = len(self.deadlines) <= FEW_DEADLINES
        # A deadline that passed during the flush is met in the next millisecond, not in this one:
        # the sockets have their turn.
        deadline = max(deadline, now + 1)
        # A loop that was stopped inside its call cannot be started before that returns.
        stopped = self._looping and not self._loop.running
        if few or stopped or deadline - now > NEAR:
            self._stopWaiting()
            self._wakeAt = deadline if few else -(-deadline // TICK) * TICK
            self._wake = self._reactor.callLater((self._wakeAt - now) / 1000, self._woken)
            self.time.expectCall(self._wake.getTime())
            return
        if not self._loop.running:
            self._stopWaiting()
            self._loop.start(TICK / 1000, now=False)
        # No deadline is met before the next tick, not even one that has passed.
        self._wakeAt = _ALWAYS
        self.time.expectCallIn(TICK / 1000)

    def _woken(self) -> None:
        self._wake = None
        self._tick()

    def _stopWaiting(self) -> None:
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        if self._loop.running:
            self._loop.stop()
        self._wakeAt = _NEVER
        self.time.expectNothing()
