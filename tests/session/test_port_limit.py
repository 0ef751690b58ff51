"""
The option C{portRateLimit}: sessions that share what their port may send.
"""

from __future__ import annotations

from typing import Any, cast

from kcptwisted.endpoints import KCPClientEndpoint
from kcptwisted.options import KCPOptions
from kcptwisted.server.listener import KCPListener
from kcptwisted.testing import Link
from kcptwisted.timing.portlimit import LEAST_PART
from tests.connections import CLIENT, PORT, SERVER, ConnectionTestCase, RecordingProtocol

#: Bytes a second.
LIMIT = 1_000_000

#: 100 Mbit/s, with 100 ms of queue.
LINE = Link(delay=0.02, rate=12_500_000, queue=1_250_000)


class PortLimitTestCase(ConnectionTestCase):
    """
    Several connections with a server whose port has a limit.
    """

    def connectAll(self, count: int, limit: int = LIMIT, **options: Any) -> None:
        """
        Connect so many.

        @param options: of both ends.
        """
        self.port = self.listen(KCPOptions(crypt="null", portRateLimit=limit, **options))
        connecting = [self.begin(KCPOptions(crypt="null", **options)) for _ in range(count)]
        self.network.run(0.1)
        self.clients = [cast(RecordingProtocol, self.successResultOf(each)) for each in connecting]
        self.servers = self.serverFactory.made
        self.bothWays(LINE)
        self.sent = 0
        self.network.taps.append(self.count)

    def count(self, source: tuple[str, int], to: tuple[str, int], datagram: bytes) -> None:
        """
        Note what the server sends.
        """
        if source[0] == SERVER:
            self.sent += len(datagram)

    def rate(self, seconds: float) -> float:
        """
        Returns what the server sends a second from now on, as a part of the limit.
        """
        before = self.sent
        self.network.run(seconds)
        return (self.sent - before) / seconds / LIMIT

    def received(self) -> list[int]:
        """
        Returns how much each client has received.
        """
        return [sum(map(len, client.pieces)) for client in self.clients]


class SharingTests(PortLimitTestCase):
    """
    What leaves, and whose it is.
    """

    def check(self, **options: Any) -> None:
        """
        Two that send all they can, and one that echoes.
        """
        self.connectAll(3, **options)
        for server in self.servers[:2]:
            if options.get("stream", True):
                server.session.write(bytes(20 * LIMIT))
            else:
                for _ in range(1000):
                    server.session.write(bytes(20_000))
        small, echo = self.clients[2], self.servers[2]
        echo.onData = echo.session.write
        trips: list[float] = []

        def ping() -> None:
            began = self.network.clock.seconds()
            small.onData = lambda data: trips.append(self.network.clock.seconds() - began)
            small.session.write(bytes(64))

        for number in range(100):
            self.network.clock.callLater(0.5 + number / 10, ping)
        self.network.run(0.5)
        self.assertApproximates(self.rate(10), 1, 0.01)
        model = self.network.model(SERVER, CLIENT)
        assert model.bottleneck is not None
        self.assertEqual((model.dropped, len(trips)), (0, 100))
        self.assertLess(model.bottleneck.delays.percentile(99), 0.0025)
        self.assertLess(max(trips), 0.043)
        one, other, _ = self.received()
        self.assertApproximates(one, other, 0.04 * one)
        for server in self.servers:
            self.assertEqual(server.session.stats.RetransSegs, 0)
            self.assertLess(server.session.smoothedRTT, 60)

    def test_default(self) -> None:
        """
        Equal shares, no loss, a short queue and a small round trip.
        """
        self.check()

    def test_withoutControl(self) -> None:
        """
        The same without congestion control.
        """
        self.check(congestion="none")

    def test_parity(self) -> None:
        """
        The same with FEC: its parity counts.
        """
        self.check(dataShards=10, parityShards=3)

    def test_messages(self) -> None:
        """
        The same in message mode.
        """
        self.check(stream=False)

    def test_taken(self) -> None:
        """
        One that was held back has what others leave within a second: its path was not taken for a
        slow one.
        """
        self.connectAll(4)
        for server in self.servers:
            server.session.write(bytes(20 * LIMIT))
        self.network.run(10)
        for server in self.servers[1:]:
            server.session.abortConnection()
        self.network.run(1)
        before = self.received()[0]
        self.assertApproximates(self.rate(2), 1, 0.02)
        self.assertGreater(self.received()[0] - before, 1.9 * LIMIT)

    def test_manySmall(self) -> None:
        """
        Of many that want to send little, but more than there is in all, each gets its share.
        """
        self.connectAll(200, limit=50_000, mode="normal")
        for number, server in enumerate(self.servers):
            for turn in range(50):
                later = turn / 5 + number / 1000
                self.network.clock.callLater(later, server.session.write, bytes(200))
        self.network.run(10)
        received = self.received()
        self.assertLess(max(received) - min(received), 2 * LEAST_PART)
        self.network.run(60)
        self.assertEqual(self.received(), [10_000] * 200)

    def test_client(self) -> None:
        """
        The connections of one client endpoint share its limit.
        """
        self.listen()
        endpoint = KCPClientEndpoint(
            self.network.host(CLIENT),
            SERVER,
            PORT,
            KCPOptions(crypt="null", portRateLimit=LIMIT),
        )
        connecting = [endpoint.connect(self.clientFactory) for _ in range(3)]
        self.network.run(0.1)
        for each in connecting:
            self.successResultOf(each)
        self.bothWays(LINE)
        for client in self.clientFactory.made:
            client.session.write(bytes(10 * LIMIT))
        self.network.run(6)
        received = [sum(map(len, server.pieces)) for server in self.serverFactory.made]
        self.assertApproximates(sum(received), 6 * LIMIT, 0.3 * LIMIT)
        self.assertLess(max(received) - min(received), 0.1 * max(received))


class ExemptTests(PortLimitTestCase):
    """
    What does not wait.
    """

    def test_close(self) -> None:
        """
        A connection that closes ends at once beside those that send all they can; what it has
        written arrives before.
        """
        self.connectAll(11)
        for server in self.servers[:10]:
            server.session.write(bytes(20 * LIMIT))
        self.network.run(2)
        self.servers[10].session.write(b"the last word")
        self.servers[10].session.loseConnection()
        self.network.run(0.15)
        last = self.clients[10]
        self.assertEqual((last.received, len(last.reasons)), (b"the last word", 1))
        self.assertEqual(len(self.servers[10].reasons), 1)

    def test_outOfBand(self) -> None:
        """
        Out-of-band data leaves at once, and counts: what is in order gets the rest.
        """
        self.connectAll(2, dataShards=10, parityShards=3)
        self.servers[0].session.write(bytes(20 * LIMIT))
        for number in range(3000):
            self.network.clock.callLater(
                number / 1000, self.servers[1].session.sendOutOfBand, bytes(500)
            )
        self.network.run(0.1)
        self.assertApproximates(self.rate(2.5), 1, 0.02)
        self.assertApproximates(self.servers[1].session.stats.OOBSent, 2600, 1)

    def test_tooMuchOutOfBand(self) -> None:
        """
        However much leaves out of band, what is in order does not stand still for good.
        """
        self.connectAll(2, limit=10_000, dataShards=10, parityShards=3)
        self.servers[0].session.write(bytes(LIMIT))
        for number in range(10_000):
            self.network.clock.callLater(
                number / 1000, self.servers[1].session.sendOutOfBand, bytes(500)
            )
        self.network.run(1)
        before = self.received()[0]
        self.network.run(9)
        self.assertGreater(self.received()[0], before + 5000)

    def test_paused(self) -> None:
        """
        A peer that does not read takes nothing from the others.
        """
        self.connectAll(3, receiveWindow=64)
        self.clients[0].session.pauseProducing()
        for server in self.servers:
            server.session.write(bytes(20 * LIMIT))
        self.network.run(1)
        self.assertApproximates(self.rate(4), 1, 0.01)
        self.clients[0].session.resumeProducing()
        self.network.run(0.5)
        before = self.received()
        self.network.run(3)
        got = [after - earlier for after, earlier in zip(self.received(), before, strict=True)]
        self.assertLess(max(got) - min(got), 0.1 * max(got))


class ChangeTests(PortLimitTestCase):
    """
    The call on the port.
    """

    def test_configure(self) -> None:
        """
        A limit can be set, changed and lifted while data flows.
        """
        self.connectAll(2, limit=0)
        for server in self.servers:
            server.session.write(bytes(20 * LIMIT))
        self.network.run(0.5)
        self.assertGreater(self.rate(0.5), 5)
        self.port.configure(portRateLimit=LIMIT)
        self.network.run(1)
        self.assertApproximates(self.rate(2), 1, 0.02)
        self.port.configure(portRateLimit=LIMIT // 4)
        self.assertApproximates(self.rate(4), 0.25, 0.01)
        self.port.configure(portRateLimit=0)
        self.network.run(0.5)
        self.assertGreater(self.rate(0.5), 5)
        self.network.run(20)
        self.assertEqual(self.received(), [20 * LIMIT] * 2)
        self.assertEqual(self.servers[0].session.stats.RetransSegs, 0)
        self.finish(self.port)

    def test_refused(self) -> None:
        """
        What cannot be changed, or is no rate, is refused, and nothing is changed.
        """
        self.connectAll(1)
        for changes, message in (
            ({"portRateLimit": -1}, "portRateLimit must be 0 to 1099511627776 bytes/s, not -1"),
            ({"portRateLimit": "1"}, "portRateLimit must be int, not str"),
            (
                {"rateLimit": 1},
                "rateLimit cannot be changed on a port that listens, only portRateLimit",
            ),
        ):
            problem = self.assertRaises(ValueError, self.port.configure, **changes)
            self.assertEqual(str(problem), message)
        self.port.configure()
        self.servers[0].session.write(bytes(20 * LIMIT))
        self.network.run(0.5)
        self.assertApproximates(self.rate(2), 1, 0.01)

    def test_ended(self) -> None:
        """
        Connections that end in the middle leave nothing behind.
        """
        self.connectAll(3)
        for server in self.servers:
            server.session.write(bytes(20 * LIMIT))
        self.network.run(1)
        self.finish(self.port)
        self.assertEqual(self.network.clock.getDelayedCalls(), [])


class WorkersTests(ConnectionTestCase):
    """
    Several processes.
    """

    def test_part(self) -> None:
        """
        Each has an equal part of the limit, from the beginning and after a change.
        """
        options = KCPOptions(crypt="null", portRateLimit=4 * LIMIT, workers=4)
        listener = KCPListener(self.network.host(SERVER), options, self.serverFactory)
        assert listener.stack.limit is not None
        self.assertEqual(listener.stack.limit.rate, LIMIT)
        listener.configure(portRateLimit=2 * LIMIT)
        self.assertEqual(listener.stack.limit.rate, LIMIT // 2)
        listener.configure(portRateLimit=1)
        self.assertEqual(listener.stack.limit.rate, 1)
