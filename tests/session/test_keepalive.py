"""
Tests for L{kcptwisted.session.controlled}: whether the peer is there, and the connection of use.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from twisted.internet import error
from twisted.internet.protocol import DatagramProtocol

from kcptwisted.arq.conversation import Conversation
from kcptwisted.errors import DeadLink, IdleTimeout, PeerReset, PeerTimeout
from kcptwisted.options import KCPOptions
from kcptwisted.testing.link import Link
from kcptwisted.wire.control import (
    NO_TOKEN,
    Reset,
    ResetReason,
    Retry,
    decodeBlock,
    encodeBlock,
)
from kcptwisted.wire.segment import WASK, WINS, Segment, decodeSegments
from tests.connections import CLIENT, PORT, SERVER, RecordingProtocol
from tests.controlling import ControlledTestCase, PlainServerTestCase
from tests.inside import sessionOf
from tests.session.test_closing_frames import SLOW, EndingTestCase

DEAD = Link(loss=1)


def options(
    keepAlive: float = 10, deadAfter: float = 30, idleTimeout: float = 0, rateLimit: int = 0
) -> KCPOptions:
    """
    @return: options without a cipher.
    """
    return KCPOptions(
        crypt="null",
        keepAlive=keepAlive,
        deadAfter=deadAfter,
        idleTimeout=idleTimeout,
        rateLimit=rateLimit,
    )


class AskTests(ControlledTestCase):
    """
    When the peer is asked.
    """

    def test_afterSilence(self) -> None:
        """
        After C{keepAlive} seconds of silence, with a block that has no frame, and again after as
        long; the peer answers by a WINS, and that is news to both: so only the client asks.
        """
        client, server = self.connect(options(keepAlive=4))
        client.session.write(b"x")
        self.network.run(0.9)
        # The server asks a newcomer once that has not shown that it hears.
        self.network.run(2)
        self.said.clear()
        self.network.run(20)
        asked = self.asked(CLIENT)
        self.assertEqual(len(asked), 5)
        for before, after in pairwise(said.seconds for said in asked):
            self.assertApproximates(after - before, 4, 0.02)
        for said in asked:
            assert said.block is not None
            self.assertEqual(said.block.frames, ())
        self.assertEqual(self.asked(SERVER), [])
        self.assertEqual(len(self.said), 2 * len(asked))
        self.assertEqual((client.reasons, server.reasons), ([], []))

    def test_anythingCounts(self) -> None:
        """
        Whatever the peer sends is a sign of life, and puts off the next ask.
        """
        client, server = self.connect(options(keepAlive=4))
        self.network.run(3)
        self.said.clear()
        for _ in range(10):
            server.session.write(b"tick")
            self.network.run(3)
        self.assertEqual(self.asked(CLIENT), [])
        self.assertEqual(client.received, b"tick" * 10)

    def test_never(self) -> None:
        """
        With keepAlive=0 it is never asked, and silence means nothing.
        """
        client, server = self.connect(options(keepAlive=0))
        self.said.clear()
        self.bothWays(DEAD)
        self.network.run(10_000)
        self.assertEqual(self.said, [])
        self.assertEqual((client.reasons, server.reasons), ([], []))

    def test_calledEndWaits(self) -> None:
        """
        The end that was called asks, too, if the other does not, after a tenth longer.
        """
        self.port = self.listen(options(keepAlive=4))
        self.begin(options(keepAlive=0))
        self.network.run(5)
        self.said.clear()
        self.network.run(20)
        asked = self.asked(SERVER)
        self.assertEqual(len(asked), 5)
        for before, after in pairwise(said.seconds for said in asked):
            self.assertApproximates(after - before, 4.4, 0.02)
        self.assertEqual(self.asked(CLIENT), [])


class SignTests(EndingTestCase):
    """
    Questions and answers while nothing else happens.
    """

    def quiet(self, client: RecordingProtocol, seconds: float) -> None:
        """
        Let time pass in which nothing is to be received.
        """
        taken: list[Sequence[bytes]] = []
        receive = Conversation.receive

        def note(core: Conversation, datagrams: Sequence[bytes], now: int, recovered: bool) -> Any:
            taken.append(datagrams)
            return receive(core, datagrams, now, recovered)

        self.patch(Conversation, "receive", note)
        packets = client.session.stats.InPkts
        self.network.run(seconds)
        self.assertGreater(client.session.stats.InPkts, packets)
        self.assertEqual(taken, [])

    def test_quiet(self) -> None:
        """
        They are no matter for the conversation, and yet signs of life: nobody is dead in an hour,
        each question is answered once, and data flow as before.
        """
        client, server = self.connect(options(keepAlive=4, deadAfter=6), link=SLOW)
        client.session.write(b"up")
        server.session.write(b"down")
        self.network.run(10)
        self.said.clear()
        self.quiet(client, 3600)
        self.assertEqual((client.reasons, server.reasons), ([], []))
        self.assertEqual(len(self.said), 2 * len(self.asked(CLIENT)))
        self.assertEqual(self.asked(SERVER), [])
        client.session.write(b" again")
        server.session.write(b" as well")
        self.network.run(1)
        self.assertEqual((server.received, client.received), (b"up again", b"down as well"))
        self.bothWays(DEAD)
        self.network.run(20)
        self.assertIsInstance(self.reasonOf(client), PeerTimeout)

    def test_connecting(self) -> None:
        """
        To a client that has been sent a cookie, but no answer, a question is nothing: it may be of
        an earlier connection.
        """
        stranger = DatagramProtocol()
        self.network.host(SERVER).listenUDP(PORT, stranger)
        sent: list[tuple[tuple[str, int], Segment]] = []
        self.network.taps.append(
            lambda source, _, datagram: sent.append((source, decodeSegments(datagram)[0]))
        )
        connecting = self.begin(options())
        self.network.run(0.01)
        (client, hello) = sent[0]
        block = decodeBlock(hello.data)
        assert block is not None and stranger.transport is not None
        retry = encodeBlock(block.source, NO_TOKEN, [Retry(bytes(8))])
        for cmd, data in ((WINS, retry), (WASK, b"")):
            datagram = Segment(hello.conv, cmd, 0, 128, 0, 0, 0, data).encode()
            stranger.transport.write(datagram, client)
            self.network.run(0.01)
        self.assertNoResult(connecting)
        self.assertEqual([said.cmd for said in self.said if said.host == CLIENT], [WASK, WASK])
        connecting.addErrback(lambda _: None).cancel()
        self.network.run(1)

    def test_closing(self) -> None:
        """
        A session that closes, or whose peer does, looks at them as at all else.
        """
        client, server = self.connect(options(keepAlive=4), link=SLOW)
        self.network.run(10)
        client.session.loseWriteConnection()
        server.session.pauseProducing()
        server.session.write(b"x")
        self.network.run(60)
        server.session.resumeProducing()
        self.network.run(5)
        self.assertClean(client, server)


class DeadTests(EndingTestCase):
    """
    When the peer is taken for dead.
    """

    def test_timeout(self) -> None:
        """
        C{deadAfter} seconds after the first ask without an answer, not sooner: a TimeoutError, at
        both ends.
        """
        client, server = self.connect(options(keepAlive=4, deadAfter=6))
        self.network.run(2)
        self.said.clear()
        self.bothWays(DEAD)
        self.network.runUntil(lambda: bool(self.asked(CLIENT)))
        self.network.run(5.9)
        self.assertEqual(client.reasons, [])
        self.network.run(0.2)
        reason = self.reasonOf(client)
        self.assertIsInstance(reason, PeerTimeout)
        self.assertIsInstance(reason, error.TimeoutError)
        self.assertIn("deadAfter=6 seconds", str(reason))
        self.network.run(1)
        self.assertIsInstance(self.reasonOf(server), PeerTimeout)
        self.assertTrue(self.forgotten())

    def test_oneAnswer(self) -> None:
        """
        One answer in time is enough.
        """
        client, _ = self.connect(options(keepAlive=4, deadAfter=6))
        self.network.run(2)
        for _ in range(5):
            self.bothWays(DEAD)
            self.network.run(8)
            self.bothWays(SLOW)
            self.network.run(1.5)
        self.assertEqual(client.reasons, [])

    def test_whileWriting(self) -> None:
        """
        So it is found out for a client that goes on writing.
        """
        client, _ = self.connect(options(keepAlive=1, deadAfter=3), link=SLOW)
        self.bothWays(DEAD)
        for _ in range(30):
            client.session.write(b"x")
            self.network.run(0.2)
        self.assertIsInstance(self.reasonOf(client), PeerTimeout)

    def test_deadLink(self) -> None:
        """
        A segment that was sent twenty times has its own reason, if it comes sooner.
        """
        client, _ = self.connect(options(keepAlive=0), link=SLOW)
        client.session.write(b"x")
        self.network.run(1)
        self.bothWays(DEAD)
        client.session.write(b"y")
        self.network.runUntil(lambda: bool(client.reasons), 300)
        self.assertIsInstance(self.reasonOf(client), DeadLink)

    def test_slowLink(self) -> None:
        """
        A link that is slow, but healthy, is no dead link, from hello to goodbye; nor is the
        peer taken for dead.
        """
        self.bothWays(Link(delay=2.5))
        self.port = self.listen(options())
        connecting = self.begin(options())
        self.network.run(20)
        client = self.successResultOf(connecting)
        (server,) = self.serverFactory.made
        assert isinstance(client, RecordingProtocol)
        up, down = self.data(200_000, 1), self.data(100_000, 2)
        client.session.write(up)
        server.session.write(down)
        self.network.run(200)
        self.assertEqual((server.received, client.received), (up, down))
        self.assertEqual((client.reasons, server.reasons), ([], []))
        client.session.write(up)
        client.session.loseConnection()
        self.network.run(100)
        self.assertEqual(server.received, up + up)
        self.assertClean(client, server)

    def test_outage(self) -> None:
        """
        After ten seconds of total loss in the middle of a transfer it goes on within two seconds.
        """
        client, server = self.connect(options(), link=Link(delay=0.05))
        data = self.data(1_500_000)
        client.session.write(data)
        self.network.runUntil(lambda: len(server.received) > 100_000)
        self.bothWays(DEAD)
        self.network.run(10)
        self.assertLess(len(server.received), len(data))
        self.bothWays(Link(delay=0.05))
        before = len(server.received)
        self.network.run(2)
        self.assertGreater(len(server.received), before)
        self.network.runUntil(lambda: len(server.received) == len(data), 5)
        self.assertEqual(server.received, data)

    def test_answerFreesTheRest(self) -> None:
        """
        The first sign of life after a long silence has everything in flight sent again at once,
        not when its timeout, which has grown, is over.
        """
        client, server = self.connect(options(keepAlive=1, deadAfter=60), link=Link(delay=0.5))
        client.session.write(b"x" * 1000)
        self.network.run(5)
        self.bothWays(DEAD)
        client.session.write(b"y" * 1000)
        self.network.run(42)
        self.bothWays(Link(delay=0.5))
        sent = client.session.stats.OutSegs
        sessionOf(server.session).askAgain()
        self.network.run(0.52)
        self.assertEqual(client.session.stats.OutSegs, sent + 1)

    def test_suspended(self) -> None:
        """
        A host that was suspended for a minute keeps its connections, and so do its peers that
        waited so long.
        """
        for name in (CLIENT, SERVER):
            with self.subTest(suspended=name):
                self.setUp()
                client, server = self.connect(options(deadAfter=120), link=SLOW)
                host = self.network.host(name)
                client.session.write(b"before")
                self.network.run(12)
                host.suspend()
                self.network.run(60)
                host.resume()
                self.network.run(30)
                self.assertEqual((client.reasons, server.reasons), ([], []))
                client.session.write(b" after")
                server.session.write(b"here")
                self.network.run(1)
                self.assertEqual((server.received, client.received), (b"before after", b"here"))

    def test_bothSuspended(self) -> None:
        """
        With the default times it survives if both were.
        """
        client, server = self.connect(options(), link=SLOW)
        for name in (CLIENT, SERVER):
            self.network.host(name).suspend()
        self.network.run(60)
        for name in (CLIENT, SERVER):
            self.network.host(name).resume()
        self.network.run(60)
        self.assertEqual((client.reasons, server.reasons), ([], []))


class IdleTests(EndingTestCase):
    """
    The option C{idleTimeout}.
    """

    def test_idle(self) -> None:
        """
        Without application data for so long: IdleTimeout here, PeerReset there, although the peer
        is heard.
        """
        self.port = self.listen(options(keepAlive=2))
        self.begin(options(keepAlive=2, idleTimeout=10))
        self.network.run(9.9)
        client, server = self.clientFactory.made[0], self.serverFactory.made[0]
        self.assertEqual(client.reasons, [])
        self.network.run(0.2)
        reason = self.reasonOf(client)
        self.assertIsInstance(reason, IdleTimeout)
        self.assertIsInstance(reason, error.TimeoutError)
        self.assertIn("idleTimeout=10 seconds", str(reason))
        self.assertIsInstance(self.reasonOf(server), PeerReset)
        self.assertEqual(self.sent(Reset, CLIENT)[0].frames, (Reset(ResetReason.IDLE),))

    def test_dataFlow(self) -> None:
        """
        Data in either direction put it off.
        """
        for sender in (0, 1):
            with self.subTest(sender=sender):
                self.setUp()
                ends = self.connect(options(idleTimeout=10), link=SLOW)
                for _ in range(5):
                    self.network.run(9)
                    ends[sender].session.write(b"x")
                self.network.run(9)
                self.assertEqual((ends[0].reasons, ends[1].reasons), ([], []))
                self.network.run(2)
                self.assertEqual(len(ends[0].reasons + ends[1].reasons), 2)

    def test_oneLongWrite(self) -> None:
        """
        So do those of one write that takes longer to arrive.
        """
        for sender in (0, 1):
            with self.subTest(sender=sender):
                self.setUp()
                ends = self.connect(options(idleTimeout=5, rateLimit=10_000), link=SLOW)
                ends[sender].session.write(bytes(300_000))
                self.network.run(25)
                self.assertEqual((ends[0].reasons, ends[1].reasons), ([], []))


class PlainPeerTests(PlainServerTestCase):
    """
    A peer that knows no control frames.
    """

    def test_asked(self) -> None:
        """
        It is asked by a bare WASK, which every KCP peer answers, and taken for dead like others.
        """
        client = self.meet(options(keepAlive=4, deadAfter=6))
        self.network.run(2)
        self.said.clear()
        self.network.run(20)
        asked = self.asked(CLIENT)
        self.assertGreaterEqual(len(asked), 4)
        self.assertEqual([said.block for said in asked], [None] * len(asked))
        self.assertEqual(client.reasons, [])
        self.peer.silent = True
        self.network.run(11)
        self.assertIsInstance(self.reasonOf(client), PeerTimeout)
        self.assertEqual(self.peer.others, [])
