"""
Tests for L{kcptwisted.endpointstrings.parts}, by way of Twisted's own parser.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.endpointstrings.parsers import KCPClientParser
from kcptwisted.endpointstrings.parts import checkRepeated

#: May stand in no error.
SECRET = "hunter2"


class StringTestCase(SynchronousTestCase):
    """
    Knows both ends' strings.
    """

    def client(self, text: str) -> tuple[str, int]:
        """
        @return: host and port of a client's endpoint.
        """
        endpoint = clientFromString(object(), f"kcp:{text}:crypt=null")
        assert isinstance(endpoint, KCPClientEndpoint)
        return endpoint._host, endpoint._port

    def server(self, text: str) -> int:
        """
        @return: the port of a server's endpoint.
        """
        endpoint = serverFromString(object(), f"kcp:{text}:crypt=null")
        assert isinstance(endpoint, KCPServerEndpoint)
        return endpoint._port

    def refused(self, end: str, text: str, *expected: str) -> str:
        """
        Check that a string is refused with an error that has certain parts.

        @return: the error.
        """
        parse: Any = {"client": clientFromString, "server": serverFromString}[end]
        problem = str(self.assertRaises(ValueError, parse, object(), text))
        for part in expected:
            self.assertIn(part, problem)
        return problem


class PartsTests(StringTestCase):
    """
    Host and port.
    """

    def test_byName(self) -> None:
        """
        Both may be given by name, or one of them, as with C{tcp:}.
        """
        for text in (
            "example.com:4000",
            "host=example.com:port=4000",
            "port=4000:host=example.com",
            "host=example.com:4000",
            "example.com:port=4000",
            "mode=fast3:example.com:mtu=1200:4000",
        ):
            self.assertEqual(self.client(text), ("example.com", 4000), text)
        self.assertEqual(self.client(r"host=fe80\:\:1%1:port=1"), ("fe80::1%1", 1))
        self.assertEqual(self.server("4000"), 4000)
        self.assertEqual(self.server("port=4000"), 4000)
        self.assertEqual(self.server("mtu=1200:port=4000"), 4000)

    def test_missing(self) -> None:
        """
        What is missing is named.
        """
        self.refused("client", "kcp", "host and port is missing")
        self.refused("client", "kcp:example.com", "; port is missing")
        self.refused("client", "kcp:host=example.com", "; port is missing")
        self.refused("client", "kcp:port=4000", "; host is missing")
        self.refused("server", "kcp", "; port is missing")
        self.refused("server", "kcp:mtu=1200", "; port is missing")

    def test_twice(self) -> None:
        """
        A part is given once, by name or not.
        """
        self.refused("client", "kcp:example.com:4000:port=5", "host and port", "port given by name")
        self.refused("client", "kcp:a:b:host=c:port=5", "host and port given by name, too")
        self.refused("server", "kcp:4000:port=4000", "one positional part", "port given by name")

    def test_port(self) -> None:
        """
        A port is a number without anything around it.
        """
        for port in ("http", "", " 4000", "4000 ", "4_000", "+4", "\uff14", "\u00b2", "4000x"):
            self.refused("client", f"kcp:example.com:{port}", "port must be a number", repr(port))
            self.refused("server", f"kcp:port={port}", "port must be a number", repr(port))
        self.refused("client", "kcp:example.com:0", "port must be 1 to 65535")
        self.refused("server", "kcp:65536", "port must be 0 to 65535")

    def test_host(self) -> None:
        """
        A host is a name or an address without anything around it.
        """
        for host in (" example.com", "example.com ", r"[\:\:1]", "256.1.1.1", "1.2.3", ""):
            self.refused("client", f"kcp:{host}:4000", "host must be a name, an IPv4 address or")
            self.refused("client", f"kcp:host={host}:port=4000", "host must be a name")

    def test_addressOptions(self) -> None:
        """
        So are interface and bindAddress.
        """
        for host in (" 127.0.0.1", r"[\:\:]", "0.0.0", "256.1.1.1", "foo..bar", "a" * 64, "*"):
            self.refused("client", f"kcp:example.com:1:bindAddress={host}", "bindAddress must be")
            self.refused("server", f"kcp:1:interface={host}", "interface must be a name")


class ColonTests(StringTestCase):
    """
    Colons that are not escaped.
    """

    def test_client(self) -> None:
        """
        For an IPv6 address the error shows how to write it.
        """
        for text, expected in {
            "kcp:::1:4000": r"write kcp:\:\:1:4000",
            "kcp:fe80::1:4000": r"write kcp:fe80\:\:1:4000",
            "kcp:2001:db8::1:4000": r"write kcp:2001\:db8\:\:1:4000",
            "kcp:fe80::1%eth0:4000": r"write kcp:fe80\:\:1%eth0:4000",
            "kcp:[::1]:4000": r"write kcp:\:\:1:4000",
            "kcp:::1": r"write \:\:1 for the address, and give the port",
            "kcp:[fe80::1]": r"write fe80\:\:1 for the address",
            "kcp:host=fe80::1:port=4000": r"write host=fe80\:\:1",
            "kcp:host=fe80::1:4000": r"write host=fe80\:\:1",
            "kcp:host=[fe80::1]:port=4000": r"write host=fe80\:\:1",
            "kcp:example.com:4000:bindAddress=fe80::1": r"write bindAddress=fe80\:\:1",
            "kcp:example.com:4000:keyFile=C:key": r"a : in a value is written \:",
            "kcp:example.com:4000:5": r"a : in a value is written \:",
            "kcp:example.com:4000:mtu": "an option is written name=value",
            "kcp:http://example.com:4000": r"a : in a value is written \:",
        }.items():
            with self.subTest(text=text):
                self.refused("client", text, "host and port", expected)

    def test_server(self) -> None:
        """
        So it is at a server, where the address is an option.
        """
        for text, expected in {
            "kcp:::1:4000": r"write kcp:4000:interface=\:\:1",
            "kcp:::4000": r"write kcp:4000:interface=\:\:",
            "kcp:[::]:4000": r"write kcp:4000:interface=\:\:",
            "kcp:4000:interface=fe80::1": r"write interface=fe80\:\:1",
            "kcp:interface=fe80::1:4000": r"write interface=fe80\:\:1",
            "kcp:4000:keyFile=C:key": r"a : in a value is written \:",
        }.items():
            with self.subTest(text=text):
                self.refused("server", text, "the port", expected)

    def test_address(self) -> None:
        """
        For an address that a server is given as a client is, the error shows the option.
        """
        for text, expected in {
            "kcp:0.0.0.0:4000": "write kcp:4000:interface=0.0.0.0",
            "kcp:127.0.0.1:4000:mtu=1200": "write kcp:4000:interface=127.0.0.1",
            "kcp:4000:127.0.0.1": "write kcp:4000:interface=127.0.0.1",
            "kcp:127.0.0.1:port=4000": "write kcp:4000:interface=127.0.0.1",
            "kcp:localhost:4000": "write kcp:4000:interface=localhost",
        }.items():
            with self.subTest(text=text):
                self.refused("server", text, "the option interface), not", f"; {expected}")
        for text in (
            "kcp:127.0.0.1:http",
            "kcp:127.0.0.1:127.0.0.1",
            "kcp:127.0.0.1:1:2",
            "kcp:mtu:1200",
        ):
            with self.subTest(text=text):
                self.assertNotIn("write kcp:", self.refused("server", text, "name=value"))
        for text in ("kcp:127.0.0.1:4000:key=a", "kcp:4000:key=a:127.0.0.1"):
            problem = self.refused("server", text, "write kcp:port:interface=address", r"\:")
            self.assertNotIn("127.0.0.1", problem)
        self.refused("server", "kcp:4000:host=127.0.0.1", "'host': did you mean interface?")

    def test_shown(self) -> None:
        """
        What the errors show is right.
        """
        self.assertEqual(self.client(r"fe80\:\:1:4000"), ("fe80::1", 4000))
        self.assertEqual(self.server(r"4000:interface=\:\:1"), 4000)
        self.assertEqual(self.server("4000:interface=localhost"), 4000)

    def test_key(self) -> None:
        """
        If a key has a colon, the error shows how to write one, and nothing of the key.
        """
        for text in (
            f"kcp:example.com:4000:key=a:{SECRET}",
            f"kcp:example.com:4000:key=a:{SECRET}=b",
            f"kcp:example.com:4000:key=a:b:{SECRET}",
            f"kcp:example.com:key=a:{SECRET}",
            f"kcp:example.com:4000:rawKey=aa:{SECRET}",
            f"kcp:host=example.com:port=4000:key=a:{SECRET}",
            f"kcp:example.com:4000:key=::{SECRET}:1",
            "kcp:fe80:key=::4000:99",
        ):
            with self.subTest(text=text):
                problem = self.refused("client", text, r"\:")
                self.assertNotIn(SECRET, problem)
                self.assertNotIn("99", problem)
        problem = self.refused("server", f"kcp:4000:key=a:{SECRET}", r"key=a\:b")
        self.assertNotIn(SECRET, problem)


class RepeatedTests(StringTestCase):
    """
    Options that are given twice.
    """

    def test_repeated(self) -> None:
        """
        An option, or a part by name, is given once, whatever the values.
        """
        self.refused("client", "kcp:example.com:4000:mtu=1200:mtu=1200", "mtu is given twice")
        self.refused("client", "kcp:host=a:4000:host=b", "host is given twice")
        self.refused("server", "kcp:4000:mtu=1200:mode=fast:mtu=1300", "mtu is given twice")
        self.refused("server", r"kcp:4000:m\tu=1200:mtu=1300", "mtu is given twice")

    def test_once(self) -> None:
        """
        What only looks like it is none.
        """
        endpoint = clientFromString(object(), r"kcp:a:1:key=x\:mtu=1\:mtu=2:mtu=1200")
        assert isinstance(endpoint, KCPClientEndpoint)
        self.assertEqual((endpoint._options.key, endpoint._options.mtu), ("x:mtu=1:mtu=2", 1200))

    def test_secret(self) -> None:
        """
        What is no option's name is not shown, since it may be of a key.
        """
        text = f"kcp:example.com:4000:key=a:{SECRET}=1:{SECRET}=2"
        self.assertNotIn(SECRET, self.refused("client", text, "an option is given twice"))

    def test_otherCaller(self) -> None:
        """
        A parser that is called by somebody else works as well.
        """
        description = "kcp:a:1:mtu=1200:mtu=1300"
        endpoint = KCPClientParser().parseStreamClient(object(), "a", "1", mtu="1300")
        self.assertEqual(endpoint._options.mtu, 1300)
        checkRepeated(None)
        checkRepeated(sys._getframe())
        self.assertEqual(description.count("mtu"), 2)
