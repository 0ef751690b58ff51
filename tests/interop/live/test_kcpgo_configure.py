"""
Options that change on a live connection, with kcp-go at the other end.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle
from typing import Any

from kcptwisted.errors import OutOfBandRefused
from tests.interop.cases import KCPGoCase, Settings
from tests.interop.outofband import OutOfBandClient, OutOfBandEcho
from tests.interop.roles import EchoClient, EchoServer, session
from tests.interop.stream import Pattern, streamHash
from tests.interop.tap import Tap
from tests.interop.transfers import TransferCase

SIZE = 5_000_000

#: Small windows, so that little waits that was cut for another mtu.
PLAIN = Settings(window=64)
CODED = Settings(window=64, crypt="aes-128", dataShards=10, parityShards=3)

#: One after the other; the last as often as the others.
CHANGES: tuple[dict[str, Any], ...] = (
    {"mtu": 576, "sendWindow": 32},
    {"receiveWindow": 16, "interval": 40, "ackNoDelay": True},
    {"mtu": 1472, "sendWindow": 64, "mode": "fast2"},
    {"receiveWindow": 64, "interval": None, "ackNoDelay": False, "writeDelay": True},
    {"mtu": 300, "rateLimit": 50_000_000, "resend": 0},
    {"mtu": 1400, "rateLimit": 0, "resend": None, "writeDelay": False, "mode": "fast3"},
)

#: Of the mtus.
SMALLEST, LARGEST = 300, 1472


class Changing:
    """
    What changes options with each so many bytes.

    @ivar changes: how often it has.
    """

    def __init__(self) -> None:
        self.changes = 0
        self._next = cycle(CHANGES)
        self._received = 0

    def received(self, protocol: Any, count: int) -> None:
        """
        So many bytes more have come.
        """
        self._received += count
        if self._received >= 100_000:
            self._received = 0
            self.changes += 1
            session(protocol).configure(**next(self._next))


class ChangingClient(EchoClient):
    """
    Changes its options while it gets its echo.
    """

    def __init__(self, count: int, changing: Changing) -> None:
        """
        @param changing: changes them.
        """
        super().__init__(count)
        self._changing = changing

    def dataReceived(self, data: bytes) -> None:
        """
        Change, and compare.
        """
        self._changing.received(self, len(data))
        super().dataReceived(data)


class ChangingServer(EchoServer):
    """
    Changes its options while it writes back.
    """

    def __init__(self, changing: Changing) -> None:
        """
        @param changing: changes them.
        """
        self._changing = changing

    def dataReceived(self, data: bytes) -> None:
        """
        Change, and write back.
        """
        self._changing.received(self, len(data))
        super().dataReceived(data)


class TransferTests(TransferCase):
    """
    Long echoes, over a bad path and over a good one.
    """

    timeout = 100

    def check(self, changing: Changing, tap: Tap, theirs: dict[str, int]) -> None:
        """
        All changes were made, several times, all sizes left, and kcp-go found nothing wrong.
        """
        self.assertGreater(changing.changes, 2 * len(CHANGES))
        lengths = set(map(len, tap.sent))
        self.assertTrue({576, SMALLEST, 1400, LARGEST} <= lengths, sorted(lengths)[-20:])
        self.assertEqual(max(lengths), LARGEST)
        self.assertEqual((theirs["KCPInErrors"], theirs["InErrs"], theirs["FECErrs"]), (0, 0, 0))

    async def toKCPGo(self, settings: Settings, lossy: bool) -> None:
        """
        Change our client.
        """
        changing, tap = Changing(), Tap()
        server, port = await self.goServer("echo", settings)
        protocol = ChangingClient(SIZE, changing)
        client = await self.connect(protocol, self.way(port, lossy), settings.options(), [tap])
        stats = session(client).stats
        await client.done
        await server.stop()
        self.check(changing, tap, server.counters)
        self.assertEqual((stats.KCPInErrors, stats.FECErrs), (0, 0))

    async def fromKCPGo(self, settings: Settings, lossy: bool) -> None:
        """
        Change our server.
        """
        changing, tap = Changing(), Tap()
        listening = await self.listen(lambda: ChangingServer(changing), settings.options(), [tap])
        port = self.way(listening.getHost().port, lossy)
        client = self.goClient("echo", port, settings, f"-bytes={SIZE}")
        result = await client.result
        self.assertEqual((result["bytes"], result["sha256"]), (SIZE, streamHash(SIZE)))
        self.check(changing, tap, client.counters)
        [found] = listening.sessions
        self.assertEqual((found.stats.KCPInErrors, found.stats.FECErrs), (0, 0))

    async def test_toKCPGo(self) -> None:
        """
        Our client changes its options in the middle.
        """
        await self.toKCPGo(PLAIN, False)

    async def test_toKCPGoLossy(self) -> None:
        """
        So it does with a cipher and FEC, over a lossy path.
        """
        await self.toKCPGo(CODED, True)
        self.assertLossy()

    async def test_fromKCPGo(self) -> None:
        """
        Our server changes its options in the middle.
        """
        await self.fromKCPGo(PLAIN, False)

    async def test_fromKCPGoLossy(self) -> None:
        """
        So it does with a cipher and FEC, over a lossy path.
        """
        await self.fromKCPGo(CODED, True)
        self.assertLossy()


class LargestClient(OutOfBandClient):
    """
    Sends one datagram of the maximum for each mtu that it sets.

    @ivar payloads: what it sends.
    """

    def __init__(self, mtus: list[int]) -> None:
        """
        @param mtus: one after the other.
        """
        self.payloads: list[bytes] = []
        super().__init__(self.payloads)
        self._mtus = mtus
        self._stream = Pattern()

    def _next(self) -> None:
        if self._mtus:
            session(self).configure(mtu=self._mtus.pop(0))
            self.payloads.append(self._stream.take(session(self).maximumOutOfBand))
        super()._next()


class LargestEcho(OutOfBandEcho):
    """
    Raises its mtu to kcp-go's when it is connected.
    """

    def connectionMade(self) -> None:
        """
        Raise it.
        """
        super().connectionMade()
        session(self).configure(mtu=1400)


class OutOfBandTests(KCPGoCase):
    """
    Out-of-band datagrams of exactly C{maximumOutOfBand}, after the mtu was changed.
    """

    ciphers = ("null", "aes-128", "aes-256-gcm")

    async def test_toKCPGo(self) -> None:
        """
        kcp-go takes those of our client, and sends back those that fit its own mtu.
        """
        for crypt in self.ciphers:
            settings = replace(CODED, crypt=crypt)
            server, port = await self.goServer("oob", settings)
            client = LargestClient([600, 1400, 300])
            await self.connect(client, port, settings.options())
            await client.done
            overhead = settings.options().overhead + 4
            self.assertEqual(client.received, client.payloads)
            self.assertEqual(
                [len(data) + overhead for data in client.payloads], [600, 1400, 300], crypt
            )
            with self.assertRaises(OutOfBandRefused):
                session(client).sendOutOfBand(bytes(session(client).maximumOutOfBand + 1))
            await server.stop()
            counters = server.counters
            self.assertEqual((counters["OOBPackets"], counters["KCPInErrors"]), (3, 0))

    async def test_fromKCPGo(self) -> None:
        """
        Our server sends back the longest of kcp-go's client: its maximum is ours.
        """
        for crypt in self.ciphers:
            settings = replace(CODED, crypt=crypt)
            listening = await self.listen(LargestEcho, replace(settings, mtu=600).options())
            client = self.goClient("oob", listening.getHost().port, settings, "-bytes=1")
            result = await client.result
            [found] = listening.sessions
            self.assertEqual((result["messages"], result["size"]), (3, found.maximumOutOfBand))
            self.assertEqual((client.counters["OOBPackets"], found.stats.OOBSent), (3, 3))
