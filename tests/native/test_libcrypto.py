"""
Tests for L{kcptwisted.native.libcrypto}.
"""

from __future__ import annotations

import ctypes
import gc
import os
import tracemalloc
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.crypt.aead import aesGCM
from kcptwisted.native import ACCELERATOR_VARIABLE, libcrypto
from kcptwisted.native.libcrypto import BatchAEAD, batchAEAD
from tests.properties import given, strategies

KEY = bytes(range(32))

#: By OpenSSL's name: the length of the key, and C{cryptography}'s.
AEADS: dict[str, tuple[int, Any]] = {
    "EVP_aes_128_gcm": (16, AESGCM),
    "EVP_aes_192_gcm": (24, AESGCM),
    "EVP_aes_256_gcm": (32, AESGCM),
    "EVP_chacha20_poly1305": (32, ChaCha20Poly1305),
}

WHY_NOT = (
    None if batchAEAD("EVP_aes_128_gcm", KEY[:16]) else "Python's libcrypto is not to be found"
)


def made(name: str) -> tuple[BatchAEAD, Any]:
    """
    @return: an AEAD for batches, and C{cryptography}'s with the same key.
    """
    length, kind = AEADS[name]
    found = batchAEAD(name, KEY[:length])
    assert found is not None
    return found, kind(KEY[:length])


class BatchTests(SynchronousTestCase):
    """
    Tests for L{BatchAEAD}: it gives what C{cryptography} gives.
    """

    skip = WHY_NOT

    @given(
        strategies.sampled_from(sorted(AEADS)),
        strategies.lists(strategies.binary(max_size=300), max_size=8),
        strategies.randoms(use_true_random=False),
    )
    def test_same(self, name: str, datagrams: list[bytes], random: Any) -> None:
        """
        Packets are the same, byte for byte; those that were changed or cut are left out, and the
        others open, in order.
        """
        batch, single = made(name)
        nonces = [random.randbytes(12) for _ in datagrams]
        packets = batch.seal(b"".join(nonces), datagrams)
        pairs = zip(nonces, datagrams, strict=True)
        self.assertEqual(
            packets, [nonce + single.encrypt(nonce, one, None) for nonce, one in pairs]
        )
        spoilt = []
        for packet in packets:
            changed = bytearray(packet)
            what = random.randrange(4)
            if what == 0:
                changed[random.randrange(len(packet))] ^= 1 << random.randrange(8)
            elif what == 1:
                del changed[random.randrange(len(packet)) :]
            spoilt.append(bytes(changed))
        expected = []
        for packet in spoilt:
            try:
                expected.append(single.decrypt(packet[:12], packet[12:], None))
            except (InvalidTag, ValueError):
                continue
        self.assertEqual(batch.open(spoilt), expected)

    def test_large(self) -> None:
        """
        The largest datagrams pass.
        """
        for name in AEADS:
            batch, single = made(name)
            datagrams = [bytes([fill]) * (65507 - 28) for fill in range(5)]
            packets = batch.seal(bytes(12 * 5), datagrams)
            self.assertEqual(packets[4][12:], single.encrypt(bytes(12), datagrams[4], None))
            self.assertEqual(batch.open(packets), datagrams)

    def test_directions(self) -> None:
        """
        Whatever was sealed, opened or refused before makes no difference.
        """
        batch, single = made("EVP_aes_128_gcm")
        sealed = batch.seal(bytes(12), [b"one"])
        self.assertEqual(batch.open([b"x" * 40, *sealed]), [b"one"])
        self.assertEqual(batch.seal(bytes(12), [b"one"]), sealed)
        self.assertEqual(batch.open([]), [])
        self.assertEqual(batch.open(sealed * 2), [b"one"] * 2)
        self.assertEqual(sealed[0][12:], single.encrypt(bytes(12), b"one", None))

    def test_wrongArguments(self) -> None:
        """
        What is no list of bytes, or has other nonces, is an error, and spoils nothing.
        """
        batch, _ = made("EVP_aes_128_gcm")
        wrong: Any = [b"right", "wrong"]
        self.assertRaises(TypeError, batch.seal, bytes(24), wrong)
        self.assertRaises(TypeError, batch.open, wrong)
        self.assertRaises(ValueError, batch.seal, bytes(23), [b"a", b"b"])
        pair: Any = (b"a", b"b")
        self.assertRaises(TypeError, batch.seal, bytes(24), pair)
        self.assertRaises(TypeError, batch.open, pair)
        self.assertEqual(batch.open(batch.seal(bytes(24), [b"a", b"b"])), [b"a", b"b"])

    def test_memory(self) -> None:
        """
        Nothing is left behind: neither of packets, right and wrong, nor of an AEAD.
        """

        def use() -> None:
            batch, _ = made("EVP_aes_256_gcm")
            packets = batch.seal(bytes(12 * 50), [b"x" * 1000] * 50)
            batch.open([*packets, b"y" * 1000, b"short"])

        use()
        gc.collect()
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(20):
            use()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        self.assertLess(after - before, 20_000)


class FindingTests(SynchronousTestCase):
    """
    Tests for L{batchAEAD}, where there is what it needs and where there is not.
    """

    def setUp(self) -> None:
        """
        Look anew, and again afterwards.
        """
        libcrypto._libcrypto.cache_clear()
        self.addCleanup(libcrypto._libcrypto.cache_clear)

    def assertWithout(self) -> None:
        """
        There is none, and ciphers do without.
        """
        self.assertIsNone(batchAEAD("EVP_aes_128_gcm", KEY[:16]))
        cipher = aesGCM(KEY[:16])
        self.assertEqual(cipher.open(cipher.seal([b"a", b"b"])), ([b"a", b"b"], 0))

    def test_switchedOff(self) -> None:
        """
        The accelerator's variable switches it off.
        """
        self.patch(os, "environ", {ACCELERATOR_VARIABLE: "no"})
        self.assertWithout()

    def test_otherLibrary(self) -> None:
        """
        Where the library has no such functions, or cannot be opened.
        """
        own = ctypes.CDLL(None)
        self.patch(ctypes, "CDLL", lambda path: own)
        self.assertWithout()

        def refuse(path: str) -> None:
            raise OSError("not there")

        libcrypto._libcrypto.cache_clear()
        self.patch(ctypes, "CDLL", refuse)
        self.assertWithout()

    def test_unknownCipher(self) -> None:
        """
        One that this libcrypto has not.
        """
        self.assertIsNone(batchAEAD("EVP_aes_128_nonsense", KEY[:16]))

    def test_refused(self) -> None:
        """
        One that this libcrypto is not allowed.
        """
        if WHY_NOT is not None:
            return
        failing = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 5, ctypes.c_int)(lambda *_: 0)
        self.replaced("EVP_CipherInit_ex", failing)
        self.assertWithout()

    def test_freed(self) -> None:
        """
        Both contexts, with their keys, go with the AEAD.
        """
        if WHY_NOT is not None:
            return
        freed: list[int] = []
        free = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(freed.append)
        self.replaced("EVP_CIPHER_CTX_free", free)
        batch = batchAEAD("EVP_aes_128_gcm", KEY[:16])
        self.assertIsNotNone(batch)
        self.assertEqual(freed, [])
        del batch
        self.assertEqual(len(set(freed)), 2)

    def replaced(self, name: str, function: Any) -> None:
        """
        Let there be another one in the place of a function of OpenSSL.
        """
        # What has its address must stay.
        self.function = function
        address = libcrypto._address
        self.patch(
            libcrypto,
            "_address",
            lambda one: address(function if getattr(one, "__name__", "") == name else one),
        )
