"""
What the tests of our own block ciphers have in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.crypt.blockcfb import AcceleratedCFB, IBlockCipher, PythonCFB
from kcptwisted.crypt.cfb import ICFBMode
from kcptwisted.crypt.interfaces import ICipher
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

    def blockCipher(self, key: bytes) -> IBlockCipher:
        """
        @return: what is tested.
        """
        raise NotImplementedError

    def test_interface(self) -> None:
        """
        It is a block cipher, and what it gives the accelerator are words of 32 bits.
        """
        cipher = self.blockCipher(bytes.fromhex(self.examples[0][0]))
        verifyObject(IBlockCipher, cipher)
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

    def blockCipher(self, key: bytes) -> IBlockCipher:
        """
        @return: what is in CFB mode.
        """
        raise NotImplementedError

    def make(self, key: bytes) -> ICipher:
        """
        @return: a cipher in the mode that is tested.
        """
        return self.cipher(key)

    def test_verifyMode(self) -> None:
        """
        The mode is one.
        """
        verifyObject(ICFBMode, self.mode(self.keys[0]))


class PythonCFBTestsMixin(OwnCFBTestsMixin):
    """
    The block cipher in CFB mode, in Python.
    """

    def mode(self, key: bytes) -> ICFBMode:
        """
        @return: what is tested.
        """
        return PythonCFB(self.blockCipher(key))


class AcceleratedCFBTestsMixin(OwnCFBTestsMixin):
    """
    The block cipher in CFB mode, in C.
    """

    def mode(self, key: bytes) -> ICFBMode:
        """
        @return: what is tested.
        """
        return AcceleratedCFB(self.blockCipher(key), native())
