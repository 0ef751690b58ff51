"""
Finding a cipher's key: in an option, a file or the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kcptwisted.crypt.keys import deriveKey
from kcptwisted.crypt.registry import CipherSpec

#: Holds the passphrase when a cipher needs one and no option gives it.
KEY_VARIABLE = "KCP_KEY"

_DIGITS = "0123456789abcdefABCDEF"


@dataclass(frozen=True)
class KeySource:
    """
    The options that a key comes from; see L{kcptwisted.options.table.OPTIONS}.
    """

    key: str | None = field(repr=False)
    keyFile: str | None
    rawKey: str | None = field(repr=False)

    def given(self) -> list[str]:
        """
        Returns the names of the options that are given.

        @raise ValueError: if there are several.
        """
        names = [name for name in ("key", "keyFile", "rawKey") if getattr(self, name) is not None]
        if len(names) > 1:
            raise ValueError(f"{' and '.join(names)} exclude each other: give one")
        return names

    def keyFor(self, cipher: CipherSpec, environ: Mapping[str, str]) -> bytes:
        """
        Returns the key; empty if C{cipher} has none.

        @param environ: where L{KEY_VARIABLE} is looked up.
        @raise ValueError: if there is none for a cipher that needs one, or one for a cipher that
            has none, or it cannot be read.  The message never holds a key.
        """
        given = self.given()
        if not cipher.keyBytes:
            if given:
                raise ValueError(f"{given[0]} must be left out: crypt={cipher.name} has no key")
            return b""
        if self.rawKey is not None:
            return _parseRawKey(self.rawKey, cipher)
        source, passphrase = "key", self.key
        if self.keyFile is not None:
            passphrase = _readKeyFile(self.keyFile)
        elif passphrase is None:
            source, passphrase = KEY_VARIABLE, environ.get(KEY_VARIABLE)
        if not passphrase:
            raise ValueError(
                f"crypt={cipher.name} needs a key that is not empty: give key, keyFile or rawKey, "
                f"or set {KEY_VARIABLE} in the environment"
            )
        try:
            return deriveKey(passphrase, cipher.keyBytes)
        except UnicodeEncodeError:
            # Its message would show the passphrase.
            raise ValueError(f"{source} must be text that UTF-8 can encode") from None


def _parseRawKey(text: str, cipher: CipherSpec) -> bytes:
    # The message of bytes.fromhex's error could show a part of the key.
    fits = text and len(text) % 2 == 0 if cipher.anyKey else len(text) == 2 * cipher.keyBytes
    if not fits or any(digit not in _DIGITS for digit in text):
        count = "two for each byte:" if cipher.anyKey else 2 * cipher.keyBytes
        raise ValueError(f"rawKey must be {count} hexadecimal digits with crypt={cipher.name}")
    return bytes.fromhex(text)


def _readKeyFile(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"keyFile must be UTF-8 text: {path}") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"keyFile cannot be read: {error}") from None
