"""
Producers are paused by what the path needs: the queue stays short, and the path busy.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from kcptwisted.arq.limits import (
    LEAST_UNGOVERNED,
    LEAST_WORTH_QUEUEING,
    SHORT_PATH_WINDOW,
)
from kcptwisted.options import KCPOptions
from kcptwisted.testing.link import Link
from tests.connections import ConnectionTestCase, RecordingProtocol

CHUNK = 4000

#: 1 Mbit/s and 20 Mbit/s, 50 ms there and back, 60 ms of queue.
SLOW = Link(delay=0.025, rate=125_000, queue=7_500)
FAST = Link(delay=0.025, rate=2_500_000, queue=150_000)


@implementer(IPushProducer)
class File:
    """
    Writes up to C{length} bytes whenever it may.

    @ivar most: the longest queue that it saw.
    """

    def __init__(self, transport: Any, length: int) -> None:
        """
        @param transport: where it registers.
        """
        self._transport = transport
        self._left = length
        self._paused = False
        self.most = 0
        transport.registerProducer(self, True)
        self.resumeProducing()

    def resumeProducing(self) -> None:
        """
        Write until paused.
        """
        self._paused = False
        while not self._paused and self._left > 0:
            self._left -= CHUNK
            self._transport.write(bytes(CHUNK))
            self.most = max(self.most, self._transport.queuedBytes)
        if self._left <= 0:
            self._transport.unregisterProducer()

    def pauseProducing(self) -> None:
        """
        Write no more for now.
        """
        self._paused = True

    def stopProducing(self) -> None:
        """
        Write no more.
        """
        self._paused = True
        self._left = 0


class QueueTests(ConnectionTestCase):
    """
    How much waits, and what follows from it.
    """

    options = KCPOptions(crypt="null")

    def begin10MB(self, link: Link) -> tuple[File, RecordingProtocol, RecordingProtocol]:
        """
        @return: a producer with more than can be sent in the test, and both ends.
        """
        client, server = self.connect(link=link)
        return File(client.session, 10_000_000), client, server

    def test_short(self) -> None:
        """
        On a slow path no more waits than is worth it, and all the time something does.
        """
        file, client, server = self.begin10MB(SLOW)
        self.network.run(1)
        self.assertGreater(client.session.queuedBytes, 0)
        file.most = 0
        for _ in range(400):
            self.network.run(0.01)
            self.assertGreater(client.session.queuedBytes, 0)
        self.assertLess(file.most, 2 * LEAST_WORTH_QUEUEING)
        self.assertGreater(len(server.received), 5 * 125_000 * 0.8)

    def test_lateWriteIsSoonThere(self) -> None:
        """
        So what is written beside the producer arrives within a quarter of a second.
        """
        file, client, server = self.begin10MB(SLOW)
        self.network.run(3)
        file.stopProducing()
        client.session.write(b"late")
        self.network.run(0.3)
        self.assertTrue(server.received.endswith(b"late"))

    def test_cancel(self) -> None:
        """
        And a producer that gives up leaves a connection that closes at once.
        """
        file, client, server = self.begin10MB(SLOW)
        self.network.run(3)
        file.stopProducing()
        client.session.unregisterProducer()
        client.session.loseConnection()
        self.network.run(0.5)
        self.assertEqual((len(client.reasons), len(server.reasons)), (1, 1))

    def test_asFast(self) -> None:
        """
        The path is as busy as if all had been written at once.
        """
        received = []
        for produced in (False, True):
            self.setUp()
            client, server = self.connect(link=FAST)
            if produced:
                file = File(client.session, 10_000_000)
            else:
                client.session.write(bytes(10_000_000))
            self.network.run(3)
            received.append(len(server.received))
        self.assertGreater(received[0], 3 * 2_500_000 * 0.7)
        self.assertGreater(received[1], received[0] * 0.97)
        self.assertLess(file.most, 400_000)

    def test_shortPath(self) -> None:
        """
        On a LAN a window's worth waits.
        """
        self.options = KCPOptions(crypt="null", ackNoDelay=True)
        file, _, server = self.begin10MB(Link(delay=0.0002))
        window = SHORT_PATH_WINDOW * 1500
        self.assertLess(file.most, LEAST_UNGOVERNED + CHUNK)
        self.network.run(0.5)
        self.assertTrue(500_000 < file.most < window + CHUNK, file.most)
        self.assertEqual(len(server.received), 10_000_000)

    def test_shortPathEitherWay(self) -> None:
        """
        A LAN is fast from the beginning, though the first ACKs wait for others.
        """
        self.bothWays(Link(delay=0.0002))
        client, server = self.connect()
        for one, other in ((client, server), (server, client)):
            File(one.session, 5_000_000)
            self.network.run(0.1)
            self.assertEqual(len(other.received), 5_000_000)
            self.assertEqual(one.session.congestionWindow, SHORT_PATH_WINDOW * one.session.mtu)

    def test_none(self) -> None:
        """
        Without congestion control it is the send window's.
        """
        client, _ = self.connect(KCPOptions(crypt="null", nc=True, sendWindow=100, mtu=1400), SLOW)
        file = File(client.session, 10_000_000)
        self.network.run(1)
        self.assertTrue(100 * 1376 <= file.most < 100 * 1376 + CHUNK)
