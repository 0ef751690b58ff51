"""
Tests for L{kcptwisted.status.guard} and L{kcptwisted.status.site}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from kcptwisted.status.guard import COOKIE
from kcptwisted.status.site import FILES, statusService

PAGE = "kcptwisted</title>"


class SiteTestCase(SynchronousTestCase):
    """
    A site in memory.
    """

    def serve(self, **how: Any) -> None:
        """
        Start it.
        """
        reactor = MemoryReactorClock()
        statusService(reactor, "tcp:8081:interface=127.0.0.1", **how).startService()
        ((_, self.factory, _, interface),) = reactor.tcpServers
        self.assertEqual(interface, "127.0.0.1")

    def get(
        self, path: str = "/", method: str = "GET", host: str = "localhost:8081", **headers: str
    ) -> tuple[int, Headers, str]:
        """
        @return: the answer: its status, its headers, its body.
        """
        transport = StringTransport()
        protocol: Any = self.factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
        protocol.makeConnection(transport)
        lines = [f"{method} {path} HTTP/1.0", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        protocol.dataReceived(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        head, _, body = transport.value().partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        found = Headers()
        for line in rest:
            name, _, value = line.partition(": ")
            found.addRawHeader(name, value)
        return int(first.split()[1]), found, body.decode()


class StrangeTests(SiteTestCase):
    """
    Headers that are no text.
    """

    def test_headers(self) -> None:
        """
        They are refused, as others that are wrong are, and say nothing in the log.
        """
        self.serve(token="secret")
        self.assertEqual(self.get(host="\xff")[0], 403)
        self.assertEqual(self.get(Origin="http://\xff")[0], 403)
        self.assertEqual(self.get(Authorization="Bearer \xff")[0], 401)
        self.assertEqual(self.get(Cookie=COOKIE.decode() + "=\xff")[0], 401)
        self.assertEqual(self.get("/?token=%ff")[0], 401)
        self.assertEqual(self.flushLoggedErrors(), [])


class FilesTests(SiteTestCase):
    """
    What there is.
    """

    def test_files(self) -> None:
        """
        Each file is served with its type, and nothing is fetched from elsewhere.
        """
        self.serve()
        for path, (_, kind) in FILES.items():
            status, headers, body = self.get("/" + path.decode())
            self.assertEqual((status, headers.getRawHeaders("content-type")), (200, [kind]))
            if path != b"uplot.js":
                self.assertNotRegex(body, "https?://")
        self.assertIn(PAGE, self.get()[2])

    def test_headers(self) -> None:
        """
        Browsers are told to let nothing else in, and to keep nothing.
        """
        self.serve()
        for path in ("/", "/state", "/status.js", "/nothing"):
            headers = self.get(path)[1]
            (policy,) = headers.getRawHeaders("content-security-policy", [])
            self.assertIn("default-src 'none'", policy)
            self.assertIn("frame-ancestors 'none'", policy)
            self.assertEqual(headers.getRawHeaders("x-content-type-options"), ["nosniff"])
            self.assertEqual(headers.getRawHeaders("cache-control"), ["no-store"])

    def test_nothingElse(self) -> None:
        """
        There is nothing else, and nothing can be sent.
        """
        self.serve()
        for path in ("/uplot.LICENSE", "/static", "/../site.py", "/%2e%2e/site.py"):
            self.assertEqual(self.get(path)[0], 404, path)
        for method in ("POST", "PUT", "DELETE"):
            for path in ("/", "/state", "/events"):
                self.assertIn(self.get(path, method)[0], (405, 501), (method, path))

    def test_state(self) -> None:
        """
        The state is JSON; a query that is wrong is said to be.
        """
        self.serve()
        status, headers, body = self.get("/state?sort=rtt")
        self.assertEqual(
            (status, headers.getRawHeaders("content-type")), (200, ["application/json"])
        )
        self.assertIn('"columns"', body)
        status, _, body = self.get("/state?sort=colour")
        self.assertEqual(status, 400)
        self.assertIn("sort must be one of", body)


class HostTests(SiteTestCase):
    """
    Names and origins.
    """

    def test_hosts(self) -> None:
        """
        Addresses, localhost and names that were given are right; another name may be an
        attacker's.
        """
        self.serve(names=["Status.example.com"])
        for host, status in (
            ("127.0.0.1:8081", 200),
            ("[::1]:8081", 200),
            ("192.0.2.7", 200),
            ("LOCALHOST", 200),
            ("status.example.com:443", 200),
            ("evil.example.com", 403),
            ("127.0.0.1.evil.example.com", 403),
            ("localhost.evil.example.com", 403),
            ("", 403),
            ("[", 403),
        ):
            self.assertEqual(self.get(host=host)[0], status, host)
            self.assertEqual(self.get("/state", host=host)[0], status, host)

    def test_origins(self) -> None:
        """
        Pages of other sites get nothing.
        """
        self.serve()
        for origin, status in (
            ("http://localhost:8081", 200),
            ("http://localhost:8082", 403),
            ("http://evil.example.com", 403),
            ("null", 403),
        ):
            self.assertEqual(self.get("/state", Origin=origin)[0], status, origin)


class TokenTests(SiteTestCase):
    """
    A token.
    """

    def test_needed(self) -> None:
        """
        Who has none sees nothing but how to give it.
        """
        self.serve(token="s3cret")
        for path in ("/", "/state", "/events", "/status.js"):
            for headers in ({}, {"Authorization": "Bearer other"}, {"Cookie": "x=s3cret"}):
                status, _, body = self.get(path, **headers)
                self.assertEqual(status, 401)
                self.assertIn("?token=", body)
                self.assertNotIn("s3cret", body)
        self.assertEqual(self.get("/?token=wrong")[0], 401)

    def test_kept(self) -> None:
        """
        Who gives it with the address is sent to one without it, with a cookie that scripts do not
        see and other sites do not send.
        """
        self.serve(token="s3cret")
        status, headers, _ = self.get("/?token=s3cret")
        self.assertEqual((status, headers.getRawHeaders("location")), (303, ["/"]))
        (cookie,) = headers.getRawHeaders("set-cookie", [])
        self.assertIn("HttpOnly", cookie)
        self.assertIn("SameSite=strict", cookie)
        kept = cookie.partition(";")[0]
        self.assertEqual(kept, f"{COOKIE.decode()}=s3cret")
        self.assertEqual(self.get(Cookie=kept)[0], 200)
        self.assertEqual(self.get("/state", Authorization="Bearer s3cret")[0], 200)
