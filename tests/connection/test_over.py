"""
Tests for L{kcptwisted.connection.connection.Connection}: nothing follows the end.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.connection.events import Cause, End
from kcptwisted.connection.states import State
from kcptwisted.wire.segment import PUSH, WASK
from tests.connection.datagrams import segment
from tests.connection.driving import Party, changed
from tests.connection.peers import Peer, established

RESET = End(Cause.PEER_RESET, "failed")


def closed() -> tuple[Party, Peer]:
    """
    @return: an end whose connection is over.
    """
    party, peer = established(changed(idleTimeout=60.0, keepAlive=10.0))
    party.write(b"lost" * 1000)
    party.abort()
    party.flush()
    party.take()
    assert party.state is State.CLOSED
    return party, peer


def unread() -> tuple[Party, Peer]:
    """
    @return: an end that the peer has ended, and whose application has yet to read something.
    """
    party, peer = established(changed(idleTimeout=60.0, keepAlive=10.0))
    party.pause()
    party.receive([peer.push(0, b"data")])
    party.end(RESET)
    party.flush()
    party.take()
    assert party.state is State.UNREAD
    return party, peer


class OverTests(SynchronousTestCase):
    """
    What is called when a connection is over has no effect.
    """

    def quiet(self, party: Party) -> None:
        """
        Fail if there is anything to say, to send or to wait for.
        """
        connection = party.connection
        self.assertEqual((connection.events, connection.outbox), ([], ()))
        self.assertFalse(connection.hasMore)
        self.assertIs(connection.deadline(), None)
        self.assertEqual(connection.datagramsToSend(party.now + 10**6), [])
        self.assertFalse(connection.wantsFlush)
        self.assertIs(connection.conversation._controlsToSend, None)
        self.assertEqual(connection.conversation.sender.queuedBytes, 0)

    def callAll(self, party: Party, peer: Peer) -> None:
        """
        Call everything, and see that nothing comes of it.
        """
        connection, now = party.connection, party.now + 1000
        state, sending, receiving = party.state, party.sending, party.receiving
        datagrams = [
            peer.push(1, b"more"),
            peer.hello(),
            peer.fin(1),
            peer.finAck(0),
            segment(WASK),
            segment(PUSH, 2, data=b"x"),
            b"short",
        ]
        for call in (
            lambda: self.assertEqual(list(connection.receive(datagrams, now)), []),
            lambda: self.assertEqual(list(connection.receive([segment(WASK)], now)), []),
            lambda: connection.write(b"text"),
            lambda: connection.question(now),
            lambda: connection.pathChanged(now, True),
            lambda: connection.liveness.setKeepAlive(1),
            lambda: connection.liveness.askSoon(),
            lambda: self.assertFalse(connection.close(now)),
            connection.closeOutput,
            lambda: connection.settle(now),
        ):
            call()
            self.quiet(party)
        self.assertEqual((party.state, party.sending, party.receiving), (state, sending, receiving))

    def test_closed(self) -> None:
        """
        Nothing does anything, nor ends it again.
        """
        party, peer = closed()
        connection = party.connection
        self.callAll(party, peer)
        self.assertIs(connection.read(), None)
        word = connection.lifecycle.lastWord
        for end in (RESET, End(Cause.CLOSED)):
            connection.end(end, party.now)
            connection.lifecycle.abandon(end)
            self.quiet(party)
        self.assertIsNot(word, None)
        self.assertEqual(connection.lifecycle.lastWord, word)
        self.assertIs(party.state, State.CLOSED)

    def test_unread(self) -> None:
        """
        All that can be done is to read what is left.
        """
        party, peer = unread()
        self.callAll(party, peer)
        self.assertIs(party.ended, None)
        party.resume()
        party.flush()
        self.assertEqual((party.data, party.ended), (b"data", RESET))
        self.callAll(party, peer)

    def test_hasMore(self) -> None:
        """
        What was left to send when the connection ended is nothing that there is more of.
        """
        party, _ = established()
        party.write(bytes(600 * 1400))
        connection = party.connection
        connection.conversation.sender.sendQueue.peerWindow = (
            connection.conversation.sender.remoteWindow
        ) = 512
        party.connection.datagramsToSend(party.now)
        self.assertTrue(connection.hasMore)
        party.end(End(Cause.ABORTED))
        party.connection.datagramsToSend(party.now)
        self.quiet(party)
