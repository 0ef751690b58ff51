"""
Authenticated encryption (docs/wire.md, "Ciphers"): nonce, ciphertext, tag; no associated data.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from zope.interface import implementer

from kcptwisted.crypt.checksummed import RandomBytes
from kcptwisted.crypt.interfaces import ICipher

NONCE = 12
TAG = 16


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

    def seal(self, datagrams: Sequence[bytes]) -> list[bytes]:
        """
        Encrypt under a fresh nonce each.
        """
        encrypt = self._aeadEncrypt
        nonces = self._randomBytes(NONCE * len(datagrams))
        packets = []
        at = 0
        for datagram in datagrams:
            nonce = nonces[at : at + NONCE]
            at += NONCE
            packets.append(nonce + encrypt(nonce, datagram, None))
        return packets

    def open(self, datagrams: Sequence[bytes]) -> tuple[list[bytes], int]:
        """
        Check and decrypt.
        """
        decrypt = self._aeadDecrypt
        opened = []
        for datagram in datagrams:
            if len(datagram) < NONCE + TAG:
                continue
            try:
                opened.append(decrypt(datagram[:NONCE], datagram[NONCE:], None))
            except InvalidTag:
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
