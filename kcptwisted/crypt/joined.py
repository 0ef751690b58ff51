"""
Ciphers of whole packets by the accelerator.  All packets of a batch are joined and transformed in
one call.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from kcptwisted.crypt.checksummed import CheckedCipher, RandomBytes
from kcptwisted.crypt.cutting import cut
from kcptwisted.crypt.framing import AcceleratedFraming
from kcptwisted.native import Accelerator, Scratch
from kcptwisted.wire.checked import CHECKED_OVERHEAD, NONCE


class JoinedCipher(CheckedCipher):
    """
    Transforms packets by a function of the accelerator.  The function takes a key, the joined
    packets, their lengths, their count, and where to write the result.
    """

    def __init__(
        self, native: Accelerator, function: Any, key: Any, randomBytes: RandomBytes = os.urandom
    ) -> None:
        """
        @param function: the function of the accelerator.
        @param key: the function's first argument.
        @param randomBytes: returns as many random bytes as it is asked for.
        """
        super().__init__(randomBytes)
        self._function = function
        self._key = key
        self._scratch = Scratch(native)
        self._framing = AcceleratedFraming(native, 1)

    def transform(self, packets: Sequence[bytes]) -> Sequence[bytes]:
        """
        Transforms all packets in one call.
        """
        lengths = list(map(len, packets))
        return cut(self._transformed(b"".join(packets), lengths), lengths)

    def seal(self, datagrams: Sequence[bytes]) -> list[bytes]:
        """
        Adds the headers of all packets in one call, and transforms them in another.
        """
        lengths = [len(datagram) + CHECKED_OVERHEAD for datagram in datagrams]
        nonces = self._randomBytes(NONCE * len(lengths))
        framed = self._framing.frame(datagrams, lengths, nonces)
        return cut(self._transformed(framed, lengths), lengths)

    def open(self, datagrams: Sequence[bytes]) -> tuple[list[bytes], int]:
        """
        Transforms all packets in one call, and checks and removes their headers in another.
        """
        lengths = list(map(len, datagrams))
        opened = self._framing.unframe(self._transformed(b"".join(datagrams), lengths), lengths)
        return opened, len(lengths) - len(opened)

    def _transformed(self, joined: bytes, lengths: list[int]) -> bytes:
        memory, transformed = self._scratch.reserve(len(joined))
        self._function(self._key, joined, lengths, len(lengths), memory)
        packets: bytes = transformed[: len(joined)]
        return packets
