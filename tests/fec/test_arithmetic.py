"""
Tests for L{kcptwisted.fec.arithmetic}.
"""

from __future__ import annotations

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.fec.arithmetic import (
    AcceleratedArithmetic,
    PythonArithmetic,
    ShardArithmetic,
    fastestArithmetic,
    kernelTable,
)
from kcptwisted.native import accelerator
from tests.fec.field import arithmetics, byTheBook, combineByTheBook
from tests.properties import blocks, given, settings, strategies

LENGTHS = (*range(131), 1400, 1402, 1500)


class CombineTests(SynchronousTestCase):
    """
    Every arithmetic that runs on this machine, held against the definition.
    """

    def setUp(self) -> None:
        """
        Make them.
        """
        self.arithmetics = arithmetics()
        self.random = Random(5)

    def check(self, rows: int, columns: int, length: int) -> None:
        """
        All give the same bytes, and change nothing that they were given.
        """
        factors = [self.random.randbytes(columns) for _ in range(rows)]
        shards = [self.random.randbytes(length) for _ in range(columns)]
        expected = combineByTheBook(factors, shards)
        before = (list(factors), list(shards))
        for name, arithmetic in self.arithmetics.items():
            sums = arithmetic.combine(factors, shards)
            self.assertEqual(sums, expected, (name, rows, columns, length))
            self.assertEqual((factors, shards), before)

    def test_classes(self) -> None:
        """
        Each is a L{ShardArithmetic}, which cannot be made itself.
        """
        for arithmetic in (*self.arithmetics.values(), fastestArithmetic()):
            self.assertIsInstance(arithmetic, ShardArithmetic)
        self.assertTrue(issubclass(AcceleratedArithmetic, ShardArithmetic))
        abstract: type = ShardArithmetic
        self.assertRaises(TypeError, abstract)

    def test_lengths(self) -> None:
        """
        Shards may have any length.
        """
        for length in LENGTHS:
            self.check(2, 3, length)
            self.check(3, 2, length)

    def test_rows(self) -> None:
        """
        So many sums at once as are wanted.
        """
        for rows in range(10):
            for length in (1, 15, 16, 31, 32, 33, 47, 63, 64, 65, 100):
                self.check(rows, 4, length)

    def test_columns(self) -> None:
        """
        Sums of so many shards as there are.
        """
        for columns in (*range(1, 21), 255):
            for length in (1, 16, 37, 96):
                self.check(3, columns, length)

    def test_factors(self) -> None:
        """
        Every factor times every byte is their product.
        """
        every = bytes(range(256))
        for factor in range(256):
            product = bytes([byTheBook(factor, value) for value in every])
            for name, arithmetic in self.arithmetics.items():
                self.assertEqual(arithmetic.combine([bytes([factor])], [every]), [product], name)

    def test_oneAfterAnother(self) -> None:
        """
        Sums that were given out stay what they are, whatever is computed next.
        """
        for arithmetic in self.arithmetics.values():
            arithmetic.combine([b"\1"] * 4, [b"longest" * 100])
            first = arithmetic.combine([b"\1"], [b"first" * 10])
            arithmetic.combine([b"\1"] * 4, [b"second" * 10])
            self.assertEqual(first, [b"first" * 10])

    @settings(max_examples=60)
    @given(strategies.data())
    def test_any(self, draw: strategies.DataObject) -> None:
        """
        So it is with any factors and bytes.
        """
        columns = draw.draw(strategies.integers(1, 12))
        length = draw.draw(strategies.integers(0, 130))
        rows = draw.draw(strategies.integers(0, 9))
        shards = draw.draw(blocks(columns, length))
        factors = draw.draw(blocks(rows, columns))
        expected = combineByTheBook(factors, shards)
        for name, arithmetic in arithmetics().items():
            self.assertEqual(arithmetic.combine(factors, shards), expected, name)


class ChoiceTests(SynchronousTestCase):
    """
    Which arithmetic there is.
    """

    def test_fastest(self) -> None:
        """
        The fastest is the accelerator's where there is one; it is made once.
        """
        expected = PythonArithmetic if accelerator() is None else AcceleratedArithmetic
        self.assertIsInstance(fastestArithmetic(), expected)
        self.assertIs(fastestArithmetic(), fastestArithmetic())

    def test_kernels(self) -> None:
        """
        With an accelerator the kernel in portable C is always among those tested.
        """
        tested = set(arithmetics())
        self.assertIn("Python", tested)
        self.assertEqual("PORTABLE" in tested, accelerator() is not None)

    def test_kernelTable(self) -> None:
        """
        What the accelerator knows of a factor makes its products: by the low and the high half of a
        byte, and by a matrix, whose rows begin with the highest bit.
        """
        for factor in (0, 1, 2, 0x53, 255):
            table = kernelTable(factor)
            self.assertEqual(len(table), 40)
            for value in range(256):
                product = table[value & 15] ^ table[16 + (value >> 4)]
                self.assertEqual(product, byTheBook(factor, value))
                bits = [(row & value).bit_count() & 1 for row in table[32:]]
                self.assertEqual(int("".join(map(str, bits)), 2), product)
