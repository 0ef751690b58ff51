"""
How much a conversation holds of what a hostile peer sends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from gc import get_referents
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.conversation import Conversation
from kcptwisted.arq.receiver import MAXIMUM_ACKS_PER_SEGMENT
from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import ACK, OVERHEAD, PUSH, Segment, decodeSegments
from tests.arq.link import CONV, SETTINGS

WINDOW = 32
FLOOD = 3000
MARK = b"payload"


def _held(holder: object) -> int:
    """
    @return: how many payloads that begin with L{MARK} are held, wherever.
    """
    count = 0
    seen: set[int] = set()
    unseen: list[object] = [holder]
    while unseen:
        for referent in get_referents(unseen.pop()):
            if isinstance(referent, bytes):
                count += referent.startswith(MARK)
            elif isinstance(referent, (dict, list, deque, tuple)) and id(referent) not in seen:
                seen.add(id(referent))
                unseen.append(referent)
    return count


def _push(sn: int, frg: int = 0) -> bytes:
    return Segment(CONV, PUSH, frg, 32, sn, sn & 0xFFFFFFFF, 0, MARK + b"%d" % sn).encode()


class LimitTestCase(SynchronousTestCase):
    """
    Holds a conversation whose application does not read.
    """

    def make(self, stream: bool = True) -> None:
        """
        Begin anew.
        """
        self.stats = SessionStats()
        settings = replace(SETTINGS, receiveWindow=WINDOW, stream=stream, mtu=OVERHEAD + 1000)
        self.conversation = Conversation(CONV, settings, self.stats)

    def flood(self, datagrams: Iterable[bytes]) -> int:
        """
        Let datagrams arrive, one by one.

        @return: how many payloads were held at most.
        """
        most = 0
        for datagram in datagrams:
            self.conversation.receive([datagram], 0)
            most = max(most, _held(self.conversation.receiver))
        return most


class ReorderTests(LimitTestCase):
    """
    Segments that wait for a missing one, and for the application.
    """

    def test_gap(self) -> None:
        """
        Behind a gap at most a window waits, the missing one counted.
        """
        self.make()
        self.assertEqual(self.flood(map(_push, range(1, FLOOD))), WINDOW - 1)
        self.assertEqual(self.stats.KCPInErrors, FLOOD - WINDOW)

    def test_twoWindows(self) -> None:
        """
        When nobody reads, one window waits to be read and one for room, in stream and in message
        mode.
        """
        for stream in (True, False):
            self.make(stream)
            self.assertEqual(self.flood(map(_push, range(FLOOD))), 2 * WINDOW)

    def test_anywhere(self) -> None:
        """
        Random numbers fill no more.
        """
        random = Random(1)
        self.make()
        near = [random.randrange(4 * WINDOW) for _ in range(FLOOD)]
        far = [random.randrange(1 << 32) for _ in range(FLOOD)]
        most = self.flood(map(_push, near + far))
        self.assertLessEqual(most, 2 * WINDOW)
        self.assertGreater(most, WINDOW)

    def test_endlessMessage(self) -> None:
        """
        A message without end is dropped when its fragments have counted down, however often it is
        begun: beside two windows no more is held than one message has fragments.
        """
        self.make(stream=False)
        most = self.flood([_push(sn, 255 - sn % 255) for sn in range(FLOOD)])
        self.assertLessEqual(most, 256 + 2 * WINDOW)
        self.assertGreaterEqual(most, 255)


class AckTests(LimitTestCase):
    """
    ACKs that wait to be sent.
    """

    def acks(self, sns: Iterable[int]) -> list[int]:
        """
        Let segments arrive, and no flush happen.

        @return: what is acknowledged at last.
        """
        self.make()
        for sn in sns:
            self.conversation.receive([_push(sn)], 0)
        segments = [
            segment
            for datagram in self.conversation.datagramsToSend(0)
            for segment in decodeSegments(datagram)
        ]
        return [segment.sn for segment in segments if segment.cmd == ACK]

    def test_repeated(self) -> None:
        """
        However often segments behind a gap come, no more ACKs wait than so many for each segment of
        the window, and each segment's is among them, the newest at the end.
        """
        for count in range(FLOOD, FLOOD + 3):
            sns = [1 + number % (WINDOW - 1) for number in range(count)]
            self.assertBounded(sns)

    def assertBounded(self, sns: list[int]) -> None:
        """
        See that all of C{sns} are acknowledged, in not too many segments.
        """
        acks = self.acks(sns)
        self.assertEqual(set(acks), set(sns))
        self.assertEqual(acks[-1], sns[-1])
        self.assertLessEqual(len(acks), MAXIMUM_ACKS_PER_SEGMENT * WINDOW)

    def test_random(self) -> None:
        """
        So it is in any order.
        """
        random = Random(2)
        sns = [random.randrange(1, WINDOW) for _ in range(FLOOD)]
        self.assertBounded(sns)

    def test_effort(self) -> None:
        """
        What waits is not gone through for each of them, but once for as many as the window has.
        """
        self.make()
        receiver = self.conversation.receiver
        passes = 0
        for number in range(FLOOD):
            before = receiver._selective
            self.conversation.receive([_push(1 + number % (WINDOW - 1))], 0)
            passes += before is not None and receiver._selective is not before
        self.assertGreater(passes, 0)
        self.assertLessEqual(passes, FLOOD // WINDOW)

    def test_refused(self) -> None:
        """
        Segments beyond the window, that are not kept, are not acknowledged.
        """
        self.assertEqual(self.acks(range(WINDOW, FLOOD)), [])

    def test_old(self) -> None:
        """
        Of segments that una covers only the last one is acknowledged.
        """
        self.assertEqual(self.acks([0] * FLOOD), [0])
