"""
Connections with every cipher, between datagrams that no peer sent.
"""

from __future__ import annotations

from collections.abc import Sequence

from kcptwisted.crypt.registry import CIPHERS
from kcptwisted.interfaces import Address
from kcptwisted.layer import DatagramLayer
from kcptwisted.options import KCPOptions
from kcptwisted.testing.link import Link
from tests.connections import ConnectionTestCase
from tests.crypt.everycipher import keyOf

#: Too short for any cipher, long enough for all, larger than what any peer sends.
SHORT = [b"", b"x", bytes(19)]
WRONG = [b"\x55" * 28, bytes(1400)]
LARGE = [bytes(1529), b"\xff" * 65507]


class ForgingLayer(DatagramLayer):
    """
    Outside the cipher: puts datagrams of its own between those of a host.

    @cvar forged: how many batches got some.
    """

    forged = 0

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Pass down, and more.
        """
        type(self).forged += 1
        super().writeDatagrams([*SHORT, *datagrams, *WRONG, *LARGE], address)


class UnharmedTests(ConnectionTestCase):
    """
    What is dropped harms nobody.
    """

    def ciphers(self) -> list[KCPOptions]:
        """
        @return: options for each cipher that refuses anything.
        """
        return [
            KCPOptions(crypt=name, rawKey=keyOf(name).hex() or None)
            for name in CIPHERS
            if name != "null"
        ]

    def test_forged(self) -> None:
        """
        With every cipher, datagrams from the peer's address that the peer did not send are dropped
        and counted by reason, and the connection delivers all that was written.
        """
        for options in self.ciphers():
            with self.subTest(crypt=options.crypt):
                self.setUp()
                self.patch(ForgingLayer, "forged", 0)
                port = self.listen(options)
                connecting = self.begin(options, [ForgingLayer])
                self.network.run(0.1)
                self.successResultOf(connecting)
                client, server = self.clientFactory.made[0], self.serverFactory.made[0]
                data = self.data(30_000)
                client.session.write(data)
                self.network.run(1)
                self.assertEqual(server.received, data)
                self.assertEqual((client.reasons, server.reasons), ([], []))
                forged = ForgingLayer.forged
                self.assertGreater(forged, 1)
                self.assertEqual(port.stats.InShortErrs, forged * len(SHORT))
                self.assertEqual(port.stats.InCsumErrors, forged * len(WRONG))
                self.assertEqual(port.stats.InOversized, forged * len(LARGE))
                self.assertEqual(port.stats.InErrs, 0)
                self.finish(port)

    def test_damaged(self) -> None:
        """
        With every cipher, what is damaged on the way is sent again, and nothing wrong is delivered.
        """
        for options in self.ciphers():
            with self.subTest(crypt=options.crypt):
                self.setUp()
                client, server = self.connect(options, Link(corrupt=0.2))
                data = self.data(30_000)
                client.session.write(data)
                self.network.run(20)
                self.assertEqual(server.received, data)
                self.assertGreater(self.port.stats.InCsumErrors, 0)
                self.finish(self.port)

    def test_otherKey(self) -> None:
        """
        With every cipher that has a key, a client with another does not get through: the server
        counts what it drops, and makes no session.
        """
        for options in self.ciphers():
            name = options.cipher.name
            if not keyOf(name):
                continue
            with self.subTest(crypt=name):
                self.setUp()
                port = self.listen(options)
                other = KCPOptions(crypt=name, rawKey=keyOf(name, 1).hex(), timeout=2)
                connecting = self.begin(other)
                self.network.run(5)
                self.failureResultOf(connecting)
                self.assertEqual(self.serverFactory.made, [])
                self.assertGreater(port.stats.InCsumErrors, 0)
                self.assertEqual((port.stats.InErrs, port.stats.PassiveOpens), (0, 0))
                self.finish(port)
