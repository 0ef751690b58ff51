"""
Ciphers of whole packets by the accelerator: a batch is joined, transformed in one call, and cut up
again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from kcptwisted.crypt.checksummed import CheckedCipher, RandomBytes
from kcptwisted.native import Accelerator, Scratch


class JoinedCipher(CheckedCipher):
    """
    A function of the accelerator that takes a key, packets one behind the other with their lengths
    and count, and where the result goes.
    """

    def __init__(
        self, native: Accelerator, function: Any, key: Any, randomBytes: RandomBytes = os.urandom
    ) -> None:
        """
        @param function: of the accelerator.
        @param key: its first argument.
        @param randomBytes: gives so many random bytes.
        """
        super().__init__(randomBytes)
        self._function = function
        self._key = key
        self._scratch = Scratch(native)

    def transform(self, packets: Sequence[bytes]) -> Sequence[bytes]:
        """
        All packets in one call.
        """
        lengths = list(map(len, packets))
        joined = b"".join(packets)
        memory, transformed = self._scratch.reserve(len(joined))
        self._function(self._key, joined, lengths, len(lengths), memory)
        results = []
        start = 0
        for length in lengths:
            end = start + length
            results.append(transformed[start:end])
            start = end
        return results
