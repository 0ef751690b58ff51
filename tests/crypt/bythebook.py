"""
What a cipher's packets are, by the book: one packet, one block after another.
"""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher, modes

#: Encrypts one block.
BlockFunction = Callable[[bytes], bytes]

#: kcp-go's.
IV = bytes.fromhex("a7734f9c12ac1b01a415f2c1fc78e66b")

#: Lengths about the ends of blocks, and those of real datagrams.
LENGTHS = (*range(70), 127, 128, 129, 1380, 1472)


def xor(a: bytes, b: bytes) -> bytes:
    """
    @return: as many bytes as the shorter has.
    """
    return bytes([x ^ y for x, y in zip(a, b, strict=False)])


def blockFunction(algorithm: BlockCipherAlgorithm) -> BlockFunction:
    """
    @return: the algorithm without any mode.
    """
    return Cipher(algorithm, modes.ECB()).encryptor().update


def encryptCFB(encryptBlock: BlockFunction, iv: bytes, plain: bytes) -> bytes:
    """
    Encrypt one message.
    """
    cipher = b""
    for start in range(0, len(plain), len(iv)):
        previous = (iv + cipher)[-len(iv) :]
        cipher += xor(plain[start : start + len(iv)], encryptBlock(previous))
    return cipher


def decryptCFB(encryptBlock: BlockFunction, iv: bytes, cipher: bytes) -> bytes:
    """
    The reverse.
    """
    plain = b""
    for start in range(0, len(cipher), len(iv)):
        previous = (iv + cipher)[start : start + len(iv)]
        plain += xor(cipher[start : start + len(iv)], encryptBlock(previous))
    return plain


def checked(payload: bytes, nonce: bytes = bytes(16)) -> bytes:
    """
    @return: a packet before encryption: nonce, checksum, payload.
    """
    return nonce + crc32(payload).to_bytes(4, "little") + payload
