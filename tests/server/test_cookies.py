"""
Tests for L{kcptwisted.server.cookies}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.interfaces import Address
from kcptwisted.server.cookies import COOKIE_PERIOD, CookieJar
from kcptwisted.wire.control import COOKIE
from tests.properties import given, strategies

SECRET = bytes(range(32))
ADDRESS = ("10.0.0.1", 4000)
CONV = 0xDEADBEEF
TOKEN = b"tokentok"


class CookieJarTests(SynchronousTestCase):
    """
    Tests for L{CookieJar}.
    """

    def setUp(self) -> None:
        """
        Make a cookie.
        """
        self.jar = CookieJar(SECRET)
        self.cookie = self.jar.make(ADDRESS, CONV, TOKEN, 0)

    def test_size(self) -> None:
        """
        A cookie is as long as the frame says.
        """
        self.assertEqual(len(self.cookie), COOKIE)

    def test_check(self) -> None:
        """
        A jar without any memory knows the cookie, one with another secret does not.
        """
        self.assertTrue(CookieJar(SECRET).check(self.cookie, ADDRESS, CONV, TOKEN, 0))
        self.assertFalse(CookieJar(bytes(32)).check(self.cookie, ADDRESS, CONV, TOKEN, 0))

    def test_bound(self) -> None:
        """
        It is good for nobody and nothing else.
        """
        others: list[tuple[Address, int, bytes]] = [
            (("10.0.0.2", 4000), CONV, TOKEN),
            (("10.0.0.1", 4001), CONV, TOKEN),
            (ADDRESS, CONV + 1, TOKEN),
            (ADDRESS, CONV, b"tokentoc"),
        ]
        for address, conv, token in others:
            self.assertFalse(self.jar.check(self.cookie, address, conv, token, 0))

    def test_ipv6(self) -> None:
        """
        The scope of an IPv6 address counts.
        """
        cookie = self.jar.make(("fe80::1", 4000, 0, 2), CONV, TOKEN, 0)
        self.assertTrue(self.jar.check(cookie, ("fe80::1", 4000, 0, 2), CONV, TOKEN, 0))
        self.assertFalse(self.jar.check(cookie, ("fe80::1", 4000, 0, 3), CONV, TOKEN, 0))

    def test_lifetime(self) -> None:
        """
        A cookie holds for 10 s at least, and for no more than 20 s.
        """
        self.assertEqual(COOKIE_PERIOD, 10_000)
        for made in (0, 1, 9_999, 10_000, 123_456):
            cookie = self.jar.make(ADDRESS, CONV, TOKEN, made)
            for age, good in ((0, True), (10_000, True), (20_000, False), (10_000_000, False)):
                self.assertIs(self.jar.check(cookie, ADDRESS, CONV, TOKEN, made + age), good)

    def test_ahead(self) -> None:
        """
        One of a time to come, such as of an earlier run, does not hold.
        """
        cookie = self.jar.make(ADDRESS, CONV, TOKEN, COOKIE_PERIOD)
        self.assertFalse(self.jar.check(cookie, ADDRESS, CONV, TOKEN, COOKIE_PERIOD - 1))

    @given(strategies.binary(max_size=20))
    def test_any(self, cookie: bytes) -> None:
        """
        Other bytes of whatever length are no cookie.
        """
        jar = CookieJar(SECRET)
        self.assertFalse(jar.check(cookie, ADDRESS, CONV, TOKEN, 0))

    def test_altered(self) -> None:
        """
        Every byte counts, and the length does.
        """
        for position in range(COOKIE):
            altered = bytearray(self.cookie)
            altered[position] ^= 1
            self.assertFalse(self.jar.check(bytes(altered), ADDRESS, CONV, TOKEN, 0))
        for other in (self.cookie[:-1], self.cookie + b"\0"):
            self.assertFalse(self.jar.check(other, ADDRESS, CONV, TOKEN, 0))
