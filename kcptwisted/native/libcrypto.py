"""
OpenSSL's AEADs, a batch in one call.

The functions are those of the libcrypto that Python's own C{ssl} uses, found at run time: what is
built is linked with no OpenSSL, and follows the updates of the one that is there.  Where they
cannot be found, such as where Python has OpenSSL inside itself, there are none, and C{cryptography}
does the work packet by packet.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Any

from kcptwisted.native import ACCELERATOR_VARIABLE

#: What C{make} takes the addresses of, in this order.
_FUNCTIONS = (
    "EVP_CIPHER_CTX_new",
    "EVP_CIPHER_CTX_free",
    "EVP_CipherInit_ex",
    "EVP_CipherUpdate",
    "EVP_CipherFinal_ex",
    "EVP_CIPHER_CTX_ctrl",
)


class BatchAEAD:
    """
    An AEAD with its key, for batches.
    """

    def __init__(self, module: Any, made: Any) -> None:
        """
        @param module: the extension module.
        @param made: what its C{make} returned.
        """
        self._made = made
        self._seal = module.seal
        self._open = module.open

    def seal(self, nonces: bytes, datagrams: list[bytes]) -> list[bytes]:
        """
        Encrypts datagrams.

        @param nonces: 12 bytes for each, joined.
        @return: nonce, ciphertext and tag of each.
        """
        packets: list[bytes] = self._seal(self._made, nonces, datagrams)
        return packets

    def open(self, packets: list[bytes]) -> list[bytes]:
        """
        Checks and decrypts packets.

        @return: the datagrams of those that are right.
        """
        datagrams: list[bytes] = self._open(self._made, packets)
        return datagrams


@cache
def _libcrypto() -> tuple[Any, Any, list[int]] | None:
    """
    @return: the extension module, the library, and the addresses of its functions.
    """
    if os.environ.get(ACCELERATOR_VARIABLE) == "no":
        return None
    try:
        import _ssl

        import kcptwisted.native._aead as extension

        # The functions of a library's dependencies can be found through it.
        library = ctypes.CDLL(_ssl.__file__)
        return extension, library, [_address(getattr(library, name)) for name in _FUNCTIONS]
    except (ImportError, AttributeError, OSError):
        return None


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def batchAEAD(name: str, key: bytes) -> BatchAEAD | None:
    """
    Makes an AEAD for batches.

    @param name: of the function of OpenSSL that returns the cipher.
    @param key: as long as the cipher takes.
    @return: it; None where there is none.
    """
    found = _libcrypto()
    if found is None:
        return None
    module, library, addresses = found
    find = getattr(library, name, None)
    cipher = ctypes.CFUNCTYPE(ctypes.c_void_p)(_address(find))() if find else None
    if not cipher:
        return None
    try:
        return BatchAEAD(module, module.make(*addresses, cipher, key))
    except ValueError:
        # This libcrypto may be allowed to do less, such as in FIPS mode.
        return None
