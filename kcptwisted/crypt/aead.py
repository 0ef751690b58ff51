"""
Authenticated encryption (docs/wire.md, "Ciphers"): nonce, ciphertext, tag; no associated data.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from kcptwisted.crypt.checksummed import RandomBytes
from kcptwisted.crypt.cipher import SendLimitReached
from kcptwisted.native.libcrypto import BatchAEAD, batchAEAD

#: Bytes of the nonce and of the tag.
AEAD_NONCE = 12
AEAD_TAG = 16

#: The most datagrams that one L{AEADCipher}, and so one socket, seals.  NIST SP 800-38D, section
#: 8.3, allows 2^32 with random nonces of this length, by all holders of the key together.
SEND_LIMIT = 1 << 30


class AEAD(Protocol):
    """
    The methods that C{cryptography}'s AEAD classes have in common.
    """

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """
        Encrypts and appends the tag.
        """

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """
        Checks the tag and decrypts.
        """


class AEADCipher:
    """
    Encrypts datagrams by an AEAD with random nonces.
    """

    overhead = AEAD_NONCE + AEAD_TAG

    def __init__(
        self,
        aead: AEAD,
        randomBytes: RandomBytes = os.urandom,
        batches: BatchAEAD | None = None,
    ) -> None:
        """
        @param aead: the AEAD, with its key.
        @param randomBytes: returns as many random bytes as it is asked for.
        @param batches: the same for whole batches, where that costs less; None if there is none.
        """
        self._batches = batches
        self._aeadEncrypt = aead.encrypt
        self._aeadDecrypt = aead.decrypt
        self._randomBytes = randomBytes
        self._remaining = SEND_LIMIT

    def seal(self, datagrams: Sequence[bytes]) -> list[bytes]:
        """
        Encrypts each datagram with a new nonce.

        @raise SendLimitReached: if these datagrams would exceed L{SEND_LIMIT}.
        """
        self._remaining -= len(datagrams)
        if self._remaining < 0:
            raise SendLimitReached(f"{SEND_LIMIT} datagrams have been sealed with this key")
        count = len(datagrams)
        nonces = self._randomBytes(AEAD_NONCE * count)
        if self._batches is not None:
            return self._batches.seal(nonces, list(datagrams))
        encrypt = self._aeadEncrypt
        return [
            nonce + encrypt(nonce, datagram, None)
            for nonce, datagram in zip(
                struct.unpack(f"{AEAD_NONCE}s" * count, nonces), datagrams, strict=True
            )
        ]

    def open(self, datagrams: Sequence[bytes]) -> tuple[list[bytes], int]:
        """
        Checks and decrypts.
        """
        if self._batches is not None:
            opened = self._batches.open(list(datagrams))
            return opened, len(datagrams) - len(opened)
        decrypt = self._aeadDecrypt
        try:
            return [
                decrypt(packet[:AEAD_NONCE], packet[AEAD_NONCE:], None) for packet in datagrams
            ], 0
        except (InvalidTag, ValueError):
            # A wrong datagram is rare, so the usual case is one list comprehension.
            return self._openSome(datagrams)

    def _openSome(self, datagrams: Sequence[bytes]) -> tuple[list[bytes], int]:
        opened = []
        for packet in datagrams:
            if len(packet) < AEAD_NONCE + AEAD_TAG:
                continue
            try:
                opened.append(self._aeadDecrypt(packet[:AEAD_NONCE], packet[AEAD_NONCE:], None))
            except (InvalidTag, ValueError):
                continue
        return opened, len(datagrams) - len(opened)


def aesGCM(key: bytes) -> AEADCipher:
    """
    Makes AES-GCM.

    @param key: 16, 24 or 32 bytes.
    """
    return AEADCipher(AESGCM(key), batches=batchAEAD(f"EVP_aes_{8 * len(key)}_gcm", key))


def chacha20Poly1305(key: bytes) -> AEADCipher:
    """
    Makes ChaCha20-Poly1305.

    @param key: 32 bytes.
    """
    return AEADCipher(ChaCha20Poly1305(key), batches=batchAEAD("EVP_chacha20_poly1305", key))
