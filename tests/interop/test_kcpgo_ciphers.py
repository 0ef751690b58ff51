"""
The ciphers of kcp-go and kcptun, each with kcp-go at the other end.
"""

from __future__ import annotations

from dataclasses import replace

from tests.interop.cases import Settings
from tests.interop.transfers import TransferCase

SIZE = 1_000_000

PLAIN = Settings()
CODED = Settings(dataShards=10, parityShards=3)


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

    async def test_aes128GCM(self) -> None:
        """
        With AES-128-GCM the echo is unchanged.
        """
        await self.check(replace(self.coding, crypt="aes-128-gcm"))

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
        counted = await self.echoToKCPGo(settings, settings, SIZE)
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
        counted = await self.echoToKCPGo(settings, settings, SIZE)
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
        counted = await self.echoFromKCPGo(settings, settings, SIZE)
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
        counted = await self.echoFromKCPGo(settings, settings, SIZE)
        self.assertGreater(counted.ours.FECParityShards, 0)
        self.assertGreater(counted.theirs["FECParityShards"], 0)
