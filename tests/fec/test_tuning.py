"""
L{kcptwisted.fec.decoder} and peers that group their shards otherwise than this side does.
"""

from __future__ import annotations

from kcptwisted.fec.autotune import SAMPLES, TUNE_EVERY, AutoTune
from kcptwisted.wire.fec import PARITY
from tests.fec.shards import WHOLE, Counts, PeerTestCase, anyShard, dataShard, isDataShard

PEERS: tuple[Counts, ...] = ((5, 2), (20, 10), (30, 5), (2, 1), (1, 1), (10, 4), (128, 128))


def _without(packets: list[bytes], *positions: int) -> list[bytes]:
    return [packet for at, packet in enumerate(packets) if at not in positions]


class UnknownTests(PeerTestCase):
    """
    A side without FEC.
    """

    def test_found(self) -> None:
        """
        It finds the peer's counts in what comes, and then rebuilds all that parity allows.
        """
        for peer in PEERS:
            self.begin((0, 0), peer)
            self.whole(3 + 2 * TUNE_EVERY // sum(peer))
            self.assertRebuilds()
            # One and one are what it has supposed.
            self.assertEqual(self.stats.FECRetunes, peer != (1, 1))
            self.assertEqual((self.stats.FECErrs, self.stats.FECRecovered > 0), (0, True))

    def test_lossy(self) -> None:
        """
        So it does when some shards are lost from the beginning.
        """
        for peer in PEERS:
            for loss in (0.02, 0.1, 0.2):
                self.begin((0, 0), peer, 17 * sum(peer))
                self.lossy(1000 // sum(peer) + 5, loss)
                self.assertRebuilds()
                self.assertEqual(self.stats.FECErrs, 0)

    def test_before(self) -> None:
        """
        Before they are found datagrams are handed on, and nothing is rebuilt.
        """
        self.begin((0, 0), (10, 3))
        datagrams, packets = self.group()
        self.assertEqual(self.decoder.decode(_without(packets, 4)), (_without(datagrams, 4), []))
        self.assertEqual(self.stats.FECRecovered, 0)

    def test_noGroups(self) -> None:
        """
        Before, there are no groups that could have been too short.
        """
        self.begin((0, 0), (10, 3))
        self.whole(20)
        self.assertEqual((self.stats.FECRetunes, self.stats.FECShortShards), (1, 0))


class OtherCountsTests(PeerTestCase):
    """
    A side with counts of its own.
    """

    def test_found(self) -> None:
        """
        The first contradiction is counted, the peer's counts are found, and from then on all is
        rebuilt that parity allows: with groups that are larger, whose numbers are smaller than
        before, too.
        """
        for own in ((10, 3), (3, 1), (60, 60)):
            for peer in PEERS:
                self.begin(own, peer)
                self.whole(3 + (sum(own) + 2 * TUNE_EVERY) // sum(peer))
                self.assertRebuilds()
                self.assertEqual((self.stats.FECRetunes, self.stats.FECErrs), (1, 1), (own, peer))

    def test_far(self) -> None:
        """
        So it is when the peer's numbers are large already.
        """
        for peer in PEERS:
            self.begin((10, 3), peer, 100_000 * sum(peer))
            self.whole(4 + 300 // sum(peer))
            self.assertRebuilds()
            self.assertEqual(self.stats.FECRetunes, 1)

    def test_lossy(self) -> None:
        """
        Nothing wrong is rebuilt meanwhile, whatever is lost.
        """
        for peer in PEERS:
            for loss in (0.05, 0.1, 0.2):
                self.begin((10, 3), peer)
                self.lossy(1000 // sum(peer) + 5, loss)
                self.assertRebuilds()

    def test_unseenContradiction(self) -> None:
        """
        Nor is it if the shard that would have contradicted at once is lost: two data shards and the
        second of two parity shards look like a group of three and two.
        """
        self.begin((3, 2), (2, 2))
        self.sent = [b"first", b"other"]
        packets = self.encoder.encode(self.sent, 0)
        self.assertEqual(self.take(_without(packets, 2)), [])

    def test_same(self) -> None:
        """
        A peer with the same counts contradicts nothing.
        """
        self.begin((10, 3), (10, 3))
        self.whole(WHOLE)
        self.assertRebuilds(40)
        self.assertEqual((self.stats.FECRetunes, self.stats.FECErrs), (0, 0))

    def test_handedOn(self) -> None:
        """
        Data shards are handed on whether they contradict or not, once each.
        """
        self.begin((2, 1), (3, 2))
        for _ in range(30):
            datagrams, packets = self.group()
            self.assertEqual(self.decoder.decode(packets), (datagrams, []))
        self.assertEqual((self.stats.FECDataShards, self.stats.FECParityShards), (90, 60))


class ChangeTests(PeerTestCase):
    """
    A peer that changes its counts in mid-session.
    """

    changes: tuple[tuple[Counts, Counts], ...] = (
        ((10, 3), (5, 2)),
        ((5, 2), (10, 3)),
        ((2, 1), (30, 5)),
        ((30, 5), (1, 1)),
        ((1, 1), (20, 10)),
    )

    def check(self, own: Counts, before: Counts, after: Counts, again: bool, loss: float) -> None:
        """
        Shards are rebuilt before the change, and a while after.
        """
        self.begin(own, before)
        self.whole(4 + 300 // sum(before))
        self.assertRebuilds(30)
        retunes = self.stats.FECRetunes
        number = (4 + 300 // sum(before) + 30) * sum(before)
        self.change(after, 0 if again else -(-number // sum(after)) * sum(after))
        if loss:
            self.lossy(4 + 1000 // sum(after), loss)
        else:
            self.whole(4 + 100 // sum(after))
        self.assertRebuilds(30)
        self.assertEqual(self.stats.FECRetunes, retunes + 1)
        self.assertGreaterEqual(self.stats.FECErrs, 1)

    def test_goingOn(self) -> None:
        """
        Its numbers may go on, from the next whole group of the new size.
        """
        for before, after in self.changes:
            for own in (before, (0, 0), (12, 4)):
                self.check(own, before, after, False, 0)

    def test_again(self) -> None:
        """
        Or they may begin again at 0.
        """
        for before, after in self.changes:
            for own in (before, (0, 0), (12, 4)):
                self.check(own, before, after, True, 0)

    def test_lossy(self) -> None:
        """
        Shards may be lost meanwhile.
        """
        for before, after in self.changes:
            for again in (False, True):
                self.check(before, before, after, again, 0.1)

    def test_unfinishedGroup(self) -> None:
        """
        What has come of a group with the old counts is not taken for one with the new ones that has
        the same number.
        """
        self.begin((10, 3), (10, 3), (18 - WHOLE) * 13)
        self.whole(WHOLE)
        self.take(self.group()[1][:3])
        self.change((5, 2), 16 * 7)
        self.whole(2)
        packets = self.group()[1]
        self.take(packets[:5])
        self.assertEqual(self.stats.FECRetunes, 1)
        self.assertEqual(self.take(packets[5:]), [])
        self.assertEqual(self.stats.FECErrs, 1)
        self.assertRebuilds()

    def test_back(self) -> None:
        """
        It may change as often as it likes.
        """
        self.begin((10, 3), (10, 3))
        number = 0
        for change, counts in enumerate([(5, 2), (10, 3), (30, 5), (10, 3), (1, 1), (2, 2)], 1):
            self.change(counts, -(-number // sum(counts)) * sum(counts))
            self.whole(4 + 100 // sum(counts))
            self.assertRebuilds()
            self.assertEqual((self.stats.FECRetunes, self.stats.FECErrs), (change, change))
            number += 1000


class StrayTests(PeerTestCase):
    """
    A peer with the same counts, and a shard that contradicts them.
    """

    @property
    def ahead(self) -> int:
        """
        The seqid of a data shard that is not long to come.
        """
        return self.encoder._seqid + 13 * 20

    def stray(self, seqid: int) -> None:
        """
        Take a shard of the wrong type.
        """
        if isDataShard(seqid, self.peer):
            self.take([anyShard(seqid, PARITY, b"stray parity")])
        else:
            self.take([dataShard(seqid, b"stray")])

    def test_rebuildsAgain(self) -> None:
        """
        After one stray shard there is a pause, and then all is rebuilt as before: finding the
        counts that were in use ends the search.
        """
        for counts in ((10, 3), (2, 1), (1, 1), (30, 5)):
            self.begin(counts, counts)
            self.whole(WHOLE)
            self.assertRebuilds(20)
            self.stray((self.encoder._seqid // sum(counts) + 20) * sum(counts))
            self.assertEqual((self.stats.FECErrs, self.stats.FECRetunes), (1, 0))
            self.whole(SAMPLES // sum(counts) + 2)
            self.assertRebuilds(20)
            self.assertEqual((self.stats.FECErrs, self.stats.FECRetunes), (1, 0))

    def test_pause(self) -> None:
        """
        In that pause nothing is rebuilt.
        """
        self.begin((10, 3), (10, 3))
        self.whole(WHOLE)
        self.assertRebuilds()
        self.stray(self.ahead)
        self.assertEqual(self.take(_without(self.group()[1], 0)), [])

    def test_often(self) -> None:
        """
        So it is each time, and each time is counted once.
        """
        self.begin((10, 3), (10, 3))
        self.whole(WHOLE)
        for number in range(1, 5):
            self.stray(self.ahead)
            self.stray(self.ahead + 1)
            self.assertEqual(self.stats.FECErrs, number)
            self.whole(SAMPLES // 13 + 2)
            self.assertRebuilds()

    def test_noEnds(self) -> None:
        """
        If it is not seen where data ends nothing is rebuilt, however many shards agree: after one
        more or one fewer they would look the same.  As soon as it is seen all goes on.
        """
        self.begin((10, 3), (10, 3))
        self.whole(WHOLE)
        self.stray(self.ahead)
        for _ in range(3 * SAMPLES // 10):
            self.assertEqual(self.take(_without(self.group()[1], 0, 10)), [])
        self.whole(WHOLE)
        self.assertRebuilds()
        self.assertEqual((self.stats.FECErrs, self.stats.FECRetunes), (1, 0))

    def test_contradictionsGoOn(self) -> None:
        """
        As long as shards contradict and no edge shows, the search goes on, however full the samples
        are; when edges show, the counts are found.
        """
        self.begin((10, 3), (5, 2))
        for _ in range(3 * SAMPLES // 5):
            self.assertEqual(self.take(_without(self.group()[1], 0, 5)), [])
        self.assertEqual((self.stats.FECErrs, self.stats.FECRetunes), (1, 0))
        self.whole(4)
        self.assertRebuilds()
        self.assertEqual(self.stats.FECRetunes, 1)


class EveryTests(PeerTestCase):
    """
    How often counts are looked for.
    """

    def test_notEachShard(self) -> None:
        """
        Not with each shard, since that takes a while, but with every eighth, and where a group
        should begin.  After they have been found no more.
        """
        self.begin((10, 3), (10, 3))
        tried: list[int] = []
        find = AutoTune.find

        def recording(tuner: AutoTune, expected: Counts | None) -> Counts | None:
            tried.append(self.arrived)
            return find(tuner, expected)

        self.patch(AutoTune, "find", recording)
        self.arrived = 0
        for packet in _without(self.group()[1], 10) + self.group()[1] + self.group()[1]:
            self.take([packet])
            self.arrived += 1
        self.assertEqual(TUNE_EVERY, 8)
        # Shard 13 is the thirteenth to come; where data ends is first seen at the twenty-third.
        self.assertEqual(tried, [0, 7, 12, 15, 23])

    def test_eachAtTheStart(self) -> None:
        """
        Nor with each shard that could begin a group, when there are many to look through.
        """
        tried: list[int] = []
        isTime = AutoTune.isTime

        def recording(tuner: AutoTune, atStart: bool) -> bool:
            found = isTime(tuner, atStart)
            tried.extend([len(tuner._isData)] * found)
            return found

        self.patch(AutoTune, "isTime", recording)
        self.begin((10, 3), (10, 3))
        for number in range(3000):
            self.take([dataShard(13 * number, b"")])
        self.assertLess(sum(tried), 100 * 3000)

    def test_hostile(self) -> None:
        """
        Nor can a peer have them looked for often: here many group sizes seem possible, and a shard
        that arrives again and again rules each of them out at last.
        """
        tried: list[int] = []
        explains = AutoTune._explains

        def recording(tuner: AutoTune, size: int, dataShards: int) -> bool:
            tried.append(size)
            return explains(tuner, size, dataShards)

        self.patch(AutoTune, "_explains", recording)
        self.begin((10, 3), (10, 3))
        # 22 sizes divide it.
        many = 420
        shards = [
            (seqid, isData)
            for k in range(1, 171)
            for seqid, isData in ((many * k, True), (many * k + 1, True), (many * k - 1, False))
        ]
        shards += [(many * 169 + 2, False), (many * 170 + 2, False)]
        shards += [(many * 171, False), (many * 170, True)] * 2000
        for seqid, isData in shards:
            self.take([dataShard(seqid, b"") if isData else anyShard(seqid, PARITY, b"\2\0")])
        self.assertGreater(len(tried), 22)
        self.assertLess(len(tried), len(shards))
