"""
Tests that every cipher in CFB mode has to pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING
from zlib import crc32

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.crypt.cfb import CFBCipher, CFBMode
from kcptwisted.crypt.cipher import Cipher
from kcptwisted.crypt.interfaces import ICipher
from tests.crypt.bythebook import IV, LENGTHS, BlockFunction, checked, decryptCFB, encryptCFB, xor

if TYPE_CHECKING:
    _Base = SynchronousTestCase
else:
    _Base = object


class CFBCipherTestsMixin(_Base):
    """
    A cipher in CFB mode, held against CFB by the book.

    @ivar keys: some keys.
    @ivar block: bytes of a block.
    """

    keys: Sequence[bytes]
    block: int

    def make(self, key: bytes) -> Cipher:
        """
        @return: what is tested.
        """
        raise NotImplementedError

    def encryptBlock(self, key: bytes) -> BlockFunction:
        """
        @return: what it is held against.
        """
        raise NotImplementedError

    def packets(self, key: bytes, payloads: Sequence[bytes], seed: int = 0) -> list[bytes]:
        """
        @return: what kcp-go sends.
        """
        random = Random(seed)
        encryptBlock = self.encryptBlock(key)
        return [
            encryptCFB(encryptBlock, IV[: self.block], checked(payload, random.randbytes(16)))
            for payload in payloads
        ]

    def checkSealed(self, key: bytes, packets: Sequence[bytes], payloads: Sequence[bytes]) -> None:
        """
        Read packets as kcp-go does, each alone.
        """
        encryptBlock = self.encryptBlock(key)
        for packet, payload in zip(packets, payloads, strict=True):
            plain = decryptCFB(encryptBlock, IV[: self.block], packet)
            self.assertEqual(plain[16:], crc32(payload).to_bytes(4, "little") + payload)

    def checkBatches(self, batches: Sequence[Sequence[bytes]]) -> None:
        """
        See that batches, one after another, are sealed and opened as they should.
        """
        key = self.keys[0]
        cipher = self.make(key)
        for batch in batches:
            self.checkSealed(key, cipher.seal(batch), batch)
            self.assertEqual(cipher.open(self.packets(key, batch)), (list(batch), 0))

    def test_interface(self) -> None:
        """
        It is a cipher, and adds twenty bytes.
        """
        cipher = self.make(self.keys[0])
        verifyObject(ICipher, cipher, tentative=True)
        self.assertEqual(cipher.overhead, 20)

    def test_seals(self) -> None:
        """
        Packets of any length, in one batch, can be read each alone.
        """
        payloads = [Random(length).randbytes(length) for length in LENGTHS]
        for key in self.keys:
            packets = self.make(key).seal(payloads)
            self.assertEqual([len(packet) for packet in packets], [20 + n for n in LENGTHS])
            self.checkSealed(key, packets, payloads)

    def test_opens(self) -> None:
        """
        Packets of any length, in one batch, are read.
        """
        payloads = [Random(length).randbytes(length) for length in LENGTHS]
        for key in self.keys:
            self.assertEqual(self.make(key).open(self.packets(key, payloads)), (payloads, 0))

    def test_one(self) -> None:
        """
        So are those that come alone, the empty one too.
        """
        for key in self.keys:
            cipher = self.make(key)
            for payload in (b"", b"x", bytes(100)):
                self.checkSealed(key, cipher.seal([payload]), [payload])
                self.assertEqual(cipher.open(self.packets(key, [payload])), ([payload], 0))

    def test_nothing(self) -> None:
        """
        No datagrams give no packets, and no packets no datagrams.
        """
        cipher = self.make(self.keys[0])
        self.assertEqual(cipher.seal([]), [])
        self.assertEqual(cipher.open([]), ([], 0))

    def test_manyBatches(self) -> None:
        """
        However many batches there were, the next is sealed and opened.
        """
        random = Random(2)
        self.checkBatches(
            [
                [random.randbytes(random.randrange(50)) for _ in range(random.randrange(5))]
                for _ in range(20)
            ]
        )

    def test_largest(self) -> None:
        """
        The largest datagrams that UDP carries are sealed and opened, beside the smallest.
        """
        payload = Random(5).randbytes(65507 - 20)
        sealer, opener = self.make(self.keys[0]), self.make(self.keys[0])
        packets = sealer.seal([b"x", payload, b""])
        self.assertEqual([len(packet) for packet in packets], [21, 65507, 20])
        self.assertEqual(opener.open(packets), ([b"x", payload, b""], 0))


class CFBModeTestsMixin(_Base):
    """
    Published examples, through a mode of ours.

    @ivar examples: key, IV, plaintext and ciphertext, in hexadecimal.
    @ivar blocks: key, block and encrypted block, in hexadecimal.
    """

    examples: Sequence[tuple[str, str, str, str]] = ()
    blocks: Sequence[tuple[str, str, str]] = ()

    def mode(self, key: bytes) -> CFBMode:
        """
        @return: what is tested.
        """
        raise NotImplementedError

    def cipher(self, key: bytes) -> CFBCipher:
        """
        @return: a cipher in this mode.
        """
        return CFBCipher(self.mode(key))

    def encrypted(self, mode: CFBMode, block: bytes) -> bytes:
        """
        @return: one block, as it masks the block that comes after it.
        """
        return mode.decrypt(block + bytes(mode.block))[mode.block :]

    def test_block(self) -> None:
        """
        A block is encrypted as the example's, coming in and going out.
        """
        for key, block, cipher in self.blocks:
            mode = self.mode(bytes.fromhex(key))
            self.assertEqual(self.encrypted(mode, bytes.fromhex(block)).hex(), cipher)
            self.assertEqual(self.encrypt(key, block, "00" * mode.block), cipher)

    def test_decrypt(self) -> None:
        """
        What comes after the example's IV is decrypted as the example is.
        """
        for key, iv, plain, cipher in self.examples:
            mode = self.mode(bytes.fromhex(key))
            data = bytes.fromhex(iv + cipher)
            clear = mode.decrypt(data + bytes(-len(data) % mode.block))
            self.assertEqual(clear[mode.block : len(data)].hex(), plain)

    def test_encrypt(self) -> None:
        """
        After a block that becomes the example's IV, the example is encrypted.
        """
        for key, iv, plain, cipher in self.examples:
            self.assertEqual(self.encrypt(key, iv, plain), cipher)

    def encrypt(self, key: str, iv: str, plain: str) -> str:
        """
        @return: the ciphertext of an example.
        """
        mode = self.mode(bytes.fromhex(key))
        start = self.encrypted(mode, IV[: mode.block])
        first = xor(bytes.fromhex(iv), start)
        data = bytes.fromhex(plain)
        padding = bytes(-len(data) % mode.block)
        joined = first + data + padding
        return mode.encrypt(joined, [len(first + data)])[mode.block :][: len(data)].hex()
