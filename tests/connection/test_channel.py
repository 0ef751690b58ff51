"""
Tests for L{kcptwisted.connection.channel}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.connection.channel import ControlChannel, Verdict
from kcptwisted.wire.control import (
    NO_TOKEN,
    TOKEN,
    Block,
    Challenge,
    Cookie,
    Feature,
    Fin,
    FinAck,
    Frame,
    Hello,
    Reset,
    Retry,
    decodeBlock,
)
from tests.properties import given, strategies

FIN = Fin(3, True)


def token(number: int) -> bytes:
    """
    @return: a token, another one for each number.
    """
    return bytes([number]) * TOKEN


def decoded(data: bytes) -> Block:
    """
    @return: the block in C{data}.
    """
    block = decodeBlock(data)
    assert block is not None
    return block


class ChannelTests(SynchronousTestCase):
    """
    Tests for L{ControlChannel}.
    """

    def setUp(self) -> None:
        """
        Make both ends.
        """
        self.client = ControlChannel(token(1), Feature.ROAMING, 100, True)
        self.server = ControlChannel(token(2), Feature.ROAMING, 200, False)

    def greet(self) -> None:
        """
        Let the ends get to know each other.
        """
        self.assertIs(self.server.judge(decoded(self.client.hello())), Verdict.PEER)
        self.assertIs(self.client.judge(decoded(self.server.hello())), Verdict.PEER)

    def test_beginning(self) -> None:
        """
        At first nothing is known of the peer.
        """
        self.assertFalse(self.client.known)
        self.assertFalse(self.client.roams)
        self.assertEqual((self.client.peerToken, self.client.receiveWindow), (NO_TOKEN, 0))

    def test_hello(self) -> None:
        """
        A hello has no receiver, and tells this end's features and window.
        """
        block = decoded(self.client.hello())
        self.assertEqual(block, Block(NO_TOKEN, token(1), (Hello(1, 100),)))

    def test_challenge(self) -> None:
        """
        A hello may ask the peer to show that it gets it, and so may a block alone.
        """
        self.assertIs(self.server.judge(decoded(self.client.hello())), Verdict.PEER)
        challenge = Challenge(token(2))
        block = decoded(self.server.hello(challenging=True))
        self.assertEqual(block, Block(token(1), token(2), (Hello(1, 200), challenge)))
        block = decoded(self.server.challenge())
        self.assertEqual(block, Block(token(1), token(2), (challenge,)))

    def test_modes(self) -> None:
        """
        The modes differ if both ends tell theirs and they are not the same.
        """
        modes = [Feature.NONE, Feature.STREAM, Feature.MESSAGES]
        for mine in modes:
            for its in modes:
                server = ControlChannel(token(2), mine | Feature.ROAMING, 200, False)
                client = ControlChannel(token(1), its, 100, True)
                self.assertFalse(server.modesDiffer)
                server.judge(decoded(client.hello()))
                differ = Feature.NONE not in (mine, its) and mine != its
                self.assertEqual(server.modesDiffer, differ)

    def test_greeting(self) -> None:
        """
        After the hello and its answer both know each other's token, features and window.
        """
        self.greet()
        self.assertTrue(self.client.known and self.server.known)
        self.assertTrue(self.client.roams and self.server.roams)
        self.assertEqual((self.client.receiveWindow, self.server.receiveWindow), (200, 100))
        self.assertEqual(decoded(self.server.hello()).to, token(1))
        self.assertEqual(decoded(self.client.block(FIN)), Block(token(2), token(1), (FIN,)))

    def test_roaming(self) -> None:
        """
        The address can change if both ends say so, and features not known here mean nothing.
        """
        for ours, theirs, both in ((0, 1, False), (1, 0, False), (1, 0xFFFE, False), (1, 3, True)):
            with self.subTest(ours=ours, theirs=theirs):
                channel = ControlChannel(token(2), Feature(ours), 200, False)
                channel.judge(Block(NO_TOKEN, token(1), (Hello(theirs, 100),)))
                self.assertEqual((channel.known, channel.roams), (True, both))

    def test_helloAgain(self) -> None:
        """
        A hello that was repeated or doubled is the peer's still.
        """
        self.greet()
        again = Block(NO_TOKEN, token(1), (Hello(1, 100),))
        self.assertIs(self.server.judge(again), Verdict.PEER)

    def test_restarted(self) -> None:
        """
        Another end's hello is another's, and what is known of the peer stays.
        """
        self.greet()
        other = Block(NO_TOKEN, token(3), (Hello(0, 300),))
        self.assertIs(self.server.judge(other), Verdict.ANOTHER)
        self.assertEqual((self.server.peerToken, self.server.receiveWindow), (token(1), 100))
        self.assertTrue(self.server.roams)

    def test_nobodyGreetsAClient(self) -> None:
        """
        A client takes no hello that does not answer its own.
        """
        stray = Block(NO_TOKEN, token(3), (Hello(0, 300),))
        self.assertIs(self.client.judge(stray), Verdict.STRANGER)
        self.assertFalse(self.client.known)

    def test_strangers(self) -> None:
        """
        Nothing counts that does not name this end, or names another than the peer as its sender.
        """
        self.greet()
        for block in (
            Block(NO_TOKEN, token(1), (FIN,)),
            Block(token(9), token(1), (FIN,)),
            Block(token(2), token(9), (FIN,)),
            Block(token(1), token(2), (FIN,)),
            Block(token(9), NO_TOKEN, (Reset(1),)),
            Block(NO_TOKEN, NO_TOKEN, (Reset(1),)),
            Block(NO_TOKEN, NO_TOKEN),
        ):
            with self.subTest(block=block):
                self.assertIs(self.server.judge(block), Verdict.STRANGER)
        self.assertEqual(self.server.peerToken, token(1))

    def test_stateless(self) -> None:
        """
        A listener without the connection may reset it, or ask for another hello, and nothing else.
        """
        self.greet()
        for frames, verdict in (
            ((Reset(2),), Verdict.PEER),
            ((Retry(bytes(8)),), Verdict.PEER),
            ((FIN,), Verdict.STRANGER),
            ((FinAck(0, True),), Verdict.STRANGER),
            ((Reset(2), FIN), Verdict.STRANGER),
        ):
            with self.subTest(frames=frames):
                block = Block(token(1), NO_TOKEN, frames)
                self.assertIs(self.client.judge(block), verdict)
        self.assertEqual(self.client.peerToken, token(2))

    def test_anyBlockIntroduces(self) -> None:
        """
        If the answer to the hello is lost, the next block from the peer does as well.
        """
        self.server.judge(decoded(self.client.hello()))
        self.assertIs(self.client.judge(decoded(self.server.block(FIN))), Verdict.PEER)
        self.assertTrue(self.client.known)
        self.assertFalse(self.client.roams)

    def test_retry(self) -> None:
        """
        A cookie goes with the next hello; the same one is no news, nor is any once the peer is
        known.
        """
        self.assertTrue(self.client.retry(b"cookie 1"))
        self.assertFalse(self.client.retry(b"cookie 1"))
        self.assertEqual(decoded(self.client.hello()).find(Cookie), Cookie(b"cookie 1"))
        self.assertTrue(self.client.retry(b"cookie 2"))
        self.assertEqual(decoded(self.client.hello()).find(Cookie), Cookie(b"cookie 2"))
        self.greet()
        self.assertFalse(self.client.retry(b"cookie 3"))

    @given(
        strategies.lists(
            strategies.tuples(
                strategies.sampled_from([NO_TOKEN, token(1), token(2), token(3)]),
                strategies.sampled_from([NO_TOKEN, token(1), token(3)]),
                strategies.lists(
                    strategies.sampled_from([FIN, Reset(1), Hello(1, 50), Retry(bytes(8))]),
                    max_size=2,
                ),
            ),
            max_size=10,
        )
    )
    def test_peerStays(self, blocks: list[tuple[bytes, bytes, list[Frame]]]) -> None:
        """
        Whatever arrives, a peer that is known remains the peer, and only blocks to this end, or
        hellos to a server, are taken.
        """
        for initiator in (True, False):
            channel = ControlChannel(token(2), Feature.NONE, 1, initiator)
            for to, source, frames in blocks:
                known = channel.peerToken
                block = Block(to, source, tuple(frames))
                verdict = channel.judge(block)
                self.assertIn(known, (NO_TOKEN, channel.peerToken))
                if verdict is not Verdict.STRANGER and to != token(2):
                    self.assertTrue(not initiator and to == NO_TOKEN and block.find(Hello))
