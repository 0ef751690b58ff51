"""
Tests for L{kcptwisted.fec.galois}.
"""

from __future__ import annotations

import reedsolo
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.fec.galois import logarithms, multiply, products
from kcptwisted.fec.reedsolomon import ReedSolomon
from tests.fec.field import byTheBook
from tests.properties import given, strategies

_byte = strategies.integers(0, 255)


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
                [multiply(a, b) for b in range(256)], [byTheBook(a, b) for b in range(256)]
            )

    def test_inverse(self) -> None:
        """
        Each number but zero has one inverse.
        """
        for a in range(1, 256):
            self.assertEqual([multiply(a, b) for b in range(256)].count(1), 1)

    def test_products(self) -> None:
        """
        The table of a factor has all its products.
        """
        for factor in (0, 1, 2, 0x1D, 0x8E, 255):
            expected = bytes([byTheBook(factor, value) for value in range(256)])
            self.assertEqual(products(factor), expected)

    def test_logarithms(self) -> None:
        """
        A sum of two logarithms leads to the product, without a division.
        """
        powers, logs = logarithms()
        self.assertEqual(len(powers), 2 * 255)
        for a in range(1, 256):
            self.assertEqual(powers[logs[a] + logs[255]], byTheBook(a, 255))

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
