"""
Detecting that a peer has restarted and kept the conversation id.
"""

from __future__ import annotations

from kcptwisted.wire.segment import HALF, MASK

#: A peer has restarted if for so many milliseconds, and in so many batches, all unas were old.
PROOF_TIME = 3000
PROOF_BATCHES = 3

#: Milliseconds between two questions.
QUESTION_INTERVAL = 1000


class Staleness:
    """
    Compares the unas that a peer sends with the largest one that it has sent.

    KCP has no handshake: a peer that restarts with the same conv begins again at sn 0, and neither
    end notices.  The peer waits for sns that were used long ago.  The segments that it sends are
    taken for duplicates and acknowledged.  But una never decreases at a peer that has not
    restarted.  It is not compared with what was acknowledged: a peer whose window is full
    acknowledges segments that its una has not reached.

    A datagram that was delayed or replayed has an old una too.  So after an old una the peer is
    asked first.  If it has not restarted, it answers with its current una, and the suspicion ends.
    It has restarted if every una was old for L{PROOF_TIME}, or the retransmission timeout if that
    is longer, and in at least L{PROOF_BATCHES} batches.

    @ivar wantsProof: the peer should be asked for its una (any WASK does); the caller resets it
        when it has asked.  Further old unas set it again, at most once a second.
    @ivar latest: the largest una that the peer has sent, as on the wire; the caller sets it to
        what was acknowledged when the peer sends that, unless there is a suspicion.
    @ivar suspected: since the last current una an old one has arrived.
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
        The peer sent a current una: the suspicion ends.

        @param una: as on the wire.
        """
        self.latest = una
        self._batches = 0
        self.suspected = self.wantsProof = self.restarted = False

    def behind(self, unas: list[int], una: int, timeout: int, now: int) -> None:
        """
        The last una of a batch is less than what was acknowledged.

        @param unas: the unas of the batch, at least one, as on the wire.
        @param una: the first sn that is not acknowledged, as on the wire.
        @param timeout: the retransmission timeout, milliseconds.
        @param now: milliseconds.
        """
        ages = [age for old in unas if (age := (una - old) & MASK) < HALF]
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
        patience = timeout if timeout > PROOF_TIME else PROOF_TIME
        if self._batches >= PROOF_BATCHES and now - self._since >= patience:
            self.restarted = True
