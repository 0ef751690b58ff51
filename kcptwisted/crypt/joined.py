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
from kcptwisted.native import Accelerator, Scratch


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

    def transform(self, packets: Sequence[bytes]) -> Sequence[bytes]:
        """
        Transforms all packets in one call.
        """
        lengths = list(map(len, packets))
        joined = b"".join(packets)
        memory, transformed = self._scratch.reserve(len(joined))
        self._function(self._key, joined, lengths, len(lengths), memory)
        return cut(transformed, lengths)
