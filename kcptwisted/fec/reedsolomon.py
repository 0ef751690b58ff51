"""
Systematic Reed-Solomon erasure coding, byte for byte klauspost/reedsolomon's default (docs/wire.md,
"FEC").
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache

from kcptwisted.fec.arithmetic import ShardArithmetic, fastestArithmetic
from kcptwisted.fec.galois import logarithms
from kcptwisted.wire.fec import MAXIMUM_SHARDS

#: Coders that are kept; they differ by their counts only.
MAXIMUM_CODERS = 64

#: Loss patterns whose coefficients are kept: at most so many times 128 × 128 bytes.
MAXIMUM_PATTERNS = 64


def coefficients(present: tuple[int, ...], wanted: tuple[int, ...]) -> list[bytes]:
    """
    How shards are made of others.

    A Vandermonde matrix takes the coefficients of a polynomial to its values, shard r to that at r.
    Normalised by the inverse of its top, it takes the values at 0, 1, 2, …, which are the data, to
    the others.  So any shards, as many as there are of data, fix the polynomial, and Lagrange's
    formula gives its value at any other place.

    @param present: the positions of as many shards as there are data shards.
    @param wanted: the positions of other shards.
    @return: for each wanted shard a row with the factor of each present one.
    """
    powers, logs = logarithms()
    # In the field a difference is a XOR; products and quotients are sums of logarithms.
    weights = [
        sum([logs[point ^ other] for other in present if other != point]) for point in present
    ]
    rows = []
    for place in wanted:
        product = sum([logs[place ^ point] for point in present])
        rows.append(
            bytes(
                [
                    powers[(product - logs[place ^ point] - weight) % 255]
                    for point, weight in zip(present, weights, strict=True)
                ]
            )
        )
    return rows


@lru_cache(maxsize=MAXIMUM_CODERS)
def codec(dataShards: int, parityShards: int) -> ReedSolomon:
    """
    @return: the coder for these counts, shared.
    """
    return ReedSolomon(dataShards, parityShards)


@lru_cache(maxsize=MAXIMUM_PATTERNS)
def recoveryFactors(present: tuple[int, ...], dataShards: int) -> list[bytes]:
    """
    @param present: the positions of as many shards as there are data shards, in any order.
    @return: the rows that make the missing data shards.
    @raise ValueError: if there are too few.
    """
    if len(present) < dataShards:
        raise ValueError(f"{len(present)} shards, {dataShards} are needed")
    missing = tuple([position for position in range(dataShards) if position not in present])
    return coefficients(present, missing)


class ReedSolomon:
    """
    A coder for groups of C{dataShards} + C{parityShards} shards of equal length.
    """

    def __init__(
        self, dataShards: int, parityShards: int, arithmetic: ShardArithmetic | None = None
    ) -> None:
        """
        @param arithmetic: what multiplies and adds shards; the fastest there is if None.
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
        self._combine = (arithmetic or fastestArithmetic()).combine

    @cached_property
    def _parityFactors(self) -> list[bytes]:
        data = range(self.dataShards)
        parity = range(self.dataShards, self.dataShards + self.parityShards)
        return coefficients(tuple(data), tuple(parity))

    def encode(self, data: Sequence[bytes]) -> list[bytes]:
        """
        @param data: the data shards, all of the same length.
        @return: the parity shards.
        """
        return self._combine(self._parityFactors, data)

    def reconstruct(self, shards: dict[int, bytes]) -> list[bytes]:
        """
        @param shards: at least C{dataShards} shards by position, all of the same length.
        @return: the missing data shards, in the order of their positions.
        @raise ValueError: if there are too few.
        """
        if len(shards) > self.dataShards:
            # Data before parity, so that only what is missing is rebuilt.
            shards = {position: shards[position] for position in sorted(shards)[: self.dataShards]}
        factors = recoveryFactors(tuple(shards), self.dataShards)
        return self._combine(factors, list(shards.values())) if factors else []
