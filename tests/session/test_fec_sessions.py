"""
Sessions with FEC on a simulated network.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import cast

from kcptwisted.interfaces import Address, IDatagramProtocol
from kcptwisted.layer import DatagramLayer
from kcptwisted.options import KCPOptions
from kcptwisted.testing.link import Link
from kcptwisted.wire.control import Reset, ResetReason, decodeBlock
from kcptwisted.wire.fec import DATA, FEC_OVERHEAD, PARITY, packetType
from kcptwisted.wire.segment import OVERHEAD, PUSH, decodeSegments
from tests.connections import CLIENT, SERVER, ConnectionTestCase, RecordingProtocol
from tests.inside import connectionOf, sessionOf

GOOD = Link(delay=0.005)
LOSSY = Link(delay=0.01, jitter=0.005, loss=0.05, duplicate=0.02, reorder=0.03)


def _options(
    data: int = 0,
    parity: int = 0,
    flush: int = 0,
    handshake: bool = True,
    keepAlive: float = 10.0,
) -> KCPOptions:
    return KCPOptions(
        crypt="null",
        dataShards=data,
        parityShards=parity,
        fecFlush=flush,
        handshake=handshake,
        keepAlive=keepAlive,
    )


class LosingLayer(DatagramLayer):
    """
    Loses chosen datagrams on their way out.

    @ivar loses: says of a datagram whether it is lost.
    """

    def __init__(self, wrapped: IDatagramProtocol) -> None:
        super().__init__(wrapped)
        self.loses: Callable[[bytes], bool] = lambda datagram: False

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Pass down what is not lost.
        """
        kept = [datagram for datagram in datagrams if not self.loses(datagram)]
        super().writeDatagrams(kept, address)


class FECSessionTestCase(ConnectionTestCase):
    """
    Two ends whose options may differ.
    """

    def pair(
        self, client: KCPOptions, server: KCPOptions, link: Link
    ) -> tuple[RecordingProtocol, RecordingProtocol]:
        """
        @return: the client's and the server's protocols, connected.
        """
        self.port = self.listen(server)
        connecting = self.begin(client, [self.losing])
        self.network.run(0.1)
        self.successResultOf(connecting)
        self.bothWays(link)
        return self.clientFactory.made[0], self.serverFactory.made[0]

    def losing(self, wrapped: IDatagramProtocol) -> IDatagramProtocol:
        """
        @return: the client's outermost layer.
        """
        self.layer = LosingLayer(wrapped)
        return cast(IDatagramProtocol, self.layer)


class DifferentCountsTests(FECSessionTestCase):
    """
    Ends that group their shards differently.
    """

    def exchange(
        self, clientCounts: tuple[int, int], serverCounts: tuple[int, int], length: int = 500_000
    ) -> tuple[RecordingProtocol, RecordingProtocol]:
        """
        Have both write over a bad link: all arrives.
        """
        client, server = self.pair(_options(*clientCounts), _options(*serverCounts), LOSSY)
        up, down = self.data(length, 1), self.data(length, 2)
        client.session.write(up)
        server.session.write(down)
        self.network.runUntil(
            lambda: len(server.received) >= length and len(client.received) >= length
        )
        self.assertEqual((server.received, client.received), (up, down))
        for end in (client, server):
            self.assertEqual(end.session.stats.KCPInErrors, 0)
        return client, server

    def done(self) -> None:
        """
        See that nothing was refused, and nothing stays behind.
        """
        self.assertEqual(self.port.stats.InErrs, 0)
        self.finish(self.port)

    def test_bothDiffer(self) -> None:
        """
        Each end finds the other's counts, and rebuilds what is lost.
        """
        client, server = self.exchange((10, 3), (5, 2))
        for end in (client, server):
            stats = end.session.stats
            self.assertEqual((stats.FECRetunes, stats.FECErrs), (1, 1))
            self.assertGreater(stats.FECRecovered, 5)
        self.done()

    def test_larger(self) -> None:
        """
        So it is with groups much larger than one's own.
        """
        client, server = self.exchange((2, 1), (30, 10))
        self.assertEqual(client.session.stats.FECRetunes, 1)
        self.assertGreater(client.session.stats.FECRecovered, 5)
        self.assertGreater(server.session.stats.FECRecovered, 5)
        self.done()

    def test_clientOnly(self) -> None:
        """
        A server without FEC takes its client's headers off, finds its counts and rebuilds, and
        sends without FEC.
        """
        client, server = self.exchange((10, 3), (0, 0))
        self.assertGreater(server.session.stats.FECRecovered, 5)
        self.assertEqual(server.session.stats.FECRetunes, 1)
        self.assertEqual(client.session.stats.FECDataShards, 0)
        self.done()

    def test_serverOnly(self) -> None:
        """
        So does a client without FEC with a server that has it.
        """
        client, server = self.exchange((0, 0), (10, 3))
        self.assertGreater(client.session.stats.FECRecovered, 5)
        self.assertEqual(client.session.stats.FECRetunes, 1)
        self.assertEqual(server.session.stats.FECDataShards, 0)
        self.done()

    def test_same(self) -> None:
        """
        Ends with the same counts have nothing to find.
        """
        for end in self.exchange((10, 3), (10, 3)):
            stats = end.session.stats
            self.assertEqual((stats.FECRetunes, stats.FECErrs), (0, 0))
            self.assertGreater(stats.FECRecovered, 5)
        self.done()

    def test_unseenContradiction(self) -> None:
        """
        Parity is never taken for data, though the one shard that would have told the difference is
        lost: to a server that expects eleven data shards, ten and the second parity shard of its
        client's first group look like a group that lacks one.
        """
        self.bothWays(GOOD)
        self.port = self.listen(_options(11, 3))
        connecting = self.begin(_options(10, 3, handshake=False), [self.losing])
        self.network.run(0)
        self.successResultOf(connecting)
        self.layer.loses = lambda datagram: datagram.startswith(struct.pack("<IH", 10, PARITY))
        data = self.data(60_000)
        self.clientFactory.made[0].session.write(data)
        made = self.serverFactory.made
        self.network.runUntil(lambda: bool(made) and len(made[0].received) >= len(data))
        self.assertTrue(made[0].received == data)
        self.done()


class RecoveredTests(FECSessionTestCase):
    """
    What a session makes of datagrams that FEC rebuilt.
    """

    def test_window(self) -> None:
        """
        They say nothing about the peer's window, but their data counts.
        """
        client, _ = self.pair(_options(2, 1), _options(2, 1), GOOD)
        window = connectionOf(client.session).conversation.sender.remoteWindow
        push = struct.pack("<IBBHIIII", client.session.conv, PUSH, 0, window - 7, 0, 0, 0, 4)
        address = sessionOf(client.session).address
        sessionOf(client.session).datagramsRecovered([push + b"data"], address)
        self.assertEqual(connectionOf(client.session).conversation.sender.remoteWindow, window)
        self.assertEqual(client.received, b"data")
        sessionOf(client.session).datagramsReceived([push + b"data"], address)
        self.assertEqual(connectionOf(client.session).conversation.sender.remoteWindow, window - 7)

    def test_roundTrip(self) -> None:
        """
        An ACK that was lost and rebuilt after long is no sample of the round-trip time.
        """
        client, server = self.pair(_options(1, 1), _options(1, 1), GOOD)
        server.onData = lambda data: server.session.write(b"answer")
        client.session.write(b"ask")
        self.network.run(1)
        rtt = connectionOf(client.session).conversation.sender.rtt
        before = rtt.smoothed
        self.assertLess(before, 200)
        ack = struct.pack("<IBBHIIII", client.session.conv, 82, 0, 32, 0, 0, 0, 0)
        sessionOf(client.session).datagramsRecovered([ack], sessionOf(client.session).address)
        self.assertEqual(rtt.smoothed, before)

    def test_pingPong(self) -> None:
        """
        Messages that go back and forth one by one fill a group slowly.  What its parity then
        rebuilds has long been sent again and acknowledged; it does not stretch the timeouts.
        """
        link = Link(delay=0.025, loss=0.1)
        client, server = self.pair(_options(10, 3), _options(10, 3), link)
        server.onData = server.session.write
        arrivals: list[float] = []

        def again(data: bytes) -> None:
            arrivals.append(self.network.clock.seconds())
            client.session.write(data)

        client.onData = again
        client.session.write(b"x")
        self.network.runUntil(lambda: len(arrivals) > 300)
        trips = [after - before for before, after in pairwise(arrivals)]
        self.assertGreater(client.session.stats.FECRecovered, 0)
        self.assertLess(connectionOf(client.session).conversation.sender.rtt.timeout, 250)
        self.assertLess(sorted(trips)[-10], 0.5)


class FlushTests(FECSessionTestCase):
    """
    The option C{fecFlush}.
    """

    def burst(self, flush: int, keepAlive: float = 10.0) -> RecordingProtocol:
        """
        Write a burst of three datagrams of which the last is lost once.

        @return: the client.
        """
        options = _options(5, 2, flush, keepAlive=keepAlive)
        client, server = self.pair(options, options, GOOD)
        data = self.data(3 * 1300)
        end = data[-20:]
        lost: list[bytes] = []

        def loses(datagram: bytes) -> bool:
            if lost or packetType(datagram) != DATA or not datagram.endswith(end):
                return False
            lost.append(datagram)
            return True

        # Fill up what the beginning of the session has left.
        self.network.run(1)
        self.layer.loses = loses
        client.session.write(data)
        self.network.runUntil(lambda: len(server.received) >= len(data))
        self.assertEqual(server.received, data)
        self.assertEqual(len(lost), 1)
        self.server = server
        return client

    def test_rebuilt(self) -> None:
        """
        The end of a burst is rebuilt without being sent again.
        """
        client = self.burst(20)
        self.network.run(5)
        self.assertEqual(client.session.stats.RetransSegs, 0)
        self.assertEqual(self.server.session.stats.FECRecovered, 1)

    def test_without(self) -> None:
        """
        Without the option it has to be sent again.
        """
        client = self.burst(0)
        self.network.run(5)
        self.assertEqual(client.session.stats.RetransSegs, 1)

    def test_idle(self) -> None:
        """
        After that both ends are quiet, but for keepalives: nothing is sent and no timer runs.
        """
        self.burst(20, keepAlive=0)
        self.network.run(2)
        self.assertEqual(self.network.clock.getDelayedCalls(), [])
        sent: list[bytes] = []
        self.network.taps.append(lambda source, to, datagram: sent.append(datagram))
        self.network.run(300)
        self.assertEqual(sent, [])
        self.finish(self.port)

    def test_filler(self) -> None:
        """
        A group is filled up with datagrams that hold one segment without data, of the same
        conversation, and the peer answers none of them.
        """
        client, server = self.pair(_options(5, 2, 20), _options(5, 2), GOOD)
        self.network.run(1)
        sent: list[bytes] = []
        self.network.taps.append(
            lambda source, to, datagram: sent.append(datagram) if source[0] == CLIENT else None
        )
        before = server.session.stats.OutPkts
        client.session.write(b"data")
        self.network.run(1)
        self.assertEqual(list(map(packetType, sent)), [DATA] * 5 + [PARITY] * 2)
        for filler in sent[1:5]:
            (segment,) = decodeSegments(filler[FEC_OVERHEAD:])
            self.assertEqual((segment.conv, segment.data), (client.session.conv, b""))
            self.assertNotEqual(segment.cmd, PUSH)
            self.assertEqual(len(filler), FEC_OVERHEAD + OVERHEAD)
        # The one datagram is the ACK of the data.
        self.assertEqual(server.session.stats.OutPkts - before, 1)

    def test_windowStays(self) -> None:
        """
        Fillers tell the window as it is.
        """
        client, server = self.pair(_options(5, 2, 20), _options(5, 2, 20), GOOD)
        server.session.pauseProducing()
        client.session.write(self.data(100_000))
        self.network.run(1)
        self.assertEqual(
            connectionOf(client.session).conversation.sender.remoteWindow,
            connectionOf(server.session).conversation.receiver.window,
        )

    def test_aborted(self) -> None:
        """
        A session that ended before the pause was over sends its goodbye, but no fillers, and no
        timer stays.
        """
        _, server = self.pair(_options(5, 2), _options(5, 2, 20), GOOD)
        self.network.run(1)
        server.session.write(b"data")
        self.network.run(0.001)
        server.session.abortConnection()
        sent: list[bytes] = []
        self.network.taps.append(
            lambda source, to, datagram: sent.append(datagram) if source[0] == SERVER else None
        )
        self.network.run(0.004)
        self.assertEqual(len(server.reasons), 1)
        for goodbye in sent:
            (segment,) = decodeSegments(goodbye[FEC_OVERHEAD:])
            block = decodeBlock(segment.data)
            assert block is not None
            self.assertEqual(block.frames, (Reset(ResetReason.ABORTED),))
        sent.clear()
        self.network.run(1)
        self.assertEqual(sent, [])
        self.assertIs(connectionOf(server.session).lifecycle.keepalive(0), None)
        self.finish(self.port)

    def test_lossy(self) -> None:
        """
        Over a bad link, with many small writes, all arrives.
        """
        client, server = self.pair(_options(5, 2, 20), _options(4, 2, 10), LOSSY)
        server.onData = lambda data: server.session.write(data)
        data = self.data(20_000)
        for start in range(0, len(data), 100):
            client.session.write(data[start : start + 100])
            self.network.run(0.015)
        self.network.runUntil(lambda: len(client.received) >= len(data))
        self.assertEqual(client.received, data)
        self.assertGreater(server.session.stats.FECRecovered, 1)
        self.finish(self.port)
