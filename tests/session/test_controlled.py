"""
Tests for L{kcptwisted.session.controlled}: how two ends find out that both know control frames.
How they use them is in L{tests.session.test_closing_frames}, L{tests.session.test_half_close} and
L{tests.session.test_keepalive}.
"""

from __future__ import annotations

from kcptwisted.connection.opening import HELLOS
from kcptwisted.options import KCPOptions
from kcptwisted.options.table import LARGE_WINDOWS
from kcptwisted.wire.control import (
    LONGEST_BLOCK,
    NO_TOKEN,
    Block,
    Challenge,
    Feature,
    Fin,
    FinAck,
    Frame,
    Hello,
    Reset,
    Response,
    encodeBlock,
)
from kcptwisted.wire.segment import OVERHEAD, PUSH, WASK, WINS, Segment, decodeSegments
from tests.connections import CLIENT, PORT, SERVER, RecordingProtocol
from tests.controlling import ControlledTestCase, PlainPeer, PlainServerTestCase, loses
from tests.inside import connectionOf, sessionOf

FORGED = bytes(range(1, 9))


class OpenTests(ControlledTestCase):
    """
    Two of ours.
    """

    def test_hello(self) -> None:
        """
        The hello is in the first WASK, its answer in the WINS, with a challenge where no cipher
        shows who is there.  That is answered, and there is no other control data.
        """
        client, server = self.connect()
        self.network.run(0.5)
        (hello, answer, response) = self.said
        self.assertEqual((hello.host, hello.cmd, hello.seconds), (CLIENT, WASK, 0))
        self.assertEqual((answer.host, answer.cmd), (SERVER, WINS))
        assert hello.block is not None and answer.block is not None
        self.assertEqual(
            (hello.block.to, hello.frames),
            (NO_TOKEN, (Hello(Feature.STREAM | Feature.PROBES, LARGE_WINDOWS.receive),)),
        )
        challenge = Challenge(answer.block.source)
        self.assertEqual(answer.block.to, hello.block.source)
        self.assertEqual(answer.frames, (*hello.frames, challenge))
        self.assertEqual((response.host, response.cmd), (CLIENT, WINS))
        self.assertEqual(response.frames, (Response(challenge.data),))
        self.assertTrue(client.session.greeted and server.session.greeted)

    def test_window(self) -> None:
        """
        Each learns the other's whole window.
        """
        self.port = self.listen(KCPOptions(crypt="null", receiveWindow=48))
        self.begin(KCPOptions(crypt="null", receiveWindow=300))
        self.network.run(0.1)
        client, server = self.clientFactory.made[0], self.serverFactory.made[0]
        self.assertEqual(connectionOf(client.session).conversation.sender.sendQueue.peerWindow, 48)
        self.assertEqual(connectionOf(server.session).conversation.sender.sendQueue.peerWindow, 300)

    def test_sealed(self) -> None:
        """
        Inside a cipher and FEC it works the same.
        """
        self.network.taps.clear()
        client, server = self.connect(KCPOptions(key="k", dataShards=3, parityShards=1))
        self.assertTrue(client.session.greeted and server.session.greeted)
        self.assertTrue(
            connectionOf(client.session).controls.roams
            and connectionOf(server.session).controls.roams
        )

    def test_helloLost(self) -> None:
        """
        A hello that is lost is sent again.
        """
        self.tamper(CLIENT, loses(Hello, 2))
        self.listen()
        connecting = self.begin()
        self.network.run(1)
        self.successResultOf(connecting)
        times = [said.seconds for said in self.sent(Hello, CLIENT)]
        self.assertEqual(times, [0, 0.25, 0.75])
        self.assertTrue(connectionOf(self.clientFactory.made[0].session).controls.greeted)
        self.assertTrue(connectionOf(self.serverFactory.made[0].session).controls.greeted)

    def test_answerLost(self) -> None:
        """
        So it is when the answer is lost; the server has one session all the same.
        """
        self.tamper(SERVER, loses(Hello, 2))
        self.listen()
        connecting = self.begin()
        self.network.run(1)
        self.successResultOf(connecting)
        self.assertEqual(len(self.sent(Hello, CLIENT)), 3)
        self.assertTrue(connectionOf(self.clientFactory.made[0].session).controls.greeted)
        self.assertEqual(len(self.serverFactory.made), 1)

    def test_answerLostButData(self) -> None:
        """
        If the server's data come although its answer was lost, the client takes them when an answer
        has come: before that they may be for another program that had its address.
        """

        def greet(protocol: RecordingProtocol) -> None:
            protocol.onMade = lambda made: made.session.write(b"welcome")

        self.serverFactory.prepare = greet
        self.tamper(SERVER, loses(Hello, 2))
        self.listen()
        connecting = self.begin()
        self.network.run(0.7)
        self.assertNoResult(connecting)
        self.assertEqual(self.clientFactory.made, [])
        self.network.run(1)
        self.successResultOf(connecting)
        (client,) = self.clientFactory.made
        self.assertEqual((client.received, client.session.greeted), (b"welcome", True))
        self.assertEqual(len(self.sent(Hello, CLIENT)), 3)

    def test_withData(self) -> None:
        """
        Without a handshake the hello goes with the first data, in the same datagram.
        """
        self.listen()
        self.begin(KCPOptions(crypt="null", handshake=False))
        (client,) = self.clientFactory.made
        datagrams: list[bytes] = []
        self.network.taps.append(lambda source, to, datagram: datagrams.append(datagram))
        client.session.write(b"at once")
        self.network.run(0.1)
        self.assertEqual(
            [segment.cmd for segment in decodeSegments(datagrams[0])],
            [WASK, PUSH],
        )
        self.assertTrue(client.session.greeted)
        self.assertEqual(self.serverFactory.made[0].received, b"at once")

    def test_windowWithData(self) -> None:
        """
        The hello tells the whole window even if part of it is taken by then.
        """
        self.listen(KCPOptions(crypt="null", receiveWindow=48))
        self.begin(KCPOptions(crypt="null", handshake=False))
        (client,) = self.clientFactory.made
        client.session.write(b"at once")
        self.network.run(0.1)
        self.assertEqual(connectionOf(client.session).conversation.sender.sendQueue.peerWindow, 48)

    def test_smallMtu(self) -> None:
        """
        With an mtu that the longest block does not fit into no control frames are sent, by either
        end; one byte more, and they are.
        """
        fits = OVERHEAD + LONGEST_BLOCK
        for clientMtu, serverMtu, greeted in (
            (fits, fits, True),
            (fits - 1, 1400, False),
            (1400, fits - 1, False),
        ):
            with self.subTest(client=clientMtu, server=serverMtu):
                self.setUp()
                self.port = self.listen(KCPOptions(crypt="null", mtu=serverMtu))
                self.begin(KCPOptions(crypt="null", mtu=clientMtu))
                self.network.run(0.1)
                client, server = self.clientFactory.made[0], self.serverFactory.made[0]
                self.network.run(3)
                self.assertEqual(client.session.greeted, greeted)
                self.assertEqual(server.session.greeted, greeted)
                if serverMtu < fits:
                    self.assertEqual(self.sent(Hello, SERVER), [])
                if clientMtu < fits:
                    self.assertEqual([said for said in self.said if said.block], [])
                client.session.write(b"x" * 500)
                client.session.loseConnection()
                self.network.run(1)
                self.assertEqual((len(server.received), len(client.reasons)), (500, 1))


class PlainPeerTests(PlainServerTestCase):
    """
    One of ours and a peer that knows no control frames.
    """

    def test_connects(self) -> None:
        """
        A bare WINS connects as well; the peer gets three hellos at most, and no other control data
        until the end.
        """
        client = self.meet()
        self.assertFalse(client.session.greeted)
        client.session.write(b"hello")
        self.network.run(0.1)
        self.assertEqual(self.peer.received, b"hello")
        self.peer.write(b"and back")
        self.network.run(60)
        self.assertEqual(client.received, b"and back")
        self.assertEqual((len(self.peer.hellos), self.peer.others), (HELLOS, []))
        client.session.loseConnection()
        self.network.run(60)
        self.assertEqual(len(client.reasons), 1)
        self.assertEqual((len(self.peer.hellos), self.peer.others), (HELLOS, []))

    def test_aborts(self) -> None:
        """
        Nor does it get any when the connection is aborted.
        """
        client = self.meet()
        self.network.run(5)
        client.session.abortConnection()
        self.network.run(5)
        self.assertEqual((len(self.peer.hellos), self.peer.others), (HELLOS, []))
        self.assertEqual(len(client.reasons), 1)

    def test_asClient(self) -> None:
        """
        A client that says no hello gets no control data at all.
        """
        self.port = self.listen()
        peer = PlainPeer(77, (SERVER, PORT))
        self.network.host(CLIENT).listenUDP(1, peer)
        peer.ask()
        peer.write(b"plain")
        self.network.run(25)
        (server,) = self.serverFactory.made
        server.session.write(b"back")
        self.network.run(1)
        self.assertEqual((server.received, peer.received), (b"plain", b"back"))
        server.session.abortConnection()
        self.network.run(1)
        self.assertEqual((peer.hellos, peer.others), ([], []))
        self.assertEqual([said for said in self.said if said.block], [])


class ForgedTests(ControlledTestCase):
    """
    Control frames from somebody who sees neither end's token, but knows everything else.
    """

    def setUp(self) -> None:
        """
        Connect.
        """
        super().setUp()
        self.client, self.server = self.connect()

    def forge(self, host: str, to: bytes, source: bytes, *frames: Frame) -> None:
        """
        Have a session given a datagram with a block, as if from its peer.
        """
        session = sessionOf((self.client if host == CLIENT else self.server).session)
        data = encodeBlock(to, source, frames)
        datagram = Segment(session.conv, WINS, 0, 128, 0, 0, 0, data).encode()
        session.socket.datagramsReceived([datagram], session.address)  # type: ignore[attr-defined]
        session.socket.batchFinished()  # type: ignore[attr-defined]

    def test_wrongToken(self) -> None:
        """
        A FIN, its acknowledgement or a reset without the right tokens is ignored and counted.
        """
        hello, answer, _ = self.said
        assert hello.block is not None and answer.block is not None
        tokens = {CLIENT: hello.block.source, SERVER: answer.block.source}
        frames: tuple[Frame, ...] = (Fin(0, True), FinAck(0, True), Reset(1))
        for host, other in ((CLIENT, SERVER), (SERVER, CLIENT)):
            session = sessionOf((self.client if host == CLIENT else self.server).session)
            count = 0
            for to, source in (
                (FORGED, tokens[other]),
                (tokens[host], FORGED),
                (NO_TOKEN, tokens[other]),
                (NO_TOKEN, NO_TOKEN),
                (tokens[other], tokens[host]),
            ):
                for frame in frames:
                    self.forge(host, to, source, frame)
                    count += 1
            self.assertEqual(session.stats.ControlErrs, count)
        self.client.session.write(b"still")
        self.server.session.write(b"alive")
        self.network.run(1)
        self.assertEqual((self.server.received, self.client.received), (b"still", b"alive"))
        self.assertEqual((self.client.reasons, self.server.reasons), ([], []))

    def test_rightToken(self) -> None:
        """
        With them the reset ends the connection, so the test above can fail.
        """
        hello, answer, _ = self.said
        assert hello.block is not None and answer.block is not None
        self.forge(SERVER, answer.block.source, hello.block.source, Reset(1))
        self.assertEqual(len(self.server.reasons), 1)

    def test_malformed(self) -> None:
        """
        What is no block is counted, and does nothing else.
        """
        session = self.server.session
        for number, data in enumerate((b"x", b"KT", b"\1" * 40, b"KT\2" + bytes(30)), 1):
            datagram = Segment(session.conv, WASK, 0, 128, 0, 0, 0, data).encode()
            sessionOf(session).datagramsReceived([datagram], sessionOf(session).address)
            self.assertEqual(session.stats.ControlErrs, number)
        self.assertEqual(self.server.reasons, [])

    def test_nonsense(self) -> None:
        """
        A FIN for what the peer cannot mean is counted.
        """
        hello, answer, _ = self.said
        assert hello.block is not None and answer.block is not None
        self.client.session.write(b"x")
        self.network.run(0.1)
        block = Block(answer.block.source, hello.block.source)
        self.forge(SERVER, block.to, block.source, Fin(0, True))
        self.assertEqual((self.server.session.stats.ControlErrs, self.server.reasons), (1, []))
