"""
Tests for L{kcptwisted.crypt.aead}.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.crypt import aead
from kcptwisted.crypt.aead import SEND_LIMIT, AEADCipher, aesGCM, chacha20Poly1305
from kcptwisted.crypt.checksummed import RandomBytes
from kcptwisted.crypt.cipher import SendLimitReached
from kcptwisted.crypt.interfaces import ICipher
from kcptwisted.native.libcrypto import batchAEAD
from tests.properties import given, strategies

#: McGrew and Viega, "The Galois/Counter Mode of Operation", test cases without associated data:
#: key, nonce, plaintext, ciphertext, tag.
_LONG_PLAIN = (
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
)
GCM = (
    ("00" * 16, "00" * 12, "", "", "58e2fccefa7e3061367f1d57a4e7455a"),
    (
        "00" * 16,
        "00" * 12,
        "00" * 16,
        "0388dace60b6a392f328c2b971b2fe78",
        "ab6e47d42cec13bdf53a67b21257bddf",
    ),
    (
        "feffe9928665731c6d6a8f9467308308",
        "cafebabefacedbaddecaf888",
        _LONG_PLAIN,
        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
        "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985",
        "4d5c2af327cd64a62cf35abd2ba6fab4",
    ),
    ("00" * 24, "00" * 12, "", "", "cd33b28ac773f74ba00ed1f312572435"),
    (
        "feffe9928665731c6d6a8f9467308308feffe9928665731c",
        "cafebabefacedbaddecaf888",
        _LONG_PLAIN,
        "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c"
        "7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710acade256",
        "9924a7c8587336bfb118024db8674a14",
    ),
    ("00" * 32, "00" * 12, "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
    (
        "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        "cafebabefacedbaddecaf888",
        _LONG_PLAIN,
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
        "b094dac5d93471bdec1a502270e3cc6c",
    ),
)

#: C2SP/Wycheproof, chacha20_poly1305_test, a test without associated data: as above.
CHACHA = (
    "cc56b680552eb75008f5484b4cb803fa5063ebd6eab91f6ab6aef4916a766273",
    "99e23ec48985bccdeeab60f1",
    "2a",
    "3a",
    "cac27dec0968801e9f6eded69d807522",
)

#: RFC 8439, section 2.4.2: key, nonce, plaintext, ciphertext.  The AEAD encrypts from the same
#: block counter on as that example does.
RFC_8439 = (
    bytes(range(32)),
    bytes.fromhex("000000000000004a00000000"),
    b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
    b"sunscreen would be it.",
    bytes.fromhex(
        "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b"
        "f91b65c5524733ab8f593dabcd62b3571639d624e65152ab8f530c359f0861d8"
        "07ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736"
        "5af90bbf74a35be6b40b8eedf2785e42874d"
    ),
)


def _giving(nonce: bytes) -> RandomBytes:
    """
    @return: what stands in for random bytes.
    """
    return lambda count: nonce[:count]


class VectorTests(SynchronousTestCase):
    """
    Published examples: a packet is nonce, ciphertext and tag.
    """

    def test_gcm(self) -> None:
        """
        AES-GCM opens the examples, with each length of key.
        """
        for key, nonce, plain, cipher, tag in GCM:
            packet = bytes.fromhex(nonce + cipher + tag)
            self.assertEqual(aesGCM(bytes.fromhex(key)).open([packet]), ([bytes.fromhex(plain)], 0))

    def test_gcmSeals(self) -> None:
        """
        With their nonce it seals to them.
        """
        for key, nonce, plain, cipher, tag in GCM:
            sealer = AEADCipher(AESGCM(bytes.fromhex(key)), _giving(bytes.fromhex(nonce)))
            self.assertEqual(
                [packet.hex() for packet in sealer.seal([bytes.fromhex(plain)])],
                [nonce + cipher + tag],
            )

    def test_gcmSealsBatches(self) -> None:
        """
        So it does in batches.
        """
        for key, nonce, plain, cipher, tag in GCM:
            name, secret = f"EVP_aes_{4 * len(key)}_gcm", bytes.fromhex(key)
            nonces = bytes.fromhex(nonce) * 3
            sealer = AEADCipher(AESGCM(secret), _giving(nonces), batchAEAD(name, secret))
            self.assertEqual(
                [packet.hex() for packet in sealer.seal([bytes.fromhex(plain)] * 3)],
                [nonce + cipher + tag] * 3,
            )

    def test_chacha(self) -> None:
        """
        ChaCha20-Poly1305 opens the example.
        """
        key, nonce, plain, cipher, tag = CHACHA
        packet = bytes.fromhex(nonce + cipher + tag)
        self.assertEqual(
            chacha20Poly1305(bytes.fromhex(key)).open([packet]), ([bytes.fromhex(plain)], 0)
        )

    def test_chachaSeals(self) -> None:
        """
        ChaCha20-Poly1305 encrypts as the RFC's example does.
        """
        key, nonce, plain, cipher = RFC_8439
        sealer = AEADCipher(ChaCha20Poly1305(key), _giving(nonce))
        (packet,) = sealer.seal([plain])
        self.assertEqual(packet[:-16], nonce + cipher)


class AEADCipherTests(SynchronousTestCase):
    """
    Tests for L{AEADCipher}, with each of its makers.
    """

    def ciphers(self, fill: int = 0) -> list[AEADCipher]:
        """
        @param fill: what the keys consist of.
        """
        keys = [bytes([fill]) * length for length in (16, 24, 32)]
        # As they are made, and packet by packet.
        gcms = [AEADCipher(AESGCM(key)) for key in keys]
        single = [*gcms, AEADCipher(ChaCha20Poly1305(keys[2]))]
        return [*map(aesGCM, keys), chacha20Poly1305(keys[2]), *single]

    def test_interface(self) -> None:
        """
        They are ciphers.
        """
        for cipher in self.ciphers():
            verifyObject(ICipher, cipher, tentative=True)
            self.assertEqual(cipher.overhead, 28)

    def test_roundTrip(self) -> None:
        """
        What was sealed opens, in order, at any length.
        """
        datagrams = [bytes(length) for length in [*range(40), 1472, 65507 - 28]]
        for sealer, opener in zip(self.ciphers(), self.ciphers(), strict=True):
            packets = sealer.seal(datagrams)
            self.assertEqual([len(p) for p in packets], [len(d) + 28 for d in datagrams])
            self.assertEqual(opener.open(packets), (datagrams, 0))

    def test_tuple(self) -> None:
        """
        Any sequence will do.
        """
        for cipher in self.ciphers():
            packets = tuple(cipher.seal((b"one", b"", b"three")))
            self.assertEqual(cipher.open(packets), ([b"one", b"", b"three"], 0))

    def test_nonces(self) -> None:
        """
        No nonce is used twice.
        """
        for cipher in self.ciphers():
            packets = cipher.seal([b"same"] * 50) + cipher.seal([b"same"] * 50)
            self.assertEqual(len({packet[:12] for packet in packets}), 100)

    def test_wrongKey(self) -> None:
        """
        With another key nothing opens.
        """
        for sealer, opener in zip(self.ciphers(), self.ciphers(fill=1), strict=True):
            self.assertEqual(opener.open(sealer.seal([b"a", b"b"])), ([], 2))

    def test_truncated(self) -> None:
        """
        A packet that was cut short does not open.
        """
        for cipher in self.ciphers():
            (packet,) = cipher.seal([b"payload"])
            cut = [packet[:length] for length in range(len(packet))]
            self.assertEqual(cipher.open(cut), ([], len(packet)))

    def test_tampered(self) -> None:
        """
        Whichever byte is changed, the packet does not open, and others do.
        """
        for cipher in self.ciphers():
            (packet,) = cipher.seal([b"payload"])
            for position in range(len(packet)):
                changed = bytearray(packet)
                changed[position] ^= 0x80
                self.assertEqual(
                    cipher.open([packet, bytes(changed), packet]), ([b"payload"] * 2, 1)
                )

    def test_nothing(self) -> None:
        """
        No datagrams give no packets.
        """
        for cipher in self.ciphers():
            self.assertEqual(cipher.seal([]), [])
            self.assertEqual(cipher.open([]), ([], 0))

    @given(strategies.lists(strategies.binary(max_size=60)))
    def test_anyBytes(self, packets: list[bytes]) -> None:
        """
        Whatever bytes arrive, nothing is raised, and nothing opens.
        """
        for cipher in self.ciphers():
            self.assertEqual(cipher.open(packets), ([], len(packets)))


class OddAEAD:
    """
    Refuses with another exception than C{cryptography}'s.
    """

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """
        @return: the data, with a tag that says nothing.
        """
        return data + bytes(16)

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """
        @raise ValueError: if the tag is not the right one.
        """
        if data[-16:] != bytes(16):
            raise ValueError("MAC check failed")
        return data[:-16]


class OddAEADTests(SynchronousTestCase):
    """
    An AEAD of the user's, from another library.
    """

    def test_valueError(self) -> None:
        """
        What it refuses with a L{ValueError} is dropped, and nothing else is.
        """
        cipher = AEADCipher(OddAEAD())
        first, last = cipher.seal([b"first", b"last"])
        self.assertEqual(cipher.open([first, b"x" * 40, last]), ([b"first", b"last"], 1))


class NotingAEAD:
    """
    Stands in for an AEAD.

    @ivar sealed: what was to be encrypted.
    """

    def __init__(self) -> None:
        self.sealed: list[bytes] = []

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """
        Note.
        """
        self.sealed.append(data)
        return data + bytes(16)

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """
        Undo.
        """
        return data[:-16]


class SendLimitTests(SynchronousTestCase):
    """
    How often a key is used.
    """

    def setUp(self) -> None:
        """
        Make a cipher whose key is good for five datagrams.
        """
        self.patch(aead, "SEND_LIMIT", 5)
        self.aead = NotingAEAD()
        self.drawn = 0

        def draw(count: int) -> bytes:
            self.drawn += count
            return bytes(count)

        self.cipher = AEADCipher(self.aead, draw)

    def test_limit(self) -> None:
        """
        The limit is well below 2^32, and yet high enough for a terabyte.
        """
        self.assertLessEqual(SEND_LIMIT, 2**32 // 4)
        self.assertGreaterEqual(SEND_LIMIT * 1372, 10**12)

    def test_reached(self) -> None:
        """
        As many datagrams as the limit says are sealed, the next is not.
        """
        self.assertEqual(len(self.cipher.seal([b"a", b"b", b"c"])), 3)
        self.assertEqual(len(self.cipher.seal([b"d", b"e"])), 2)
        error = self.assertRaises(SendLimitReached, self.cipher.seal, [b"f"])
        self.assertIn("5 datagrams", str(error))
        self.assertEqual(self.aead.sealed, [b"a", b"b", b"c", b"d", b"e"])

    def test_together(self) -> None:
        """
        Of a batch that would pass the limit nothing is sealed, and no nonce is drawn for it.
        """
        self.cipher.seal([b"a"])
        self.assertRaises(SendLimitReached, self.cipher.seal, [b"x"] * 5)
        self.assertEqual((self.aead.sealed, self.drawn), ([b"a"], 12))

    def test_lasts(self) -> None:
        """
        After that nothing is sealed any more.
        """
        self.assertRaises(SendLimitReached, self.cipher.seal, [b"x"] * 6)
        self.assertRaises(SendLimitReached, self.cipher.seal, [b"x"])
        self.assertEqual(self.aead.sealed, [])

    def test_opens(self) -> None:
        """
        What was sealed by others is opened still.
        """
        self.assertRaises(SendLimitReached, self.cipher.seal, [b"x"] * 6)
        packets = [bytes(12) + b"data" + bytes(16)] * 9
        self.assertEqual(self.cipher.open(packets), ([b"data"] * 9, 0))
