"""
C{smux:} endpoint strings.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.testing import MemoryReactorClock
from twisted.plugin import IPlugin
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.endpointstrings.smux import SmuxClientParser, SmuxServerParser
from kcptwisted.smux import SmuxOptions
from kcptwisted.smux.client import SmuxClientEndpoint
from kcptwisted.smux.server import SmuxServerEndpoint


class StringTests(SynchronousTestCase):
    """
    What the strings mean.
    """

    def setUp(self) -> None:
        """
        Nothing is connected.
        """
        self.reactor: Any = MemoryReactorClock()

    def client(self, text: str) -> Any:
        """
        @return: the endpoint.
        """
        endpoint = clientFromString(self.reactor, text)
        self.assertIsInstance(endpoint, SmuxClientEndpoint)
        return endpoint

    def server(self, text: str) -> Any:
        """
        @return: the endpoint.
        """
        endpoint = serverFromString(self.reactor, text)
        self.assertIsInstance(endpoint, SmuxServerEndpoint)
        return endpoint

    def refused(self, function: Any, text: str) -> str:
        """
        @return: what is wrong.
        """
        return str(self.assertRaises(ValueError, function, text))

    def test_plugins(self) -> None:
        """
        The parsers are plugins.
        """
        self.assertTrue(verifyObject(IPlugin, SmuxClientParser()))
        self.assertTrue(verifyObject(IPlugin, SmuxServerParser()))

    def test_client(self) -> None:
        """
        What is not smux's is the wrapped endpoint's.
        """
        endpoint = self.client("smux:kcp:example.com:4000:crypt=aes:key=a\\:b")
        self.assertEqual(
            repr(endpoint),
            "<SmuxClientEndpoint of <KCPClientEndpoint example.com:4000> connections=1>",
        )
        self.assertEqual(endpoint._endpoint._options.key, "a:b")
        self.assertEqual(endpoint._factory._options, SmuxOptions())

    def test_options(self) -> None:
        """
        smux's own options may stand before and behind.
        """
        for text in (
            "smux:conn=4:version=1:kcp:example.com:4000:crypt=null",
            "smux:kcp:example.com:4000:crypt=null:conn=4:version=1",
        ):
            endpoint = self.client(text)
            self.assertEqual(len(endpoint._slots), 4)
            self.assertEqual(endpoint._factory._options, SmuxOptions(version=1))
        server = self.server("smux:streamBuffer=1000000:frameSize=8192:tcp:0:interface=127.0.0.1")
        self.assertEqual(server._options, SmuxOptions(streamBuffer=1000000, frameSize=8192))
        self.assertEqual(server._endpoint._interface, "127.0.0.1")

    def test_quoted(self) -> None:
        """
        An address with colons is passed on.
        """
        endpoint = self.client(r"smux:kcp:\:\:1:4000:crypt=null")
        self.assertEqual(repr(endpoint._endpoint), "<KCPClientEndpoint ::1:4000>")

    def test_server(self) -> None:
        """
        A server's string is like it.
        """
        endpoint = self.server("smux:kcp:4000:crypt=null")
        self.assertIn("KCPServerEndpoint", repr(endpoint))

    def test_nothingWrapped(self) -> None:
        """
        Something must be wrapped.
        """
        self.assertEqual(
            self.refused(self.client, "smux:version=1"),
            "smux: wraps another endpoint, as in smux:kcp:host:port or smux:conn=4:tcp:host:port",
        )
        self.assertEqual(
            self.refused(self.server, "smux:version=1"),
            "smux: wraps another endpoint, as in smux:kcp:port or smux:version=1:tcp:port",
        )

    def test_errors(self) -> None:
        """
        What is wrong is named, with what is allowed.
        """
        self.assertEqual(
            self.refused(self.client, "smux:conn=0:kcp:h:1"),
            "conn must be a number, 1 to 1024 sessions, not '0'",
        )
        self.assertEqual(
            self.refused(self.client, "smux:conn=two:kcp:h:1"),
            "conn must be a number, 1 to 1024 sessions, not 'two'",
        )
        self.assertEqual(
            self.refused(self.server, "smux:conn=2:kcp:1"),
            "conn is an option of clients: a server takes any number",
        )
        self.assertEqual(
            self.refused(self.server, "smux:version=3:kcp:1"), "version must be 1 to 2, not 3"
        )
        self.assertIn("unknown client option", self.refused(self.client, "smux:kcp:h:1:nosuch=1"))
        self.assertIn("Unknown endpoint type", self.refused(self.client, "smux:nosuch:h:1"))
        self.assertEqual(
            self.refused(self.client, "smux:version=1:kcp:h:1:version=2"),
            "version is given twice: give it once",
        )
        self.assertEqual(
            self.refused(self.client, "smux:smuxver=1:kcp:h:1"),
            "unknown option 'smuxver': did you mean version?",
        )
