"""
Tests for L{kcptwisted.crypt.cfb}, with AES by OpenSSL.  Those of the ciphers hold for all lengths
and blocks, see L{tests.crypt.cfbtests}.
"""

from __future__ import annotations

from random import Random

from cryptography.hazmat.primitives.ciphers.algorithms import AES
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.crypt.aes import aes
from kcptwisted.crypt.cfb import CFBCipher
from kcptwisted.crypt.openssl import openSSLCipher
from tests.crypt import test_aes
from tests.crypt.bythebook import IV, blockFunction, checked, decryptCFB, encryptCFB, xor
from tests.properties import given, strategies

KEY = bytes(range(16))
ENCRYPT = blockFunction(AES(KEY))


def _packet(payload: bytes, nonce: bytes = bytes(16)) -> bytes:
    """
    What kcp-go sends.
    """
    return encryptCFB(ENCRYPT, IV, checked(payload, nonce))


class ReferenceTests(SynchronousTestCase):
    """
    The functions that ciphers are held against.
    """

    def test_nist(self) -> None:
        """
        They meet NIST's examples.
        """
        for key, iv, plain, cipher in test_aes.AESTests.examples:
            function = blockFunction(AES(bytes.fromhex(key)))
            made = encryptCFB(function, bytes.fromhex(iv), bytes.fromhex(plain))
            self.assertEqual(made.hex(), cipher)
            clear = decryptCFB(function, bytes.fromhex(iv), bytes.fromhex(cipher))
            self.assertEqual(clear.hex(), plain)


class SealTests(SynchronousTestCase):
    """
    Tests for L{CFBCipher.seal}: each packet is a message of its own for kcp-go.
    """

    def test_firstPacket(self) -> None:
        """
        The first packet of a context is byte for byte what kcp-go sends with the same nonce.
        """
        nonce = bytes(range(16))
        cipher = openSSLCipher(AES(KEY), lambda count: nonce[:count])
        self.assertEqual(cipher.seal([b"payload " * 9]), [_packet(b"payload " * 9, nonce)])

    def test_sameTwice(self) -> None:
        """
        The same datagram never gives the same packet, nor packets that begin alike.
        """
        packets = aes(KEY).seal([b"same"] * 20)
        self.assertEqual(len({packet[:16] for packet in packets}), 20)
        self.assertEqual(len({packet[16:] for packet in packets}), 20)

    def test_nonces(self) -> None:
        """
        Each packet takes sixteen random bytes of its own.
        """
        given = b""

        def note(count: int) -> bytes:
            nonlocal given
            given += Random(len(given)).randbytes(count)
            return given[-count:]

        cipher = openSSLCipher(AES(KEY), note)
        # Twelve bytes fill the last block, so that it can be seen what the next one depends on.
        packets = cipher.seal([bytes(12)] * 3) + cipher.seal([bytes(12)] * 2)
        before = [IV] + [packet[-16:] for packet in packets]
        nonces = [
            xor(packet[:16], ENCRYPT(block)) for packet, block in zip(packets, before, strict=False)
        ]
        self.assertEqual(b"".join(nonces), given)


class OpenTests(SynchronousTestCase):
    """
    Tests for L{CFBCipher.open}: what kcp-go sends can be read.
    """

    def test_manyBatches(self) -> None:
        """
        However many batches a context has opened, and whatever was in them, the next is read.
        """
        random = Random(6)
        cipher = aes(KEY)
        for _ in range(50):
            payloads = [random.randbytes(random.randrange(50)) for _ in range(random.randrange(5))]
            packets = [_packet(payload, random.randbytes(16)) for payload in payloads]
            rubbish = [random.randbytes(random.randrange(50)) for _ in range(3)]
            self.assertEqual(cipher.open(rubbish + packets + rubbish), (payloads, 6))

    def test_neighbours(self) -> None:
        """
        A packet too short for a checksum is not completed by what comes after it, though what
        comes after it looks like the checksum of nothing.
        """
        short = bytes(range(16))
        looksRight = ENCRYPT(short)
        self.assertEqual(aes(KEY).open([short, looksRight, _packet(b"x")]), ([b"x"], 2))
        # Three bytes of a checksum, and zero for the fourth from the padding.
        while ENCRYPT(short)[3]:
            short = ENCRYPT(short)
        short += ENCRYPT(short)[:3]
        self.assertEqual(aes(KEY).open([short]), ([], 1))

    @given(strategies.lists(strategies.lists(strategies.binary(max_size=60)), max_size=5))
    def test_roundTrip(self, batches: list[list[bytes]]) -> None:
        """
        What one context sealed another opens, batch by batch and in order.
        """
        sealer, opener = aes(bytes(24)), aes(bytes(24))
        for batch in batches:
            self.assertEqual(opener.open(sealer.seal(batch)), (batch, 0))

    @given(strategies.lists(strategies.binary(max_size=60), max_size=5))
    def test_anyBytes(self, packets: list[bytes]) -> None:
        """
        Whatever bytes arrive, nothing is raised, each packet is opened or counted, and a good one
        after them opens.
        """
        cipher = aes(KEY)
        opened, refused = cipher.open(packets)
        self.assertEqual(len(opened) + refused, len(packets))
        self.assertEqual(cipher.open([_packet(b"good")]), ([b"good"], 0))


class ClearMode:
    """
    Stands in for a mode: encrypts nothing.

    @ivar given: how long what is joined was, and the lengths that were told.
    """

    def __init__(self, block: int) -> None:
        self.block = block
        self.given: list[object] = []

    def encrypt(self, joined: bytes, lengths: list[int]) -> bytes:
        """
        Leave as it is.
        """
        self.given.append((len(joined), lengths))
        return joined

    def decrypt(self, joined: bytes) -> bytes:
        """
        Leave as it is, but for the first block of each message.
        """
        self.given.append(len(joined))
        return joined


class ModeTests(SynchronousTestCase):
    """
    What L{CFBCipher} asks of a mode.
    """

    def test_wholeBlocks(self) -> None:
        """
        A mode is given all messages of a batch together, of whole blocks, and what it returns is
        cut to the packets' lengths.
        """
        for block in (8, 16):
            mode = ClearMode(block)
            cipher = CFBCipher(mode)
            payloads = [bytes(length) for length in range(40)]
            packets = cipher.seal(payloads)
            lengths = [20 + length for length in range(40)]
            whole = [-(-length // block) * block for length in lengths]
            self.assertEqual(mode.given, [(sum(whole), lengths)])
            self.assertEqual([len(packet) for packet in packets], [20 + n for n in range(40)])
            self.assertEqual(cipher.open(packets), (payloads, 0))
            self.assertEqual(mode.given[1:], [sum(whole)])
