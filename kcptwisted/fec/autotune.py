"""
Finds out how many data and parity shards a peer's groups have, from the seqids and types of the
shards that arrive.
"""

from __future__ import annotations

from math import gcd

from kcptwisted.wire.fec import MAXIMUM_SHARDS

#: The most shards that are remembered: two groups of the largest size, and the edges of both.
SAMPLES = 2 * MAXIMUM_SHARDS + 2

#: A search for the counts follows each time that so many shards have arrived, and each shard that
#: should begin a group.  After each search that found nothing, twice as many shards must arrive
#: before the next, because a peer can make searches costly.
TUNE_EVERY = 8

#: A search reads all samples.  So for each so many samples one new shard must have arrived since
#: the search before.
SAMPLES_PER_SHARD = 64

#: How many edges of each kind it takes to accept counts that were not expected.
EDGES = 2


class AutoTune:
    """
    Remembers the types of the last L{SAMPLES} shards by seqid, and finds the counts that explain
    them.

    Two shards with consecutive seqids and different types are an edge.  Where parity ends and data
    begins, the seqid is a multiple of the group's size.  Where data ends and parity begins, the
    remainder of the seqid is the count of data shards.  So a few edges are enough, and lost, late
    and repeated shards do no harm.  Counts are accepted if they, and no others, explain every
    sample.  Without an edge of the second kind no counts are accepted, however many shards agree
    with them.
    """

    __slots__ = ("_isData", "_lastSearch", "_nextSearch", "_sampled", "_searches")

    def __init__(self) -> None:
        # By seqid, in the order of arrival.
        self._isData: dict[int, bool] = {}
        # How many shards had arrived at the last search.
        self._lastSearch = 0
        # How many shards have arrived, how many searches found nothing, and how many shards must
        # have arrived before the next search.
        self._sampled = self._searches = self._nextSearch = 0

    def sample(self, seqid: int, isData: bool) -> None:
        """
        Remembers a shard, and forgets the oldest if there are more than L{SAMPLES}.

        @param seqid: the shard's number.
        @param isData: True for a data shard, False for a parity shard.
        """
        self._sampled += 1
        known = self._isData
        known.pop(seqid, None)
        known[seqid] = isData
        if len(known) > SAMPLES:
            del known[next(iter(known))]

    def isTime(self, atStart: bool) -> bool:
        """
        Returns True if it is time to search for the counts.

        @param atStart: True if the last shard should begin a group.
        """
        if self._sampled < self._nextSearch or not (atStart or self._sampled % TUNE_EVERY == 0):
            return False
        if (self._sampled - self._lastSearch) * SAMPLES_PER_SHARD < len(self._isData):
            return False
        self._lastSearch = self._sampled
        return True

    def find(self, expected: tuple[int, int] | None = None) -> tuple[int, int] | None:
        """
        Searches for the counts that explain all samples.

        @param expected: counts for which one edge where data ends is enough.  All other counts,
            which a stray shard could suggest, take L{EDGES} edges of each kind.
        @return: the counts of data and of parity shards; None while several counts, or none,
            explain the samples.
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
        # Without an edge where data begins this is 0, which every size divides.
        found = self._onlyExplanation(gcd(*starts), ends[0])
        if found is None:
            self._searches += 1
            self._nextSearch = self._sampled + min(1 << self._searches, SAMPLES)
        return found

    def _onlyExplanation(self, multiple: int, end: int) -> tuple[int, int] | None:
        """
        Returns the counts that explain all samples; None if several do, or none.

        @param multiple: a multiple of the group's size.
        @param end: the seqid after the data of some group.
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
        Returns True if the samples show that the group of seqid 0 has so many data shards, and that
        it reaches to C{last} with all counts that explain the samples.

        @param dataShards: a count of data shards.
        @param last: a seqid that is not less than C{dataShards}.
        """
        known = self._isData
        if known.get(dataShards - 1) is not True or known.get(dataShards) is not False:
            return False
        # With a smaller group size, the data of a later group would end here.
        return not any(self._explains(size, dataShards % size) for size in range(2, last + 1))

    def _explains(self, size: int, dataShards: int) -> bool:
        return dataShards > 0 and all(
            (seqid % size < dataShards) is isData for seqid, isData in self._isData.items()
        )
