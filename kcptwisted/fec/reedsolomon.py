"""
Systematic Reed-Solomon erasure coding over GF(2^8), byte for byte klauspost/reedsolomon's default
(docs/wire.md, "FEC").

The field's multiplication is reedsolo's; a product with a constant is one C{bytes.translate}, a sum
is the XOR of two integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import reedsolo

from kcptwisted.fec.packet import MAXIMUM_SHARDS

FIELD_POLYNOMIAL = 0x11D


@lru_cache(maxsize=1)
def _logarithms() -> tuple[list[int], list[int]]:
    """
    @return: powers of the generator, twice over so that sums of two exponents index it, and
        logarithms.
    """
    # Not reedsolo.init_tables: it changes the field of every other user in the process.
    powers = [1]
    for _ in range(254):
        powers.append(reedsolo.gf_mult_noLUT(powers[-1], 2, FIELD_POLYNOMIAL, 256))
    logarithms = [0] * 256
    for exponent, value in enumerate(powers):
        logarithms[value] = exponent
    return powers * 2, logarithms


def multiply(a: int, b: int) -> int:
    """
    @return: the product in the field.
    """
    powers, logarithms = _logarithms()
    return powers[logarithms[a] + logarithms[b]] if a and b else 0


def inverse(a: int) -> int:
    """
    @return: the multiplicative inverse.
    @raise ZeroDivisionError: for 0.
    """
    if not a:
        raise ZeroDivisionError("0 has no inverse in GF(2^8)")
    powers, logarithms = _logarithms()
    return powers[255 - logarithms[a]]


@lru_cache(maxsize=256)
def _table(factor: int) -> bytes:
    """
    @return: a translation table that multiplies by C{factor}.
    """
    return bytes([multiply(factor, value) for value in range(256)])


def _differences(point: int, points: Sequence[int]) -> int:
    """
    @return: the product of the differences between C{point} and each of the other C{points}.
    """
    product = 1
    for other in points:
        if other != point:
            product = multiply(product, point ^ other)
    return product


def coefficients(present: Sequence[int], wanted: Sequence[int]) -> list[list[int]]:
    """
    How shards are made of others.

    A Vandermonde matrix takes the coefficients of a polynomial to its values, shard r to that at r.
    Normalised by the inverse of its top, it takes the values at 0, 1, 2, …, which are the data, to
    the others.  So any shards, as many as there are of data, fix the polynomial, and Lagrange's
    formula gives its value at any other place.

    @param present: the positions of as many shards as there are data shards.
    @param wanted: the positions of other shards.
    @return: for each wanted shard the factor of each present one.
    """
    weights = [_differences(point, present) for point in present]
    rows = []
    for point in wanted:
        product = _differences(point, present)
        rows.append(
            [
                multiply(product, inverse(multiply(point ^ other, weight)))
                for other, weight in zip(present, weights, strict=True)
            ]
        )
    return rows


@lru_cache(maxsize=256)
def _tables(present: tuple[int, ...], wanted: tuple[int, ...]) -> list[list[bytes]]:
    """
    @return: L{coefficients} as translation tables.
    """
    return [[_table(factor) for factor in row] for row in coefficients(present, wanted)]


@lru_cache(maxsize=64)
def codec(dataShards: int, parityShards: int) -> ReedSolomon:
    """
    @return: the coder for these counts, shared.
    """
    return ReedSolomon(dataShards, parityShards)


class ReedSolomon:
    """
    A coder for groups of C{dataShards} + C{parityShards} shards of equal length.
    """

    def __init__(self, dataShards: int, parityShards: int) -> None:
        """
        @raise ValueError: if a count is below 1 or the sum above L{MAXIMUM_SHARDS}.
        """
        total = dataShards + parityShards
        if dataShards < 1 or parityShards < 1 or total > MAXIMUM_SHARDS:
            raise ValueError(
                f"{dataShards} data and {parityShards} parity shards: at least 1 each, "
                f"at most {MAXIMUM_SHARDS} together"
            )
        self.dataShards = dataShards
        self.parityShards = parityShards
        self._parityTables = _tables(tuple(range(dataShards)), tuple(range(dataShards, total)))

    @staticmethod
    def _combine(tables: Sequence[Sequence[bytes]], shards: Sequence[bytes]) -> list[bytes]:
        """
        @return: for each row of tables the sum of the shards multiplied by it.
        """
        length = len(shards[0])
        fromBytes = int.from_bytes
        results = []
        for row in tables:
            total = 0
            for table, shard in zip(row, shards, strict=True):
                total ^= fromBytes(shard.translate(table), "little")
            results.append(total.to_bytes(length, "little"))
        return results

    def encode(self, data: Sequence[bytes]) -> list[bytes]:
        """
        @param data: the data shards, all of the same length.
        @return: the parity shards.
        """
        return self._combine(self._parityTables, data)

    def reconstruct(self, shards: dict[int, bytes]) -> dict[int, bytes]:
        """
        @param shards: at least C{dataShards} shards by position, all of the same length.
        @return: the missing data shards by position.
        @raise ValueError: if there are too few.
        """
        missing = [position for position in range(self.dataShards) if position not in shards]
        if not missing:
            return {}
        present = sorted(shards)[: self.dataShards]
        if len(present) < self.dataShards:
            raise ValueError(f"{len(present)} shards, {self.dataShards} are needed")
        tables = _tables(tuple(present), tuple(missing))
        rebuilt = self._combine(tables, [shards[position] for position in present])
        return dict(zip(missing, rebuilt, strict=True))
