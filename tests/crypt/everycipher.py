"""
All ciphers, as endpoints make them and in both ways where there are two.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from cryptography.hazmat.decrepit.ciphers.algorithms import CAST5, Blowfish, TripleDES
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import AES, SM4

from kcptwisted.crypt.aead import AEADCipher
from kcptwisted.crypt.blockcfb import AcceleratedCFB, PythonCFB
from kcptwisted.crypt.cfb import CFBCipher
from kcptwisted.crypt.checksummed import NoneCipher, RandomBytes
from kcptwisted.crypt.cipher import Cipher
from kcptwisted.crypt.openssl import openSSLCipher
from kcptwisted.crypt.registry import CIPHERS
from kcptwisted.crypt.salsa20 import PythonSalsa20, acceleratedSalsa20
from kcptwisted.crypt.simplexor import AcceleratedXOR, PythonXOR
from kcptwisted.crypt.tea import TEA
from kcptwisted.crypt.twofish import Twofish
from kcptwisted.crypt.xtea import XTEA
from kcptwisted.native import accelerator

Maker = Callable[[bytes, RandomBytes], Cipher]

_PYTHON: dict[str, Maker] = {
    "none": lambda _, source: NoneCipher(source),
    "aes": lambda key, source: openSSLCipher(AES(key), source),
    "aes-192": lambda key, source: openSSLCipher(AES(key), source),
    "aes-128": lambda key, source: openSSLCipher(AES(key), source),
    "sm4": lambda key, source: openSSLCipher(SM4(key), source),
    "3des": lambda key, source: openSSLCipher(TripleDES(key), source),
    "blowfish": lambda key, source: openSSLCipher(Blowfish(key), source),
    "cast5": lambda key, source: openSSLCipher(CAST5(key), source),
    "twofish": lambda key, source: CFBCipher(PythonCFB(Twofish(key)), source),
    "tea": lambda key, source: CFBCipher(PythonCFB(TEA(key)), source),
    "xtea": lambda key, source: CFBCipher(PythonCFB(XTEA(key)), source),
    "salsa20": PythonSalsa20,
    "xor": PythonXOR,
    "aes-128-gcm": lambda key, source: AEADCipher(AESGCM(key), source),
    "aes-192-gcm": lambda key, source: AEADCipher(AESGCM(key), source),
    "aes-256-gcm": lambda key, source: AEADCipher(AESGCM(key), source),
    "chacha20-poly1305": lambda key, source: AEADCipher(ChaCha20Poly1305(key), source),
}


def _accelerated() -> dict[str, Maker]:
    native = accelerator()
    if native is None:
        return {}
    return {
        "twofish": lambda key, source: CFBCipher(AcceleratedCFB(Twofish(key), native), source),
        "tea": lambda key, source: CFBCipher(AcceleratedCFB(TEA(key), native), source),
        "xtea": lambda key, source: CFBCipher(AcceleratedCFB(XTEA(key), native), source),
        "salsa20": lambda key, source: acceleratedSalsa20(key, native, source),
        "xor": lambda key, source: AcceleratedXOR(key, native, source),
    }


def keyOf(name: str, first: int = 0) -> bytes:
    """
    @param first: other keys by other numbers.
    """
    return bytes([(first + number) % 256 for number in range(CIPHERS[name].keyBytes)])


def makers() -> dict[str, Maker]:
    """
    @return: what makes the ciphers, by name: the registry's, and how it is done if there are two
        ways.
    """
    return _PYTHON | {f"{name}, accelerated": make for name, make in _accelerated().items()}


def everyCipher(first: int = 0, randomBytes: RandomBytes = os.urandom) -> dict[str, Cipher]:
    """
    @param first: other keys by other numbers.
    @param randomBytes: gives so many random bytes.
    @return: new ciphers, by the names of L{makers}.
    """
    return {
        label: make(keyOf(label.partition(",")[0], first), randomBytes)
        for label, make in makers().items()
    }


def madeCiphers(first: int = 0) -> dict[str, Cipher]:
    """
    @return: those that endpoints use.
    """
    made = {name: spec.make(keyOf(name, first)) for name, spec in CIPHERS.items()}
    return {name: cipher for name, cipher in made.items() if cipher is not None}
