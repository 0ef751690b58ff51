"""
Systematic Reed-Solomon erasure coding.  The parity is byte for byte that of
klauspost/reedsolomon's default code (docs/wire.md, "FEC").
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache

from kcptwisted.fec.arithmetic import ShardArithmetic, fastestArithmetic
from kcptwisted.fec.galois import logarithms
from kcptwisted.wire.fec import MAXIMUM_SHARDS

#: The most coders in the cache.  They differ only by their counts.
MAXIMUM_CODERS = 64

#: The most loss patterns whose coefficients are in the cache, of at most 128 × 128 bytes each.
MAXIMUM_PATTERNS = 64


def coefficients(present: tuple[int, ...], wanted: tuple[int, ...]) -> list[bytes]:
    """
    Computes the factors by which shards are computed from other shards.

    A Vandermonde matrix maps the coefficients of a polynomial to its values; shard r is the value
    at r.  Multiplied by the inverse of its first rows, the matrix maps the values at 0, 1, 2, …,
    which are the data shards, to the other values.  So as many shards as there are data shards
    determine the polynomial, and Lagrange's formula gives its value at any other place.

    @param present: the positions of as many shards as there are data shards.
    @param wanted: the positions of other shards.
    @return: for each wanted shard a row with the factor of each present one.
    """
    powers, logs = logarithms()
    # In this field a difference is an XOR; products and quotients are sums of logarithms.
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
    Returns the coder for these counts, which all users share.
    """
    return ReedSolomon(dataShards, parityShards)


@lru_cache(maxsize=MAXIMUM_PATTERNS)
def recoveryFactors(present: tuple[int, ...], dataShards: int) -> list[bytes]:
    """
    Computes the factors that rebuild the missing data shards.

    @param present: the positions of as many shards as there are data shards, in any order.
    @return: for each missing data shard a row with the factor of each present shard.
    @raise ValueError: if fewer shards are present than there are data shards.
    """
    if len(present) < dataShards:
        raise ValueError(f"{len(present)} shards, {dataShards} are needed")
    missing = tuple([position for position in range(dataShards) if position not in present])
    return coefficients(present, missing)


class ReedSolomon:
    """
    Encodes and rebuilds groups of C{dataShards} + C{parityShards} shards of equal length.
    """

    def __init__(
        self, dataShards: int, parityShards: int, arithmetic: ShardArithmetic | None = None
    ) -> None:
        """
        @param dataShards: data shards of a group.
        @param parityShards: parity shards of a group.
        @param arithmetic: multiplies and adds shards; None means the fastest that is available.
        @raise ValueError: if a count is below 1 or the sum is above L{MAXIMUM_SHARDS}.
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
        Computes the parity shards.

        @param data: the data shards; all have the same length.
        @return: the parity shards.
        """
        return self._combine(self._parityFactors, data)

    def reconstruct(self, shards: dict[int, bytes]) -> list[bytes]:
        """
        Rebuilds the missing data shards.

        @param shards: at least C{dataShards} shards by position; all have the same length.
        @return: the missing data shards, in the order of their positions.
        @raise ValueError: if there are fewer than C{dataShards} shards.
        """
        if len(shards) > self.dataShards:
            # Data shards before parity shards, so that only the missing ones are computed.
            shards = {position: shards[position] for position in sorted(shards)[: self.dataShards]}
        factors = recoveryFactors(tuple(shards), self.dataShards)
        return self._combine(factors, list(shards.values())) if factors else []
