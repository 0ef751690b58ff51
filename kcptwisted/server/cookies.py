"""
Cookies that prove that a client receives at its address, without state at the server.
"""

from __future__ import annotations

import hmac
import struct
from hashlib import blake2b

from kcptwisted.interfaces import Address
from kcptwisted.wire.control import COOKIE, TOKEN

#: Milliseconds; a cookie holds within the period that it was made in and the next one.
COOKIE_PERIOD = 10_000

#: period, conv, token; before the address, which has no fixed size.
_BOUND = struct.Struct(f"<qI{TOKEN}s")


class CookieJar:
    """
    Makes cookies, and knows its own again: each is good for one address, conversation and client's
    token, for 10 to 20 s.
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        """
        @param secret: 32 bytes that nobody else knows.
        """
        self._secret = secret

    def make(self, address: Address, conv: int, token: bytes, now: int) -> bytes:
        """
        Returns L{COOKIE} bytes.

        @param token: the client's.
        @param now: milliseconds.
        """
        return self._cookie(address, conv, token, now // COOKIE_PERIOD)

    def check(self, cookie: bytes, address: Address, conv: int, token: bytes, now: int) -> bool:
        """
        Returns True if C{cookie} was made for these, not long ago.

        @param now: milliseconds.
        """
        period = now // COOKIE_PERIOD
        return any(
            hmac.compare_digest(cookie, self._cookie(address, conv, token, made))
            for made in (period, period - 1)
        )

    def _cookie(self, address: Address, conv: int, token: bytes, period: int) -> bytes:
        bound = _BOUND.pack(period, conv, token) + repr(address).encode()
        return blake2b(bound, digest_size=COOKIE, key=self._secret).digest()
