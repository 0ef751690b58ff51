"""
Finding out that a peer has restarted and kept the conversation id.
"""

from __future__ import annotations

from kcptwisted.wire.segment import HALF, MASK

#: Milliseconds for which nothing but stale unas must have come, and in how many batches.
PROOF_TIME = 3000
PROOF_BATCHES = 3

#: Milliseconds between two questions.
QUESTION_INTERVAL = 1000


class Staleness:
    """
    Judges the unas that a peer tells.

    KCP has no handshake: a peer that restarts with the same conv begins again at sn 0, and neither
    end notices.  It waits for numbers that were used up long ago, what it sends is taken for
    duplicates and acknowledged, and both believe that all is well.  But una never goes back at a
    peer that lives on, so one that does is the sign.  It is held against the largest una that the
    peer told itself, not against what was acknowledged: a peer whose window is full acknowledges
    segments that its una has not reached.

    A datagram that was overtaken, or that somebody replays, tells an old una too.  So one is only
    a reason to ask: a living peer answers with its current una, and that ends the suspicion.  It
    becomes certainty when for L{PROOF_TIME}, and in at least L{PROOF_BATCHES} batches, every una
    was an old one.

    @ivar wantsProof: the peer should be asked for its una (any WASK does); the caller resets it
        when it has asked.  It comes back with further old unas, at most once a second.
    @ivar latest: the largest una that the peer has sent, as on the wire; the caller sets it to
        what was acknowledged when the peer sends that, unless there is a suspicion.
    @ivar suspected: only old unas have come of late.
    @ivar restarted: the peer has restarted.
    """

    __slots__ = (
        "_batches",
        "_nextQuestion",
        "_since",
        "latest",
        "restarted",
        "suspected",
        "wantsProof",
    )

    def __init__(self, firstUna: int) -> None:
        """
        @param firstUna: the una that the peer begins with.
        """
        self.latest = firstUna
        self.suspected = False
        self._batches = 0
        self._since = 0
        self._nextQuestion = 0
        self.wantsProof = False
        self.restarted = False

    def current(self, una: int) -> None:
        """
        The peer told C{una}, no old one: it is above suspicion.
        """
        self.latest = una
        self._batches = 0
        self.suspected = self.wantsProof = self.restarted = False

    def behind(self, unas: list[int], una: int, now: int) -> None:
        """
        The last una of a batch is behind what was acknowledged.

        @param unas: all that the batch told, at least one, as on the wire.
        @param una: what was acknowledged, the same way.
        @param now: milliseconds.
        """
        ages = [age for told in unas if (age := (una - told) & MASK) < HALF]
        latest = (una - min(ages)) & MASK
        if (latest - self.latest) & MASK < HALF:
            self.current(latest)
            return
        if not self.suspected:
            self.suspected = True
            self._since = now
        self._batches += 1
        if now >= self._nextQuestion:
            self._nextQuestion = now + QUESTION_INTERVAL
            self.wantsProof = True
        if self._batches >= PROOF_BATCHES and now - self._since >= PROOF_TIME:
            self.restarted = True
