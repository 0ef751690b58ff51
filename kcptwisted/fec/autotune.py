"""
Finding out how a peer groups its shards, from the numbers and types of those that arrive.
"""

from __future__ import annotations

from math import gcd

from kcptwisted.wire.fec import MAXIMUM_SHARDS

#: Shards that are remembered: two of the largest groups, and the edges of both.
SAMPLES = 2 * MAXIMUM_SHARDS + 2

#: Counts are looked for each time that so many shards came, and where a group should begin; but
#: after each search in vain twice as many have to come first, as a peer can make searches costly.
TUNE_EVERY = 8

#: A look goes through all samples, so that one shard in so many of them has to have come before.
SAMPLES_PER_SHARD = 64

#: Edges of each kind that it takes to believe in counts that nobody had thought of.
EDGES = 2


class AutoTune:
    """
    The types of the last L{SAMPLES} shards, by seqid.

    Two shards with consecutive seqids and different types are an edge.  Where parity ends and data
    begins, the seqid is a multiple of the group's size; where data ends and parity begins, the
    remainder is the count of data shards.  So a few edges are enough, and lost, late and repeated
    shards do no harm: counts are believed if they, and no others, explain every sample.  Without an
    edge of the second kind they cannot be, however many shards agree with them.
    """

    __slots__ = ("_isData", "_lookAgain", "_looked", "_sampled", "_searches")

    def __init__(self) -> None:
        # In the order of arrival.
        self._isData: dict[int, bool] = {}
        # How many shards had come at the last look.
        self._looked = 0
        # How many shards came, how often all counts were tried in vain, and how many shards have to
        # come before that is done again.
        self._sampled = self._searches = self._lookAgain = 0

    def sample(self, seqid: int, isData: bool) -> None:
        """
        Remember a shard; the oldest goes when there are too many.
        """
        self._sampled += 1
        known = self._isData
        known.pop(seqid, None)
        known[seqid] = isData
        if len(known) > SAMPLES:
            del known[next(iter(known))]

    def isTime(self, atStart: bool) -> bool:
        """
        @param atStart: whether the last shard is where a group should begin.
        @return: whether to look for the counts now.
        """
        if self._sampled < self._lookAgain or not (atStart or self._sampled % TUNE_EVERY == 0):
            return False
        if (self._sampled - self._looked) * SAMPLES_PER_SHARD < len(self._isData):
            return False
        self._looked = self._sampled
        return True

    def find(self, expected: tuple[int, int] | None = None) -> tuple[int, int] | None:
        """
        @param expected: counts for which one edge where data ends is enough; others, which a stray
            shard could make up, take L{EDGES} of each kind.
        @return: the counts of data and of parity shards; None while the samples leave a choice.
        """
        known = self._isData
        starts: list[int] = []
        ends: list[int] = []
        for seqid, isData in known.items():
            if known.get(seqid - 1, isData) is not isData:
                (starts if isData else ends).append(seqid)
        if not ends:
            return None
        if min(len(starts), len(ends)) < EDGES and not (
            expected is not None and self._explains(sum(expected), expected[0])
        ):
            return None
        # 0, of which any size is a divisor, as long as no group has been seen to begin.
        found = self._onlyExplanation(gcd(*starts), ends[0])
        if found is None:
            self._searches += 1
            self._lookAgain = self._sampled + min(1 << self._searches, SAMPLES)
        return found

    def _onlyExplanation(self, multiple: int, end: int) -> tuple[int, int] | None:
        """
        @param multiple: of the group's size.
        @param end: the seqid after some group's data.
        """
        found: tuple[int, int] | None = None
        for size in range(2, MAXIMUM_SHARDS + 1):
            if multiple % size == 0 and self._explains(size, end % size):
                if found is not None:
                    return None
                found = (end % size, size - end % size)
        return found

    def isFirstGroup(self, dataShards: int, last: int) -> bool:
        """
        @param last: a seqid that is not less than C{dataShards}.
        @return: whether the group of seqid 0 is seen to have so many data shards, and reaches to
            C{last} with any counts that explain the samples.
        """
        known = self._isData
        if known.get(dataShards - 1) is not True or known.get(dataShards) is not False:
            return False
        # In a smaller group this is where the data of a later one ends.
        return not any(self._explains(size, dataShards % size) for size in range(2, last + 1))

    def _explains(self, size: int, dataShards: int) -> bool:
        return dataShards > 0 and all(
            (seqid % size < dataShards) is isData for seqid, isData in self._isData.items()
        )
