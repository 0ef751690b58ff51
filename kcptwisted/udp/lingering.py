"""
Polling a socket for a moment, instead of returning to the reactor at once.
"""

from __future__ import annotations

from typing import Final

#: How often the socket is read before the reactor gets its turn: about 100 microseconds, which is
#: what a peer on this machine takes to answer.
TRIES: Final = 75

#: The most batches in one reactor turn, so that timers and other descriptors get theirs.
BATCHES: Final = 8

#: The most descriptors of the reactor with which a port polls: others have to be read, too.
MOST_READERS: Final = 16

#: Turns without polling after it found nothing, at first and at most.
FIRST_PAUSE_TURNS: Final = 16
LONGEST_PAUSE_TURNS: Final = 256


class Lingering:
    """
    Decides in which turns a port polls its socket after a batch.

    Where one short message answers another, most of the time is spent on sleeping and waking up.  A
    port that polls has the answer sooner, if the answer comes within that moment.  Each poll that
    finds nothing is followed by a pause, twice as long as the last one.  So where answers take
    longer, one turn in L{LONGEST_PAUSE_TURNS} polls.

    @ivar pause: turns left before the next poll; the port counts them down.
    """

    __slots__ = ("_longest", "pause")

    def __init__(self) -> None:
        self.pause = self._longest = FIRST_PAUSE_TURNS

    def polled(self, found: bool) -> None:
        """
        Takes note of a poll.

        @param found: whether it found a datagram.
        """
        if found:
            self._longest = FIRST_PAUSE_TURNS
        else:
            self.pause = self._longest
            self._longest = min(2 * self._longest, LONGEST_PAUSE_TURNS)
