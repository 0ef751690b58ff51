"""
Tests for L{kcptwisted.fec.flushing}.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.fec.decoder import FECDecoder
from kcptwisted.fec.encoder import PARITY_EXPIRES, FECEncoder
from kcptwisted.fec.flushing import FlushingFECLayer
from kcptwisted.interfaces import Address, IDatagramProtocol, IDatagramTransport
from kcptwisted.stats import SessionStats
from kcptwisted.timing.clock import FlushClock
from kcptwisted.wire.fec import DATA, PARITY, packetType
from tests.recording import ADDRESS, RecordingProtocol, RecordingTransport

PADDING = b"padding"


class FlushingFECLayerTests(SynchronousTestCase):
    """
    Tests for L{FlushingFECLayer}.
    """

    def setUp(self) -> None:
        """
        A layer for groups of three and two, between what records.
        """
        self.make()

    def make(self, data: int = 3, parity: int = 2, pause: int = 20) -> None:
        """
        Begin anew.
        """
        self.reactor = Clock()
        self.clock = FlushClock(self.reactor)
        self.below = RecordingTransport(overhead=20)
        self.above = RecordingProtocol()
        self.padding: bytes | None = PADDING
        self.paddings = 0
        self.layer = FlushingFECLayer(
            self.above, data, parity, self.clock, SessionStats(), pause, self.fill
        )
        self.layer.makeConnection(self.below)

    def fill(self) -> bytes | None:
        """
        @return: a filler, unless the session is over.
        """
        self.paddings += 1
        return self.padding

    def write(self, *datagrams: bytes) -> None:
        """
        Send datagrams.
        """
        self.layer.writeDatagrams(datagrams, ADDRESS)

    def passTime(self, milliseconds: int) -> None:
        """
        Let time pass in small steps.
        """
        self.reactor.pump([0.001] * milliseconds)

    def kinds(self) -> list[int | None]:
        """
        @return: the types of what was sent since the last time.
        """
        sent = [packet for packets, _ in self.below.written for packet in packets]
        self.below.written.clear()
        return [packetType(packet) for packet in sent]

    def test_interfaces(self) -> None:
        """
        It is a layer.
        """
        for interface in (IDatagramProtocol, IDatagramTransport):
            verifyObject(interface, self.layer)
        self.assertEqual(self.layer.overhead, 28)

    def test_pause(self) -> None:
        """
        After the pause a half-filled group is filled up and has its parity; a receiver rebuilds
        from it what was lost.
        """
        self.write(b"one", b"two")
        self.passTime(19)
        self.assertEqual(len(self.below.written), 1)
        self.passTime(11)
        expected = FECEncoder(3, 2).encode([b"one", b"two", PADDING], 0)
        self.assertEqual(self.below.written, [(expected[:2], ADDRESS), (expected[2:], ADDRESS)])
        arrived = expected[:1] + expected[2:]
        rebuilt = FECDecoder(3, 2, SessionStats()).decode(arrived)
        self.assertEqual(rebuilt, ([b"one", PADDING], [b"two"]))

    def test_once(self) -> None:
        """
        Fillers do not begin another pause: after them nothing is sent and nothing waits.
        """
        self.write(b"one")
        self.passTime(40)
        self.assertEqual(self.kinds(), [DATA, DATA, DATA, PARITY, PARITY])
        self.assertIs(self.layer.due, None)
        self.passTime(1000)
        self.assertEqual((self.kinds(), self.paddings), ([], 1))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_traffic(self) -> None:
        """
        Each datagram begins the pause anew.
        """
        self.make(20, 2)
        for _ in range(10):
            self.write(b"datagram")
            self.passTime(19)
        self.assertEqual(self.kinds(), [DATA] * 10)
        self.passTime(20)
        self.assertEqual(self.kinds(), [DATA] * 10 + [PARITY] * 2)

    def test_full(self) -> None:
        """
        When a group has become full there is nothing to fill up.
        """
        self.write(b"one", b"two")
        self.write(b"three")
        self.assertEqual(self.kinds(), [DATA, DATA, DATA, PARITY, PARITY])
        self.passTime(1000)
        self.assertEqual((self.kinds(), self.paddings), ([], 0))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_oneShard(self) -> None:
        """
        Groups of one are never half-filled.
        """
        self.make(1, 1)
        self.write(b"one", b"two")
        self.passTime(100)
        self.assertEqual((self.kinds(), self.paddings), ([DATA, PARITY] * 2, 0))

    def test_nothingSent(self) -> None:
        """
        A session that sends nothing has nothing to fill up.
        """
        self.write()
        self.passTime(100)
        self.assertEqual((self.kinds(), self.paddings), ([], 0))

    def test_nextGroup(self) -> None:
        """
        After fillers the next datagrams begin a new group, which is filled up in its turn.
        """
        for _ in range(3):
            self.write(b"one", b"two")
            self.passTime(40)
            self.assertEqual(self.kinds(), [DATA, DATA, DATA, PARITY, PARITY])

    def test_closed(self) -> None:
        """
        When the session is over nothing is sent any more.
        """
        self.write(b"one")
        self.padding = None
        self.passTime(1000)
        self.assertEqual((self.kinds(), self.paddings), ([DATA], 1))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_early(self) -> None:
        """
        Flushed before its time it waits on.
        """
        self.layer.flush(0)
        self.write(b"one")
        self.layer.flush(19)
        self.assertEqual((self.kinds(), self.layer.due), ([DATA], 20))
        self.layer.flush(20)
        self.assertEqual(self.kinds(), [DATA, DATA, PARITY, PARITY])

    def test_oldData(self) -> None:
        """
        However long the pause and however many datagrams are missing, parity is sent, although the
        encoder leaves it out where the last two data shards of a group are far apart.
        """
        for pause in (20, PARITY_EXPIRES - 1, PARITY_EXPIRES, 5000):
            for count in (1, 2):
                self.make(pause=pause)
                self.write(*[b"datagram"] * count)
                self.passTime(pause + 200)
                self.assertEqual(self.kinds()[-2:], [PARITY, PARITY], (pause, count))

    def test_received(self) -> None:
        """
        It hands up what arrives like any FEC layer.
        """
        packets = FECEncoder(3, 2).encode([b"one", b"two", b"three"], 0)
        self.layer.datagramsReceived(packets[1:4], ADDRESS)
        self.assertEqual(
            self.above.calls,
            [("received", [b"two", b"three"], ADDRESS), ("recovered", [b"one"], ADDRESS)],
        )

    def test_connectionLost(self) -> None:
        """
        If a layer below says that the connection is over, the session is told so at once.
        """

        def refuse(datagrams: Sequence[bytes], address: Address) -> None:
            raise reason

        reason = ConnectionLost("no more")
        self.write(b"datagram")
        self.patch(self.below, "writeDatagrams", refuse)
        self.passTime(40)
        ((name, failure),) = self.above.calls
        assert isinstance(failure, Failure)
        self.assertEqual((name, failure.value), ("lost", reason))
