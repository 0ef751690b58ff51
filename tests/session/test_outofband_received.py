"""
Tests for L{kcptwisted.session.outofband}: receiving, whatever a peer sends.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import error
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from zope.interface import implementer

from kcptwisted.interfaces import IOutOfBandProtocol
from kcptwisted.wire.fec import DATA, DATA_HEADER
from tests.connections import PORT, SERVER, RecordingFactory, RecordingProtocol
from tests.outofband import (
    FEC,
    PLAIN,
    SEQID,
    OutOfBandFactory,
    OutOfBandProtocol,
    OutOfBandTestCase,
    outOfBand,
)
from tests.server.test_listener import STRANGER, RawPeer, RawTestCase

CONV = 5


class PeerTests(RawTestCase, OutOfBandTestCase):
    """
    A listener with FEC, and packets made by hand.
    """

    options = FEC

    @property
    def taker(self) -> OutOfBandProtocol:
        """
        The one protocol there is.
        """
        (protocol,) = self.serverTakers.takers
        return protocol

    @property
    def refused(self) -> int:
        """
        How many datagrams have been counted as refused, for whatever reason.
        """
        stats = self.taker.session.stats
        return stats.OOBDropped + stats.KCPInErrors + stats.FECErrs + self.port.stats.InErrs

    def open(self) -> OutOfBandProtocol:
        """
        Open a session.

        @return: its protocol.
        """
        self.send(self.push(CONV, 0, b"open"))
        return self.taker

    def batch(self, *datagrams: bytes) -> None:
        """
        Have datagrams of the session's peer arrive in one turn.
        """
        stack = self.port._listener.stack
        (address,) = stack.sessions
        stack.datagramsReceived(list(datagrams), address)
        stack.batchFinished()

    def test_stranger(self) -> None:
        """
        A stranger's first datagram opens a session and is given to its protocol, an empty one too.
        """
        for number, data in enumerate((b"", b"who is there?"), 1):
            self.peer = RawPeer()
            self.network.host(STRANGER).listenUDP(100 + number, self.peer)
            self.send(outOfBand(number, data))
            self.assertEqual([taker.outOfBand for taker in self.serverTakers.takers][-1], [data])
            self.assertEqual([session.conv for session in self.port.sessions][-1], number)
        self.assertEqual(self.port.stats.PassiveOpens, 2)
        self.assertEqual(self.port.stats.InErrs, 0)

    def test_streamGoesOn(self) -> None:
        """
        The session that it opened carries a stream from its beginning.
        """
        self.send(outOfBand(CONV, b"who is there?"), self.push(CONV, 0, b"stream"))
        self.assertEqual((self.taker.received, len(self.taker.outOfBand)), (b"stream", 1))

    def test_afterTheEnd(self) -> None:
        """
        A late one opens no session for a conversation that has ended.
        """
        self.open().session.abortConnection()
        self.network.run(0)
        self.send(outOfBand(CONV, b"is anybody there?"))
        self.assertEqual((len(self.serverTakers.takers), self.port.sessions), (1, []))
        self.assertEqual(self.port.stats.InErrs, 1)

    def test_otherConversation(self) -> None:
        """
        Another conversation's is dropped and counted, and does the session no harm.
        """
        taker = self.open()
        self.send(outOfBand(CONV + 1, b"for somebody else"))
        self.send(self.push(CONV, 1, b" to all"), outOfBand(CONV, b"for this one"))
        self.assertEqual((taker.received, taker.reasons), (b"open to all", []))
        self.assertEqual(taker.outOfBand, [b"for this one"])
        self.assertEqual((self.port.stats.InErrs, taker.session.stats.OOBDropped), (1, 0))

    def test_malformed(self) -> None:
        """
        What is too short, of a wrong size or with a shard's seqid is dropped and counted, once.
        """
        taker = self.open()
        whole = outOfBand(CONV, bytes(20))
        malformed = [whole[:length] for length in range(12)]
        malformed += [outOfBand(CONV, bytes(20), size=size) for size in (0, 5, 27, 0xFFFF)]
        malformed += [outOfBand(CONV, bytes(20), seqid=seqid) for seqid in (0, SEQID - 1)]
        for number, packet in enumerate(malformed, 1):
            self.send(packet)
            self.assertEqual((self.refused, packet), (number, packet))
        self.send(whole)
        self.assertEqual((taker.outOfBand, taker.received), ([bytes(20)], b"open"))
        self.assertEqual((taker.reasons, taker.session.stats.OOBReceived), ([], 1))

    def test_padded(self) -> None:
        """
        The size field says where it ends.
        """
        self.open()
        self.send(outOfBand(CONV, b"as long as this") + b"; not this")
        self.assertEqual(self.taker.outOfBand, [b"as long as this"])

    def test_repeated(self) -> None:
        """
        One that the network repeats is given to the protocol again.
        """
        self.open()
        self.send(*[outOfBand(CONV, b"again and again")] * 3)
        self.assertEqual(self.taker.outOfBand, [b"again and again"] * 3)

    def test_mixedBatch(self) -> None:
        """
        Of what arrives together each gets to its place: the stream's, also in shards, what is
        out-of-band, another conversation's.  The stream's comes first.
        """
        taker = self.open()
        before: list[bytes] = []
        taker.onOutOfBand = lambda _: before.append(taker.received)
        first, second = self.push(CONV, 1, b" sesame"), self.push(CONV, 2, b", please")
        self.batch(
            outOfBand(CONV, b"one beside the stream"),
            DATA_HEADER.pack(0, DATA, len(first) + 2) + first,
            outOfBand(CONV + 1, b"for somebody else"),
            second,
            outOfBand(CONV, b"another beside the stream"),
        )
        self.assertEqual(taker.received, b"open sesame, please")
        self.assertEqual(before, [taker.received] * 2)
        self.assertEqual(taker.outOfBand, [b"one beside the stream", b"another beside the stream"])
        self.assertEqual(self.port.stats.InErrs, 1)

    def test_handlerRaises(self) -> None:
        """
        A protocol that raises loses its connection and is given nothing more; others live.
        """
        taker = self.open()

        def fail(data: bytes) -> None:
            raise ZeroDivisionError("in the application")

        taker.onOutOfBand = fail
        self.batch(*[outOfBand(CONV, b"a reason to fail")] * 3)
        other = RawPeer()
        self.network.host(STRANGER).listenUDP(2, other)
        other.transport.write(outOfBand(CONV, b"a reason to live"), (SERVER, PORT))
        self.network.run(0.1)
        self.assertIsInstance(self.reasonOf(taker), ZeroDivisionError)
        self.assertEqual(len(taker.outOfBand), 1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        survivor = self.serverTakers.takers[1]
        self.assertEqual((survivor.outOfBand, survivor.reasons), ([b"a reason to live"], []))

    def test_nothingAfterClose(self) -> None:
        """
        A protocol that has closed, and whose data are still under way, is given none any more.
        """
        taker = self.open()
        taker.session.write(b"not acknowledged yet")
        taker.session.loseConnection()
        self.send(outOfBand(CONV, b"late"))
        self.assertEqual((taker.outOfBand, taker.reasons), ([], []))
        self.assertEqual(taker.session.stats.OOBDropped, 1)

    def test_nothingAfterAbort(self) -> None:
        """
        A protocol that aborts is given nothing more.
        """
        taker = self.open()
        taker.onOutOfBand = lambda data: taker.session.abortConnection()
        self.batch(*[outOfBand(CONV, b"a reason to leave")] * 3)
        self.assertEqual(len(taker.outOfBand), 1)
        self.assertIsInstance(self.reasonOf(taker), error.ConnectionAborted)


class PeerWithoutFECTests(PeerTests):
    """
    The same to a listener without FEC.
    """

    options = PLAIN


class NotTakenTests(OutOfBandTestCase):
    """
    Datagrams that there is nobody to take.
    """

    def test_notProvided(self) -> None:
        """
        A protocol that does not say that it takes them is given none; they are counted, and the
        stream goes on.
        """
        self.serverFactory = RecordingFactory()
        self.listen()
        self.begin()
        self.network.run(0.1)
        (client,), (server,) = self.clientTakers.takers, self.serverFactory.made
        given: list[bytes] = []
        server.outOfBandReceived = given.append  # type: ignore[attr-defined]
        client.session.sendOutOfBand(b"to whom it may concern")
        client.session.write(b"stream")
        self.network.run(0.1)
        stats = server.session.stats
        self.assertEqual((given, server.received, server.reasons), ([], b"stream", []))
        self.assertEqual((stats.OOBDropped, stats.OOBReceived), (1, 0))

    def test_beforeTheProtocol(self) -> None:
        """
        What comes before the client has heard a segment finds no protocol.
        """

        def greet(protocol: RecordingProtocol) -> None:
            protocol.onMade = lambda made: made.session.sendOutOfBand(b"too early to be heard")

        self.serverTakers.prepare = greet
        client, _ = self.join()
        stats = client.session.stats
        self.assertEqual((client.outOfBand, stats.OOBDropped, stats.OOBReceived), ([], 1, 0))


@implementer(IOutOfBandProtocol)
class PassingWrapper(ProtocolWrapper):
    """
    A wrapper that passes out-of-band datagrams on.
    """

    def outOfBandReceived(self, data: bytes) -> None:
        """
        Pass up.
        """
        wrapped: Any = self.wrappedProtocol
        wrapped.outOfBandReceived(data)


class WrappedTests(OutOfBandTestCase):
    """
    Behind L{ProtocolWrapper}.
    """

    def wrapped(self, wrapper: type[ProtocolWrapper]) -> OutOfBandProtocol:
        """
        Send a datagram each way, the client's protocol being in a wrapper.

        @return: the protocol in the wrapper.
        """
        inner = OutOfBandFactory()
        factory = WrappingFactory(inner)
        factory.protocol = wrapper
        factory.noisy = False
        self.patch(self.clientTakers, "buildProtocol", factory.buildProtocol)
        self.listen()
        self.begin()
        self.network.run(0.1)
        (server,), (client,) = self.serverTakers.takers, inner.takers
        transport: Any = client.transport
        transport.sendOutOfBand(b"from inside the wrapper")
        server.session.sendOutOfBand(b"to the inside of it")
        self.network.run(0.1)
        self.assertEqual(server.outOfBand, [b"from inside the wrapper"])
        return client

    def test_plain(self) -> None:
        """
        The wrapped protocol can send; Twisted's wrapper takes none for it.
        """
        client = self.wrapped(ProtocolWrapper)
        self.assertEqual(client.outOfBand, [])
        self.assertEqual(client.session.stats.OOBDropped, 1)

    def test_passing(self) -> None:
        """
        A wrapper that provides the interface can pass them on.
        """
        self.assertEqual(self.wrapped(PassingWrapper).outOfBand, [b"to the inside of it"])
