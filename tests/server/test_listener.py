"""
Tests for L{kcptwisted.server.listener} and L{kcptwisted.stack}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import error
from twisted.internet.address import IPv4Address
from twisted.internet.protocol import DatagramProtocol
from zope.interface.verify import verifyObject

from kcptwisted.errors import PeerRestarted
from kcptwisted.interfaces import IDatagramProtocol, IDatagramTransport
from kcptwisted.options import KCPOptions
from kcptwisted.options.table import LARGE_WINDOWS
from kcptwisted.udp.asked import OwnAddress, askedAddress, ownAddressOf
from kcptwisted.wire.control import NO_TOKEN, Retry, encodeBlock
from kcptwisted.wire.fec import DATA, DATA_HEADER, FEC_HEADER, PARITY
from kcptwisted.wire.segment import ACK, PUSH, WASK, WINS, Segment, decodeSegments
from tests.callers import blocksOf, hello
from tests.connections import PORT, SERVER, ConnectionTestCase
from tests.inside import sessionOf

STRANGER = "10.0.0.9"


class RawPeer(DatagramProtocol):
    """
    A peer that sends datagrams made by hand.
    """

    transport: Any

    def __init__(self) -> None:
        self.received: list[bytes] = []

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """
        Note.
        """
        self.received.append(datagram)


class RawTestCase(ConnectionTestCase):
    """
    A listener without a cipher, and a peer that sends what the test makes up.
    """

    def setUp(self) -> None:
        """
        Listen.
        """
        super().setUp()
        self.port = self.listen()
        self.peer = RawPeer()
        self.network.host(STRANGER).listenUDP(1, self.peer)

    def send(self, *datagrams: bytes) -> None:
        """
        Send datagrams to the listener and let it answer.
        """
        for datagram in datagrams:
            self.peer.transport.write(datagram, (SERVER, PORT))
        self.network.run(0.1)

    def push(self, conv: int, sn: int, data: bytes = b"x") -> bytes:
        """
        @return: a PUSH segment.
        """
        return Segment(conv, PUSH, 0, 128, 0, sn, 0, data).encode()


class AcceptTests(RawTestCase):
    """
    Which datagrams open a session.
    """

    def test_interfaces(self) -> None:
        """
        The socket's stack is a layer; a session's is the transport of what is above it.
        """
        stack = self.port._listener.stack
        verifyObject(IDatagramProtocol, stack)
        verifyObject(IDatagramTransport, stack)
        self.send(self.push(5, 0))
        (own,) = stack.sessions.values()
        verifyObject(IDatagramTransport, own)

    def newPeer(self, number: int) -> None:
        """
        Go on as another peer.
        """
        self.peer = RawPeer()
        self.network.host(STRANGER).listenUDP(100 + number, self.peer)

    def test_anyFirst(self) -> None:
        """
        A segment of whatever kind that a peer may begin with opens a session, and a WASK is
        answered by a WINS.
        """
        for number, cmd in enumerate((PUSH, WASK), 1):
            self.newPeer(number)
            self.send(Segment(number, cmd, 0, 128, 0, 0, 0, b"").encode())
            self.assertEqual(len(self.serverFactory.made), number)
            if cmd == WASK:
                (answer,) = self.peer.received
                (segment,) = decodeSegments(answer)
                self.assertEqual(
                    (segment.conv, segment.cmd, segment.wnd), (number, WINS, LARGE_WINDOWS.receive)
                )
        self.assertEqual(self.port.stats.PassiveOpens, 2)
        self.assertEqual((self.port.stats.CurrEstab, self.port.stats.MaxConn), (2, 2))

    def test_askedElsewhere(self) -> None:
        """
        A session answers from the address of its host that the peer asked last, and says so.
        """
        self.newPeer(1)
        ask = Segment(1, WASK, 0, 128, 0, 0, 0, b"").encode()
        self.send(ask)
        (protocol,) = self.serverFactory.made
        session = protocol.session
        plain = sessionOf(session).address
        self.assertEqual(session.getHost(), self.port.getHost())
        listener = self.port._listener
        for host in ("10.0.0.7", "10.0.0.8"):
            own = OwnAddress(host, [], b"")
            listener.stack.datagramsReceived([ask], askedAddress(plain, own))
            listener.stack.batchFinished()
            self.assertEqual(sessionOf(session).address, plain)
            self.assertIs(ownAddressOf(sessionOf(session).address), own)
            self.assertEqual(session.getHost(), IPv4Address("UDP", host, PORT))
        self.assertIs(listener.sessions.at(plain), sessionOf(session))
        self.assertEqual(len(listener.sessions), 1)

    def test_middle(self) -> None:
        """
        What only a peer sends that has begun before opens nothing, and is neither answered nor
        taken for the beginning of what follows: an ACK, a WINS, a segment after the first one,
        whatever acknowledges something, control frames without a hello.
        """
        keepalive = encodeBlock(NO_TOKEN, bytes(range(1, 9)))
        leftovers = [
            Segment(1, ACK, 0, 128, 0, 0, 0, b"").encode(),
            Segment(1, ACK, 0, 128, 0, 7, 0, b"").encode(),
            self.push(1, 1),
            self.push(1, (1 << 32) - 1),
            Segment(1, WINS, 0, 128, 0, 0, 0, b"").encode(),
            *[Segment(1, cmd, 0, 128, 0, 0, 1, b"").encode() for cmd in (PUSH, ACK, WASK, WINS)],
            *[Segment(1, cmd, 0, 128, 0, 0, 0, keepalive).encode() for cmd in (WASK, WINS)],
        ]
        for number, leftover in enumerate(leftovers):
            self.newPeer(number)
            self.send(leftover)
            self.assertEqual((self.serverFactory.made, self.peer.received), ([], []))
        self.assertEqual((self.port.stats.InErrs, self.port.sessions), (len(leftovers), []))
        self.send(leftovers[2], self.push(1, 0, b"first"))
        self.assertEqual(self.serverFactory.made[0].received, b"first")

    def test_fecData(self) -> None:
        """
        A FEC data shard opens a session, and a listener without FEC reads what is in it.
        """
        segment = self.push(5, 0, b"coded")
        self.send(DATA_HEADER.pack(0, DATA, len(segment) + 2) + segment)
        self.assertEqual(self.serverFactory.made[0].received, b"coded")

    def test_nothingOpened(self) -> None:
        """
        Parity, runts, unknown commands and noise open nothing, and are counted.
        """
        segment = bytearray(self.push(5, 0))
        segment[4] = 99
        noise = [
            b"",
            b"x" * 23,
            bytes(segment),
            FEC_HEADER.pack(0, PARITY) + bytes(100),
            b"\xff" * 50,
        ]
        self.send(*noise)
        self.assertEqual(self.serverFactory.made, [])
        self.assertEqual(self.port.stats.InErrs, len(noise))
        self.assertEqual(self.port.stats.CurrEstab, 0)

    def test_oversized(self) -> None:
        """
        Datagrams larger than any KCP peer sends are dropped and counted, by strangers and others:
        the windows count segments, not bytes.
        """
        self.send(self.push(5, 0, bytes(1477)))
        self.assertEqual((self.serverFactory.made, self.port.stats.InOversized), ([], 1))
        self.send(self.push(5, 0, bytes(1476)))
        self.send(self.push(5, 1, bytes(60_000)), self.push(5, 1, b"x"))
        self.assertEqual(len(self.serverFactory.made[0].received), 1477)
        self.assertEqual(self.port.stats.InOversized, 2)
        stack = self.port._listener.stack
        (session,) = self.port.sessions
        (address,) = stack.sessions
        for datagrams in ([self.push(5, 2, bytes(60_000))], [], [self.push(5, 2, b"y")]):
            stack.datagramsRecovered(datagrams, address)
            stack.batchFinished()
        self.assertEqual(session.stats.BytesReceived, 1478)
        self.assertEqual((self.port.stats.InOversized, self.port.stats.InErrs), (3, 0))

    def test_oversizedSealed(self) -> None:
        """
        Such datagrams are not given to the cipher, which would open all of them for nothing.
        """
        self.successResultOf(self.port.stopListening())
        for crypt, overhead in (("aes", 20), ("aes-128-gcm", 28)):
            with self.subTest(crypt=crypt):
                port = self.listen(KCPOptions(key="k", crypt=crypt))
                self.send(bytes(1500 + overhead), bytes(1501 + overhead))
                self.assertEqual((port.stats.InOversized, port.stats.InCsumErrors), (1, 1))
                self.successResultOf(port.stopListening())

    def test_refusedByCipher(self) -> None:
        """
        What is too short for the cipher is counted apart from what is sealed with another key, or
        with none; neither opens a session.
        """
        self.successResultOf(self.port.stopListening())
        for crypt, overhead in (("aes", 20), ("aes-128-gcm", 28)):
            with self.subTest(crypt=crypt):
                port = self.listen(KCPOptions(key="k", crypt=crypt))
                self.send(*[self.push(5, 0)[:length] for length in (0, 1, overhead - 1)])
                self.assertEqual((port.stats.InShortErrs, port.stats.InCsumErrors), (3, 0))
                self.send(bytes(overhead), self.push(5, 0, bytes(100)))
                self.assertEqual((port.stats.InShortErrs, port.stats.InCsumErrors), (3, 2))
                self.assertEqual((port.stats.InErrs, self.serverFactory.made), (0, []))
                self.successResultOf(port.stopListening())

    def test_factoryDeclines(self) -> None:
        """
        A factory that makes no protocol has the session forgotten.
        """
        self.patch(self.serverFactory, "buildProtocol", lambda addr: None)
        self.send(self.push(5, 0))
        self.assertEqual(self.port.sessions, [])

    def test_factoryRaises(self) -> None:
        """
        A factory that raises has the session forgotten and the error logged.
        """
        self.patch(self.serverFactory, "buildProtocol", lambda addr: 1 / 0)
        self.send(self.push(5, 0))
        self.assertEqual(self.port.sessions, [])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_sessionsByAddress(self) -> None:
        """
        Peers at different addresses have sessions of their own, also with the same conversation
        id, and none gets another's data.
        """
        other = RawPeer()
        self.network.host(STRANGER).listenUDP(2, other)
        self.send(self.push(5, 0, b"first"))
        other.transport.write(self.push(5, 0, b"second"), (SERVER, PORT))
        self.network.run(0.1)
        self.assertEqual(
            [protocol.received for protocol in self.serverFactory.made], [b"first", b"second"]
        )


class RestartTests(RawTestCase):
    """
    A known address with another conversation.
    """

    def setUp(self) -> None:
        """
        Have a session.
        """
        super().setUp()
        self.send(self.push(5, 0, b"old"))

    def test_restart(self) -> None:
        """
        The first segment of a new conversation ends the old session and opens a new one.
        """
        self.send(self.push(6, 0, b"new"))
        old, new = self.serverFactory.made
        self.assertIsInstance(self.reasonOf(old), PeerRestarted)
        self.assertIsInstance(self.reasonOf(old), error.ConnectionLost)
        self.assertEqual((old.received, new.received), (b"old", b"new"))
        self.assertEqual([session.conv for session in self.port.sessions], [6])

    def test_leftovers(self) -> None:
        """
        Anything else of another conversation is dropped and counted, and the session goes on.
        """
        token = bytes(range(1, 9))
        leftovers = [
            self.push(6, 1),
            Segment(6, WASK, 0, 128, 0, 0, 0, b"").encode(),
            Segment(6, WINS, 0, 128, 0, 0, 0, b"").encode(),
            Segment(6, ACK, 0, 128, 0, 0, 0, b"").encode(),
            Segment(6, PUSH, 0, 128, 0, 0, 1, b"x").encode(),
            Segment(6, WASK, 0, 128, 0, 0, 0, encodeBlock(NO_TOKEN, token)).encode(),
            b"noise" * 10,
        ]
        self.peer.received.clear()
        self.send(*leftovers)
        self.assertEqual(self.peer.received, [])
        self.send(self.push(5, 1, b"er"))
        (protocol,) = self.serverFactory.made
        self.assertEqual((protocol.received, protocol.reasons), (b"older", []))
        self.assertEqual(self.port.stats.InErrs, len(leftovers))

    def test_hello(self) -> None:
        """
        A hello of another conversation is answered: with the cookie that shows that the peer is
        there, and not only somebody who writes its address, it begins anew.
        """
        token = bytes(range(1, 9))
        self.peer.received.clear()
        self.send(hello(6, token))
        (retry,) = blocksOf(self.peer.received.pop())
        self.assertEqual((retry.to, retry.source), (token, NO_TOKEN))
        (frame,) = retry.frames
        assert isinstance(frame, Retry)
        self.assertEqual(len(self.serverFactory.made), 1)
        self.send(hello(6, token, bytes(8)), hello(7, token, frame.cookie))
        self.assertEqual((len(self.serverFactory.made), self.port.stats.RetriesSent), (1, 3))
        self.send(hello(6, token, frame.cookie))
        old, _ = self.serverFactory.made
        self.assertIsInstance(self.reasonOf(old), PeerRestarted)
        self.assertEqual([session.conv for session in self.port.sessions], [6])

    def test_recovered(self) -> None:
        """
        A hello with its cookie that a layer on the socket has rebuilt ends the old session, and is
        of no concern to other addresses.
        """
        listener, token = self.port._listener, bytes(range(1, 9))
        stack = listener.stack
        here, there = (STRANGER, 7), (STRANGER, 8)
        for address, known in ((here, b"h" * 8), (there, b"t" * 8)):
            stack.datagramsReceived([hello(5, known)], address)
        cookie = listener.newcomers.cookies.make(here, 5, token, stack.clock.now())
        stack.datagramsRecovered([hello(5, token, cookie)], here)
        other = self.serverFactory.made[2]
        stack.datagramsReceived([self.push(5, 0, b"mine")], there)
        stack.batchFinished()
        self.assertEqual((other.received, other.reasons), (b"mine", []))
        self.assertIsInstance(self.reasonOf(self.serverFactory.made[1]), PeerRestarted)
        self.assertEqual((len(self.serverFactory.made), len(self.port.sessions)), (3, 2))

    def test_lateCopy(self) -> None:
        """
        A late copy of the old conversation's first segment does not end the new one.
        """
        self.send(self.push(6, 0, b"new"), self.push(5, 0, b"old"), self.push(6, 1, b"er"))
        self.assertEqual(len(self.serverFactory.made), 2)
        new = self.serverFactory.made[1]
        self.assertEqual((new.received, new.reasons), (b"newer", []))

    def test_restartWithFEC(self) -> None:
        """
        The same when the new conversation comes in FEC packets.
        """
        segment = self.push(6, 0, b"new")
        self.send(DATA_HEADER.pack(0, DATA, len(segment) + 2) + segment)
        self.assertEqual(self.serverFactory.made[1].received, b"new")


class LateTests(RawTestCase):
    """
    Datagrams of a session that has ended.
    """

    def test_noGhost(self) -> None:
        """
        They open no session and are not acknowledged, so that the peer learns that it is alone.
        """
        self.send(self.push(5, 0))
        self.serverFactory.made[0].session.abortConnection()
        self.network.run(0)
        self.peer.received.clear()
        self.send(self.push(5, 1), self.push(5, 0))
        self.assertEqual((len(self.serverFactory.made), self.peer.received), (1, []))
        self.assertEqual(self.port.stats.InErrs, 2)

    def test_newConversation(self) -> None:
        """
        Another conversation from the same address opens a session, also behind late datagrams.
        """
        self.send(self.push(5, 0))
        self.serverFactory.made[0].session.abortConnection()
        self.network.run(0)
        self.send(self.push(5, 1), self.push(6, 0, b"new"))
        self.assertEqual(self.serverFactory.made[1].received, b"new")


class ManyTests(ConnectionTestCase):
    """
    A listener that lives long.
    """

    def test_manyConnections(self) -> None:
        """
        100 connections in a row leave nothing behind.
        """
        port = self.listen(KCPOptions(key="k"))
        for _ in range(100):
            connecting = self.begin(KCPOptions(key="k"))
            self.network.run(0.1)
            self.successResultOf(connecting)
            for factory in (self.clientFactory, self.serverFactory):
                factory.made[-1].session.write(b"x")
                factory.made[-1].session.loseConnection()
            self.network.run(1)
        self.assertEqual(port.stats.MaxConn, 1)
        self.assertEqual((port.stats.CurrEstab, port.sessions), (0, []))
        self.finish(port)
