"""
Tests for L{kcptwisted.metrics.snapshot}.
"""

from __future__ import annotations

from dataclasses import fields

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.accounts import accountsOf
from kcptwisted.metrics.names import PORT, SESSION
from kcptwisted.metrics.snapshot import MEASURES, decode, snapshotOf
from kcptwisted.stats import PortStats, SessionStats
from kcptwisted.testing.link import Link
from tests.connections import SERVER, ConnectionTestCase

RTT = MEASURES[0].metric


class NamesTests(SynchronousTestCase):
    """
    Names.
    """

    def test_all(self) -> None:
        """
        Each counter has one metric, in the same order, and no two have the same.
        """
        for kinds, stats, others in (
            (PORT, PortStats, ["CurrEstab", "MaxConn"]),
            (SESSION, SessionStats, []),
        ):
            names = [field.name for field in fields(stats) if field.name not in others]
            self.assertEqual([kind.counter for kind in kinds], names)
        metrics = [kind.metric for kind in [*PORT, *SESSION]]
        self.assertEqual(len(set(metrics)), len(metrics))


class SnapshotTests(ConnectionTestCase):
    """
    Counts at one time.
    """

    def test_sessions(self) -> None:
        """
        Live sessions are distributed by what they measure.
        """
        host = self.network.host(SERVER)
        _, server = self.connect(link=Link(delay=0.03))
        server.session.write(bytes(100_000))
        self.network.run(2)
        (account,) = accountsOf(host).all()
        snapshot = snapshotOf(account)
        self.assertEqual(snapshot.live, 1)
        bounds = MEASURES[0].bounds
        found = snapshot.measures[RTT]
        self.assertEqual(found.counts[bounds.index(0.1)], 1)
        self.assertEqual(sum(found.counts), 1)
        self.assertAlmostEqual(found.total, server.session.smoothedRTT / 1000)
        self.assertEqual(snapshot.session["BytesSent"], 100_000)
        # Without FEC there is nothing to say of it.
        self.assertEqual(sum(snapshot.measures["kcp_live_fec_recovered_ratio"].counts), 0)
        self.finish(self.port)

    def test_added(self) -> None:
        """
        Several are added, also when they come as text from another process.
        """
        host = self.network.host(SERVER)
        _, server = self.connect(link=Link(delay=0.03))
        server.session.write(bytes(1000))
        self.network.run(2)
        (account,) = accountsOf(host).all()
        one, other = snapshotOf(account), snapshotOf(account)
        self.assertEqual(decode(one.encode()), one)
        one.add(decode(other.encode()))
        self.assertEqual(one.live, 2)
        self.assertEqual(one.session["BytesSent"], 2000)
        self.assertEqual(one.port["PassiveOpens"], 2)
        self.assertEqual(sum(one.measures[RTT].counts), 2)
        self.finish(self.port)

    def test_foreign(self) -> None:
        """
        What is no snapshot is refused.
        """
        for text in ("", "[]", "{}", "3", '["a", 1, {}, {}, {}, {}]', "[1, 2"):
            problem = self.assertRaises(ValueError, decode, text)
            self.assertIn("snapshot", str(problem))
