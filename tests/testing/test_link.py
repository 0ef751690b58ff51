"""
Tests for L{kcptwisted.testing.link}.
"""

from __future__ import annotations

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.testing.link import Link, LinkModel

COUNT = 5000


class LinkTests(SynchronousTestCase):
    """
    What happens to datagrams.
    """

    def fates(self, link: Link, seed: int = 3) -> list[list[tuple[float, bytes]]]:
        """
        @return: what arrives of each of many datagrams.
        """
        self.model = LinkModel(link, Random(seed))
        return [self.model.arrivals(b"datagram") for _ in range(COUNT)]

    def assertShare(self, happened: int, share: float) -> None:
        """
        So many of all datagrams is about that share.
        """
        self.assertLess(abs(happened / COUNT - share), 0.02)

    def test_perfect(self) -> None:
        """
        A link without conditions passes everything at once.
        """
        self.assertEqual(self.fates(Link()), [[(0.0, b"datagram")]] * COUNT)
        self.assertEqual((self.model.passed, self.model.lost), (COUNT, 0))

    def test_repeatable(self) -> None:
        """
        The same seed gives the same fates, another one gives others.
        """
        link = Link(loss=0.1, jitter=1, duplicate=0.1, corrupt=0.1)
        self.assertEqual(self.fates(link), self.fates(link))
        self.assertNotEqual(self.fates(link), self.fates(link, 4))

    def test_loss(self) -> None:
        """
        The share of lost datagrams is as asked, and counted.
        """
        lost = self.fates(Link(loss=0.1)).count([])
        self.assertShare(lost, 0.1)
        self.assertEqual((self.model.lost, self.model.passed), (lost, COUNT - lost))
        self.assertEqual(self.fates(Link(loss=1)), [[]] * COUNT)

    def test_duplicate(self) -> None:
        """
        The share of datagrams that arrive twice is as asked.
        """
        self.assertShare(sum(len(fate) == 2 for fate in self.fates(Link(duplicate=0.2))), 0.2)

    def test_delay(self) -> None:
        """
        Jitter adds up to its length to the delay, evenly.
        """
        delays = [fate[0][0] for fate in self.fates(Link(delay=1, jitter=0.5))]
        self.assertTrue(all(1 <= delay <= 1.5 for delay in delays))
        self.assertLess(abs(sum(delays) / COUNT - 1.25), 0.02)

    def test_reorder(self) -> None:
        """
        The share of datagrams that take longer is as asked.
        """
        fates = self.fates(Link(delay=1, reorder=0.3, reorderDelay=0.5))
        self.assertShare(sum(fate[0][0] == 1.5 for fate in fates), 0.3)
        self.assertTrue(all(fate[0][0] in (1, 1.5) for fate in fates))

    def test_corrupt(self) -> None:
        """
        A damaged datagram differs in one bit.
        """
        damaged = [
            fate[0][1] for fate in self.fates(Link(corrupt=0.1)) if fate[0][1] != b"datagram"
        ]
        self.assertShare(len(damaged), 0.1)
        self.assertEqual(self.model.corrupted, len(damaged))
        original = int.from_bytes(b"datagram", "big")
        for datagram in damaged:
            self.assertEqual((int.from_bytes(datagram, "big") ^ original).bit_count(), 1)
        self.assertEqual(LinkModel(Link(corrupt=1), Random(1)).arrivals(b""), [(0.0, b"")])

    def test_mtu(self) -> None:
        """
        Datagrams beyond the mtu are lost.
        """
        model = LinkModel(Link(mtu=10), Random(1))
        self.assertEqual(len(model.arrivals(bytes(10))), 1)
        self.assertEqual(model.arrivals(bytes(11)), [])

    def test_bounds(self) -> None:
        """
        Impossible conditions are errors that name the field.
        """
        for name, value in (
            ("loss", 1.1),
            ("corrupt", -0.1),
            ("delay", -1),
            ("jitter", -1),
            ("mtu", -1),
        ):
            problem = self.assertRaises(ValueError, lambda n=name, v=value: Link(**{n: v}))
            self.assertIn(name, str(problem))
