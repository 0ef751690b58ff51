"""
Links that are out for a while, with data in flight.
"""

from __future__ import annotations

from kcptwisted.errors import DeadLink, PeerTimeout
from kcptwisted.link import Link
from kcptwisted.options import KCPOptions
from tests.connections import ConnectionTestCase

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
