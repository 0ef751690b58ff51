"""
Tests for L{kcptwisted.fec.reedsolomon}.
"""

from __future__ import annotations

from itertools import combinations

import reedsolo
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.fec.reedsolomon import ReedSolomon, codec, coefficients, inverse, multiply
from tests.properties import given, settings, strategies

_byte = strategies.integers(0, 255)

COUNTS = [(1, 1), (1, 3), (2, 2), (3, 1), (10, 3), (5, 5), (20, 10)]


def _product(a: int, b: int) -> int:
    """
    Multiply by long multiplication, as reedsolo does it.
    """
    result: int = reedsolo.gf_mult_noLUT(a, b, 0x11D, 256)
    return result


def _multiplyMatrices(left: list[list[int]], right: list[list[int]]) -> list[list[int]]:
    result = [[0] * len(right[0]) for _ in left]
    for row, values in enumerate(left):
        for inner, value in enumerate(values):
            for column, other in enumerate(right[inner]):
                result[row][column] ^= _product(value, other)
    return result


class FieldTests(SynchronousTestCase):
    """
    Arithmetic in GF(2^8).
    """

    def test_multiply(self) -> None:
        """
        Every product is that of long multiplication modulo the polynomial 0x11D.
        """
        for a in range(256):
            self.assertEqual(
                [multiply(a, b) for b in range(256)], [_product(a, b) for b in range(256)]
            )

    def test_inverse(self) -> None:
        """
        A number times its inverse is one.
        """
        self.assertEqual({_product(a, inverse(a)) for a in range(1, 256)}, {1})

    def test_inverseOfZero(self) -> None:
        """
        Zero has no inverse.
        """
        self.assertRaises(ZeroDivisionError, inverse, 0)

    def test_generator(self) -> None:
        """
        The powers of two are all numbers but zero.
        """
        powers = [1]
        for _ in range(254):
            powers.append(multiply(powers[-1], 2))
        self.assertEqual(sorted(powers), list(range(1, 256)))
        self.assertEqual(multiply(powers[-1], 2), 1)

    @given(_byte, _byte, _byte)
    def test_laws(self, a: int, b: int, c: int) -> None:
        """
        Multiplication is commutative, associative and distributive over addition.
        """
        self.assertEqual(multiply(a, b), multiply(b, a))
        self.assertEqual(multiply(a, multiply(b, c)), multiply(multiply(a, b), c))
        self.assertEqual(multiply(a, b ^ c), multiply(a, b) ^ multiply(a, c))

    def test_reedsoloIsLeftAlone(self) -> None:
        """
        Making a coder does not change the field that other users of reedsolo have set.
        """
        reedsolo.init_tables(0x187)
        try:
            ReedSolomon(3, 2)
            self.assertEqual(reedsolo.gf_mul(0x80, 2), reedsolo.gf_mult_noLUT(0x80, 2, 0x187, 256))
        finally:
            reedsolo.init_tables()


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
                    row.append(_product(row[-1], base))
                vandermonde.append(row)
            rows = coefficients(range(data), range(data, data + parity))
            self.assertEqual(_multiplyMatrices(rows, vandermonde[:data]), vandermonde[data:])

    def test_back(self) -> None:
        """
        What makes some shards of others, and what makes those of the first, undo each other.
        """
        there = coefficients([0, 1, 2], [5, 9, 255])
        back = coefficients([5, 9, 255], [0, 1, 2])
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


class CodingTests(SynchronousTestCase):
    """
    Tests for L{ReedSolomon.encode} and L{ReedSolomon.reconstruct}.
    """

    def test_published(self) -> None:
        """
        The example that Backblaze and klauspost test their implementations with gives their parity.
        """
        data = [bytes(shard) for shard in ([0, 1], [4, 5], [2, 3], [6, 7], [8, 9])]
        parity = [bytes(shard) for shard in ([12, 13], [10, 11], [14, 15], [90, 91], [94, 95])]
        self.assertEqual(ReedSolomon(5, 5).encode(data), parity)

    def test_oneShard(self) -> None:
        """
        Parity of a single shard is that shard.
        """
        self.assertEqual(ReedSolomon(1, 2).encode([b"only"]), [b"only", b"only"])

    def test_allCombinations(self) -> None:
        """
        Whichever shards of a group are lost, as many as there were data shards bring them back.
        """
        coder = ReedSolomon(4, 3)
        data = [bytes([17 * shard + byte for byte in range(5)]) for shard in range(4)]
        shards = data + coder.encode(data)
        for present in combinations(range(7), 4):
            rebuilt = coder.reconstruct({position: shards[position] for position in present})
            self.assertEqual(
                rebuilt,
                {position: data[position] for position in range(4) if position not in present},
            )

    @settings(max_examples=50)
    @given(strategies.integers(1, 20), strategies.integers(1, 10), strategies.data())
    def test_anyShards(self, data: int, parity: int, draw: strategies.DataObject) -> None:
        """
        So it is with any counts, any bytes, and when there are more shards than needed.
        """
        coder = codec(data, parity)
        length = draw.draw(strategies.integers(0, 20))
        payloads = draw.draw(
            strategies.lists(
                strategies.binary(min_size=length, max_size=length), min_size=data, max_size=data
            )
        )
        shards = dict(enumerate(payloads + coder.encode(payloads)))
        order = draw.draw(strategies.permutations(range(data + parity)))
        kept = draw.draw(strategies.integers(data, data + parity))
        present = {position: shards[position] for position in order[:kept]}
        rebuilt = coder.reconstruct(present)
        self.assertEqual({**present, **rebuilt} | shards, shards)
        self.assertEqual(
            set(rebuilt), {position for position in range(data) if position not in present}
        )

    def test_nothingMissing(self) -> None:
        """
        When all data shards are there, there is nothing to rebuild.
        """
        self.assertEqual(ReedSolomon(2, 1).reconstruct({0: b"a", 1: b"b"}), {})

    def test_tooFew(self) -> None:
        """
        With too few shards there is nothing to be done.
        """
        self.assertRaises(ValueError, ReedSolomon(3, 2).reconstruct, {0: b"a", 4: b"b"})
