"""
Sums of shards multiplied by constants: what the Reed-Solomon code spends its time with.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from zope.interface import Interface, implementer

from kcptwisted.fec.galois import multiply, products
from kcptwisted.native import Accelerator, accelerator


class IShardArithmetic(Interface):
    """
    Linear combinations over GF(2^8).
    """

    def combine(factors: Sequence[bytes], shards: Sequence[bytes]) -> list[bytes]:
        """
        @param factors: for each sum wanted, a row with one factor for each shard.
        @param shards: at least one, all of the same length.
        @return: the sums.
        """


@implementer(IShardArithmetic)
class PythonArithmetic:
    """
    In plain Python: a product with a constant is one C{bytes.translate}, a sum is the XOR of two
    integers.
    """

    def __init__(self) -> None:
        self._tables = [products(factor) for factor in range(256)]

    def combine(self, factors: Sequence[bytes], shards: Sequence[bytes]) -> list[bytes]:
        """
        Row by row.
        """
        tables = self._tables
        length = len(shards[0])
        fromBytes = int.from_bytes
        sums = []
        for row in factors:
            total = 0
            for factor, shard in zip(row, shards, strict=True):
                total ^= fromBytes(shard.translate(tables[factor]), "little")
            sums.append(total.to_bytes(length, "little"))
        return sums


@lru_cache(maxsize=1)
def nibbleTables() -> bytes:
    """
    @return: for each factor its products with 0 to 15, then with the multiples of 16.
    """
    values = [*range(16), *range(0, 256, 16)]
    return bytes([multiply(factor, value) for factor in range(256) for value in values])


@implementer(IShardArithmetic)
class AcceleratedArithmetic:
    """
    In C.
    """

    def __init__(self, native: Accelerator, kernel: int) -> None:
        """
        @param kernel: one of the accelerator's C{kernels}.
        """
        self._kernel = kernel
        self._combine = native.lib.kcp_gf_combine
        self._new = native.ffi.new
        self._buffer = native.ffi.buffer
        self._nibbles = nibbleTables()
        self._reserve(0)

    def _reserve(self, size: int) -> None:
        self._sums = self._new("uint8_t[]", size)
        self._bytes = self._buffer(self._sums)
        self._size = size

    def combine(self, factors: Sequence[bytes], shards: Sequence[bytes]) -> list[bytes]:
        """
        All rows in one call.
        """
        length = len(shards[0])
        rows = len(factors)
        total = rows * length
        if total > self._size:
            self._reserve(total)
        self._combine(
            self._kernel,
            self._nibbles,
            b"".join(factors),
            rows,
            len(shards),
            b"".join(shards),
            length,
            self._sums,
        )
        sums = self._bytes
        return [sums[row * length : (row + 1) * length] for row in range(rows)]


@lru_cache(maxsize=1)
def fastestArithmetic() -> IShardArithmetic:
    """
    @return: what is fastest here.
    """
    native = accelerator()
    if native is None:
        return PythonArithmetic()
    *_, kernel = native.kernels.values()
    return AcceleratedArithmetic(native, kernel)
