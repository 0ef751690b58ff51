"""
Tests for L{kcptwisted.commands.dump.opening}.
"""

from __future__ import annotations

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.dump.opening import (
    NONE,
    NULL,
    guess,
    guessJoined,
    openerOf,
    openNone,
    openNull,
    split,
)
from kcptwisted.crypt.checksummed import NoneCipher
from kcptwisted.crypt.registry import CIPHERS
from kcptwisted.wire.fec import PARITY, dataShard, packParityHeader
from tests.commands.dump.test_content import segment
from tests.properties import given, strategies

DATAGRAM = segment(data=b"abc")


def sealed(datagram: bytes) -> bytes:
    """
    @return: a packet of C{crypt=none}.
    """
    return NoneCipher().seal([datagram])[0]


class GuessTests(SynchronousTestCase):
    """
    Tests for L{guess} and L{guessJoined}.
    """

    def test_plain(self) -> None:
        """
        Segments and FEC packets in clear are seen to be that, with and without a checksum.
        """
        for datagram in (DATAGRAM, dataShard(5, DATAGRAM)):
            self.assertEqual(guess(datagram, len(datagram)), NULL)
            self.assertEqual(guess(datagram[:32], len(datagram)), NULL)
            packet = sealed(datagram)
            self.assertEqual(guess(packet, len(packet)), NONE)

    def test_unknown(self) -> None:
        """
        Of what is encrypted or something else nothing is said, nor of parity alone.
        """
        random = Random(1)
        for payload in (
            *[random.randbytes(100) for _ in range(300)],
            packParityHeader(1, PARITY) + bytes(50),
            b"",
        ):
            self.assertEqual(guess(payload, len(payload)), "")
        packet = bytearray(sealed(DATAGRAM))
        packet[-1] ^= 1
        self.assertEqual(guess(bytes(packet), len(packet)), "")

    def test_joined(self) -> None:
        """
        The first of several joined datagrams is enough.
        """
        self.assertEqual(guessJoined(sealed(DATAGRAM) * 3), NONE)
        self.assertEqual(guessJoined(dataShard(5, DATAGRAM) * 3), NULL)
        self.assertEqual(guessJoined(Random(1).randbytes(3000)), "")


class OpenerTests(SynchronousTestCase):
    """
    Openers.
    """

    def test_each(self) -> None:
        """
        What any cipher has sealed opens, and does not with another key or if it was cut.
        """
        for name, spec in CIPHERS.items():
            if name in (NULL, NONE):
                continue
            key = bytes(range(spec.keyBytes))
            cipher, other = spec.make(key), spec.make(bytes(len(key)))
            assert cipher is not None and other is not None
            (packet,) = cipher.seal([DATAGRAM])
            opened = openerOf(cipher)(packet, len(packet))
            assert opened is not None
            self.assertEqual(opened, (DATAGRAM, len(DATAGRAM), len(packet)))
            self.assertIsNone(openerOf(other)(packet, len(packet)), name)
            self.assertIsNone(openerOf(cipher)(packet[:-1], len(packet)), name)
            self.assertIsNone(openerOf(cipher)(b"ab", 2), name)

    def test_none(self) -> None:
        """
        C{none} checks what is whole, and shows what was cut.
        """
        packet = sealed(DATAGRAM)
        opened = openNone(packet, len(packet))
        assert opened is not None
        self.assertEqual(opened.datagram, DATAGRAM)
        opened = openNone(packet[:-1], len(packet))
        assert opened is not None
        self.assertEqual((opened.datagram, opened.length), (DATAGRAM[:-1], len(DATAGRAM)))
        self.assertIsNone(openNone(packet[:-1], len(packet) - 1))
        self.assertIsNone(openNone(b"", 0))

    @given(strategies.binary(max_size=100), strategies.integers(0, 9))
    def test_garbage(self, payload: bytes, more: int) -> None:
        """
        Nothing is raised.
        """
        for opener in (openNull, openNone):
            opener(payload, len(payload) + more)
        guess(payload, len(payload) + more)
        guessJoined(payload)


class SplitTests(SynchronousTestCase):
    """
    Tests for L{split}.
    """

    def test_sealed(self) -> None:
        """
        Datagrams of one size, and a last one that may be smaller, come apart, whatever the size.
        """
        cipher = CIPHERS["aes-128-gcm"].make(bytes(16))
        assert cipher is not None
        opener = openerOf(cipher)
        for size, last in ((10, 10), (10, 3), (1400, 1400), (1400, 1)):
            datagrams = [segment(sn=sn, data=bytes(size)) for sn in range(5)]
            datagrams.append(segment(sn=5, data=bytes(last)))
            payload = b"".join(cipher.seal(datagrams))
            for likely in ([], [size + 52], [77]):
                found = split(payload, opener, likely)
                self.assertEqual([one.datagram for one in found], datagrams)

    def test_fec(self) -> None:
        """
        So do FEC packets in clear.
        """
        packets = [dataShard(number, segment(sn=number, data=bytes(90))) for number in range(4)]
        packets.append(packParityHeader(4, PARITY) + bytes(len(packets[0]) - 6))
        found = split(b"".join(packets), openNull, [])
        self.assertEqual([one.datagram for one in found], packets)

    def test_other(self) -> None:
        """
        What does not come apart gives nothing.
        """
        self.assertEqual(split(Random(1).randbytes(3000), openNull, []), [])
        self.assertEqual(split(b"", openNull, []), [])
