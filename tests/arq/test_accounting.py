"""
Tests for what the pacer counts: everything that leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.conversation import Conversation
from kcptwisted.arq.tailtimer import MAXIMUM_PROBES
from kcptwisted.congestion.control import Acknowledgement, CongestionControl
from kcptwisted.congestion.spec import ControlSpec
from kcptwisted.wire.segment import WASK, WINS
from tests.arq.link import SETTINGS, End, Fate, Link, goodFate

#: Bytes a second: a full segment every five milliseconds.
RATE = 200 * SETTINGS.mtu


class Fixed(CongestionControl):
    """
    A congestion control that only paces.
    """

    def __init__(self, segment: int, roundTrip: int) -> None:
        self.window = 1 << 30
        self.pacingRate = RATE

    def onAck(self, ack: Acknowledgement) -> None:
        """
        Learn nothing.
        """

    def onTimeout(self, now: int, inFlight: int) -> None:
        """
        Learn nothing.
        """


PACED = replace(
    SETTINGS, congestion=ControlSpec("fixed", Fixed), detectsLossByTime=True, ackNoDelay=True
)
LIMITED = replace(SETTINGS, rateLimit=RATE, ackNoDelay=True)
#: What leaves without waiting, and is made up for: probes, and control segments.
AT_ONCE = 4 * SETTINGS.mtu + MAXIMUM_PROBES * SETTINGS.mtu


def lossy(seed: int, loss: float) -> Fate:
    """
    @return: so many of the datagrams are lost; the others arrive in order after 20 ms.
    """
    random = Random(seed)
    return lambda: [] if random.random() < loss else [20]


def _isDrained(conversation: Conversation) -> bool:
    return conversation.drained


class AccountingTests(SynchronousTestCase):
    """
    What leaves in any span is the rate times the span, and a burst.
    """

    def run_(
        self, link: Link, milliseconds: int, beside: Callable[[Conversation, int], object]
    ) -> None:
        """
        Let both ends do C{beside} every ten milliseconds, and see what the first one sends.
        """
        departures: list[tuple[int, int]] = []
        first: End = link.ends[0]
        send = first.outgoing.send

        def note(now: int, datagrams: list[bytes]) -> None:
            departures.append((now, sum(map(len, datagrams))))
            send(now, datagrams)

        for end in link.ends:
            end.conversation.flushBy(0)
        first.outgoing.send = note  # type: ignore[assignment,method-assign]
        for now in range(0, milliseconds, 10):
            for end in link.ends:
                beside(end.conversation, now)
            link.runFor(10)
        total = sum(size for _, size in departures)
        self.assertGreater(total, 0.9 * RATE * milliseconds / 1000)
        for span in (10, 100, 1000):
            most = max(
                sum(size for when, size in departures if start <= when < start + span)
                for start, _ in departures
            )
            self.assertLessEqual(most, RATE * span // 1000 + AT_ONCE, f"within {span} ms")

    def test_copies(self) -> None:
        """
        Copies, of which there are many.
        """
        for settings in (PACED, LIMITED):
            link = Link((lossy(1, 0.3), lossy(2, 0.1)), settings=settings)
            link.ends[0].conversation.write(bytes(200_000))
            self.run_(link, 4000, lambda conversation, now: None)

    def test_controls(self) -> None:
        """
        Control frames.
        """

        def ask(conversation: Conversation, now: int) -> None:
            conversation.sendControl(WINS if now % 20 else WASK, bytes([0]) + bytes(60))

        for settings in (PACED, LIMITED):
            link = Link((goodFate, goodFate), settings=settings)
            link.ends[0].conversation.write(bytes(200_000))
            self.run_(link, 4000, ask)

    def test_acks(self) -> None:
        """
        ACKs of what the peer sends all the while.
        """
        for settings in (PACED, LIMITED):
            link = Link((goodFate, goodFate), settings=settings)
            for end in link.ends:
                end.conversation.write(bytes(200_000))
            self.run_(link, 4000, lambda conversation, now: None)

    def test_ahead(self) -> None:
        """
        What leaves while there is nothing to pace counts for what is written next.
        """
        link = Link((goodFate, goodFate), settings=LIMITED)
        conversation = link.ends[0].conversation
        for _ in range(10):
            conversation.sendControl(WINS, bytes([0]) + bytes(60))
        conversation.datagramsToSend(0)
        conversation.write(bytes(10_000))
        self.assertEqual(conversation.datagramsToSend(0), [])


class SampleTests(SynchronousTestCase):
    """
    What the congestion control learns, however losses are found.
    """

    def test_rate(self) -> None:
        """
        Nearly each batch of ACKs has a sample of the rate, also if una covers all that it
        acknowledges.
        """
        for byTime in (False, True):
            heard: list[tuple[int, int]] = []

            class Listening(Fixed):
                def onAck(self, ack: Acknowledgement, heard: list[tuple[int, int]] = heard) -> None:
                    heard.append((ack.interval, ack.roundTrip))

            settings = replace(
                SETTINGS,
                congestion=ControlSpec("listening", Listening),
                detectsLossByTime=byTime,
            )
            link = Link((goodFate, goodFate), settings=settings)
            conversation = link.ends[0].conversation
            conversation.write(bytes(20_000))
            conversation.flushBy(0)
            link.run(partial(_isDrained, conversation))
            self.assertGreater(len(heard), 20)
            self.assertEqual([each for each in heard if each[0] <= 0 or each[1] <= 0], [])
