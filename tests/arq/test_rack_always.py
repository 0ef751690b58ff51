"""
Tests for L{kcptwisted.arq.rack}: what holds whatever happens.
"""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.arq.flight import ROOM, SIZE, Flight
from tests.properties import given, settings, strategies

#: What may happen: its name, and two numbers that tell how.
_EVENT = strategies.tuples(
    strategies.sampled_from(["send", "ack", "old", "una", "wait", "due", "expire", "forged"]),
    strategies.integers(0, 12),
    strategies.integers(0, 200),
)


class AlwaysTests(SynchronousTestCase):
    """
    What holds whatever happens.
    """

    @settings(max_examples=400)
    @given(
        strategies.lists(_EVENT, max_size=60),
        strategies.booleans(),
        strategies.sampled_from([0, 1, 50, 3000]),
        strategies.sampled_from([0, SIZE, 3 * SIZE, ROOM]),
    )
    def test_anything(
        self, events: list[tuple[str, int, int]], nodelay: bool, roundTrip: int, room: int
    ) -> None:
        """
        No segment in flight is forgotten, what is given is in flight and in order, what waits is
        counted, and in the end, when ACKs come as they should, all arrives.
        """
        flight = Flight(nodelay, roundTrip)
        flight.settings = replace(flight.settings, mtu=SIZE)
        flight.recovery.configure(flight.settings)
        now = 0
        for name, first, second in events:
            sn = flight.una + first
            if name == "send":
                flight.send(now, first + 1)
            elif name == "ack" and sn in flight.inFlight:
                flight.ack(now, sn)
            elif name == "old" and sn in flight.inFlight:
                flight.ack(now, sn, sent=flight.left[sn] - second)
            elif name == "forged" and sn in flight.inFlight:
                flight.ack(now, sn, sent=now - second)
            elif name == "una" and flight.inFlight:
                flight.ack(now, una=min(sn, flight.next))
            elif name == "expire" and flight.inFlight:
                flight.recovery.expire(list(flight.inFlight)[: first + 1], now)
            elif name == "wait":
                now += second
            elif name == "due" and flight.recovery.due is not None:
                now = max(now, flight.recovery.due)
            self.check(flight)
            recovery = flight.recovery
            if recovery.pending or (recovery.due is not None and recovery.due <= now):
                self.taken(flight, now, room)
        for _ in range(200):
            if not flight.inFlight:
                break
            if not flight.recovery.pending:
                assert flight.recovery.due is not None
                now = max(now, flight.recovery.due)
            again = self.taken(flight, now, ROOM)
            now += 20
            if again:
                flight.ack(now, *again)
                self.check(flight)
        self.assertEqual(flight.inFlight, {})

    def taken(self, flight: Flight, now: int, room: int) -> list[int]:
        """
        Take what is to be sent again.
        """
        lost = flight.recovery.lost
        again = flight.take(now, room)
        recovery = flight.recovery
        self.assertEqual(again, sorted(set(again)))
        self.assertTrue(set(again) <= flight.inFlight.keys())
        self.assertTrue(recovery.due is None or recovery.due > now)
        if lost and room >= SIZE:
            self.assertTrue(again)
        self.check(flight)
        return again

    def check(self, flight: Flight) -> None:
        """
        See that all is accounted for.
        """
        recovery = flight.recovery
        waiting = 0
        if recovery._losses is not None:
            copies = recovery._losses.copies
            waiting = sum([copy.waiting for copy in copies.values()])
            self.assertTrue(copies.keys() <= flight.inFlight.keys())
        self.assertEqual(recovery.lost, waiting)
        self.assertEqual(recovery.pending, waiting > 0)
        if not flight.inFlight:
            self.assertEqual((recovery.due, recovery.lost), (None, 0))
        elif recovery.due is None:
            self.assertEqual(waiting, SIZE * len(flight.inFlight))
