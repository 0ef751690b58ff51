"""
The ciphers of kcp-go and kcptun, each with kcp-go at the other end.
"""

from __future__ import annotations

from dataclasses import replace

from tests.interop.cases import Settings
from tests.interop.transfers import TransferCase

#: Bytes of an echo.
SIZE = 1_000_000

#: The same with the ciphers that plain Python, without the accelerator, is slow at.
SLOW_SIZE = 100_000

SLOW = {"twofish", "3des", "blowfish", "cast5", "tea", "xtea", "salsa20"}

PLAIN = Settings()
CODED = Settings(dataShards=10, parityShards=3)


def sizeFor(settings: Settings) -> int:
    """
    @return: the bytes of an echo with these settings.
    """
    return SLOW_SIZE if settings.crypt in SLOW else SIZE


class CipherTestsMixin:
    """
    An echo with each cipher.

    @ivar coding: the settings but for the cipher.
    """

    coding: Settings

    async def check(self, settings: Settings) -> None:
        """
        Subclasses transfer something.
        """
        raise NotImplementedError

    async def test_null(self) -> None:
        """
        Without any cipher the echo is unchanged.
        """
        await self.check(replace(self.coding, crypt="null"))

    async def test_none(self) -> None:
        """
        With checksums alone the echo is unchanged.
        """
        await self.check(replace(self.coding, crypt="none"))

    async def test_aes256(self) -> None:
        """
        With AES-256 in CFB mode the echo is unchanged.
        """
        await self.check(replace(self.coding, crypt="aes"))

    async def test_aes192(self) -> None:
        """
        With AES-192 in CFB mode the echo is unchanged.
        """
        await self.check(replace(self.coding, crypt="aes-192"))

    async def test_aes128(self) -> None:
        """
        With AES-128 in CFB mode the echo is unchanged.
        """
        await self.check(replace(self.coding, crypt="aes-128"))

    async def test_sm4(self) -> None:
        """
        With SM4 in CFB mode the echo is unchanged.
        """
        await self.check(replace(self.coding, crypt="sm4"))

    async def test_twofish(self) -> None:
        """
        With Twofish in CFB mode the echo is unchanged.
        """
        await self.check(replace(self.coding, crypt="twofish"))

    async def test_tripleDES(self) -> None:
        """
        With triple DES in CFB mode the echo is unchanged.
        """
        await self.check(replace(self.coding, crypt="3des"))

    async def test_blowfish(self) -> None:
        """
        With Blowfish in CFB mode the echo is unchanged.
        """
        await self.check(replace(self.coding, crypt="blowfish"))

    async def test_cast5(self) -> None:
        """
        With CAST5 in CFB mode the echo is unchanged.
        """
        await self.check(replace(self.coding, crypt="cast5"))

    async def test_tea(self) -> None:
        """
        With TEA in CFB mode the echo is unchanged.
        """
        await self.check(replace(self.coding, crypt="tea"))

    async def test_xtea(self) -> None:
        """
        With XTEA in CFB mode the echo is unchanged.
        """
        await self.check(replace(self.coding, crypt="xtea"))

    async def test_salsa20(self) -> None:
        """
        With Salsa20 the echo is unchanged.
        """
        await self.check(replace(self.coding, crypt="salsa20"))

    async def test_xor(self) -> None:
        """
        With the XOR of a passphrase's stream the echo is unchanged.
        """
        await self.check(replace(self.coding, crypt="xor"))

    async def test_xorShortKey(self) -> None:
        """
        With the XOR of a stream from a key of five bytes the echo is unchanged.
        """
        await self.check(replace(self.coding, crypt="xor", rawKey="00ff107e80"))

    async def test_xorLongKey(self) -> None:
        """
        With the XOR of a stream from a key of forty bytes the echo is unchanged.
        """
        await self.check(replace(self.coding, crypt="xor", rawKey=bytes(range(40)).hex()))

    async def test_aes128GCM(self) -> None:
        """
        With AES-128-GCM the echo is unchanged.
        """
        await self.check(replace(self.coding, crypt="aes-128-gcm"))

    async def test_aes192GCM(self) -> None:
        """
        With AES-192-GCM the echo is unchanged.
        """
        await self.check(replace(self.coding, crypt="aes-192-gcm"))

    async def test_aes256GCM(self) -> None:
        """
        With AES-256-GCM the echo is unchanged.
        """
        await self.check(replace(self.coding, crypt="aes-256-gcm"))

    async def test_chacha20Poly1305(self) -> None:
        """
        With ChaCha20-Poly1305 the echo is unchanged.
        """
        await self.check(replace(self.coding, crypt="chacha20-poly1305"))


class ToKCPGoTests(CipherTestsMixin, TransferCase):
    """
    Our client, a kcp-go server, no FEC.
    """

    coding = PLAIN

    async def check(self, settings: Settings) -> None:
        """
        Echo.
        """
        counted = await self.echoToKCPGo(settings, settings, sizeFor(settings))
        self.assertEqual(counted.ours.FECParityShards, 0)


class ToKCPGoWithFECTests(CipherTestsMixin, TransferCase):
    """
    Our client, a kcp-go server, FEC.
    """

    coding = CODED

    async def check(self, settings: Settings) -> None:
        """
        Echo.
        """
        counted = await self.echoToKCPGo(settings, settings, sizeFor(settings))
        self.assertGreater(counted.ours.FECParityShards, 0)
        self.assertGreater(counted.theirs["FECParityShards"], 0)


class FromKCPGoTests(CipherTestsMixin, TransferCase):
    """
    A kcp-go client, our server, no FEC.
    """

    coding = PLAIN

    async def check(self, settings: Settings) -> None:
        """
        Echo.
        """
        counted = await self.echoFromKCPGo(settings, settings, sizeFor(settings))
        self.assertEqual(counted.ours.FECParityShards, 0)


class FromKCPGoWithFECTests(CipherTestsMixin, TransferCase):
    """
    A kcp-go client, our server, FEC.
    """

    coding = CODED

    async def check(self, settings: Settings) -> None:
        """
        Echo.
        """
        counted = await self.echoFromKCPGo(settings, settings, sizeFor(settings))
        self.assertGreater(counted.ours.FECParityShards, 0)
        self.assertGreater(counted.theirs["FECParityShards"], 0)
