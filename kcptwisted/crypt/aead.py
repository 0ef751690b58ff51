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

    def __init__(self, aead: AEAD, randomBytes: RandomBytes = os.urandom) -> None:
        """
        @param aead: the AEAD, with its key.
        @param randomBytes: returns as many random bytes as it is asked for.
        """
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
        encrypt = self._aeadEncrypt
        count = len(datagrams)
        nonces = struct.unpack(f"{AEAD_NONCE}s" * count, self._randomBytes(AEAD_NONCE * count))
        return [
            nonce + encrypt(nonce, datagram, None)
            for nonce, datagram in zip(nonces, datagrams, strict=True)
        ]

    def open(self, datagrams: Sequence[bytes]) -> tuple[list[bytes], int]:
        """
        Checks and decrypts.
        """
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
    return AEADCipher(AESGCM(key))


def chacha20Poly1305(key: bytes) -> AEADCipher:
    """
    Makes ChaCha20-Poly1305.

    @param key: 32 bytes.
    """
    return AEADCipher(ChaCha20Poly1305(key))
