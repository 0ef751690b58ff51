"""
Tests for L{kcptwisted.crypt.checksummed}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.crypt.checksummed import NoneCipher
from kcptwisted.crypt.interfaces import ICipher
from tests.properties import given, strategies

#: The check value that CRC-32 (IEEE) has for these digits in every catalogue.
DIGITS, CHECK = b"123456789", 0xCBF43926


def _count(length: int) -> bytes:
    """
    Stand in for random bytes: 0, 1, 2 and so on.
    """
    return bytes([number % 256 for number in range(length)])


class NoneCipherTests(SynchronousTestCase):
    """
    Tests for L{NoneCipher}.
    """

    def test_interface(self) -> None:
        """
        It is a cipher, though it does not encrypt.
        """
        verifyObject(ICipher, NoneCipher(), tentative=True)
        self.assertEqual(NoneCipher().overhead, 20)

    def test_seal(self) -> None:
        """
        A packet is a nonce, the checksum of what follows it, lowest byte first, and the datagram.
        """
        self.assertEqual(
            NoneCipher(_count).seal([DIGITS]),
            [bytes(range(16)) + CHECK.to_bytes(4, "little") + DIGITS],
        )

    def test_nonces(self) -> None:
        """
        Each packet has random bytes of its own.
        """
        first, second = NoneCipher(_count).seal([b"", b""])
        self.assertEqual((first[:16], second[:16]), (bytes(range(16)), bytes(range(16, 32))))
        packets = NoneCipher().seal([b"same"] * 10)
        self.assertEqual(len({packet[:16] for packet in packets}), 10)

    def test_open(self) -> None:
        """
        Packets with the right checksum open, whatever their nonce; others are counted.
        """
        good = bytes(16) + CHECK.to_bytes(4, "little") + DIGITS
        wrongChecksum = bytes(16) + (CHECK ^ 1).to_bytes(4, "little") + DIGITS
        wrongData = good[:-1] + b"8"
        self.assertEqual(
            NoneCipher().open([wrongChecksum, good, wrongData, b"\xff" * 16 + good[16:]]),
            ([DIGITS, DIGITS], 2),
        )

    def test_nonceIsNotChecked(self) -> None:
        """
        The checksum is of what follows it alone.
        """
        (packet,) = NoneCipher().seal([b"data"])
        self.assertEqual(NoneCipher().open([b"other nonce 16 b" + packet[16:]]), ([b"data"], 0))

    def test_empty(self) -> None:
        """
        A datagram without bytes is sealed and opened.
        """
        packets = NoneCipher().seal([b""])
        self.assertEqual([len(packet) for packet in packets], [20])
        self.assertEqual(NoneCipher().open(packets), ([b""], 0))

    def test_nothing(self) -> None:
        """
        No datagrams give no packets.
        """
        self.assertEqual(NoneCipher().seal([]), [])
        self.assertEqual(NoneCipher().open([]), ([], 0))

    def test_tooShort(self) -> None:
        """
        Packets without room for nonce and checksum do not open.
        """
        packets = [bytes(length) for length in range(20)]
        self.assertEqual(NoneCipher().open(packets), ([], 20))

    @given(strategies.lists(strategies.binary(max_size=60)))
    def test_roundTrip(self, datagrams: list[bytes]) -> None:
        """
        What was sealed opens, in order.
        """
        self.assertEqual(NoneCipher().open(NoneCipher().seal(datagrams)), (datagrams, 0))

    @given(strategies.lists(strategies.binary(max_size=40)))
    def test_anyBytes(self, packets: list[bytes]) -> None:
        """
        Whatever bytes arrive, nothing is raised, and each packet is opened or counted.
        """
        opened, refused = NoneCipher().open(packets)
        self.assertEqual(len(opened) + refused, len(packets))
