"""
Tests for L{kcptwisted.server.replays}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.server.replays import MAXIMUM, ReplayMemory
from kcptwisted.wire.control import NO_TOKEN, Hello, encodeBlock
from kcptwisted.wire.segment import WASK, Segment
from tests.properties import given, strategies

KEY = bytes(range(32))


def _hello(conv: int = 5, ts: int = 1000, token: bytes = b"tokentok") -> bytes:
    block = encodeBlock(NO_TOKEN, token, [Hello(0, 512)])
    return Segment(conv, WASK, 0, 512, ts, 0, 0, block).encode()


class ReplayMemoryTests(SynchronousTestCase):
    """
    Tests for L{ReplayMemory}.
    """

    def test_seen(self) -> None:
        """
        What was remembered is seen, and nothing else.
        """
        memory = ReplayMemory(KEY)
        memory.remember([b"one", b"two"])
        for datagram, seen in ((b"one", True), (b"two", True), (b"three", False), (b"", False)):
            self.assertIs(memory.seen(datagram), seen)

    def test_asking(self) -> None:
        """
        Asking does not make it remember.
        """
        memory = ReplayMemory(KEY)
        self.assertFalse(memory.seen(b"one"))
        self.assertFalse(memory.seen(b"one"))
        self.assertEqual(len(memory), 0)

    def test_hello(self) -> None:
        """
        Another attempt to open a session differs in its conversation, time or token.
        """
        memory = ReplayMemory(KEY)
        memory.remember([_hello()])
        self.assertTrue(memory.seen(_hello()))
        for other in (_hello(conv=6), _hello(ts=1001), _hello(token=b"tokentoc")):
            self.assertFalse(memory.seen(other))

    def test_bounded(self) -> None:
        """
        Beyond the bound the oldest is forgotten; one that comes again keeps its age.
        """
        memory = ReplayMemory(KEY)
        datagrams = [b"%d" % number for number in range(MAXIMUM + 1)]
        memory.remember(datagrams[:-1])
        memory.remember(datagrams[:10])
        self.assertEqual(len(memory), MAXIMUM)
        self.assertTrue(memory.seen(datagrams[0]))
        memory.remember(datagrams[-1:])
        self.assertEqual(len(memory), MAXIMUM)
        self.assertEqual([memory.seen(datagrams[n]) for n in (0, 1, 9, -1)], [False] + [True] * 3)

    def test_forgotten(self) -> None:
        """
        What was forgotten can be remembered anew.
        """
        memory = ReplayMemory(KEY)
        datagrams = [b"%d" % number for number in range(MAXIMUM + 1)]
        memory.remember(datagrams)
        memory.remember(datagrams[:1])
        self.assertEqual([memory.seen(datagrams[n]) for n in (0, 1, 2)], [True, False, True])

    def test_key(self) -> None:
        """
        The fingerprints are of at least 8 bytes, and others under another key.
        """
        first, second = ReplayMemory(KEY), ReplayMemory(bytes(32))
        one, other = first._fingerprint(b"datagram"), second._fingerprint(b"datagram")
        self.assertGreaterEqual(len(one), 8)
        self.assertNotEqual(one, other)

    @given(strategies.lists(strategies.binary(max_size=3)), strategies.binary(max_size=3))
    def test_any(self, datagrams: list[bytes], asked: bytes) -> None:
        """
        Whatever the bytes are, it is as with a list of them.
        """
        memory = ReplayMemory(KEY)
        memory.remember(datagrams)
        self.assertEqual(memory.seen(asked), asked in datagrams)
        self.assertEqual(len(memory), len(set(datagrams)))
