"""
Tests for L{kcptwisted.connection.closing}: how a connection is closed, from either end.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.connection.events import Cause
from kcptwisted.connection.states import Sending
from kcptwisted.wire.control import Reset, ResetReason
from kcptwisted.wire.segment import decodeSegments
from tests.connection.driving import SETTINGS, changed
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


class PeersCloseTests(SynchronousTestCase):
    """
    The peer has closed, and what it sent before has yet to arrive.
    """

    def test_acknowledgements(self) -> None:
        """
        The acknowledgements of what arrives still wait, so that several share a datagram.
        """
        for both in (False, True):
            party, peer = established()
            party.receive([peer.fin(3, both=both)])
            party.flush()
            party.take()
            for sn in (1, 2):
                party.receive([peer.push(sn, b"data")])
                self.assertFalse(party.connection.wantsFlush)
            [datagram] = party.passTo(party.now + SETTINGS.arq.interval)
            self.assertEqual([each.sn for each in decodeSegments(datagram)], [1, 2])

    def test_unread(self) -> None:
        """
        So do those of copies, when all has arrived and the application has yet to read it.
        """
        party, peer = established()
        party.pause()
        party.receive([peer.push(0, b"data"), peer.fin(1)])
        party.flush()
        party.take()
        self.assertIs(party.sending, Sending.DISCARDED)
        party.receive([peer.push(0, b"data")])
        self.assertFalse(party.connection.wantsFlush)


class DeliveredTests(SynchronousTestCase):
    """
    The application has closed, and the peer has acknowledged everything, but not the FIN.
    """

    def test_timeout(self) -> None:
        """
        A peer that is gone then makes no error of the close.
        """
        party, peer = established(changed(SETTINGS, keepAlive=1.0, deadAfter=2.0))
        party.write(b"data")
        party.close()
        party.flush()
        party.receive([peer.ack(0)])
        party.passTo(party.now + 10_000)
        assert party.ended is not None
        self.assertIs(party.ended.cause, Cause.CLOSED)

    def test_idle(self) -> None:
        """
        Nor does one that lives on and does not answer.
        """
        party, peer = established(changed(SETTINGS, idleTimeout=10.0))
        party.write(b"data")
        party.close()
        party.flush()
        party.receive([peer.ack(0)])
        party.passTo(party.now + 20_000)
        assert party.ended is not None
        self.assertIs(party.ended.cause, Cause.CLOSED)

    def test_reset(self) -> None:
        """
        Nor does one that has forgotten the connection.
        """
        party, peer = established()
        party.write(b"data")
        party.close()
        party.flush()
        party.receive([peer.ack(0), peer.block(Reset(ResetReason.UNKNOWN))])
        assert party.ended is not None
        self.assertIs(party.ended.cause, Cause.CLOSED)

    def test_producer(self) -> None:
        """
        As long as a producer has yet to bring the rest, all that was written is not everything.
        """
        party, peer = established()
        party.write(b"data")
        party.producing = True
        party.close()
        party.flush()
        party.receive([peer.ack(0), peer.block(Reset(ResetReason.FAILED))])
        assert party.ended is not None
        self.assertIs(party.ended.cause, Cause.PEER_RESET)

    def test_undelivered(self) -> None:
        """
        What is not acknowledged is lost, and that is an error.
        """
        for frame, cause in ((ResetReason.FAILED, Cause.PEER_RESET),
                             (ResetReason.UNKNOWN, Cause.PEER_RESTARTED)):  # fmt: skip
            party, peer = established()
            party.write(b"data")
            party.close()
            party.flush()
            party.receive([peer.block(Reset(frame), una=0)])
            assert party.ended is not None
            self.assertIs(party.ended.cause, cause)
