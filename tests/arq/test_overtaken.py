"""
Tests for L{kcptwisted.arq.overtaken}.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.deadlines import Resend
from kcptwisted.arq.overtaken import Overtaken
from tests.properties import given, strategies


class Flight:
    """
    Segments in flight, as the sender keeps them for L{Overtaken}.  All first left at 0 ms.

    @ivar lookups: how often each sn was looked for.
    """

    def __init__(self, threshold: int, count: int, firstSn: int = 0) -> None:
        self.sns = set(range(firstSn, firstSn + count))
        self.next = firstSn + count
        self.resends: dict[int, Resend] = {}
        self.lookups: Counter[int] = Counter()
        self.overtaken = Overtaken(threshold, self, self.resends)

    def __contains__(self, sn: object) -> bool:
        assert isinstance(sn, int)
        self.lookups[sn] += 1
        return sn in self.sns

    def acknowledge(self, *sns: int, sent: int = 0) -> None:
        """
        Take a batch of ACKs of copies that left at C{sent}.
        """
        newly = [(sn, sent) for sn in sns if sn in self.sns]
        self.sns.difference_update(sns)
        una = min(self.sns, default=self.next)
        if newly:
            self.overtaken.count(newly, una)

    def takeFast(self) -> list[int]:
        """
        Send again what reached the threshold.
        """
        hurried = self.overtaken.takeFast()
        self._hurry(hurried)
        return sorted(hurried)

    def takeEarly(self) -> list[int]:
        """
        Send again what was overtaken at all.
        """
        early = self.overtaken.takeEarly()
        self._hurry(early)
        return sorted(early)

    def _hurry(self, sns: Iterable[int]) -> None:
        for sn in sns:
            self.resends.setdefault(sn, Resend()).beforeTimeout = True

    def timeOut(self, now: int, *sns: int) -> None:
        """
        Send again because timeouts passed.
        """
        for sn in sns:
            resend = self.resends.setdefault(sn, Resend())
            resend.sent = now
            resend.beforeTimeout = False
            self.overtaken.resent(sn, now)


class ThresholdTests(SynchronousTestCase):
    """
    When a segment is to be sent again because of ACKs.
    """

    def test_batches(self) -> None:
        """
        The ACKs of later segments add up from batch to batch.
        """
        flight = Flight(3, 10)
        flight.acknowledge(1)
        flight.acknowledge(2)
        self.assertFalse(flight.overtaken.pending)
        self.assertEqual(flight.takeFast(), [])
        flight.acknowledge(3)
        self.assertTrue(flight.overtaken.pending)
        self.assertEqual(flight.takeFast(), [0])
        self.assertFalse(flight.overtaken.pending)

    def test_oneBatch(self) -> None:
        """
        Each ACK of a batch counts, in whatever order they come.
        """
        flight = Flight(3, 10)
        flight.acknowledge(4, 2, 3)
        self.assertEqual(flight.takeFast(), [0, 1])

    def test_laterOnly(self) -> None:
        """
        For a segment only the ACKs of later ones count.
        """
        flight = Flight(2, 10)
        flight.acknowledge(3)
        flight.acknowledge(1)
        self.assertEqual(flight.takeFast(), [0])
        flight.acknowledge(4)
        self.assertEqual(flight.takeFast(), [2])

    def test_nothingMissing(self) -> None:
        """
        ACKs in order overtake nothing.
        """
        flight = Flight(1, 5)
        for sn in range(5):
            flight.acknowledge(sn)
        self.assertFalse(flight.overtaken.pending)
        self.assertEqual(flight.takeEarly(), [])

    def test_once(self) -> None:
        """
        A segment that was sent again is not sent again by further ACKs.
        """
        flight = Flight(2, 20)
        flight.acknowledge(1, 2)
        self.assertEqual(flight.takeFast(), [0])
        for sn in range(3, 20):
            flight.acknowledge(sn)
        self.assertFalse(flight.overtaken.pending)
        self.assertEqual(flight.takeFast() + flight.takeEarly(), [])

    def test_acknowledgedMeanwhile(self) -> None:
        """
        A segment that was acknowledged before it could be sent again is left alone.
        """
        flight = Flight(1, 5)
        flight.acknowledge(2)
        flight.acknowledge(0)
        self.assertEqual(flight.takeFast(), [1])

    def test_firstSn(self) -> None:
        """
        Counting begins where the numbers begin.
        """
        flight = Flight(1, 3, firstSn=2**32 - 2)
        flight.acknowledge(2**32)
        self.assertEqual(flight.takeFast(), [2**32 - 2, 2**32 - 1])


class EarlyTests(SynchronousTestCase):
    """
    Segments that were overtaken, but less often than the threshold says.
    """

    def test_belowThreshold(self) -> None:
        """
        One ACK of a later segment is enough.
        """
        flight = Flight(3, 5)
        flight.acknowledge(2)
        self.assertEqual(flight.takeFast(), [])
        self.assertEqual(flight.takeEarly(), [0, 1])

    def test_once(self) -> None:
        """
        A segment that was sent again early is not sent again by further ACKs.
        """
        flight = Flight(3, 10)
        flight.acknowledge(1)
        self.assertEqual(flight.takeEarly(), [0])
        for sn in range(2, 10):
            flight.acknowledge(sn)
        self.assertEqual(flight.takeFast() + flight.takeEarly(), [])

    def test_hurriedAreNotEarly(self) -> None:
        """
        What reached the threshold is not early as well.
        """
        flight = Flight(2, 6)
        flight.acknowledge(1, 4)
        self.assertEqual(flight.takeFast(), [0])
        self.assertEqual(flight.takeEarly(), [2, 3])

    def test_acknowledgedMeanwhile(self) -> None:
        """
        A segment that was acknowledged meanwhile is left alone.
        """
        flight = Flight(3, 5)
        flight.acknowledge(2)
        flight.acknowledge(0)
        self.assertEqual(flight.takeEarly(), [1])

    def test_noThreshold(self) -> None:
        """
        With a threshold of 0 nothing is ever hurried, but what was overtaken is early, once.
        """
        flight = Flight(0, 20)
        for sn in range(1, 10):
            flight.acknowledge(sn)
        self.assertFalse(flight.overtaken.pending)
        self.assertEqual(flight.takeFast(), [])
        self.assertEqual(flight.takeEarly(), [0])
        for sn in range(11, 20):
            flight.acknowledge(sn)
        self.assertEqual(flight.takeEarly(), [10])


class TimeoutTests(SynchronousTestCase):
    """
    Segments that left again because their timeout passed.
    """

    def test_again(self) -> None:
        """
        After a timeout a segment can be overtaken again.
        """
        flight = Flight(2, 20)
        flight.acknowledge(1, 2)
        self.assertEqual(flight.takeFast(), [0])
        flight.timeOut(200, 0)
        flight.acknowledge(3, 4, sent=200)
        self.assertEqual(flight.takeFast(), [0])

    def test_olderCopies(self) -> None:
        """
        ACKs of copies that left before the segment left again do not count.
        """
        flight = Flight(1, 20)
        flight.timeOut(200, 0)
        flight.acknowledge(1, 2, 3, sent=199)
        self.assertEqual(flight.takeFast() + flight.takeEarly(), [])
        flight.acknowledge(4, sent=200)
        self.assertEqual(flight.takeFast(), [0])

    def test_afresh(self) -> None:
        """
        What was counted before a timeout counts no longer.
        """
        flight = Flight(2, 20)
        flight.acknowledge(1)
        flight.timeOut(200, 0)
        self.assertEqual(flight.takeEarly(), [])
        flight.acknowledge(2, sent=300)
        self.assertEqual(flight.takeFast(), [])
        self.assertEqual(flight.takeEarly(), [0])

    def test_neverSeen(self) -> None:
        """
        Segments that timed out before any ACK came are counted like others.
        """
        flight = Flight(2, 5)
        flight.timeOut(200, *range(5))
        flight.acknowledge(3, 4, sent=200)
        self.assertEqual(flight.takeFast(), [0, 1, 2])

    def test_timedOutTwice(self) -> None:
        """
        It is the last copy's time that ACKs are compared with.
        """
        flight = Flight(1, 10)
        flight.timeOut(200, 0)
        flight.timeOut(600, 0)
        flight.acknowledge(1, sent=599)
        self.assertEqual(flight.takeFast(), [])
        flight.acknowledge(2, sent=600)
        self.assertEqual(flight.takeFast(), [0])


class CostTests(SynchronousTestCase):
    """
    How often segments are looked at.
    """

    def touches(self, threshold: int) -> Counter[int]:
        """
        Acknowledge a window of 5000 in 500 batches, each of nine segments with a tenth missing,
        and send again what is to be.
        """
        flight = Flight(threshold, 5000)
        for first in range(0, 5000, 10):
            flight.acknowledge(*range(first + 1, first + 10))
            flight.takeFast()
        return flight.lookups

    def test_gaps(self) -> None:
        """
        A gap is looked at about as often as the threshold says, not for each later ACK.
        """
        for threshold in (1, 2, 5):
            lookups = self.touches(threshold)
            self.assertLessEqual(max(lookups.values()), threshold + 2)

    def test_inOrder(self) -> None:
        """
        Of the segments that are not missing, none is looked at more than once.
        """
        lookups = self.touches(2)
        self.assertEqual({count for sn, count in lookups.items() if sn % 10}, {1})

    def test_noThreshold(self) -> None:
        """
        Without a threshold a gap is looked at when it is found and when it is sent again.
        """
        flight = Flight(0, 1000)
        for sn in range(1, 1000):
            flight.acknowledge(sn)
        self.assertLessEqual(flight.lookups[0], 2)
        self.assertEqual(flight.takeEarly(), [0])


class ModelTests(SynchronousTestCase):
    """
    L{Overtaken} beside the rule as it stands in docs/wire.md, followed segment by segment.
    """

    @given(
        strategies.integers(0, 4),
        strategies.lists(
            strategies.tuples(
                strategies.sampled_from(["acks", "timeout", "early"]),
                strategies.sets(strategies.integers(0, 11), min_size=1, max_size=4),
                strategies.integers(0, 3),
            ),
            max_size=12,
        ),
    )
    def test_sameAsRule(self, threshold: int, events: list[tuple[str, set[int], int]]) -> None:
        """
        Whatever is acknowledged and times out in whatever order, the same segments are sent again
        as when each ACK is held against each segment in flight.
        """
        flight = Flight(threshold, 12)
        sent = dict.fromkeys(range(12), 0)
        fastack = dict.fromkeys(range(12), 0)
        resent: set[int] = set()
        now = 0
        for kind, sns, age in events:
            now += 100
            present = sns & flight.sns
            if kind == "acks":
                left = max(now - 100 * age, 0)
                flight.acknowledge(*present, sent=left)
                for ack in present:
                    for sn in flight.sns:
                        fastack[sn] += sn < ack and sent[sn] <= left
                expected = {
                    sn for sn in flight.sns - resent if fastack[sn] >= threshold and threshold
                }
                self.assertEqual(set(flight.takeFast()), expected)
                resent |= expected
            elif kind == "timeout":
                flight.timeOut(now, *present)
                resent -= present
                fastack.update(dict.fromkeys(present, 0))
                sent.update(dict.fromkeys(present, now))
            else:
                expected = {sn for sn in flight.sns - resent if fastack[sn]}
                self.assertEqual(set(flight.takeEarly()), expected)
                resent |= expected
