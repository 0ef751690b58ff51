"""
kcp-go's C{xor}: a fixed mask over each packet (docs/wire.md, "Ciphers").  It is no encryption:
anybody who sees a few packets can remove the mask.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import pbkdf2_hmac

from kcptwisted.crypt.checksummed import CheckedCipher, RandomBytes
from kcptwisted.crypt.joined import JoinedCipher
from kcptwisted.native import Accelerator, accelerator
from kcptwisted.wire.checked import CHECKED_OVERHEAD

#: The longest packet in bytes.
MASK_BYTES = 1500

_SALT = b"sH3CIVoF#rWLtJo6"
_ITERATIONS = 32


def _mask(key: bytes) -> bytes:
    return pbkdf2_hmac("sha1", key, _SALT, _ITERATIONS, MASK_BYTES)


def _fitting(packets: Sequence[bytes]) -> Sequence[bytes]:
    if max(map(len, packets), default=0) <= MASK_BYTES:
        return packets
    return [packet for packet in packets if len(packet) <= MASK_BYTES]


class _Masked(CheckedCipher):
    """
    The common part of both implementations: no packet is longer than the mask.
    """

    def seal(self, datagrams: Sequence[bytes]) -> list[bytes]:
        """
        Adds the headers and masks.

        @raise ValueError: if a packet would be longer than the mask.
        """
        longest = max(map(len, datagrams), default=0)
        most = MASK_BYTES - CHECKED_OVERHEAD
        if longest > most:
            raise ValueError(f"crypt=xor takes datagrams of at most {most} bytes, not {longest}")
        return super().seal(datagrams)


class PythonXOR(_Masked):
    """
    The mask in Python: a packet is XORed with the mask as an integer.
    """

    def __init__(self, key: bytes, randomBytes: RandomBytes = os.urandom) -> None:
        """
        @param key: a key of any length.
        @param randomBytes: returns as many random bytes as it is asked for.
        """
        super().__init__(randomBytes)
        self._mask = int.from_bytes(_mask(key), "little")

    def transform(self, packets: Sequence[bytes]) -> Sequence[bytes]:
        """
        Masks the packets, and leaves out those that are longer than the mask.
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
    The mask by the accelerator.
    """

    def __init__(
        self, key: bytes, native: Accelerator, randomBytes: RandomBytes = os.urandom
    ) -> None:
        """
        @param key: a key of any length.
        @param randomBytes: returns as many random bytes as it is asked for.
        """
        JoinedCipher.__init__(self, native, native.lib.kcp_xor, _mask(key), randomBytes)

    def transform(self, packets: Sequence[bytes]) -> Sequence[bytes]:
        """
        Masks the packets, and leaves out those that are longer than the mask.
        """
        return super().transform(_fitting(packets))

    def open(self, datagrams: Sequence[bytes]) -> tuple[list[bytes], int]:
        """
        Removes the mask, and checks and removes the headers.
        """
        opened, _ = super().open(_fitting(datagrams))
        return opened, len(datagrams) - len(opened)


def simpleXOR(key: bytes) -> CheckedCipher:
    """
    Makes the cipher C{xor}.

    @param key: a key of any length.
    """
    native = accelerator()
    return PythonXOR(key) if native is None else AcceleratedXOR(key, native)
