"""
The search for the largest datagram that the path to the peer carries (RFC 8899, DPLPMTUD).
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from kcptwisted.connection.mtusizes import LARGEST_MTU, LARGEST_PLAIN_MTU, candidate
from kcptwisted.connection.timers import NEVER
from kcptwisted.wire.segment import MASK

#: Probes of one size that are lost before that size counts as too large (RFC 8899, section 5.1.2).
MAX_PROBES: Final = 3

#: Probes of one size that are answered before a size is used, if the peer has no control frames:
#: its answers do not say what they answer.
PLAIN_ANSWERS: Final = 2

#: How long a probe waits for its answer, milliseconds (RFC 8899, section 5.1.1).
PROBE_TIMER: Final = 1000
LONGEST_PROBE_TIMER: Final = 15_000

#: Milliseconds from the end of a search to the next one.
RAISE_TIMER: Final = 600_000

#: Segments that the peer must acknowledge until the base size counts as confirmed by them.
ENOUGH: Final = 8

#: The least milliseconds without an acknowledgement until the size is in doubt.
LEAST_PATIENCE: Final = 600

#: Doubts that answers clear which may be answers to something else, each within so many
#: milliseconds of the one before, until these are believed no more.
MOST_EXCUSES: Final = 3
FAITH: Final = 30_000


class Phase(Enum):
    """
    Where a search stands (RFC 8899, section 5.2).
    """

    #: It is not known yet whether the path carries the base size.
    BASE = "base"
    SEARCHING = "searching"
    COMPLETE = "search complete"
    #: The path does not carry the base size unfragmented.
    ERROR = "error"


class PathMTU:
    """
    The search of one end of one connection, for what it sends itself.  Without clock and I/O: sizes
    are bytes of UDP payload, times are milliseconds, sns are not wrapped.

    The owner calls L{progress} with each flush, sends a datagram of the size that L{probe} gives,
    and tells its answer.

    When the peer acknowledges nothing for a while, the size is in doubt.  Then datagrams may be
    fragmented, which brings them to the peer in either case, and the present size is probed.  If
    the path does not carry it any more, the base size is used, and the search begins anew.  While
    nothing at all is heard, it is the path that is down, and says nothing of sizes.

    @ivar size: the largest datagrams that are to be sent.
    @ivar phase: where the search stands.
    @ivar probed: the size that is being probed; 0 if none is.
    @ivar due: when L{probe} is to be called; L{NEVER} while the peer's answer is awaited.  If
        nothing is being probed, it can wait for data to send.
    @ivar sent: when the last probe of C{probed} left.
    @ivar expires: when L{timedOut} is to be called; L{NEVER} if no answer is awaited.
    @ivar inDoubt: the path may carry the present size no more.
    """

    __slots__ = (
        "_answers",
        "_base",
        "_cleared",
        "_exact",
        "_excuses",
        "_failures",
        "_first",
        "_most",
        "_number",
        "_questions",
        "_since",
        "_start",
        "_tries",
        "_una",
        "_wholeFrom",
        "due",
        "expires",
        "inDoubt",
        "phase",
        "probed",
        "sent",
        "size",
    )

    def __init__(self, base: int, una: int, now: int) -> None:
        """
        @param base: the size to begin with.
        @param una: the first sn that is not acknowledged.
        """
        self._base = self.size = base
        # The number of the last probe, and of the first one of its size.
        self._number = self._first = 0
        self._wholeFrom = 0
        # How many other questions the peer has been asked; at first, some may be unanswered.
        self._questions = -1
        self.reset(una, now)

    def reset(self, una: int, now: int) -> None:
        """
        Begins anew: the path is another one.

        @param una: the first sn that is not acknowledged.
        """
        self._begin(LARGEST_MTU, False, una, now)

    def _begin(self, most: int, isExact: bool, una: int, now: int) -> None:
        self.size = self._base
        self._search(most, isExact)
        self.phase = Phase.BASE
        self._una = self._start = una
        self._since = now
        self.inDoubt = False
        # How many doubts in a row were cleared by what may have answered something else, and when
        # the last one was.
        self._excuses = 0
        self._cleared = now
        self._stop(NEVER)

    def _search(self, most: int = LARGEST_MTU, isExact: bool = False) -> None:
        """
        @param most: no larger size can pass.
        @param isExact: whether this size may, and is to be probed, too.
        """
        self.phase = Phase.SEARCHING
        self._most = most
        self._exact = isExact
        self._failures = 0

    def _stop(self, due: int) -> None:
        """
        Probes nothing until C{due}.
        """
        self.probed = self.sent = self._tries = self._answers = 0
        self.expires = NEVER
        self.due = due

    # What is sent, and acknowledged.

    @property
    def fragments(self) -> bool:
        """
        Whether datagrams may be fragmented on their way.
        """
        return self.inDoubt or self.phase is Phase.ERROR or self._una < self._wholeFrom

    def resized(self, following: int) -> None:
        """
        Takes note that the segments before an sn may be larger than the present size allows.

        @param following: the sn.
        """
        self._wholeFrom = following

    def progress(self, una: int, waits: bool, timeout: int, now: int) -> bool:
        """
        Takes note of what the peer has acknowledged.

        @param una: the first sn that is not acknowledged.
        @param waits: whether something is in flight.
        @param timeout: the retransmission timeout.
        @return: whether the size has changed.
        """
        if una != self._una or not waits:
            self._una = una
            self._since = now
            if self.phase is Phase.BASE and una - self._start >= ENOUGH and not self.inDoubt:
                self.phase = Phase.SEARCHING
                self.due = now
        elif (
            now - self._since > max(4 * timeout, LEAST_PATIENCE)
            and not self.inDoubt
            and self.phase is not Phase.ERROR
        ):
            if now - self._cleared > FAITH:
                self._excuses = 0
            if self._excuses >= MOST_EXCUSES and self.size > self._base:
                # The answers were no answers.
                self._begin(LARGEST_MTU, False, una, now)
                self._complete(now)
                return True
            self.inDoubt = True
            self._stop(now)
        return False

    # Probes.

    @property
    def number(self) -> int:
        """
        The number of the last probe, 32 bits.
        """
        return self._number

    @property
    def isAwaiting(self) -> bool:
        """
        Whether a probe has left that may yet be answered.
        """
        return self.expires != NEVER

    def probe(self, isPlain: bool, questions: int, timeout: int, now: int) -> int:
        """
        Returns the size of the probe that is to leave now; 0 if none is.

        @param isPlain: whether the peer's answers say nothing of what they answer.
        @param questions: how often the peer has been asked something else.
        @param timeout: the retransmission timeout.
        """
        if self.isAwaiting:
            return 0
        if isPlain and questions != self._questions:
            # An answer would be ambiguous.
            self._questions = questions
            self.due = now + 2 * timeout
            return 0
        if not self.probed:
            if self.phase is Phase.COMPLETE and not self.inDoubt:
                self._search()
            self.probed = self._next(LARGEST_PLAIN_MTU if isPlain else LARGEST_MTU)
            self._first = (self._number + 1) & MASK
        if not self.probed:
            self._complete(now)
            return 0
        self._number = (self._number + 1) & MASK
        self.sent = now
        self._tries += 1
        self.due = NEVER
        self.expires = now + _timer(timeout)
        return self.probed

    def _next(self, largest: int) -> int:
        if self.inDoubt or self.phase is Phase.ERROR:
            return self.size
        most = min(self._most, largest)
        return candidate(self.size, most, self._exact and most == self._most, self._failures)

    def _complete(self, now: int) -> None:
        self.phase = Phase.COMPLETE
        self._stop(now + RAISE_TIMER)

    def answered(self, number: int, now: int) -> bool:
        """
        Takes the answer of a peer that says which probe it got.

        @return: whether the size has changed.
        """
        sent = (self._number - self._first) & MASK
        if not self.probed or (self._number - number) & MASK > sent:
            return False
        return self._passed(now)

    def answeredPlainly(self, questions: int, least: float, timeout: int, now: int) -> bool:
        """
        Takes an answer that may be one to the probe.

        @param questions: see L{probe}.
        @param least: milliseconds that an answer takes at least.
        @param timeout: the retransmission timeout.
        @return: whether the size has changed.
        """
        if not self.isAwaiting or now - self.sent < least:
            return False
        if questions != self._questions:
            # It may be the answer to another question.
            self.expires = NEVER
            self.due = now
            return self._tries >= 2 * MAX_PROBES and self._failed(now)
        self._answers += 1
        isChanged = False
        if self._answers >= PLAIN_ANSWERS:
            if self.inDoubt:
                self._cleared = now
                self._excuses += 1
            isChanged = self._passed(now)
        else:
            self._tries = 0
            self.expires = NEVER
            self.due = now
        # Copies of the answer that are late must not answer the next probe.
        self.due = max(self.due, now + 2 * timeout)
        return isChanged

    def _passed(self, now: int) -> bool:
        size = self.probed
        self._stop(now)
        if self.inDoubt:
            self.inDoubt = False
            self._since = now
            if self.phase is Phase.COMPLETE:
                self.due = now + RAISE_TIMER
            elif self.phase is Phase.BASE:
                self.due = NEVER
        elif self.phase is Phase.ERROR:
            self._search()
        if size <= self.size:
            return False
        self.size = size
        return True

    def timedOut(self, isHeard: bool, now: int) -> bool:
        """
        Takes note that a probe has not been answered in time.

        @param isHeard: whether anything came from the peer since the probe left.
        @return: whether the size has changed.
        """
        self.expires = NEVER
        self.due = now
        if not isHeard:
            # The peer is gone, or says nothing because nothing else is sent.
            if self.inDoubt:
                self._tries = 0
            else:
                self._stop(now)
            return False
        if self._tries < MAX_PROBES:
            return False
        return self._failed(now)

    def _failed(self, now: int) -> bool:
        size = self.probed
        self._stop(now)
        if self.phase is Phase.ERROR or (self.inDoubt and size == self._base):
            self.inDoubt = False
            self.phase = Phase.ERROR
            self.due = now + RAISE_TIMER
            return False
        if self.inDoubt:
            self._begin(size - 1, False, self._una, now)
            return True
        self._most = size - 1
        self._exact = False
        self._failures += 1
        return False

    # What the system says.

    def tooBig(self, limit: int, isExact: bool, now: int) -> bool:
        """
        Takes note of what the system, or a router (ICMP), says.

        @param limit: no larger size can pass.
        @param isExact: whether the path is said to carry this size.
        @return: whether the size has changed.
        """
        before = self.size
        if limit >= max(before, self._most):
            return False
        if limit < self._base:
            self._begin(limit, False, self._una, now)
            self.phase = Phase.ERROR
            self.due = now + RAISE_TIMER
        elif limit < before:
            self._begin(limit, isExact, self._una, now)
        else:
            self._most = limit
            self._exact = isExact
            if self.probed > limit:
                self._stop(now)
        return self.size != before


def _timer(timeout: int) -> int:
    """
    Returns how long a probe waits for its answer.
    """
    return min(max(2 * timeout, PROBE_TIMER), LONGEST_PROBE_TIMER)
