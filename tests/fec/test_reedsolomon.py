"""
Tests for L{kcptwisted.fec.reedsolomon}.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from random import Random
from typing import TYPE_CHECKING

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.fec.arithmetic import PythonArithmetic, ShardArithmetic
from kcptwisted.fec.reedsolomon import (
    MAXIMUM_CODERS,
    ReedSolomon,
    codec,
    coefficients,
    recoveryFactors,
)
from tests.fec.field import arithmetics, byTheBook, combineByTheBook
from tests.properties import blocks, given, settings, strategies

if TYPE_CHECKING:
    _Base = SynchronousTestCase
else:
    _Base = object

COUNTS = [(1, 1), (1, 3), (2, 2), (3, 1), (10, 3), (5, 5), (20, 10)]


def _multiplyMatrices(
    left: Sequence[Sequence[int]], right: Sequence[Sequence[int]]
) -> list[list[int]]:
    result = [[0] * len(right[0]) for _ in left]
    for row, values in enumerate(left):
        for inner, value in enumerate(values):
            for column, other in enumerate(right[inner]):
                result[row][column] ^= byTheBook(value, other)
    return result


class CoefficientTests(SynchronousTestCase):
    """
    Tests for L{coefficients}.
    """

    def test_vandermonde(self) -> None:
        """
        Times the top of the Vandermonde matrix, whose row r, column c is r^c, the rows of parity
        give the rest of it: they are those of klauspost's normalised matrix.
        """
        for data, parity in COUNTS:
            vandermonde = []
            for base in range(data + parity):
                row = [1]
                for _ in range(data - 1):
                    row.append(byTheBook(row[-1], base))
                vandermonde.append(row)
            rows = coefficients(tuple(range(data)), tuple(range(data, data + parity)))
            self.assertEqual(_multiplyMatrices(rows, vandermonde[:data]), vandermonde[data:])

    def test_back(self) -> None:
        """
        What makes some shards of others, and what makes those of the first, undo each other.
        """
        there = coefficients((0, 1, 2), (5, 9, 255))
        back = coefficients((5, 9, 255), (0, 1, 2))
        self.assertEqual(_multiplyMatrices(there, back), [[1, 0, 0], [0, 1, 0], [0, 0, 1]])


class CodecTests(SynchronousTestCase):
    """
    Which coders there are.
    """

    def test_largest(self) -> None:
        """
        A group may have 256 shards.
        """
        for data in (1, 2, 128, 255):
            parity = ReedSolomon(data, 256 - data).encode([b"x"] * data)
            self.assertEqual(len(parity), 256 - data)

    def test_limits(self) -> None:
        """
        Counts below one, and more than 256 shards, are refused.
        """
        for data, parity in ((0, 1), (1, 0), (-1, 2), (2, 255), (255, 2)):
            self.assertRaises(ValueError, ReedSolomon, data, parity)

    def test_shared(self) -> None:
        """
        Coders are shared by those with the same counts.
        """
        self.assertIs(codec(4, 2), codec(4, 2))
        self.assertIsNot(codec(4, 2), codec(2, 4))

    def test_bounded(self) -> None:
        """
        Only so many are kept, whatever counts peers come up with.
        """
        codec.cache_clear()
        for count in range(1, 2 * MAXIMUM_CODERS):
            codec(count, 1)
        self.assertEqual(codec.cache_info().currsize, MAXIMUM_CODERS)

    def test_arithmetic(self) -> None:
        """
        They compute with what they are given.
        """

        class Noting(PythonArithmetic):
            """
            Notes how many shards it was given.
            """

            def combine(self, factors: Sequence[bytes], shards: Sequence[bytes]) -> list[bytes]:
                """
                Note, and compute.
                """
                noted.append(len(shards))
                return super().combine(factors, shards)

        noted: list[int] = []
        coder = ReedSolomon(2, 1, Noting())
        (parity,) = coder.encode([b"some", b"data"])
        self.assertEqual(coder.reconstruct({1: b"data", 2: parity}), [b"some"])
        self.assertEqual(noted, [2, 2])

    def test_coefficientsAreKept(self) -> None:
        """
        The same loss is not computed twice.
        """
        recoveryFactors.cache_clear()
        coder = ReedSolomon(3, 2)
        for _ in range(3):
            coder.reconstruct({0: b"a", 2: b"b", 3: b"c"})
        self.assertEqual(recoveryFactors.cache_info().misses, 1)


class CodingTestsMixin(_Base):
    """
    Tests for L{ReedSolomon.encode} and L{ReedSolomon.reconstruct}.
    """

    arithmetic: ShardArithmetic

    def coder(self, dataShards: int, parityShards: int) -> ReedSolomon:
        """
        @return: a coder with the arithmetic under test.
        """
        return ReedSolomon(dataShards, parityShards, self.arithmetic)

    def test_published(self) -> None:
        """
        The example that Backblaze and klauspost test their implementations with gives their parity.
        """
        data = [bytes(shard) for shard in ([0, 1], [4, 5], [2, 3], [6, 7], [8, 9])]
        parity = [bytes(shard) for shard in ([12, 13], [10, 11], [14, 15], [90, 91], [94, 95])]
        self.assertEqual(self.coder(5, 5).encode(data), parity)

    def test_byTheBook(self) -> None:
        """
        Parity and rebuilt shards are the sums that the matrix says, for lengths like those on the
        wire.
        """
        random = Random(3)
        for data, parity, length in ((10, 3, 1394), (3, 9, 33), (20, 10, 65), (255, 1, 17)):
            coder = self.coder(data, parity)
            shards = [random.randbytes(length) for _ in range(data)]
            rows = coefficients(tuple(range(data)), tuple(range(data, data + parity)))
            shards += coder.encode(shards)
            self.assertEqual(shards[data:], combineByTheBook(rows, shards[:data]))
            lost = random.sample(range(data), min(data, parity))
            kept = {at: shards[at] for at in range(data + parity) if at not in lost}
            self.assertEqual(coder.reconstruct(kept), [shards[at] for at in sorted(lost)])

    def test_oneShard(self) -> None:
        """
        Parity of a single shard is that shard.
        """
        self.assertEqual(self.coder(1, 2).encode([b"only"]), [b"only", b"only"])

    def test_allCombinations(self) -> None:
        """
        Whichever shards of a group are lost, as many as there were data shards bring them back.
        """
        coder = self.coder(4, 3)
        data = [bytes([17 * shard + byte for byte in range(5)]) for shard in range(4)]
        shards = data + coder.encode(data)
        for present in combinations(range(7), 4):
            rebuilt = coder.reconstruct({position: shards[position] for position in present})
            self.assertEqual(
                rebuilt, [data[position] for position in range(4) if position not in present]
            )

    def test_nothingMissing(self) -> None:
        """
        When all data shards are there, there is nothing to rebuild.
        """
        self.assertEqual(self.coder(2, 1).reconstruct({0: b"a", 1: b"b"}), [])

    def test_tooFew(self) -> None:
        """
        With too few shards there is nothing to be done.
        """
        self.assertRaises(ValueError, self.coder(3, 2).reconstruct, {0: b"a", 4: b"b"})


class AnyShardsTests(SynchronousTestCase):
    """
    Groups as they come.
    """

    @settings(max_examples=40)
    @given(strategies.integers(1, 20), strategies.integers(1, 10), strategies.data())
    def test_anyShards(self, data: int, parity: int, draw: strategies.DataObject) -> None:
        """
        With any counts, any bytes and any losses, also with more shards than needed, the data comes
        back, and all arithmetics agree.
        """
        length = draw.draw(strategies.integers(0, 20))
        payloads = draw.draw(blocks(data, length))
        shards = payloads + codec(data, parity).encode(payloads)
        order = draw.draw(strategies.permutations(range(data + parity)))
        kept = draw.draw(strategies.integers(data, data + parity))
        present = {position: shards[position] for position in order[:kept]}
        missing = [shards[at] for at in range(data) if at not in present]
        for name, arithmetic in arithmetics().items():
            coder = ReedSolomon(data, parity, arithmetic)
            self.assertEqual(coder.encode(payloads), shards[data:], name)
            self.assertEqual(coder.reconstruct(present), missing, name)


for _name, _arithmetic in arithmetics().items():
    _TestCase = type(
        f"{_name}CodingTests",
        (CodingTestsMixin, SynchronousTestCase),
        {"__doc__": "With one arithmetic.", "__module__": __name__, "arithmetic": _arithmetic},
    )
    globals()[_TestCase.__name__] = _TestCase
del _TestCase
