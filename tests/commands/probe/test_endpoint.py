"""
Tests for L{kcptwisted.commands.probe.endpoint}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.probe.endpoint import endpointString, parse


class EndpointTests(SynchronousTestCase):
    """
    The server as it is given.
    """

    def parse(self, server: str) -> Any:
        """
        @return: the endpoint.
        """
        return parse(Clock(), server)

    def test_given(self) -> None:
        """
        Host and port, with or without options, with or without kcp: before them.
        """
        for server in ("example.org:4000:crypt=null", "kcp:example.org:4000:crypt=null"):
            endpoint = self.parse(server)
            self.assertEqual((endpoint.host, endpoint.port), ("example.org", 4000))
            self.assertEqual(endpoint.options.crypt, "null")

    def test_IPv6(self) -> None:
        """
        An IPv6 address in brackets, or with its colons escaped.
        """
        for server in ("[fe80::1]:4000", "kcp:[fe80::1]:4000", "fe80\\:\\:1:4000"):
            self.assertEqual(self.parse(server).host, "fe80::1")

    def test_wrong(self) -> None:
        """
        What is wrong is named, without a key.
        """
        for server, what in (
            ("example.org", "port is missing"),
            ("example.org:http", "port"),
            ("example.org:4000:mode=fastest", "mode"),
            ("[::1:4000", "kcp:"),
        ):
            problem = str(self.assertRaises(ValueError, self.parse, server))
            self.assertIn(what, problem)

    def test_string(self) -> None:
        """
        What was given and what is advised; the latter goes before, and no key is shown.
        """
        endpoint = self.parse(
            "[::1]:4000:crypt=aes:key=secret:mode=normal:interval=50:writeDelay=yes:timeout=2.5"
        )
        text = endpointString(endpoint, {"mode": "fast3", "mtu": "1400"})
        self.assertNotIn("secret", text)
        self.assertEqual(
            text,
            "kcp:\\:\\:1:4000:crypt=aes:key=...:mode=fast3:writeDelay=yes:timeout=2.5:mtu=1400",
        )
        self.assertEqual(endpointString(self.parse("h:4000"), {}), "kcp:h:4000")
        again = self.parse(text)
        self.assertEqual((again.options.mode, again.options.mtu), ("fast3", 1400))
