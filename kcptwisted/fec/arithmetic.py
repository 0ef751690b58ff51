"""
Sums of shards multiplied by constants.  The Reed-Solomon code spends most of its time here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache

from kcptwisted.fec.galois import products
from kcptwisted.native import Accelerator, Scratch, accelerator


class ShardArithmetic(ABC):
    """
    Computes linear combinations of shards over GF(2^8).
    """

    @abstractmethod
    def combine(self, factors: Sequence[bytes], shards: Sequence[bytes]) -> list[bytes]:
        """
        Computes sums of shards, each shard multiplied by a factor.

        @param factors: a row for each sum, with one factor for each shard.
        @param shards: at least one shard; all have the same length.
        @return: the sums, in the order of the rows.
        """


class PythonArithmetic(ShardArithmetic):
    """
    The arithmetic in plain Python.  A product of a shard with a constant is one C{bytes.translate};
    a sum is the XOR of two integers.
    """

    def __init__(self) -> None:
        self._tables = [products(factor) for factor in range(256)]

    def combine(self, factors: Sequence[bytes], shards: Sequence[bytes]) -> list[bytes]:
        """
        Computes the sums row by row.
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


def kernelTable(factor: int) -> bytes:
    """
    Returns the tables of a factor for the accelerator: its products with 0 to 15, then its products
    with the multiples of 16, then its products with the powers of two as a matrix of bits, whose
    first row is the highest bit of each product.
    """
    product = products(factor)
    matrix = [
        sum([(product[1 << bit] >> row & 1) << bit for bit in range(8)]) for row in range(7, -1, -1)
    ]
    return product[:16] + product[::16] + bytes(matrix)


class AcceleratedArithmetic(ShardArithmetic):
    """
    The arithmetic of the accelerator.
    """

    def __init__(self, native: Accelerator, kernel: int) -> None:
        """
        @param kernel: a number in the accelerator's C{kernels}.
        """
        self._kernel = kernel
        self._combine = native.lib.kcp_gf_combine
        self._tables = b"".join(map(kernelTable, range(256)))
        self._scratch = Scratch(native)

    def combine(self, factors: Sequence[bytes], shards: Sequence[bytes]) -> list[bytes]:
        """
        Computes all sums in one call.
        """
        length = len(shards[0])
        rows = len(factors)
        memory, sums = self._scratch.reserve(rows * length)
        self._combine(
            self._kernel,
            self._tables,
            b"".join(factors),
            rows,
            len(shards),
            b"".join(shards),
            length,
            memory,
        )
        results = []
        start = 0
        for _ in range(rows):
            end = start + length
            results.append(sums[start:end])
            start = end
        return results


@lru_cache(maxsize=1)
def fastestArithmetic() -> ShardArithmetic:
    """
    Returns the fastest arithmetic that is available here.
    """
    native = accelerator()
    if native is None:
        return PythonArithmetic()
    *_, kernel = native.kernels.values()
    return AcceleratedArithmetic(native, kernel)
