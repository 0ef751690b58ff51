"""
How the end that calls asks for an answer (docs/control.md, "Opening").
"""

from __future__ import annotations

from kcptwisted.connection.timers import Timer, TimerTable
from kcptwisted.wire.control import NO_TOKEN, TOKEN
from kcptwisted.wire.segment import WINS, begins, carries

#: Milliseconds until a hello is sent again for the first time, and at most; doubles in between.
FIRST_RETRY = 250
LAST_RETRY = 4000

#: Hellos for a peer that answers, but never with a hello of its own.
HELLOS = 3


class Opening:
    """
    The hellos of one connection.  Times are milliseconds.

    @ivar deferred: the first hello leaves together with the first data.
    @ivar asking: a hello has left, and another one will if no hello comes in return.
    @ivar sentAt: when the last hello left.
    @ivar retried: the peer has answered the last hello with a retry, which is no answer yet.
    """

    __slots__ = (
        "_count",
        "_isAmbiguous",
        "_timers",
        "_wait",
        "asking",
        "deferred",
        "retried",
        "sentAt",
    )

    def __init__(self, timers: TimerTable) -> None:
        """
        @param timers: where the time of the next hello is written.
        """
        self._timers = timers
        self._count = 0
        self.sentAt = 0
        self._isAmbiguous = False
        self._wait = FIRST_RETRY
        self.deferred = False
        self.asking = False
        self.retried = False

    @property
    def hasAsked(self) -> bool:
        """
        Whether a hello has left.
        """
        return self._count > 0

    def sent(self, now: int) -> None:
        """
        Takes note that a hello leaves.
        """
        self.deferred = False
        self.asking = True
        self.sentAt = now
        self._isAmbiguous = self._count > 0
        self._count += 1
        self._timers.set(Timer.HELLO, now + self._wait)

    def isDue(self, now: int, connecting: bool) -> bool:
        """
        Returns True if another hello is to leave; the next time is set then.

        @param connecting: whether the peer has not answered at all.
        """
        if not self._timers.isDue(Timer.HELLO, now):
            return False
        if not connecting and self._count >= HELLOS:
            self.stop()
            return False
        self._wait = min(self._wait * 2, LAST_RETRY)
        self.sent(now)
        return True

    def patience(self, now: int) -> int:
        """
        Returns how long the first segments should wait for their ACKs, by the time that the answer
        took which comes now.

        That is no sample of the round trip: a program that opens many connections at once, or a
        peer that accepts them, may be slow to answer a hello.

        @return: twice that time; three times if only the last of several hellos tells it, because
            the answer may be to any of them.
        """
        return (3 if self._isAmbiguous else 2) * (now - self.sentAt)

    def stop(self) -> None:
        """
        Sends no more hellos: the peer has said hello, or never will.
        """
        self.asking = False
        self._timers.clear(Timer.HELLO)


def fromAnswer(datagrams: list[bytes], conv: int, token: bytes | None) -> list[bytes]:
    """
    Returns the datagrams without segments that came before the peer's answer: those may be for a
    program that had this address and conversation id before.

    @param conv: the conversation id.
    @param token: this end's token; None if it has said no hello.
    """
    taken: list[bytes] = []
    for position, datagram in enumerate(datagrams):
        # The token is new, so a datagram with it is for this program.
        found = -1 if token is None else datagram.find(token)
        # Without the sender's token it is from a listener that has no session yet.
        answers = found >= 0 and datagram[found + TOKEN : found + 2 * TOKEN] != NO_TOKEN
        if answers or (found < 0 and begins(datagram, conv) and carries(datagram, WINS)):
            return taken + datagrams[position:]
        if found >= 0 or not begins(datagram, conv):
            taken.append(datagram)
    return taken
