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
from zope.interface import implementer

from kcptwisted.crypt.checksummed import RandomBytes
from kcptwisted.crypt.interfaces import ICipher, SendLimitReached

NONCE = 12
TAG = 16

#: Datagrams that one L{AEADCipher}, and so one socket, seals at most.  NIST SP 800-38D, section
#: 8.3, allows 2^32 with random nonces of this length, by all that have the key together.
SEND_LIMIT = 1 << 30


class AEAD(Protocol):
    """
    What C{cryptography}'s AEAD classes have in common.
    """

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """
        Encrypt and append the tag.
        """

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """
        Check the tag and decrypt.
        """


@implementer(ICipher)
class AEADCipher:
    """
    An AEAD with random nonces.
    """

    overhead = NONCE + TAG

    def __init__(self, aead: AEAD, randomBytes: RandomBytes = os.urandom) -> None:
        """
        @param aead: the cipher, with its key.
        @param randomBytes: gives so many random bytes.
        """
        self._aeadEncrypt = aead.encrypt
        self._aeadDecrypt = aead.decrypt
        self._randomBytes = randomBytes
        self._remaining = SEND_LIMIT

    def seal(self, datagrams: Sequence[bytes]) -> list[bytes]:
        """
        Encrypt under a fresh nonce each.

        @raise SendLimitReached: when L{SEND_LIMIT} would be passed.
        """
        self._remaining -= len(datagrams)
        if self._remaining < 0:
            raise SendLimitReached(f"{SEND_LIMIT} datagrams have been sealed with this key")
        encrypt = self._aeadEncrypt
        count = len(datagrams)
        nonces = struct.unpack(f"{NONCE}s" * count, self._randomBytes(NONCE * count))
        return [
            nonce + encrypt(nonce, datagram, None)
            for nonce, datagram in zip(nonces, datagrams, strict=True)
        ]

    def open(self, datagrams: Sequence[bytes]) -> tuple[list[bytes], int]:
        """
        Check and decrypt.
        """
        decrypt = self._aeadDecrypt
        try:
            return [decrypt(packet[:NONCE], packet[NONCE:], None) for packet in datagrams], 0
        except (InvalidTag, ValueError):
            # Some will not do, which is rare.
            return self._openSome(datagrams)

    def _openSome(self, datagrams: Sequence[bytes]) -> tuple[list[bytes], int]:
        opened = []
        for packet in datagrams:
            if len(packet) < NONCE + TAG:
                continue
            try:
                opened.append(self._aeadDecrypt(packet[:NONCE], packet[NONCE:], None))
            except (InvalidTag, ValueError):
                continue
        return opened, len(datagrams) - len(opened)


def aesGCM(key: bytes) -> AEADCipher:
    """
    AES-GCM with 16, 24 or 32 bytes of key.
    """
    return AEADCipher(AESGCM(key))


def chacha20Poly1305(key: bytes) -> AEADCipher:
    """
    ChaCha20-Poly1305 with 32 bytes of key.
    """
    return AEADCipher(ChaCha20Poly1305(key))
