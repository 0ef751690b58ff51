"""
What the tests of our own block ciphers have in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.crypt.blockcfb import AcceleratedCFB, BlockCipher, PythonCFB
from kcptwisted.crypt.cfb import CFBMode
from kcptwisted.crypt.cipher import Cipher
from tests.crypt.backends import native
from tests.crypt.cfbtests import CFBCipherTestsMixin, CFBModeTestsMixin

if TYPE_CHECKING:
    _Base = SynchronousTestCase
else:
    _Base = object


class BlockTestsMixin(_Base):
    """
    The block cipher by itself.

    @ivar examples: key, block and encrypted block, in hexadecimal.
    """

    examples: Sequence[tuple[str, str, str]]

    def blockCipher(self, key: bytes) -> BlockCipher:
        """
        @return: what is tested.
        """
        raise NotImplementedError

    def test_schedule(self) -> None:
        """
        The block has the length of the examples', and the accelerator is given words of 32 bits.
        """
        cipher = self.blockCipher(bytes.fromhex(self.examples[0][0]))
        self.assertEqual(cipher.block, len(self.examples[0][1]) // 2)
        self.assertTrue(all(0 <= word < 1 << 32 for word in cipher.schedule))

    def test_examples(self) -> None:
        """
        It meets the published examples.
        """
        for key, block, encrypted in self.examples:
            cipher = self.blockCipher(bytes.fromhex(key))
            self.assertEqual(cipher.encryptBlocks(bytes.fromhex(block)).hex(), encrypted)

    def test_together(self) -> None:
        """
        Blocks that come together do not touch each other, whatever is in them.
        """
        cipher = self.blockCipher(bytes.fromhex(self.examples[-1][0]))
        size = cipher.block
        blocks = [bytes([fill]) * size for fill in (0, 1, 0x7F, 0x80, 0xFF)] * 2
        blocks += [bytes(range(n, n + size)) for n in range(30)]
        for count in (1, 2, 3, 7, len(blocks)):
            self.assertEqual(
                cipher.encryptBlocks(b"".join(blocks[:count])),
                b"".join([cipher.encryptBlocks(block) for block in blocks[:count]]),
            )

    def test_nothing(self) -> None:
        """
        No blocks give none.
        """
        cipher = self.blockCipher(bytes.fromhex(self.examples[0][0]))
        self.assertEqual(cipher.encryptBlocks(b""), b"")


class OwnCFBTestsMixin(CFBCipherTestsMixin, CFBModeTestsMixin):
    """
    The block cipher in CFB mode.
    """

    def blockCipher(self, key: bytes) -> BlockCipher:
        """
        @return: what is in CFB mode.
        """
        raise NotImplementedError

    def make(self, key: bytes) -> Cipher:
        """
        @return: a cipher in the mode that is tested.
        """
        return self.cipher(key)


class PythonCFBTestsMixin(OwnCFBTestsMixin):
    """
    The block cipher in CFB mode, in Python.
    """

    def mode(self, key: bytes) -> CFBMode:
        """
        @return: what is tested.
        """
        return PythonCFB(self.blockCipher(key))


class AcceleratedCFBTestsMixin(OwnCFBTestsMixin):
    """
    The block cipher in CFB mode, in C.
    """

    def mode(self, key: bytes) -> CFBMode:
        """
        @return: what is tested.
        """
        return AcceleratedCFB(self.blockCipher(key), native())
