"""
Tests for L{kcptwisted.connection.closing}: how a connection is closed, from either end.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.connection.states import Sending
from tests.connection.peers import established


class DiscardedTests(SynchronousTestCase):
    """
    The peer takes nothing any more.
    """

    def test_noFin(self) -> None:
        """
        An end that has closed its output, and whose application has yet to read what the peer sent
        before it closed, does not send its FIN again, and nothing is due.
        """
        party, peer = established()
        party.pause()
        party.closeOutput()
        party.flush()
        party.receive([peer.push(0, b"data"), peer.fin(1)])
        party.flush()
        party.take()
        self.assertIs(party.sending, Sending.DISCARDED)
        self.assertIs(party.deadline(), None)
        self.assertEqual(party.passTo(party.now + 100_000), [])
