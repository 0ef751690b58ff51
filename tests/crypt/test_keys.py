"""
Tests for L{kcptwisted.crypt.keys}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.crypt.keys import deriveKey


class DeriveKeyTests(SynchronousTestCase):
    """
    Tests for L{deriveKey}.
    """

    def test_kcptun(self) -> None:
        """
        kcptun's default passphrase, its spelling included, gives kcptun's key.
        """
        self.assertEqual(
            deriveKey("it's a secrect").hex(),
            "25d7d7bd51050742d8d791f2b653c6c8b2366b7e25a124cf7a2e12eaf4ffa444",
        )

    def test_length(self) -> None:
        """
        There are enough bytes for every cipher, and fewer are the first of them, as kcptun takes
        them; so are those of a cipher that takes more than kcptun derives.
        """
        longest = deriveKey("x", 100)
        self.assertEqual(deriveKey("x"), longest[:32])
        for length in (1, 16, 24, 32, 33, 100):
            self.assertEqual(deriveKey("x", length), longest[:length])

    def test_unicode(self) -> None:
        """
        Passphrases that look alike but are other characters give other keys.
        """
        self.assertNotEqual(deriveKey("\u00e9"), deriveKey("e\u0301"))
