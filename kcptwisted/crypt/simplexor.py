"""
kcp-go's C{xor}: a fixed mask over each packet (docs/wire.md, "Ciphers").  It hides nothing from
anybody who looks.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import pbkdf2_hmac

from kcptwisted.crypt.checksummed import CheckedCipher, RandomBytes
from kcptwisted.crypt.joined import JoinedCipher
from kcptwisted.native import Accelerator, accelerator
from kcptwisted.wire.checked import CHECKED_OVERHEAD

#: The longest packet, bytes.
MASK_BYTES = 1500

_SALT = b"sH3CIVoF#rWLtJo6"
_ROUNDS = 32


def _mask(key: bytes) -> bytes:
    return pbkdf2_hmac("sha1", key, _SALT, _ROUNDS, MASK_BYTES)


def _fitting(packets: Sequence[bytes]) -> Sequence[bytes]:
    if max(map(len, packets), default=0) <= MASK_BYTES:
        return packets
    return [packet for packet in packets if len(packet) <= MASK_BYTES]


class _Masked(CheckedCipher):
    """
    What both have in common: no packet is longer than the mask.
    """

    def seal(self, datagrams: Sequence[bytes]) -> list[bytes]:
        """
        Add the headers and mask.

        @raise ValueError: if a datagram is too long.
        """
        longest = max(map(len, datagrams), default=0)
        most = MASK_BYTES - CHECKED_OVERHEAD
        if longest > most:
            raise ValueError(f"crypt=xor takes datagrams of at most {most} bytes, not {longest}")
        return super().seal(datagrams)


class PythonXOR(_Masked):
    """
    In Python: XOR of two integers.
    """

    def __init__(self, key: bytes, randomBytes: RandomBytes = os.urandom) -> None:
        """
        @param key: of any length.
        @param randomBytes: gives so many random bytes.
        """
        super().__init__(randomBytes)
        self._mask = int.from_bytes(_mask(key), "little")

    def transform(self, packets: Sequence[bytes]) -> Sequence[bytes]:
        """
        Mask those that are not too long.
        """
        mask = self._mask
        return [
            ((mask ^ int.from_bytes(packet, "little")) & (1 << 8 * len(packet)) - 1).to_bytes(
                len(packet), "little"
            )
            for packet in _fitting(packets)
        ]


class AcceleratedXOR(_Masked, JoinedCipher):
    """
    In C.
    """

    def __init__(
        self, key: bytes, native: Accelerator, randomBytes: RandomBytes = os.urandom
    ) -> None:
        """
        @param key: of any length.
        @param randomBytes: gives so many random bytes.
        """
        JoinedCipher.__init__(self, native, native.lib.kcp_xor, _mask(key), randomBytes)

    def transform(self, packets: Sequence[bytes]) -> Sequence[bytes]:
        """
        Mask those that are not too long.
        """
        return super().transform(_fitting(packets))


def simpleXOR(key: bytes) -> CheckedCipher:
    """
    @param key: of any length.
    """
    native = accelerator()
    return PythonXOR(key) if native is None else AcceleratedXOR(key, native)
