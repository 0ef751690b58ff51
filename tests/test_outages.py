"""
Links that are out for a while, with data in flight.
"""

from __future__ import annotations

from kcptwisted.errors import DeadLink, PeerTimeout
from kcptwisted.options import KCPOptions
from kcptwisted.testing.link import Link
from kcptwisted.wire.segment import PUSH, Segment
from tests.connections import ConnectionTestCase
from tests.inside import sessionOf

GOOD = Link(delay=0.005)
OUT = Link(loss=1)
MODES = ("normal", "fast", "fast2", "fast3")


class OutageTests(ConnectionTestCase):
    """
    How long an outage may last.
    """

    def test_survived(self) -> None:
        """
        While the keepalive would still wait, no copies that are lost end the connection, in any
        mode, and what was in flight arrives.
        """
        for mode in MODES:
            for deadAfter, seconds in ((30.0, 12), (300.0, 120)):
                options = KCPOptions(crypt="null", mode=mode, deadAfter=deadAfter)
                client, server = self.connect(options, link=GOOD)
                self.bothWays(OUT)
                client.session.write(b"up")
                server.session.write(b"down")
                self.network.run(seconds)
                self.assertEqual((client.reasons, server.reasons), ([], []), mode)
                self.bothWays(GOOD)
                self.network.run(60)
                self.assertEqual((server.received, client.received), (b"up", b"down"), mode)
                self.finish(self.port)
                self.setUp()

    def test_forGood(self) -> None:
        """
        An outage without end is found out, but not before C{keepAlive} and C{deadAfter} are over,
        nor much later.
        """
        for mode in MODES:
            options = KCPOptions(crypt="null", mode=mode, keepAlive=4, deadAfter=20)
            client, _ = self.connect(options, link=GOOD)
            self.network.run(1)
            self.bothWays(OUT)
            client.session.write(b"lost")
            self.network.run(23.5)
            self.assertEqual(client.reasons, [], mode)
            self.network.run(8)
            self.assertIsInstance(self.reasonOf(client), (DeadLink, PeerTimeout), mode)
            self.network.run(60)
            self.finish(self.port)
            self.setUp()


class EarlyTests(ConnectionTestCase):
    """
    A single message that is lost.
    """

    def test_beforeTheLast(self) -> None:
        """
        When the last but one of some messages is lost, all are there after two ways more and the
        time that the ACK waits for company, in the default mode and without fast resending.
        """
        for resend in (None, 0):
            options = KCPOptions(crypt="null", stream=False, resend=resend)
            client, server = self.connect(options, link=GOOD)
            for _ in range(20):
                client.session.write(b"before")
                self.network.run(0.2)
            began = self.network.clock.seconds()
            self.bothWays(OUT)
            client.session.write(b"lost")
            self.network.run(0)
            self.bothWays(GOOD)
            client.session.write(b"last")
            self.network.runUntil(lambda: server.pieces[-1:] == [b"last"])  # noqa: B023
            took = self.network.clock.seconds() - began
            # The last one's way, the ACK's time and way, an eighth of the round trip, the way.
            self.assertLessEqual(took, 0.005 + 0.020 + 0.005 + 0.004 + 0.005 + 0.002, resend)
            self.finish(self.port)
            self.setUp()


class LifeTests(ConnectionTestCase):
    """
    What is no sign of life.
    """

    def test_malformed(self) -> None:
        """
        Datagrams whose first segment is longer than they are keep no connection up.
        """
        options = KCPOptions(crypt="null", keepAlive=2, deadAfter=4)
        client, server = self.connect(options, link=GOOD)
        self.network.run(1)
        self.bothWays(OUT)
        address = sessionOf(server.session).address
        malformed = Segment(server.session.conv, PUSH, 0, 9, 0, 0, 0, b"data").encode()[:-1]
        for _ in range(20):
            sessionOf(server.session).datagramsReceived([malformed], address)
            self.network.run(0.5)
        self.assertIsInstance(self.reasonOf(server), PeerTimeout)
        self.assertGreater(server.session.stats.KCPInErrors, 5)
        del client
