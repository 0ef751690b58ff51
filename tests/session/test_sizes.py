"""
Tests for L{kcptwisted.session.sizes}: what a session sends on paths that carry more or less.
"""

from __future__ import annotations

from kcptwisted.connection.mtusizes import BASE_MTU, LARGEST_MTU
from kcptwisted.errors import OutOfBandRefused
from kcptwisted.options import KCPOptions
from kcptwisted.testing.link import Link
from kcptwisted.wire.fec import OUT_OF_BAND_OVERHEAD
from tests.connections import CLIENT, SERVER, ConnectionTestCase, RecordingProtocol
from tests.inside import connectionOf, sessionOf

FEC = KCPOptions(key="sesame", dataShards=3, parityShards=2)

DELAY = 0.01


def tunnel(mtu: int, reports: bool = False, fragments: bool = True) -> Link:
    """
    @return: a path that carries UDP payloads of so many bytes, and fragments of larger ones.
    """
    return Link(delay=DELAY, mtu=mtu, reportsMtu=reports, fragments=fragments)


class SizesTestCase(ConnectionTestCase):
    """
    Notes how large the client's datagrams are.
    """

    def setUp(self) -> None:
        """
        Note.
        """
        super().setUp()
        self.sizes: list[int] = []
        self.network.taps.append(self.note)

    def note(self, source: tuple[str, int], to: tuple[str, int], datagram: bytes) -> None:
        """
        Note a datagram.
        """
        if source[0] == CLIENT:
            self.sizes.append(len(datagram))

    def exchange(self, client: RecordingProtocol, server: RecordingProtocol, rounds: int) -> None:
        """
        Send, a piece each 100 ms, and see that it arrives.
        """
        before = len(server.received)
        for number in range(rounds):
            client.session.write(self.data(50_000, number))
            self.network.run(0.1)
        self.network.runUntil(lambda: len(server.received) - before == rounds * 50_000, 60)


class SizesTests(SizesTestCase):
    """
    How large datagrams are.
    """

    def test_grows(self) -> None:
        """
        Datagrams become as large as the path carries, with ciphers and FEC as without; the mtu of
        the transport is that.
        """
        for options in (
            self.options,
            KCPOptions(key="sesame"),
            FEC,
            KCPOptions(key="k", crypt="aes"),
        ):
            self.setUp()
            client, server = self.connect(options, tunnel(1400))
            self.assertEqual(client.session.mtu, BASE_MTU)
            self.exchange(client, server, 150)
            self.assertEqual(client.session.mtu, 1392)
            self.sizes.clear()
            self.exchange(client, server, 10)
            self.assertEqual(max(self.sizes), 1392)
            stats = sessionOf(server.session).stats
            self.assertEqual((stats.KCPInErrors, stats.FECErrs, stats.ControlErrs), (0, 0, 0))

    def test_told(self) -> None:
        """
        What a router reports is used at once, and no larger datagram leaves any more.
        """
        client, server = self.connect(FEC, tunnel(LARGEST_MTU))
        self.exchange(client, server, 20)
        self.assertEqual(client.session.mtu, LARGEST_MTU)
        self.bothWays(tunnel(1337, reports=True))
        self.exchange(client, server, 20)
        # The simulated system does not say what passes, only what does not.
        self.assertLessEqual(client.session.mtu, 1337)
        self.exchange(client, server, 200)
        self.assertEqual(client.session.mtu, 1332)

    def test_blackHole(self) -> None:
        """
        When nobody reports, larger datagrams are given up all the same.
        """
        for options in (self.options, FEC):
            self.setUp()
            client, server = self.connect(options, tunnel(LARGEST_MTU))
            self.exchange(client, server, 20)
            self.bothWays(tunnel(1300))
            self.exchange(client, server, 200)
            self.assertEqual(client.session.mtu, 1292)
            self.sizes.clear()
            self.exchange(client, server, 10)
            self.assertEqual(max(self.sizes), 1292)

    def test_messages(self) -> None:
        """
        Messages arrive whole, whatever becomes of the path meanwhile.
        """
        client, server = self.connect(KCPOptions(crypt="null", stream=False), tunnel(LARGEST_MTU))
        messages = [self.data(100_000, number) for number in range(60)]
        for number, message in enumerate(messages):
            client.session.write(message)
            self.network.run(0.2)
            if number == 20:
                self.bothWays(tunnel(1300))
        self.network.run(20)
        self.assertEqual(server.pieces, messages)

    def test_fixed(self) -> None:
        """
        With a number nothing is searched, and the path may fragment.
        """
        client, server = self.connect(KCPOptions(crypt="null", mtu=1400), tunnel(1000))
        self.exchange(client, server, 20)
        self.assertEqual((client.session.mtu, max(self.sizes)), (1400, 1400))
        self.assertIsNone(connectionOf(client.session).search)

    def test_configure(self) -> None:
        """
        It can be fixed, or left to the search, at any time.
        """
        client, server = self.connect(None, tunnel(LARGEST_MTU))
        self.exchange(client, server, 20)
        client.session.configure(mtu=900)
        self.exchange(client, server, 5)
        self.sizes.clear()
        self.exchange(client, server, 5)
        self.assertEqual((client.session.mtu, max(self.sizes)), (900, 900))
        client.session.configure(mtu=None)
        self.exchange(client, server, 20)
        self.assertEqual(client.session.mtu, LARGEST_MTU)

    def test_fixedOnSearchingSocket(self) -> None:
        """
        A connection that is given a number larger than the path carries is not cut off by what the
        others on the port do: its datagrams are fragmented.
        """
        client, server = self.connect(None, tunnel(1300))
        client.session.configure(mtu=1400)
        self.exchange(client, server, 20)
        self.assertEqual(max(self.sizes), 1400)
        model = self.network.model(CLIENT, SERVER)
        self.assertEqual(model.lost, 0)

    def test_outOfBand(self) -> None:
        """
        An out-of-band datagram may be as large as the path is known to carry.
        """
        client, server = self.connect(FEC, tunnel(LARGEST_MTU))
        overhead = sessionOf(client.session).overhead + OUT_OF_BAND_OVERHEAD
        self.assertEqual(client.session.maximumOutOfBand, BASE_MTU - overhead)
        self.exchange(client, server, 20)
        most = client.session.maximumOutOfBand
        self.assertEqual(most, LARGEST_MTU - overhead)
        self.sizes.clear()
        client.session.sendOutOfBand(bytes(most))
        self.assertEqual(self.sizes, [LARGEST_MTU])
        self.assertRaises(OutOfBandRefused, client.session.sendOutOfBand, bytes(most + 1))

    def test_roaming(self) -> None:
        """
        At another address both ends begin anew.
        """
        client, server = self.connect(KCPOptions(key="sesame"), tunnel(LARGEST_MTU))
        self.exchange(client, server, 20)
        self.exchange(server, client, 20)
        self.assertEqual((client.session.mtu, server.session.mtu), (LARGEST_MTU, LARGEST_MTU))
        host = client.session.getHost()
        self.network.translate((CLIENT, host.port), ("10.9.9.9", 1234))
        self.bothWays(tunnel(1300))
        self.exchange(client, server, 250)
        self.exchange(server, client, 250)
        self.assertEqual((client.session.mtu, server.session.mtu), (1292, 1292))
