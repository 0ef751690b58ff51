"""
Tests for L{kcptwisted.udp.lingering}, and for what the port makes of it.
"""

from __future__ import annotations

from typing import Any

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.udp.lingering import (
    BATCHES,
    FIRST_PAUSE_TURNS,
    LONGEST_PAUSE_TURNS,
    MOST_READERS,
    TRIES,
    Lingering,
)
from tests.udp.fakes import PortTestCase

GONE = Failure(Exception())

#: What the socket says when nothing is there.
NOTHING = BlockingIOError()


class LingeringTests(SynchronousTestCase):
    """
    Tests for L{Lingering}.
    """

    def pause(self, lingering: Lingering) -> int:
        """
        Let the pause go by.

        @return: turns that it took.
        """
        turns, lingering.pause = lingering.pause, 0
        return turns

    def test_inVain(self) -> None:
        """
        Each poll that finds nothing is followed by a longer pause, up to the longest.
        """
        lingering = Lingering()
        pauses = []
        for _ in range(8):
            pauses.append(self.pause(lingering))
            lingering.polled(found=False)
        self.assertEqual(
            pauses[:4],
            [FIRST_PAUSE_TURNS, FIRST_PAUSE_TURNS, 2 * FIRST_PAUSE_TURNS, 4 * FIRST_PAUSE_TURNS],
        )
        self.assertEqual(max(pauses), LONGEST_PAUSE_TURNS)

    def test_pays(self) -> None:
        """
        While polls find something there are no pauses, and after that they are short again.
        """
        lingering = Lingering()
        for _ in range(8):
            self.pause(lingering)
            lingering.polled(found=False)
        self.pause(lingering)
        for _ in range(5):
            lingering.polled(found=True)
            self.assertEqual(lingering.pause, 0)
        lingering.polled(found=False)
        self.assertEqual(self.pause(lingering), FIRST_PAUSE_TURNS)


class PortTests(PortTestCase):
    """
    How a port waits.
    """

    def turns(self, count: int, *incoming: Any) -> None:
        """
        Have the reactor find the socket readable so often.

        @param incoming: what there is each time.
        """
        for _ in range(count):
            self.socket.incoming = list(incoming)
            self.port.doRead()

    def test_waits(self) -> None:
        """
        What comes within a moment is handed over in the same turn, batch by batch.
        """
        self.turns(FIRST_PAUSE_TURNS, b"ping")
        before = self.protocol.batches
        self.turns(1, b"ping", NOTHING, NOTHING, NOTHING, b"pong", NOTHING, NOTHING, b"ping")
        self.assertEqual(self.socket.incoming, [])
        self.assertEqual(self.protocol.batches - before, 3)

    def test_givesUp(self) -> None:
        """
        What takes longer is left to the reactor.
        """
        self.turns(FIRST_PAUSE_TURNS, b"ping")
        self.turns(1, b"ping", *[NOTHING] * (TRIES + 2), b"late")
        self.assertIn(b"late", self.socket.incoming)
        self.turns(1, b"ping", NOTHING, NOTHING, b"pong")
        self.assertIn(b"pong", self.socket.incoming)

    def test_turnsEnd(self) -> None:
        """
        A peer that always answers at once does not hold the reactor for ever.
        """
        self.turns(FIRST_PAUSE_TURNS, b"ping")
        self.turns(1, *[b"ping", NOTHING] * 100)
        taken = 100 - self.socket.incoming.count(b"ping")
        self.assertEqual(taken, 1 + BATCHES)

    def test_amongMany(self) -> None:
        """
        Where the reactor watches many descriptors there is no waiting.
        """
        self.reactor.readers |= {object() for _ in range(MOST_READERS)}
        self.turns(FIRST_PAUSE_TURNS, b"ping")
        self.turns(1, b"ping", NOTHING, NOTHING, b"pong")
        self.assertIn(b"pong", self.socket.incoming)

    def test_closedMeanwhile(self) -> None:
        """
        A protocol that closes the port ends the waiting.
        """
        self.turns(FIRST_PAUSE_TURNS, b"ping")
        self.protocol.onReceived = lambda: self.port.connectionLost(GONE)
        self.turns(1, b"ping", NOTHING, b"pong")
        self.assertIn(b"pong", self.socket.incoming)
