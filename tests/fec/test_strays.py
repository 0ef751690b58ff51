"""
Shards that are not of the peer's stream: late ones of a session that was at its address before, and
such that somebody has made up.
"""

from __future__ import annotations

from random import Random

from kcptwisted.fec.decoder import HORIZON, JUMP, RESYNC_LATE_SHARDS
from kcptwisted.fec.encoder import sequenceLimit
from kcptwisted.wire.fec import DATA, PARITY
from tests.fec.shards import WHOLE, Counts, PeerTestCase, anyShard, dataShard

COUNTS: tuple[Counts, ...] = ((3, 2), (10, 3), (1, 1), (20, 10))

#: Where the peer's stream is, in groups.
BEGIN = 1 << 20

#: How far away strays are, in groups, both ways.
DISTANCES = (HORIZON + 2, 30, 3000, 1 << 24)


def few(counts: Counts, near: bool = False) -> int:
    """
    @param near: whether what comes could just be late, after a stray from close ahead.
    @return: groups after which all is as it was.
    """
    return 4 + (RESYNC_LATE_SHARDS if near else 20) // sum(counts)


class StrayTestCase(PeerTestCase):
    """
    A peer that is at group L{BEGIN}.
    """

    def make(self, counts: Counts, groups: int = WHOLE + 1) -> None:
        """
        Begin, and have so many groups arrive.
        """
        self.begin(counts, counts, BEGIN * sum(counts))
        self.whole(groups)

    def stray(self, distance: int, kind: int = DATA) -> bytes:
        """
        @param distance: in groups.
        @return: a shard that far from where the peer is, of no content that makes sense.
        """
        size = sum(self.peer)
        position = 0 if kind == DATA else self.peer[0]
        limit = sequenceLimit(size)
        seqid = (self.encoder._seqid // size * size + distance * size + position) % limit
        if kind == DATA:
            return dataShard(seqid, b"stray")
        return anyShard(seqid, PARITY, b"stray parity")

    def takeStray(self, stray: bytes) -> None:
        """
        Nothing is rebuilt for it.
        """
        self.assertEqual(self.decoder.decode([stray])[1], [])


class OneTests(StrayTestCase):
    """
    One of them.
    """

    def test_among(self) -> None:
        """
        Among the peer's shards it does no harm at all if it is far away, and else not for long.
        """
        for counts in COUNTS:
            for distance in DISTANCES:
                for kind in (DATA, PARITY):
                    for sign in (1, -1):
                        self.make(counts)
                        self.takeStray(self.stray(sign * distance, kind))
                        if distance * sum(counts) <= JUMP:
                            self.whole(few(counts, near=True))
                        self.assertRebuilds(10)

    def test_contradicting(self) -> None:
        """
        So it is if it contradicts the peer's counts.
        """
        for counts in COUNTS:
            for distance in (1 << 24, 3000, -3000):
                self.make(counts)
                size = sum(counts)
                seqid = (BEGIN + WHOLE + 1 + distance) * size
                self.takeStray(anyShard(seqid, PARITY, b"stray parity"))
                self.takeStray(dataShard(seqid + size - 1, b"stray"))
                self.assertRebuilds(10)
                self.assertEqual(self.stats.FECErrs, 0)

    def test_first(self) -> None:
        """
        Before all others, it is forgotten as soon as a few of these have come.
        """
        for counts in COUNTS:
            for distance in DISTANCES:
                for sign in (1, -1):
                    self.make(counts, 0)
                    self.takeStray(self.stray(sign * distance))
                    self.whole(few(counts) + 600 // sum(counts))
                    self.assertRebuilds(10)


class ManyTests(StrayTestCase):
    """
    A number of them.
    """

    def interleaved(self, strays: list[bytes]) -> None:
        """
        Have the peer's shards and strays come in turn, and all be as it was after that.
        """
        while strays:
            for shard in self.group()[1]:
                self.take([shard])
                if strays:
                    self.takeStray(strays.pop())
        self.whole(few(self.peer, near=True))
        self.assertRebuilds(10)

    def test_burst(self) -> None:
        """
        All that was under way of another session, one after the other, from ahead or behind: a few
        groups later all is as it was.
        """
        for counts in COUNTS:
            for distance in (10, 3000, -10, -3000):
                self.make(counts)
                first = (BEGIN + distance) * sum(counts)
                strays = [
                    dataShard(seqid, b"stray")
                    for seqid in range(first, first + 50)
                    if seqid % sum(counts) == 0
                ]
                for stray in strays:
                    self.decoder.decode([stray])
                self.whole(few(counts, abs(distance) * sum(counts) <= JUMP))
                self.assertRebuilds(10)

    def test_burstAmong(self) -> None:
        """
        Or each between two of the peer's.
        """
        for counts in COUNTS:
            for distance in (10, 3000, -10, -3000):
                self.make(counts)
                self.interleaved([self.stray(distance + number // 5) for number in range(50)])

    def test_random(self) -> None:
        """
        Made-up ones after each of the peer's, without end, do no harm, whatever they say; and what
        a stray had before them is made good among them.
        """
        for counts in COUNTS:
            for before in (0, 3000, -3000):
                self.make(counts)
                if before:
                    for number in range(5):
                        self.decoder.decode([self.stray(before + number)])
                random = Random(before)
                limit = sequenceLimit(sum(counts))
                rebuilt = 0
                for _ in range(100):
                    datagrams, packets = self.group()
                    for shard in packets[1:]:
                        got = self.take([shard])
                        rebuilt += got == datagrams[:1]
                        seqid = random.randrange(limit)
                        kind = random.choice((DATA, PARITY))
                        self.takeStray(anyShard(seqid, kind, b"\x0a\0" + random.randbytes(8)))
                self.assertGreaterEqual(rebuilt, 100 - few(counts), (counts, before))
                self.assertEqual(self.stats.FECErrs, 0)


class LateTests(StrayTestCase):
    """
    Shards of the peer's own that come very late.
    """

    def test_late(self) -> None:
        """
        However late they are, as long as newer ones come between, they do not make the newest
        groups be given up.
        """
        self.make((3, 2))
        late = [self.group()[1][1] for _ in range(20)]
        self.whole(20)
        while late:
            datagrams, packets = self.group()
            self.take([packets[0]])
            self.take(late[:2])
            del late[:2]
            self.assertEqual(self.take(packets[2:4]), [datagrams[1]])
