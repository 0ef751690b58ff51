"""
Tests for L{kcptwisted.connection.closing}: how a connection is closed, from either end.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.connection.events import Cause, End, Event
from kcptwisted.connection.states import Sending, State
from kcptwisted.testing.link import Link
from kcptwisted.wire.control import Fin, FinAck, Reset, ResetReason
from kcptwisted.wire.segment import PUSH, WINS, decodeSegments
from tests.connection.datagrams import blocks, frames, segment
from tests.connection.driving import PLAIN, SETTINGS, START, Party, changed
from tests.connection.pairs import Pair
from tests.connection.peers import Peer, established

CLOSED = End(Cause.CLOSED)


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


class CloseTests(SynchronousTestCase):
    """
    One end closes the connection, or both do.
    """

    def test_either(self) -> None:
        """
        Whoever closes, what it has written arrives, and both ends end well.
        """
        for number in range(2):
            pair = Pair().connect()
            closer, other = pair.ends[number], pair.ends[1 - number]
            closer.write(b"x" * 50_000)
            closer.close()
            self.assertIs(closer.state, State.CLOSING)
            pair.run(1000)
            self.assertEqual(len(other.data), 50_000)
            self.assertEqual((closer.ended, other.ended), (CLOSED, CLOSED))
            self.assertIn(Event.PEER_FINISHED, other.events)
            self.assertIs(closer.sending, Sending.DATA_SENT)

    def test_both(self) -> None:
        """
        Both close at once: both end well, and neither is given anything.
        """
        pair = Pair().connect()
        for party in pair.ends:
            party.write(b"x" * 50_000)
            party.close()
        pair.run(2000)
        for party in pair.ends:
            self.assertEqual((party.ended, party.data), (CLOSED, b""))

    def test_news(self) -> None:
        """
        A close is news once, before or after the peer is there, and an answer that comes later
        does not establish the connection.
        """
        party, _ = established()
        self.assertTrue(party.connection.close(party.now))
        self.assertFalse(party.connection.close(party.now))
        other = Party()
        other.call()
        other.flush()
        self.assertTrue(other.connection.close(other.now))
        self.assertFalse(other.connection.close(other.now))
        other.receive([Peer(other).hello()])
        self.assertIs(other.state, State.CLOSING)
        self.assertNotIn(Event.ESTABLISHED, other.events)
        other.flush()
        self.assertEqual(frames(other.take())[-1:], [Fin(0, True)])

    def test_plain(self) -> None:
        """
        To a peer without control frames nothing is said; the close ends with its last ACK.
        """
        pair = Pair(SETTINGS, PLAIN)
        pair.client.call()
        pair.run(3000)
        pair.client.write(b"data")
        pair.client.close()
        pair.run(1000)
        self.assertEqual((pair.client.ended, pair.server.data), (CLOSED, b"data"))
        self.assertIs(pair.server.ended, None)

    def test_producer(self) -> None:
        """
        The fin waits for a producer, and for all that it writes.
        """
        party, peer = established()
        party.producing = True
        party.close()
        self.assertEqual(frames(party.flushed()), [])
        self.assertTrue(party.write(b"rest"))
        party.receive([peer.ack(0)])
        party.producing = False
        party.resume()
        self.assertEqual(frames(party.flushed()), [Fin(1, True)])
        self.assertFalse(party.write(b"more"))

    def test_finLost(self) -> None:
        """
        A fin is sent again until it is answered.
        """
        pair = Pair().connect()
        pair.cut()
        pair.client.close()
        pair.run(2000)
        pair.setLink(Link(delay=0.01))
        pair.run(5000)
        self.assertEqual((pair.client.ended, pair.server.ended), (CLOSED, CLOSED))

    def test_finOvertakes(self) -> None:
        """
        A fin that has overtaken data is answered when they have come, and not sooner.
        """
        party, peer = established()
        party.receive([peer.fin(2), peer.push(1, b"two")])
        self.assertFalse([each for each in frames(party.flushed()) if isinstance(each, FinAck)])
        self.assertEqual((party.data, party.ended), (b"", None))
        party.receive([peer.push(0, b"one")])
        self.assertEqual((party.data, party.ended), (b"onetwo", CLOSED))
        self.assertEqual(set(frames(party.take())), {FinAck(2, True)})

    def test_answerLost(self) -> None:
        """
        A client whose fin-ack got lost gets another one from the server's last word.
        """
        pair = Pair().connect()
        pair.client.close()
        pair.run(11)
        pair.server.take()
        pair._queue.clear()
        self.assertEqual(pair.server.ended, CLOSED)
        pair.run(5000)
        self.assertEqual(pair.client.ended, CLOSED)


class HalfCloseTests(SynchronousTestCase):
    """
    One end closes the direction to the other.
    """

    def test_half(self) -> None:
        """
        The other goes on writing; when both directions are closed the connection is over.
        """
        pair = Pair().connect()
        pair.client.write(b"question")
        pair.client.closeOutput()
        pair.run(500)
        self.assertIn(Event.OUTPUT_DELIVERED, pair.client.events)
        self.assertIn(Event.PEER_FINISHED, pair.server.events)
        self.assertIs(pair.client.state, State.ESTABLISHED)
        self.assertFalse(pair.client.write(b"more"))
        pair.server.write(b"answer")
        pair.server.closeOutput()
        pair.run(500)
        self.assertEqual((pair.client.data, pair.server.data), (b"answer", b"question"))
        self.assertEqual((pair.client.ended, pair.server.ended), (CLOSED, CLOSED))

    def test_thenAll(self) -> None:
        """
        A later close says the same final sn with the flag.
        """
        party, peer = established()
        party.write(b"data")
        party.closeOutput()
        self.assertEqual(frames(party.flushed()), [Fin(1, False)])
        party.receive([peer.ack(0), peer.finAck(1, False)])
        party.flush()
        party.close()
        self.assertEqual(frames(party.flushed())[-1:], [Fin(1, True)])


class LingerTests(SynchronousTestCase):
    """
    How long a close may stand still.
    """

    def closing(self, linger: float, window: int = 512) -> tuple[Party, Peer]:
        """
        @return: an end that has closed at L{START}, and the peer of which the window is known.
        """
        party, peer = established(changed(linger=linger))
        party.receive([segment(WINS, window=window)])
        party.write(bytes(5000))
        party.close()
        party.flush()
        return party, peer

    def test_over(self) -> None:
        """
        After C{linger} without progress it gives up, not sooner.
        """
        party, _ = self.closing(2.5)
        party.passTo(START + 2499)
        self.assertIs(party.ended, None)
        party.passTo(START + 2500)
        self.assertEqual(party.ended, End(Cause.LINGER))

    def test_none(self) -> None:
        """
        With no time to wait it is over at once.
        """
        party, _ = self.closing(0)
        self.assertEqual(party.ended, End(Cause.LINGER))

    def test_progress(self) -> None:
        """
        An acknowledgement has it wait anew; a repeated one does not.
        """
        party, peer = self.closing(1.0)
        party.passTo(START + 700)
        party.receive([peer.ack(0)])
        party.flush()
        party.passTo(START + 1200)
        party.receive([peer.ack(0)])
        party.passTo(START + 1699)
        self.assertIs(party.ended, None)
        party.passTo(START + 1700)
        self.assertEqual(party.ended, End(Cause.LINGER))

    def test_shut(self) -> None:
        """
        A peer whose window is shut is asked four times within C{linger}, and has the close wait
        for as long as it says so.
        """
        party, _ = self.closing(4.0, window=0)
        party.take()
        times = [
            now - START
            for now in range(START + 100, START + 4000, 100)
            if any(not block.frames for block in blocks(party.passTo(now)))
        ]
        self.assertEqual(times, [1000, 2000, 3000])
        party.receive([segment(WINS, window=0)])
        party.flush()
        party.passTo(START + 7800)
        self.assertIs(party.ended, None)
        party.passTo(START + 8000)
        self.assertEqual(party.ended, End(Cause.LINGER))

    def test_plays(self) -> None:
        """
        What arrives has a close wait ten times its C{linger} at most.
        """
        party, _ = self.closing(1.0)
        for number in range(100):
            if party.ended is not None:
                break
            party.receive([segment(PUSH, number, 0, b"x")])
            party.passTo(party.now + 500)
        assert party.ended is not None
        self.assertTrue(10_000 <= party.now - START <= 12_500, party.now - START)
