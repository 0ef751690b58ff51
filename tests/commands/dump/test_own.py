"""
C{kcptwisted dump} of connections of ours: what it says is what the ends counted.
"""

from __future__ import annotations

from typing import Any

from kcptwisted.options import KCPOptions
from kcptwisted.stats import SessionStats
from kcptwisted.testing import Link
from tests.commands.dump.conversing import SIZE, CaptureTestCase
from tests.commands.dump.running import objects

LOSSY = Link(delay=0.02, loss=0.05)


class OwnTests(CaptureTestCase):
    """
    The ends' counters and the summary.
    """

    def summary(self, options: KCPOptions, *arguments: str) -> dict[str, Any]:
        """
        @return: that of the only conversation.
        """
        self.converse(options, LOSSY)
        found = objects(self.frames, *arguments)
        (summary,) = [one for one in found if one["type"] != "datagram"]
        self.assertEqual(summary["type"], "conversation")
        return dict(summary)

    def check(self, direction: dict[str, Any], stats: SessionStats, size: int) -> None:
        """
        Compare what one end sent.
        """
        self.assertEqual(direction["push"], stats.OutSegs)
        self.assertEqual(direction["sentAgain"], stats.RetransSegs)
        self.assertEqual((direction["data"], direction["missing"]), (size, 0))
        # Probes of the MTU do not pass through the session's layers.
        self.assertGreaterEqual(direction["datagrams"], stats.OutPkts)

    def test_plain(self) -> None:
        """
        Segments, and those that were sent again, are as many as the ends counted.  The capture is
        where datagrams leave, so an ACK takes half of the round trip from there.
        """
        summary = self.summary(KCPOptions(crypt="null", mode="fast3"))
        client, server = summary["directions"]
        self.check(client, self.client.session.stats, SIZE)
        self.check(server, self.server.session.stats, 6)
        self.assertGreater(client["sentAgain"], 0)
        self.assertTrue(20 <= client["roundTrip"]["least"] < 21, client["roundTrip"])

    def test_cipherAndFEC(self) -> None:
        """
        So it is with a cipher and FEC.
        """
        options = KCPOptions(key="k", mode="fast3", dataShards=10, parityShards=3)
        summary = self.summary(options, "--key", "k")
        client, server = summary["directions"]
        self.check(client, self.client.session.stats, SIZE)
        self.check(server, self.server.session.stats, 6)
        self.assertEqual((client["fec"]["dataShards"], client["fec"]["parityShards"]), (10, 3))
        self.assertEqual(client["fec"]["missing"], 0)
