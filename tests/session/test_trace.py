"""
Tests for L{kcptwisted.session.trace}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.logger import Logger, LogLevel, formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.interfaces import IDatagramProtocol, IDatagramTransport
from kcptwisted.session.trace import TraceLayer
from kcptwisted.wire.fec import outOfBandPacket
from kcptwisted.wire.segment import ACK, PUSH, WASK, WINS, Segment
from tests.properties import given, strategies
from tests.recording import ADDRESS, RecordingProtocol, RecordingTransport

SECRET = b"attack at dawn"

FIELDS = (
    *("log_level", "direction", "address", "cmd"),
    *("conv", "frg", "wnd", "ts", "sn", "una", "length"),
)


def segment(cmd: int, sn: int = 5, data: bytes = b"") -> bytes:
    """
    @return: an encoded segment.
    """
    return Segment(0xC0FFEE, cmd, 2, 128, 1234, sn, 4, data).encode()


class TraceLayerTests(SynchronousTestCase):
    """
    Tests for L{TraceLayer}.
    """

    def setUp(self) -> None:
        """
        A layer between what records, and what is logged.
        """
        self.events: list[dict[str, Any]] = []
        observer: Any = self.events.append
        self.above = RecordingProtocol()
        self.below = RecordingTransport(overhead=5)
        self.layer = TraceLayer(self.above, Logger("trace", observer=observer))
        self.layer.makeConnection(self.below)

    def lines(self) -> list[str]:
        """
        @return: the log as text.
        """
        return [formatEvent(event) for event in self.events]

    def test_interfaces(self) -> None:
        """
        It is a layer like others, and adds nothing to a datagram.
        """
        verifyObject(IDatagramProtocol, self.layer)
        verifyObject(IDatagramTransport, self.layer)
        self.assertEqual(self.layer.overhead, 5)

    def test_fields(self) -> None:
        """
        Each segment is an event at debug level with its fields.
        """
        self.layer.writeDatagrams([segment(PUSH, data=SECRET)], ADDRESS)
        (event,) = self.events
        self.assertEqual(
            [event[field] for field in FIELDS],
            [LogLevel.debug, "out", ADDRESS, "PUSH", 0xC0FFEE, 2, 128, 1234, 5, 4, len(SECRET)],
        )
        self.assertEqual(
            self.lines(),
            [
                "out ('192.0.2.1', 29900) PUSH conv=12648430 frg=2 wnd=128 ts=1234 sn=5 una=4"
                " length=14"
            ],
        )

    def test_each(self) -> None:
        """
        All segments of all datagrams are traced, in order, each by its command.
        """
        first = segment(ACK, 1) + segment(PUSH, 2, SECRET)
        second = segment(WASK, 3) + segment(WINS, 4)
        self.layer.datagramsReceived([first, second], ADDRESS)
        self.assertEqual(
            [(event["cmd"], event["sn"], event["length"]) for event in self.events],
            [("ACK", 1, 0), ("PUSH", 2, len(SECRET)), ("WASK", 3, 0), ("WINS", 4, 0)],
        )

    def test_directions(self) -> None:
        """
        What goes up and down passes unchanged, and the log says which way.
        """
        one, two, three = (segment(PUSH, sn, SECRET) for sn in range(3))
        reason = Failure(ConnectionDone())
        self.layer.datagramsReceived([one], ADDRESS)
        self.layer.datagramsRecovered([two], ADDRESS)
        self.layer.writeDatagrams([three], ADDRESS)
        self.layer.batchFinished()
        self.layer.connectionLost(reason)
        self.assertEqual(
            self.above.calls,
            [
                ("received", [one], ADDRESS),
                ("recovered", [two], ADDRESS),
                ("finished",),
                ("lost", reason),
            ],
        )
        self.assertEqual(self.below.written, [([three], ADDRESS)])
        self.assertEqual(
            [(event["direction"], event["sn"]) for event in self.events],
            [("in", 0), ("recovered", 1), ("out", 2)],
        )

    def test_noSegments(self) -> None:
        """
        A datagram that is malformed, or something else, is one line with its length, and passes.
        """
        whole = segment(PUSH, data=SECRET)
        others = [
            b"",
            SECRET,
            whole[:-1],
            whole + b"more",
            segment(80),
            whole + segment(85),
            outOfBandPacket(1, SECRET),
        ]
        self.layer.datagramsReceived(others, ADDRESS)
        self.assertEqual(
            self.lines(),
            [
                f"in ('192.0.2.1', 29900) {len(other)} bytes that are no segments"
                for other in others
            ],
        )
        self.assertEqual(self.above.calls, [("received", others, ADDRESS)])

    def test_noData(self) -> None:
        """
        Nothing of the data is in an event.
        """
        self.layer.datagramsReceived([segment(PUSH, data=SECRET), SECRET], ADDRESS)
        self.layer.writeDatagrams([segment(WINS, data=SECRET)], ADDRESS)
        self.assertEqual(len(self.events), 3)
        for event in self.events:
            self.assertNotIn("attack", repr(event))

    @given(strategies.lists(strategies.binary(max_size=60), max_size=3))
    def test_anything(self, datagrams: list[bytes]) -> None:
        """
        Whatever arrives, it passes, and there is a line for each datagram at least.
        """
        self.setUp()
        self.layer.datagramsReceived(datagrams, ADDRESS)
        self.assertEqual(self.above.calls, [("received", datagrams, ADDRESS)])
        self.assertGreaterEqual(len(self.lines()), len(datagrams))

    def test_log(self) -> None:
        """
        Unless told otherwise, a layer writes to the log of its module.
        """
        observer: Any = self.events.append
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        layer = TraceLayer(self.above)
        layer.makeConnection(self.below)
        layer.datagramsReceived([segment(ACK)], ADDRESS)
        (event,) = self.events
        self.assertEqual(
            (event["log_namespace"], event["cmd"]), ("kcptwisted.session.trace", "ACK")
        )
