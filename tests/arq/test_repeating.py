"""
Tests for L{kcptwisted.arq.repeating}, by way of L{kcptwisted.arq.rack}.
"""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.repeating import PART, SMALL
from tests.arq.flight import SIZE, Flight

#: After how many milliseconds a copy is repeated, over a round trip of 50 ms.
AFTER = 50 // PART + 1


def large(roundTrip: int = 50) -> Flight:
    """
    @return: segments that are not small.
    """
    flight = Flight(roundTrip=roundTrip)
    flight.settings = replace(flight.settings, mtu=SMALL * SIZE - 1)
    flight.recovery.configure(flight.settings)
    return flight


def small() -> Flight:
    """
    @return: segments that are small.
    """
    flight = Flight()
    flight.settings = replace(flight.settings, mtu=SMALL * SIZE)
    flight.recovery.configure(flight.settings)
    return flight


class RepeatingTests(SynchronousTestCase):
    """
    Segments that are sent again twice.
    """

    def lose(self, flight: Flight, blocked: bool) -> None:
        """
        Segment 0 is overtaken and sent again at 50 ms.
        """
        flight.send(0, 2)
        flight.ack(50, 1)
        self.assertEqual(flight.take(50, blocked=blocked), [0])

    def test_blocked(self) -> None:
        """
        What keeps the window shut is sent once more, after a part of the round trip, and no third
        time.
        """
        flight = large()
        self.lose(flight, True)
        self.assertEqual(flight.recovery.due, 50 + AFTER)
        self.assertEqual(flight.take(50 + AFTER - 1, blocked=True), [])
        self.assertEqual(flight.take(50 + AFTER, blocked=True), [0])
        self.assertEqual(flight.take(50 + 2 * AFTER, blocked=True), [])
        self.assertEqual((flight.stats.FastRetransSegs, flight.stats.RetransSegs), (1, 2))

    def test_open(self) -> None:
        """
        A large segment is sent once again if the window is not shut.
        """
        flight = large()
        self.lose(flight, False)
        self.assertEqual(flight.recovery.due, 50 + 100)
        self.assertEqual(flight.take(50 + AFTER), [])

    def test_small(self) -> None:
        """
        A small one is sent once more always; that costs little.
        """
        flight = small()
        self.lose(flight, False)
        self.assertEqual(flight.take(50 + AFTER), [0])

    def test_probe(self) -> None:
        """
        So is a small one that probes the path, once its round trip is known.
        """
        flight = small()
        flight.send(0)
        self.assertEqual(flight.take(100), [0])
        self.assertEqual(flight.take(100 + AFTER), [0])
        unknown = Flight(roundTrip=0)
        unknown.send(0)
        self.assertEqual(unknown.take(200), [0])
        self.assertEqual(unknown.take(200 + AFTER), [])

    def test_largeProbe(self) -> None:
        """
        A large one that probes is not.
        """
        flight = large()
        flight.send(0)
        self.assertEqual(flight.take(100, blocked=True), [0])
        self.assertEqual(flight.take(100 + AFTER, blocked=True), [])

    def test_acknowledged(self) -> None:
        """
        What has been acknowledged meanwhile is not repeated.
        """
        flight = large()
        flight.send(0, 3)
        flight.ack(50, 2)
        self.assertEqual(flight.take(50, blocked=True), [0, 1])
        flight.ack(53, 0, sent=0)
        self.assertEqual(flight.take(50 + AFTER, blocked=True), [1])

    def test_room(self) -> None:
        """
        Nothing is repeated without room for it.
        """
        flight = large()
        self.lose(flight, True)
        self.assertEqual(flight.take(50 + AFTER, SIZE - 1, True), [])
        self.assertEqual(flight.recovery.due, 50 + 100)

    def test_needed(self) -> None:
        """
        That the first of the two copies arrived shows no reordering, that the original did does.
        """
        for sent, needless in ((50, 0), (0, 1)):
            flight = large()
            self.lose(flight, True)
            self.assertEqual(flight.take(50 + AFTER, blocked=True), [0])
            flight.ack(100, 0, sent=sent)
            self.assertEqual(flight.stats.NeedlessRetrans, needless)

    def test_patience(self) -> None:
        """
        While the window is shut, what was overtaken waits for no longer than a part of the round
        trip, whatever the path has taught.
        """
        for blocked, due in ((False, 150 + 50), (True, 150 + AFTER)):
            flight = large()
            self.lose(flight, blocked)
            flight.ack(90, 0, sent=0)
            flight.send(100, 2)
            self.assertEqual(flight.take(100, blocked=blocked), [])
            flight.rtt.smoothed = 50.0
            flight.ack(150, 3)
            self.assertEqual(flight.recovery.due, due)
            self.assertEqual(flight.take(due - 1, blocked=blocked), [])
            self.assertEqual(flight.take(due, blocked=blocked), [2])
