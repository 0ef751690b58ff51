"""
Tests for L{kcptwisted.fec.galois}.
"""

from __future__ import annotations

import reedsolo
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.fec.galois import logarithms, products
from kcptwisted.fec.reedsolomon import ReedSolomon
from tests.fec.field import byTheBook


class FieldTests(SynchronousTestCase):
    """
    Arithmetic in GF(2^8).
    """

    def test_products(self) -> None:
        """
        The table of a factor has all its products: those of long multiplication modulo the
        polynomial 0x11D.
        """
        for factor in range(256):
            expected = bytes([byTheBook(factor, value) for value in range(256)])
            self.assertEqual(products(factor), expected)

    def test_inverse(self) -> None:
        """
        Each number but zero has one inverse, so a table loses nothing.
        """
        for factor in range(1, 256):
            self.assertEqual(sorted(products(factor)), list(range(256)))

    def test_logarithms(self) -> None:
        """
        A sum of two logarithms leads to the product, without a division.
        """
        powers, logs = logarithms()
        self.assertEqual(len(powers), 2 * 255)
        for a in range(1, 256):
            self.assertEqual(powers[logs[a] + logs[255]], byTheBook(a, 255))

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
