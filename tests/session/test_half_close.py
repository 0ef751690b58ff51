"""
Tests for L{kcptwisted.session.controlled}: closing one direction only.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet import error
from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol
from zope.interface import implementer

from kcptwisted.interfaces import Address
from kcptwisted.options import KCPOptions
from kcptwisted.session.session import KCPSession
from kcptwisted.testing import SimulatedNetwork
from kcptwisted.testing.link import Link
from kcptwisted.wire.control import Fin, Reset
from tests.connections import CLIENT, SERVER, RecordingFactory, RecordingProtocol
from tests.controlling import ControlledTestCase, PlainServerTestCase, over
from tests.inside import sessionOf
from tests.session.test_closing_frames import BAD, SLOW, EndingTestCase


@implementer(IHalfCloseableProtocol)
class HalfCloseable(RecordingProtocol):
    """
    Notes the half closes as well.

    @ivar halves: "read" and "write", in order.
    @ivar onHalf: called in each, after it was noted.
    """

    def __init__(self) -> None:
        super().__init__()
        self.halves: list[str] = []
        self.onHalf: Callable[[str], object] = lambda _: None

    def readConnectionLost(self) -> None:
        """
        Note, and do as told.
        """
        self.halves.append("read")
        self.onHalf("read")

    def writeConnectionLost(self) -> None:
        """
        Note, and do as told.
        """
        self.halves.append("write")
        self.onHalf("write")


def halved(*protocols: HalfCloseable) -> Callable[[], bool]:
    """
    @return: says whether each protocol has been told of a half close.
    """
    return lambda: all(protocol.halves for protocol in protocols)


class HalfCloseableFactory(RecordingFactory):
    """
    Makes L{HalfCloseable}s.
    """

    def buildProtocol(self, addr: IAddress | None) -> HalfCloseable:
        """
        @return: a new protocol.
        """
        protocol = HalfCloseable()
        self.prepare(protocol)
        self.made.append(protocol)
        return protocol


class BothTests(EndingTestCase):
    """
    Both protocols know half closes.
    """

    def setUp(self) -> None:
        """
        Connect.
        """
        super().setUp()
        self.serverFactory = HalfCloseableFactory()
        self.clientFactory = HalfCloseableFactory()

    def join(self, link: Link = SLOW) -> tuple[HalfCloseable, HalfCloseable]:
        """
        @return: the client's and the server's protocols.
        """
        client, server = self.connect(link=link)
        assert isinstance(client, HalfCloseable) and isinstance(server, HalfCloseable)
        return client, server

    def test_halfClose(self) -> None:
        """
        What was written arrives, then readConnectionLost there and writeConnectionLost here; the
        other direction goes on, however long.
        """
        client, server = self.join()
        question = self.data(50_000)
        client.session.write(question)
        client.session.loseWriteConnection()
        client.session.write(b"ignored")
        client.session.loseWriteConnection()
        self.network.run(0.5)
        self.assertEqual(server.received, question)
        self.assertEqual((client.halves, server.halves), (["write"], ["read"]))
        self.assertFalse(client.session.disconnecting)
        self.network.run(200)
        self.assertEqual((client.reasons, server.reasons), ([], []))
        answer = self.data(60_000, 1)
        server.session.write(answer)
        self.network.run(1)
        self.assertEqual(client.received, answer)
        self.assertEqual((client.halves, server.halves), (["write"], ["read"]))
        self.finish(self.port)

    def test_otherHalf(self) -> None:
        """
        When the other half is closed, too, both get ConnectionDone, and both ends forget the
        session.
        """
        for closing in ("loseWriteConnection", "loseConnection"):
            with self.subTest(closing=closing):
                self.setUp()
                client, server = self.join()
                client.session.loseWriteConnection()
                self.network.run(1)
                server.session.write(b"last")
                getattr(server.session, closing)()
                self.network.run(1)
                self.assertEqual(client.received, b"last")
                self.assertClean(client, server)
                self.assertEqual(client.halves, ["write", "read"])
                self.assertEqual(server.halves[0], "read")
                self.assertLessEqual(server.halves.count("write"), 1)
                self.assertTrue(self.forgotten())

    def test_bothAtOnce(self) -> None:
        """
        Both may half-close at the same time.
        """
        client, server = self.join()
        for end in (client, server):
            end.session.write(self.data(20_000))
            end.session.loseWriteConnection()
        self.network.run(2)
        self.assertEqual((client.received, server.received), (self.data(20_000),) * 2)
        self.assertClean(client, server)
        self.assertEqual(sorted(client.halves), ["read", "write"])
        self.assertEqual(sorted(server.halves), ["read", "write"])
        self.assertTrue(self.forgotten())

    def test_acknowledgedAtTheEnd(self) -> None:
        """
        The one who closes half is told that the peer has it all, also when that comes together with
        the peer's own close.
        """
        client, server = self.join()
        server.onHalf = lambda half: server.session.loseConnection()
        held: list[bytes] = []
        session = sessionOf(client.session)
        receive = KCPSession.datagramsReceived

        def hold(receiver: KCPSession, datagrams: list[bytes], address: Address) -> None:
            if receiver is session:
                held.extend(datagrams)
            else:
                receive(receiver, datagrams, address)

        self.patch(KCPSession, "datagramsReceived", hold)
        client.session.loseWriteConnection()
        self.network.run(0.5)
        receive(session, held, session.address)
        self.assertEqual(client.halves, ["read", "write"])
        self.assertClean(client)

    def test_upgrade(self) -> None:
        """
        After a half close the whole connection can be closed, at once or later, and both ends get
        ConnectionDone.
        """
        for pause in (0, 0.001, 0.03, 2):
            with self.subTest(pause=pause):
                self.setUp()
                client, server = self.join()
                client.session.write(b"x")
                client.session.loseWriteConnection()
                self.network.run(pause)
                client.session.loseConnection()
                self.network.run(1)
                self.assertEqual((server.received, server.halves), (b"x", ["read"]))
                self.assertClean(client, server)
                self.assertEqual(self.sent(Fin, CLIENT)[-1].frames, (Fin(1, True),))
                self.assertEqual(self.sent(Reset, CLIENT), [])
                self.assertTrue(self.forgotten())

    def test_upgradeInWriteConnectionLost(self) -> None:
        """
        Also from inside writeConnectionLost.
        """
        client, server = self.join()
        client.onHalf = lambda half: client.session.loseConnection()
        client.session.loseWriteConnection()
        self.network.run(1)
        self.assertClean(client, server)

    def test_abortAfterwards(self) -> None:
        """
        And it can be aborted.
        """
        client, server = self.join()
        client.session.loseWriteConnection()
        self.network.run(1)
        client.session.abortConnection()
        self.network.run(1)
        self.assertIsInstance(self.reasonOf(client), error.ConnectionAborted)
        self.assertIsInstance(self.reasonOf(server), error.ConnectionLost)

    def test_answerInReadConnectionLost(self) -> None:
        """
        What is written in readConnectionLost is delivered, also before a close there.
        """
        client, server = self.join()

        def answer(half: str) -> None:
            if half == "read":
                server.session.write(b"answer")
                server.session.loseConnection()

        server.onHalf = answer
        client.session.write(b"question")
        client.session.loseWriteConnection()
        self.network.run(1)
        self.assertEqual(client.received, b"answer")
        self.assertClean(client, server)

    def test_paused(self) -> None:
        """
        A paused protocol gets readConnectionLost after the last byte; the other end has its
        writeConnectionLost already.
        """
        client, server = self.join()
        server.session.pauseProducing()
        client.session.write(b"unread")
        client.session.loseWriteConnection()
        self.network.run(1)
        self.assertEqual((client.halves, server.halves), (["write"], []))
        server.onData = lambda data: server.halves.append("data")
        server.session.resumeProducing()
        self.network.run(0)
        self.assertEqual(server.halves, ["data", "read"])

    def test_raises(self) -> None:
        """
        A protocol that raises in either loses its connection, and the error is logged.
        """
        for half in ("read", "write"):
            with self.subTest(half=half):
                self.setUp()
                client, server = self.join()
                bad, other = (server, client) if half == "read" else (client, server)
                bad.onHalf = lambda _: 1 / 0
                client.session.loseWriteConnection()
                self.network.run(1)
                self.assertIsInstance(self.reasonOf(bad), ZeroDivisionError)
                self.assertIsInstance(self.reasonOf(other), error.ConnectionLost)
                self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_raisesAtTheEnd(self) -> None:
        """
        So it is when the other direction was closed before.
        """
        client, server = self.join()
        server.session.loseWriteConnection()
        self.network.run(1)
        client.onHalf = lambda _: 1 / 0
        client.session.loseWriteConnection()
        self.network.run(1)
        self.assertIsInstance(self.reasonOf(client), ZeroDivisionError)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_badLink(self) -> None:
        """
        At 30 % loss, with copies and overtaking, all arrives, and each is called once.  In one of
        several hundred runs all five copies of a client's last word are lost; not in these.
        """
        for seed in range(30, 50):
            with self.subTest(seed=seed):
                self.setUp()
                self.network = SimulatedNetwork(seed)
                client, server = self.join(BAD)
                client.session.write(self.data(10_000))
                client.session.loseWriteConnection()
                self.network.runUntil(halved(client, server), 30)
                server.session.write(self.data(10_000, 1))
                server.session.loseWriteConnection()
                self.network.runUntil(over(client, server), 60)
                self.assertEqual(server.received, self.data(10_000))
                self.assertEqual(client.received, self.data(10_000, 1))
                self.assertEqual(sorted(client.halves), ["read", "write"])
                self.assertClean(client, server)


class OneTests(EndingTestCase):
    """
    One of the protocols knows half closes, or none does.
    """

    def test_readerDoesNot(self) -> None:
        """
        A protocol that does not know them is closed when its input ends, after delivering what it
        wrote.
        """
        self.clientFactory = HalfCloseableFactory()
        client, server = self.connect(link=SLOW)
        assert isinstance(client, HalfCloseable)
        client.session.write(b"question")
        server.session.write(self.data(50_000))
        client.session.loseWriteConnection()
        self.network.run(1)
        self.assertEqual((server.received, client.received), (b"question", self.data(50_000)))
        self.assertEqual(sorted(client.halves), ["read", "write"])
        self.assertClean(client, server)
        self.assertTrue(self.forgotten())

    def test_writerDoesNot(self) -> None:
        """
        Nor need the one that calls loseWriteConnection.
        """
        self.serverFactory = HalfCloseableFactory()
        client, server = self.connect(link=SLOW)
        assert isinstance(server, HalfCloseable)
        client.session.loseWriteConnection()
        self.network.run(1)
        self.assertEqual((server.halves, server.reasons, client.reasons), (["read"], [], []))
        server.session.write(b"more")
        server.session.loseConnection()
        self.network.run(1)
        self.assertEqual(client.received, b"more")
        self.assertClean(client, server)

    def test_none(self) -> None:
        """
        If none does, it is a close of the whole connection that waits for the peer.
        """
        client, server = self.connect(link=SLOW)
        client.session.write(b"x")
        client.session.loseWriteConnection()
        self.network.run(1)
        self.assertEqual(server.received, b"x")
        self.assertClean(client, server)
        self.assertTrue(self.forgotten())


class LeavingTests(ControlledTestCase):
    """
    What ends a connection that is half closed.
    """

    def test_keptAlive(self) -> None:
        """
        A peer that dies while only it may write is found out.
        """
        self.serverFactory = HalfCloseableFactory()
        options = KCPOptions(crypt="null", keepAlive=1, deadAfter=3)
        client, server = self.connect(options, link=SLOW)
        client.session.loseWriteConnection()
        self.network.run(1)
        self.bothWays(Link(loss=1))
        self.network.run(10)
        self.assertIsInstance(self.reasonOf(server), error.TimeoutError)
        self.assertEqual(self.sent(Fin, SERVER), [])


class PlainPeerTests(PlainServerTestCase):
    """
    Half closes against a peer that knows none.
    """

    def test_halfClose(self) -> None:
        """
        It is told nothing; writeConnectionLost comes when it has acknowledged everything.
        """
        self.clientFactory = HalfCloseableFactory()
        client = self.meet()
        assert isinstance(client, HalfCloseable)
        client.session.write(b"x" * 5000)
        client.session.loseWriteConnection()
        self.network.run(1)
        self.assertEqual((len(self.peer.received), client.halves), (5000, ["write"]))
        self.peer.write(b"answer")
        self.network.run(100)
        self.assertEqual((client.received, client.reasons), (b"answer", []))
        client.session.loseConnection()
        self.network.run(1)
        self.assertIsInstance(self.reasonOf(client), error.ConnectionDone)
        self.assertEqual(self.peer.others, [])
