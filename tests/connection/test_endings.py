"""
Tests for L{kcptwisted.connection.lifecycle}: resets, what is left unread, and a program that ends.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.connection.events import Cause, End, Event, Unread
from kcptwisted.connection.states import State
from kcptwisted.wire.control import Fin, FinAck, Reset, ResetReason
from tests.connection.datagrams import frames
from tests.connection.driving import changed
from tests.connection.pairs import Pair
from tests.connection.peers import established


class ResetTests(SynchronousTestCase):
    """
    Ends that the peer is told of at once.
    """

    def test_said(self) -> None:
        """
        Each cause is told by its reason; a server says it twice, a client 5 times.
        """
        for cause, reason in (
            (Cause.ABORTED, ResetReason.ABORTED),
            (Cause.IDLE, ResetReason.IDLE),
            (Cause.CLOSED, ResetReason.SHUTDOWN),
            (Cause.FAILED, ResetReason.FAILED),
            (Cause.LINGER, ResetReason.FAILED),
            (Cause.PEER_TIMEOUT, ResetReason.FAILED),
            (Cause.DEAD_LINK, ResetReason.FAILED),
        ):
            pair = Pair().connect()
            for party, copies in ((pair.client, 5), (pair.server, 2)):
                party.end(End(cause))
                self.assertEqual(frames(party.take()), [Reset(reason)] * copies)
                word = party.connection.lifecycle.lastWord
                assert word is not None
                self.assertEqual(frames([word]), [Reset(reason)])

    def test_notSaid(self) -> None:
        """
        Who begins anew knows nothing of the connection.
        """
        party, _ = established()
        party.end(End(Cause.PEER_RESTARTED))
        self.assertEqual((party.take(), party.connection.lifecycle.lastWord), ([], None))

    def test_heard(self) -> None:
        """
        Each reason ends the connection, one that is not known too; nothing is said in return.
        """
        for reason, detail in (
            (1, "aborted"),
            (3, "idle"),
            (4, "shutdown"),
            (5, "failed"),
            (6, "its program ended"),
            (77, "77"),
        ):
            party, peer = established()
            party.receive([peer.block(Reset(reason))])
            self.assertEqual(party.ended, End(Cause.PEER_RESET, detail))
            self.assertEqual(party.take(), [])

    def test_deliversFirst(self) -> None:
        """
        What comes in one batch with the reset is given to the application before.
        """
        party, peer = established()
        party.receive([peer.push(0, b"data"), peer.block(Reset(1))])
        self.assertEqual(party.data, b"data")
        assert party.ended is not None


class UnreadTests(SynchronousTestCase):
    """
    The application has paused when the connection ends.
    """

    def test_read(self) -> None:
        """
        It gets the rest, and the end then.
        """
        party, peer = established()
        party.pause()
        party.receive([peer.push(0, b"data"), peer.block(Reset(1))])
        end = End(Cause.PEER_RESET, "aborted")
        self.assertEqual((party.state, party.events[-1]), (State.UNREAD, Unread(end)))
        self.assertIs(party.ended, None)
        party.resume()
        party.flush()
        self.assertEqual((party.data, party.ended, party.state), (b"data", end, State.CLOSED))

    def test_abandon(self) -> None:
        """
        Or it does not want the rest.
        """
        party, peer = established()
        party.pause()
        party.receive([peer.push(0, b"data"), peer.block(Reset(1))])
        party.close()
        party.flush()
        self.assertEqual((party.data, party.ended), (b"", End(Cause.PEER_RESET, "aborted")))

    def test_ownEnd(self) -> None:
        """
        Who gives up itself is not kept waiting by what it has not read.
        """
        party, peer = established()
        party.pause()
        party.receive([peer.push(0, b"data")])
        party.abort()
        party.flush()
        self.assertEqual(party.ended, End(Cause.ABORTED))

    def test_peerHadClosed(self) -> None:
        """
        If the peer had closed before, all has arrived, and nothing that it says later is an error.
        """
        party, peer = established()
        party.pause()
        party.receive([peer.push(0, b"data"), peer.fin(1)])
        party.receive([peer.block(Reset(4))])
        self.assertIs(party.ended, None)
        party.resume()
        party.flush()
        self.assertEqual((party.data, party.ended), (b"data", End(Cause.CLOSED)))

    def test_lostAfterwards(self) -> None:
        """
        Nor is it an error if the path is lost then.
        """
        party, peer = established()
        party.pause()
        party.receive([peer.push(0, b"data"), peer.fin(1)])
        party.end(End(Cause.REFUSED))
        self.assertIs(party.state, State.UNREAD)
        party.resume()
        party.flush()
        self.assertEqual((party.data, party.ended), (b"data", End(Cause.CLOSED)))


class LeavingTests(SynchronousTestCase):
    """
    The program ends.
    """

    def test_allSent(self) -> None:
        """
        What was written leaves, and a fin and a reset behind it, 5 times: the peer takes it for a
        close.
        """
        pair = Pair().connect()
        pair.client.write(b"data")
        pair.client.leave()
        sent = pair.client.sent
        self.assertEqual(frames(sent[-1:]), [Fin(1, True), Reset(ResetReason.ENDED)])
        self.assertEqual(len(frames(sent)), 10)
        pair.carry(0, pair.client.take())
        pair.run(100)
        self.assertEqual((pair.server.data, pair.server.ended), (b"data", End(Cause.CLOSED)))
        self.assertIn(Event.PEER_FINISHED, pair.server.events)

    def test_notAllSent(self) -> None:
        """
        If something could not leave, the peer is told that as well.
        """
        pair = Pair(changed(sendWindow=2)).connect()
        pair.client.write(bytes(10_000))
        pair.client.leave()
        self.assertEqual(set(frames(pair.client.sent)), {Reset(ResetReason.ENDED)})
        pair.carry(0, pair.client.take())
        pair.run(100)
        self.assertEqual(pair.server.ended, End(Cause.PEER_RESET, "its program ended"))

    def test_producer(self) -> None:
        """
        So it is if a producer has yet to bring the rest.
        """
        pair = Pair().connect()
        pair.client.producing = True
        pair.client.leave()
        self.assertEqual(set(frames(pair.client.take())), {Reset(ResetReason.ENDED)})

    def test_peerHasClosed(self) -> None:
        """
        To a peer that has closed the answer to its fin is the last word.
        """
        party, peer = established()
        party.pause()
        party.receive([peer.push(0, b"data"), peer.fin(1)])
        party.take()
        party.leave()
        self.assertEqual(set(frames(party.take())), {FinAck(1, True)})
