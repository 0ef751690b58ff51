"""
Waiting at the socket for the next datagram, instead of in the reactor.
"""

from __future__ import annotations

#: How often the socket is tried before the reactor gets its turn: some 100 microseconds, about what
#: a peer on this machine takes to answer.
TRIES = 60

#: Batches that are taken in one reactor turn, so that timers and other descriptors get theirs.
BATCHES = 8

#: Descriptors that the reactor watches at most: where there are more, the others have to be read.
MOST_READERS = 16

#: Turns without waiting after it was in vain, at first and at most.
FIRST_PAUSE = 16
LONGEST_PAUSE = 256


class Lingering:
    """
    Decides whether a port waits at its socket when it has handed over a batch.

    Where one short message answers another, most of the time goes into falling asleep and being
    woken.  A port that waits a moment has the answer sooner.  But that pays only if it comes within
    that moment, so each time in vain is followed by a pause twice as long as the last one: where
    answers take longer, one turn in L{LONGEST_PAUSE} is spent on it.
    """

    __slots__ = ("_longest", "_pause")

    def __init__(self) -> None:
        self._pause = self._longest = FIRST_PAUSE

    def isTime(self) -> bool:
        """
        A batch has been handed over.

        @return: whether to wait for the next one.
        """
        if not self._pause:
            return True
        self._pause -= 1
        return False

    def tried(self, inVain: bool) -> None:
        """
        Take note of how waiting ended.
        """
        if inVain:
            self._pause = self._longest
            self._longest = min(2 * self._longest, LONGEST_PAUSE)
        else:
            self._longest = FIRST_PAUSE
