"""
Tests for L{kcptwisted.session.transport}: what a transport tells.  What can be changed is in
L{tests.session.test_configure}.
"""

from __future__ import annotations

from typing import Any

from zope.interface.interface import Attribute, Method
from zope.interface.verify import verifyObject

from kcptwisted.crypt.registry import CIPHERS
from kcptwisted.errors import OutOfBandRefused
from kcptwisted.interfaces import IKCPTransport
from kcptwisted.options import KCPOptions
from kcptwisted.options.table import TICK
from kcptwisted.session import KCPTransport
from kcptwisted.stack.socketstack import SocketLayer
from kcptwisted.testing.link import Link
from kcptwisted.wire.segment import OVERHEAD
from tests.callers import BARE
from tests.connections import CLIENT, ConnectionTestCase
from tests.outofband import OutOfBandProtocol, OutOfBandTestCase
from tests.session.test_outofband import Trailer

#: 50 ms one way.
FAR = Link(delay=0.05)
DEAD = Link(loss=1)

#: ACKs are sent as soon as something arrives.
PROMPT = KCPOptions(crypt="null", ackNoDelay=True)

INITIAL_TIMEOUT = 200
#: A peer's window before it says so, segments.
INITIAL_WINDOW = 32

#: All that can be asked without an argument.
NAMES = [
    name
    for name, item in IKCPTransport.namesAndDescriptions(all=True)
    if isinstance(item, Attribute) and not isinstance(item, Method)
]


def told(transport: KCPTransport) -> dict[str, Any]:
    """
    @return: all that there is to ask.
    """
    return {name: getattr(transport, name) for name in NAMES}


class InterfaceTests(ConnectionTestCase):
    """
    What L{IKCPTransport} promises is there.
    """

    options = KCPOptions(crypt="null", dataShards=3, parityShards=1)

    def test_provided(self) -> None:
        """
        At either end, also when the connection is over.
        """
        ends = [protocol.session for protocol in self.connect()]
        self.assertIn("maximumOutOfBand", NAMES)
        for close in (False, True):
            if close:
                ends[0].loseConnection()
                self.network.run(1)
            for transport in ends:
                verifyObject(IKCPTransport, transport)
                self.assertEqual(transport.connected, not close)
                self.assertEqual(set(told(transport)), set(NAMES))

    def test_over(self) -> None:
        """
        In connectionLost and afterwards, however the connection ends, the latest values are told,
        and what nobody waits for any more is none.
        """
        for ending in ("loseConnection", "abortConnection", "silence"):
            with self.subTest(ending=ending):
                self.setUp()
                options = KCPOptions(crypt="null", ackNoDelay=True, deadAfter=1, keepAlive=1)
                client, server = self.connect(options, FAR)
                client.session.write(bytes(5000))
                self.network.run(0.5)
                transports = (client.session, server.session)
                before = [told(transport) for transport in transports]
                for transport in transports:
                    transport.write(bytes(5000))
                if ending == "silence":
                    self.bothWays(DEAD)
                else:
                    getattr(client.session, ending)()
                self.network.run(60)
                for protocol, transport, known in zip(
                    (client, server), transports, before, strict=True
                ):
                    self.assertEqual(len(protocol.reasons), 1)
                    now = told(transport)
                    for name in ("conv", "sendWindow", "maximumOutOfBand", "greeted"):
                        self.assertEqual(now[name], known[name], name)
                    self.assertEqual((now["queuedBytes"], now["unacknowledged"]), (0, 0))
                    self.assertEqual(now["segmentsInFlight"], 0)
                self.assertGreaterEqual(transports[0].smoothedRTT, 100)

    def test_greeted(self) -> None:
        """
        A peer with room for control frames greets.
        """
        client, server = self.connect(PROMPT)
        self.assertTrue(client.session.greeted and server.session.greeted)

    def test_notGreeted(self) -> None:
        """
        One without is not taken for kcptwisted.
        """
        client, server = self.connect(BARE)
        client.session.write(b"data")
        self.network.run(1)
        self.assertEqual(server.received, b"data")
        self.assertFalse(client.session.greeted or server.session.greeted)


class RoundTripTests(ConnectionTestCase):
    """
    The estimates of the round trip.
    """

    def estimates(self, transport: KCPTransport) -> tuple[float, float, int]:
        """
        @return: all three, milliseconds.
        """
        return transport.smoothedRTT, transport.rttVariance, transport.retransmissionTimeout

    def test_beforeTheFirst(self) -> None:
        """
        Without a sample there is none, and KCP's first timeout.
        """
        for protocol in self.connect(PROMPT, FAR):
            self.assertEqual(self.estimates(protocol.session), (0, 0, INITIAL_TIMEOUT))

    def test_samples(self) -> None:
        """
        With a path of 100 ms there and back, the estimates are those of RFC 6298, at the end that
        wrote only.
        """
        client, server = self.connect(PROMPT, FAR)
        for expected in ((100, 50, 300), (100, 37.5, 250), (100, 28.125, 212)):
            client.session.write(b"data")
            self.network.run(0.5)
            self.assertEqual(self.estimates(client.session), expected)
        self.assertEqual(self.estimates(server.session), (0, 0, INITIAL_TIMEOUT))

    def test_ackDelay(self) -> None:
        """
        What the peer's ACK waits for company is part of the round trip, as everywhere in KCP.
        """
        client, _ = self.connect(KCPOptions(crypt="null", interval=40), FAR)
        client.session.write(b"data")
        self.network.run(0.5)
        self.assertTrue(100 < client.session.smoothedRTT <= 140, client.session.smoothedRTT)

    def test_timeout(self) -> None:
        """
        A segment is sent again when the timeout has passed that was told.
        """
        client, _ = self.connect(PROMPT, FAR)
        client.session.write(b"data")
        self.network.run(0.5)
        self.bothWays(DEAD)
        times: list[float] = []
        clock = self.network.clock
        self.network.taps.append(lambda source, to, data: times.append(clock.seconds()))
        timeout = client.session.retransmissionTimeout
        self.assertEqual(timeout, 300)
        client.session.write(b"data")
        self.network.run(0.5)
        waited = round((times[1] - times[0]) * 1000)
        self.assertTrue(timeout <= waited <= timeout + TICK, waited)


class WindowTests(ConnectionTestCase):
    """
    The windows of both ends, and what is in flight.
    """

    options = KCPOptions(crypt="null", sendWindow=4, receiveWindow=8, ackNoDelay=True)
    segment = options.firstMtu - OVERHEAD

    def test_empty(self) -> None:
        """
        Nothing is in flight; each end knows the other's window when the other has said it.
        """
        client, server = self.connect(self.options)
        for transport in (client.session, server.session):
            self.assertEqual((transport.segmentsInFlight, transport.unacknowledged), (0, 0))
            self.assertEqual((transport.sendWindow, transport.receiveWindow), (4, 8))
            self.assertEqual((transport.peerWindow, transport.queuedBytes), (8, 0))

    def test_beforeItSays(self) -> None:
        """
        Before the peer has said anything, its window is KCP's default.
        """
        options = KCPOptions(crypt="null", handshake=False, receiveWindow=8)
        self.listen(options)
        self.successResultOf(self.begin(options))
        (client,) = self.clientFactory.made
        self.assertEqual(client.session.peerWindow, INITIAL_WINDOW)
        self.assertFalse(client.session.greeted)
        client.session.write(b"data")
        self.network.run(1)
        self.assertEqual(client.session.peerWindow, 8)
        self.assertTrue(client.session.greeted)

    def test_full(self) -> None:
        """
        The window is full of segments in flight, and the rest waits; then all is acknowledged.
        """
        client, server = self.connect(self.options, FAR)
        transport = client.session
        transport.write(bytes(10 * self.segment))
        self.assertEqual((transport.segmentsInFlight, transport.unacknowledged), (0, 10))
        self.network.run(0.01)
        self.assertEqual((transport.segmentsInFlight, transport.unacknowledged), (4, 10))
        self.assertEqual(transport.queuedBytes, 6 * self.segment)
        self.network.run(1)
        self.assertEqual((transport.segmentsInFlight, transport.unacknowledged), (0, 0))
        self.assertEqual((transport.queuedBytes, len(server.received)), (0, 10 * self.segment))

    def test_pausedReader(self) -> None:
        """
        While the application has paused the room shrinks to none, and the peer knows; when it
        reads, both are as before.
        """
        client, server = self.connect(self.options, FAR)
        server.session.pauseProducing()
        client.session.write(bytes(3 * self.segment))
        self.network.run(1)
        self.assertEqual((server.session.receiveWindow, client.session.peerWindow), (5, 5))
        client.session.write(bytes(9 * self.segment))
        self.network.run(1)
        self.assertEqual((server.session.receiveWindow, client.session.peerWindow), (0, 0))
        self.assertEqual(client.session.unacknowledged, 4)
        server.session.resumeProducing()
        self.network.run(5)
        self.assertEqual((server.session.receiveWindow, client.session.peerWindow), (8, 8))
        self.assertEqual(len(server.received), 12 * self.segment)


class MaximumOutOfBandTests(OutOfBandTestCase):
    """
    C{maximumOutOfBand} is what C{sendOutOfBand} takes, and no more.
    """

    def check(
        self, options: KCPOptions, layers: tuple[SocketLayer, ...] = (), taken: int = 0
    ) -> None:
        """
        A datagram of the maximum arrives, both ways, and is as long as the mtu allows; one byte
        more is refused, and nothing is sent.  So it is with each mtu that is set.

        @param taken: bytes that C{layers} take.
        """
        self.setUp()
        client, server = self.join(options, options, layers)
        for mtu in (options.firstMtu, 600, 1500):
            if mtu != options.firstMtu:
                client.session.configure(mtu=mtu)
                server.session.configure(mtu=mtu)
            for one, other in ((client, server), (server, client)):
                most = one.session.maximumOutOfBand
                self.assertEqual(most, mtu - options.cipher.overhead - taken - 12)
                self.network.run(1)
                self.sent.clear()
                other.outOfBand.clear()
                error = self.assertRaises(
                    OutOfBandRefused, one.session.sendOutOfBand, bytes(most + 1)
                )
                self.assertIn(f"at most {most} bytes", str(error))
                self.assertEqual(self.sent, [])
                data = self.data(most, mtu)
                one.session.sendOutOfBand(data)
                self.assertEqual([len(datagram) for _, datagram in self.sent], [mtu])
                self.network.run(0.1)
                self.assertEqual(other.outOfBand, [data])

    def test_ciphers(self) -> None:
        """
        With each cipher.
        """
        for name, spec in CIPHERS.items():
            with self.subTest(cipher=name):
                key = "sesame" if spec.keyBytes else None
                self.check(KCPOptions(crypt=name, key=key, dataShards=3, parityShards=1))

    def test_layer(self) -> None:
        """
        With a layer of the user's that takes bytes as well.
        """
        self.check(self.options, (Trailer,), Trailer.ownOverhead)

    def test_smallest(self) -> None:
        """
        With the smallest mtu that there can be without control frames.
        """
        options = KCPOptions(crypt="null", dataShards=3, parityShards=1, mtu=33)
        client, server = self.join(options, options)
        most = client.session.maximumOutOfBand
        self.assertEqual(most, 21)
        client.session.sendOutOfBand(bytes(most))
        self.network.run(0.1)
        self.assertEqual(server.outOfBand, [bytes(most)])

    def test_withoutFEC(self) -> None:
        """
        Without FEC nothing is taken, not even no bytes, whatever the mtu.
        """
        for name in ("null", "aes-128", "aes-128-gcm"):
            self.setUp()
            options = KCPOptions(crypt=name, key=None if name == "null" else "sesame")
            for protocol in self.join(options, options):
                self.refuses(protocol)
                protocol.session.configure(mtu=600)
                self.refuses(protocol)

    def refuses(self, protocol: OutOfBandProtocol) -> None:
        """
        Nothing is taken.
        """
        self.assertEqual(protocol.session.maximumOutOfBand, -1)
        self.assertRaises(OutOfBandRefused, protocol.session.sendOutOfBand, b"")

    def test_peerWithoutFEC(self) -> None:
        """
        The peer's FEC does not matter.
        """
        client, server = self.join(None, KCPOptions(crypt="null"))
        self.assertEqual(client.session.maximumOutOfBand, 1220)
        self.assertEqual(server.session.maximumOutOfBand, -1)

    def test_duringTransfer(self) -> None:
        """
        The maximum holds while segments that were cut for a larger mtu are still on their way.
        """
        client, server = self.join()
        client.session.write(self.data(50_000))
        client.session.configure(mtu=300, sendWindow=8)
        self.bothWays(Link(delay=0.02))
        self.network.run(0.01)
        client.session.sendOutOfBand(self.data(client.session.maximumOutOfBand))
        self.assertEqual(len(self.sentBy(CLIENT)[-1]), 300)
        self.network.run(30)
        self.assertEqual((server.outOfBand, server.received), ([self.data(288)], self.data(50_000)))
