"""
Closes at which something comes late, or too late: the hello, an ACK, a write, the reader.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import error
from twisted.internet.interfaces import IHalfCloseableProtocol
from zope.interface import implementer

from kcptwisted.errors import LingerTimeout
from kcptwisted.options import KCPOptions
from kcptwisted.testing import Link
from kcptwisted.wire.control import Challenge, Fin, FinAck, Hello, encodeBlock
from tests.connections import CLIENT, SERVER, RecordingFactory, RecordingProtocol
from tests.controlling import ControlledTestCase, loses
from tests.inside import connectionOf, sessionOf

SLOW = Link(delay=0.05)


class Producer:
    """
    Notes that it is stopped, and writes whenever it is asked.
    """

    def __init__(self, protocol: RecordingProtocol) -> None:
        self.protocol = protocol
        self.asked = self.stopped = 0

    def pauseProducing(self) -> None:
        """
        Nothing to pause.
        """

    def resumeProducing(self) -> None:
        """
        Write.
        """
        self.asked += 1
        self.protocol.session.write(b"more")

    def stopProducing(self) -> None:
        """
        Note.
        """
        self.stopped += 1


class PausedReaderTests(ControlledTestCase):
    """
    A reader that has paused when the other end closes.
    """

    def close(self, link: Link, data: bytes) -> Any:
        """
        Pause the client, write at the server and close there.
        """
        client, server = self.connect(link=link)
        client.session.pauseProducing()
        server.session.write(data)
        server.session.loseConnection()
        return client, server

    def test_lateAcks(self) -> None:
        """
        Its own late ACKs, answered from the memory of a listener that has forgotten the connection,
        do not take from it what it has still to read.
        """
        for seed in range(10):
            self.setUp()
            data = self.data(5000, seed)
            client, server = self.close(Link(delay=0.05, jitter=0.2), data)
            self.network.run(30)
            self.assertIsInstance(self.reasonOf(server), error.ConnectionDone)
            client.session.resumeProducing()
            self.network.run(1)
            self.assertIsInstance(self.reasonOf(client), error.ConnectionDone)
            self.assertEqual(client.received, data)

    def test_beyondTheWindow(self) -> None:
        """
        What arrived and was acknowledged beyond its window counts: the writer need not give up
        waiting, and the reader gets it all.
        """
        options = KCPOptions(crypt="null", receiveWindow=8, keepAlive=0)
        client, server = self.connect(options, SLOW)
        client.session.pauseProducing()
        server.session.write(self.data(4 * 1376))
        self.network.run(0.5)
        # As told by a datagram that was overtaken.
        connectionOf(server.session).conversation.sender.remoteWindow = 12
        server.session.write(self.data(7 * 1376))
        self.network.run(1)
        self.assertTrue(connectionOf(server.session).conversation.drained)
        server.session.loseConnection()
        self.network.run(60)
        self.assertIsInstance(self.reasonOf(server), error.ConnectionDone)
        client.session.resumeProducing()
        self.network.run(5)
        self.assertEqual(client.received, self.data(4 * 1376) + self.data(7 * 1376))
        self.assertIsInstance(self.reasonOf(client), error.ConnectionDone)

    def test_writesAndCloses(self) -> None:
        """
        If it writes and closes before it has read all, the connection ends cleanly: nobody is there
        to read.
        """
        client, server = self.close(SLOW, b"rest")
        self.network.run(1)
        self.assertIsInstance(self.reasonOf(server), error.ConnectionDone)
        client.session.write(b"too late")
        client.session.loseConnection()
        self.network.run(1)
        self.assertIsInstance(self.reasonOf(client), error.ConnectionDone)

    def test_producer(self) -> None:
        """
        Its producers are not asked for more, nor stopped before it has read the rest: they may be
        where that goes to.
        """
        client, _ = self.connect(link=SLOW)
        client.session.pauseProducing()
        first, second = Producer(client), Producer(client)
        client.session.registerProducer(first, True)
        server = self.serverFactory.made[0]
        server.session.write(b"rest")
        server.session.loseConnection()
        self.network.run(1)
        self.assertEqual((first.asked, first.stopped), (0, 0))
        client.session.unregisterProducer()
        client.session.registerProducer(second, False)
        self.network.run(1)
        self.assertEqual((second.asked, second.stopped), (0, 0))
        client.session.resumeProducing()
        self.network.run(1)
        self.assertEqual(client.received, b"rest")
        self.assertEqual((first.stopped, second.asked, second.stopped), (0, 0, 1))

    def test_relayed(self) -> None:
        """
        What a pair of joined connections has yet to pass on is passed on before the end, also if
        they are joined when the connection that it comes from has been closed.
        """
        client, server = self.connect(link=SLOW)
        server.session.pauseProducing()
        client.session.write(b"all of it")
        client.session.loseConnection()
        self.network.run(1)
        self.begin(self.options)
        self.network.run(1)
        (_, onward), (_, last) = self.clientFactory.made, self.serverFactory.made
        onward.session.registerProducer(server.session, True)
        server.session.registerProducer(onward.session, True)
        server.onData = onward.session.write
        self.network.run(1)
        server.session.resumeProducing()
        self.network.run(1)
        self.assertEqual(last.received, b"all of it")


class WriterTests(ControlledTestCase):
    """
    Writes behind a FIN.
    """

    def test_push(self) -> None:
        """
        A push producer that goes on after its FIN is stopped, and what it writes is dropped: both
        ends finish although FINs get lost.
        """
        client, server = self.connect(link=SLOW)
        producer = Producer(client)
        client.session.registerProducer(producer, True)
        self.tamper(CLIENT, loses(Fin, 2))
        client.session.write(b"all")
        client.session.loseConnection()
        self.network.run(0)
        self.assertEqual(producer.stopped, 1)
        for _ in range(50):
            client.session.write(b"behind")
            self.network.run(0.1)
        self.assertEqual(server.received, b"all")
        for end in (client, server):
            self.assertIsInstance(self.reasonOf(end), error.ConnectionDone)

    def test_nothingIsDue(self) -> None:
        """
        An output whose FIN is never acknowledged is over in the end, and nothing is due any more.
        """
        self.clientFactory, self.serverFactory = HalfCloseableFactory(), HalfCloseableFactory()
        client, _ = self.connect(KCPOptions(crypt="null", keepAlive=0), SLOW)
        client.session.write(b"all")
        self.tamper(SERVER, loses(FinAck))
        client.session.loseWriteConnection()
        self.network.run(60)
        self.assertEqual(client.reasons, [])
        self.assertIs(sessionOf(client.session).due, None)

    def test_playingForTime(self) -> None:
        """
        A peer that goes on sending keeps a close open for ten times the linger at most.
        """
        client, server = self.connect(KCPOptions(crypt="null", linger=1), SLOW)
        self.tamper(SERVER, loses(Fin))
        server.session.loseConnection()
        for _ in range(60):
            client.session.write(b"x")
            self.network.run(0.5)
        self.assertIsInstance(self.reasonOf(server), (LingerTimeout, error.ConnectionDone))


@implementer(IHalfCloseableProtocol)
class HalfCloseable(RecordingProtocol):
    """
    Notes half closes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.halves: list[str] = []

    def readConnectionLost(self) -> None:
        """
        Note.
        """
        self.halves.append("read")

    def writeConnectionLost(self) -> None:
        """
        Note.
        """
        self.halves.append("write")


class HalfCloseableFactory(RecordingFactory):
    """
    Makes L{HalfCloseable}s.
    """

    def buildProtocol(self, addr: object) -> HalfCloseable:
        """
        @return: a new protocol.
        """
        protocol = HalfCloseable()
        self.made.append(protocol)
        return protocol


class LateHelloTests(ControlledTestCase):
    """
    A client without a handshake that closes before its hello was answered.
    """

    options = KCPOptions(crypt="null", handshake=False)

    def test_halfClose(self) -> None:
        """
        Its half close waits for the hello, and is told.
        """
        self.serverFactory = HalfCloseableFactory()
        self.bothWays(SLOW)
        self.listen()
        client: Any = self.successResultOf(self.begin())
        self.tamper(CLIENT, loses(Hello, 1))
        client.session.write(self.data(1400))
        client.session.loseWriteConnection()
        self.network.run(3)
        (server,) = self.serverFactory.made
        assert isinstance(server, HalfCloseable)
        self.assertEqual((server.received, server.halves), (self.data(1400), ["read"]))

    def test_notTwice(self) -> None:
        """
        A hello that comes when the server has closed opens no second session, so nothing is
        delivered twice.
        """
        self.bothWays(Link(delay=0.2))
        self.serverFactory.prepare = lambda protocol: setattr(
            protocol, "onData", lambda _: protocol.session.loseConnection()
        )
        self.listen(KCPOptions(crypt="null", retry=True))
        client: Any = self.successResultOf(self.begin())
        client.session.write(b"request")
        self.network.run(3)
        self.assertEqual([made.received for made in self.serverFactory.made], [b"request"])


class OneHalfCloseableTests(ControlledTestCase):
    """
    Both ends close half at once, and the protocol of one knows no half closes.
    """

    def test_both(self) -> None:
        """
        Both connections end cleanly, at once.
        """
        self.serverFactory = HalfCloseableFactory()
        client, server = self.connect(link=SLOW)
        for end in (client, server):
            end.session.loseWriteConnection()
        self.network.run(1)
        for end in (client, server):
            self.assertIsInstance(self.reasonOf(end), error.ConnectionDone)


class ClientTests(ControlledTestCase):
    """
    What a client must not be led to by others.
    """

    def test_challengedAgain(self) -> None:
        """
        A challenge that is sent to it again makes it send nothing again.
        """
        client, server = self.connect(KCPOptions(crypt="null"), Link(loss=1))
        session = client.session
        client.session.write(self.data(100_000))
        self.network.run(0.01)
        here = connectionOf(session).controls.channel
        there = connectionOf(server.session).controls.channel
        assert here is not None and there is not None
        block = encodeBlock(here.token, there.token, [Challenge(bytes(8))])
        datagram = connectionOf(server.session).conversation.windowDatagram(0, data=block)
        counts = []
        for _ in range(5):
            sessionOf(session).datagramsReceived([datagram], sessionOf(session).address)
            self.network.run(0.01)
            counts.append(session.stats.RetransSegs)
        self.assertGreater(counts[0], 0)
        self.assertEqual(counts, counts[:1] * 5)

    def test_refusedAtTheEnd(self) -> None:
        """
        If its server has got all and is gone, the end is clean, though the server's host says that
        nothing listens there.
        """
        client, server = self.connect(link=SLOW)
        port = self.network.host(SERVER).ports
        self.tamper(SERVER, loses(FinAck))
        client.session.write(b"all")
        self.network.run(1)
        client.session.loseConnection()
        self.network.run(0.12)
        self.assertEqual(server.received, b"all")
        port.clear()
        self.network.run(5)
        self.assertIsInstance(self.reasonOf(client), error.ConnectionDone)
