"""
Tests for L{kcptwisted.crypt.cfb}.
"""

from __future__ import annotations

from random import Random
from zlib import crc32

from cryptography.hazmat.primitives.ciphers import (
    BlockCipherAlgorithm,
    Cipher,
    algorithms,
    modes,
)
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.crypt.cfb import CFBCipher, aes
from kcptwisted.crypt.interfaces import ICipher
from tests.properties import given, strategies

try:
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
except ImportError:  # cryptography < 43
    from cryptography.hazmat.primitives.ciphers.algorithms import TripleDES

#: kcp-go's.
IV = bytes.fromhex("a7734f9c12ac1b01a415f2c1fc78e66b")

#: NIST SP 800-38A, F.3.13 to F.3.18: key, ciphertext.
NIST_IV = bytes(range(16))
NIST_PLAIN = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
NIST = (
    (
        "2b7e151628aed2a6abf7158809cf4f3c",
        "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b"
        "26751f67a3cbb140b1808cf187a4f4dfc04b05357c5d1c0eeac4c66f9ff7f2e6",
    ),
    (
        "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
        "cdc80d6fddf18cab34c25909c99a417467ce7f7f81173621961a2b70171d3d7a"
        "2e1e8a1dd59b88b1c8e60fed1efac4c9c05f9f9ca9834fa042ae8fba584b09ff",
    ),
    (
        "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
        "dc7e84bfda79164b7ecd8486985d386039ffed143b28b1c832113c6331e5407b"
        "df10132415e54b92a13ed0a8267ae2f975a385741ab9cef82031623d55b1e471",
    ),
)


def _blocks(algorithm: BlockCipherAlgorithm, data: bytes) -> bytes:
    """
    Encrypt whole blocks, each for itself.
    """
    return Cipher(algorithm, modes.ECB()).encryptor().update(data)


def _xor(a: bytes, b: bytes) -> bytes:
    return bytes([x ^ y for x, y in zip(a, b, strict=False)])


def _encrypt(algorithm: BlockCipherAlgorithm, iv: bytes, plain: bytes) -> bytes:
    """
    CFB of one message by the book, block by block.
    """
    size = algorithm.block_size // 8
    cipher = b""
    for start in range(0, len(plain), size):
        iv = _xor(plain[start : start + size], _blocks(algorithm, iv))
        cipher += iv
    return cipher


def _decrypt(algorithm: BlockCipherAlgorithm, iv: bytes, cipher: bytes) -> bytes:
    """
    The reverse.
    """
    size = algorithm.block_size // 8
    whole = -(-len(cipher) // size) * size
    return _xor(cipher, _blocks(algorithm, (iv + cipher)[:whole]))


def _packet(key: bytes, payload: bytes, nonce: bytes = bytes(16)) -> bytes:
    """
    What kcp-go sends.
    """
    plain = nonce + crc32(payload).to_bytes(4, "little") + payload
    return _encrypt(algorithms.AES(key), IV, plain)


def _keys() -> list[bytes]:
    return [bytes.fromhex(key) for key, _ in NIST]


class ReferenceTests(SynchronousTestCase):
    """
    The functions above that the cipher is held against.
    """

    def test_nist(self) -> None:
        """
        They meet NIST's examples.
        """
        for key, cipher in NIST:
            algorithm = algorithms.AES(bytes.fromhex(key))
            self.assertEqual(_encrypt(algorithm, NIST_IV, NIST_PLAIN).hex(), cipher)
            self.assertEqual(_decrypt(algorithm, NIST_IV, bytes.fromhex(cipher)), NIST_PLAIN)


class SealTests(SynchronousTestCase):
    """
    Tests for L{CFBCipher.seal}: each packet is a message of its own for kcp-go.
    """

    def check(self, key: bytes, packet: bytes, payload: bytes) -> None:
        """
        Read a packet as kcp-go does.
        """
        self.assertEqual(len(packet), 20 + len(payload))
        plain = _decrypt(algorithms.AES(key), IV, packet)
        self.assertEqual(plain[16:20], crc32(payload).to_bytes(4, "little"))
        self.assertEqual(plain[20:], payload)

    def test_interface(self) -> None:
        """
        It is a cipher.
        """
        verifyObject(ICipher, aes(bytes(16)))
        self.assertEqual(aes(bytes(16)).overhead, 20)

    def test_lengths(self) -> None:
        """
        Packets of any length can be read, each alone.
        """
        random = Random(1)
        payloads = [random.randbytes(length) for length in [*range(101), 1472, 65507 - 20]]
        for key in _keys():
            for packet, payload in zip(aes(key).seal(payloads), payloads, strict=True):
                self.check(key, packet, payload)

    def test_firstPacket(self) -> None:
        """
        The first packet of a context is byte for byte what kcp-go sends with the same nonce.
        """
        nonce = bytes(range(16))
        for key in _keys():
            cipher = CFBCipher(algorithms.AES(key), lambda count: nonce[:count])
            self.assertEqual(cipher.seal([b"payload " * 9]), [_packet(key, b"payload " * 9, nonce)])

    def test_manyBatches(self) -> None:
        """
        However many batches a context has sealed, the next packet can be read.
        """
        random = Random(2)
        key = _keys()[0]
        cipher = aes(key)
        for _ in range(50):
            payloads = [random.randbytes(random.randrange(50)) for _ in range(random.randrange(5))]
            packets = cipher.seal(payloads)
            for packet, payload in zip(packets, payloads, strict=True):
                self.check(key, packet, payload)

    def test_sameTwice(self) -> None:
        """
        The same datagram never gives the same packet, nor packets that begin alike.
        """
        packets = aes(_keys()[0]).seal([b"same"] * 20)
        self.assertEqual(len({packet[:16] for packet in packets}), 20)
        self.assertEqual(len({packet[16:] for packet in packets}), 20)

    def test_nonces(self) -> None:
        """
        Each packet takes sixteen random bytes of its own.
        """
        algorithm = algorithms.AES(_keys()[0])
        given = b""

        def note(count: int) -> bytes:
            nonlocal given
            given += Random(len(given)).randbytes(count)
            return given[-count:]

        cipher = CFBCipher(algorithm, note)
        # Twelve bytes fill the last block, so that it can be seen what the next one depends on.
        packets = cipher.seal([bytes(12)] * 3) + cipher.seal([bytes(12)] * 2)
        before = [IV] + [packet[-16:] for packet in packets]
        nonces = [
            _xor(packet[:16], _blocks(algorithm, block))
            for packet, block in zip(packets, before, strict=False)
        ]
        self.assertEqual(b"".join(nonces), given)


class OpenTests(SynchronousTestCase):
    """
    Tests for L{CFBCipher.open}: what kcp-go sends can be read.
    """

    def test_lengths(self) -> None:
        """
        Packets of any length are read.
        """
        random = Random(4)
        payloads = [random.randbytes(length) for length in [*range(101), 1472]]
        for key in _keys():
            packets = [_packet(key, payload, random.randbytes(16)) for payload in payloads]
            self.assertEqual(aes(key).open(packets), (payloads, 0))

    def test_largest(self) -> None:
        """
        So is the largest that UDP carries.
        """
        key = _keys()[0]
        payload = Random(5).randbytes(65507 - 20)
        self.assertEqual(aes(key).open([_packet(key, payload)]), ([payload], 0))

    def test_manyBatches(self) -> None:
        """
        However many batches a context has opened, and whatever was in them, the next is read.
        """
        random = Random(6)
        key = _keys()[2]
        cipher = aes(key)
        for _ in range(50):
            payloads = [random.randbytes(random.randrange(50)) for _ in range(random.randrange(5))]
            packets = [_packet(key, payload, random.randbytes(16)) for payload in payloads]
            rubbish = [random.randbytes(random.randrange(50)) for _ in range(3)]
            self.assertEqual(cipher.open(rubbish + packets + rubbish), (payloads, 6))

    def test_tampered(self) -> None:
        """
        Whichever byte after the nonce is changed, the packet is refused and others are not.
        """
        key = _keys()[0]
        packet = _packet(key, b"some bytes of payload, more than two blocks")
        cipher = aes(key)
        for position in range(16, len(packet)):
            changed = bytearray(packet)
            changed[position] ^= 1
            opened, refused = cipher.open([packet, bytes(changed), packet])
            self.assertEqual((len(opened), refused), (2, 1))

    def test_truncated(self) -> None:
        """
        A packet that was cut short is refused, also when nothing but the checksum is left of it.
        """
        key = _keys()[0]
        packet = _packet(key, b"payload")
        self.assertEqual(
            aes(key).open([packet[:length] for length in range(len(packet))]), ([], len(packet))
        )

    def test_neighbours(self) -> None:
        """
        A packet too short for a checksum is not completed by what comes after it, though what
        comes after it looks like the checksum of nothing.
        """
        key = _keys()[0]
        algorithm = algorithms.AES(key)
        short = bytes(range(16))
        looksRight = _blocks(algorithm, short)
        self.assertEqual(aes(key).open([short, looksRight, _packet(key, b"x")]), ([b"x"], 2))
        # Three bytes of a checksum, and zero for the fourth from the padding.
        while _blocks(algorithm, short)[3]:
            short = _blocks(algorithm, short)
        short += _blocks(algorithm, short)[:3]
        self.assertEqual(aes(key).open([short]), ([], 1))

    def test_otherKey(self) -> None:
        """
        With another key nothing opens.
        """
        packets = [_packet(_keys()[0], b"payload %d" % number) for number in range(20)]
        self.assertEqual(aes(bytes(16)).open(packets), ([], 20))

    def test_nothing(self) -> None:
        """
        No packets give no datagrams.
        """
        self.assertEqual(aes(bytes(16)).open([]), ([], 0))
        self.assertEqual(aes(bytes(16)).seal([]), [])

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
        key = _keys()[1]
        cipher = aes(key)
        opened, refused = cipher.open(packets)
        self.assertEqual(len(opened) + refused, len(packets))
        self.assertEqual(cipher.open([_packet(key, b"good")]), ([b"good"], 0))


class SmallBlockTests(SynchronousTestCase):
    """
    A block cipher with blocks of eight bytes, for which the IV is half as long.
    """

    algorithm = TripleDES(bytes(range(24)))

    def test_seal(self) -> None:
        """
        What is sealed can be read, each packet alone.
        """
        cipher = CFBCipher(self.algorithm)
        for _ in range(3):
            payloads = [bytes(range(length)) for length in range(20)]
            for packet, payload in zip(cipher.seal(payloads), payloads, strict=True):
                plain = _decrypt(self.algorithm, IV[:8], packet)
                self.assertEqual(plain[16:], crc32(payload).to_bytes(4, "little") + payload)

    def test_open(self) -> None:
        """
        What kcp-go sends is read.
        """
        cipher = CFBCipher(self.algorithm)
        for _ in range(3):
            payloads = [bytes(range(length)) for length in range(20)]
            packets = [
                _encrypt(
                    self.algorithm,
                    IV[:8],
                    bytes(16) + crc32(payload).to_bytes(4, "little") + payload,
                )
                for payload in payloads
            ]
            self.assertEqual(cipher.open(packets), (payloads, 0))
