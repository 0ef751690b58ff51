"""
Tests for L{kcptwisted.options.hosts}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.options.hosts import checkHost, checkName, escaped
from tests.properties import given, strategies


class HostTests(SynchronousTestCase):
    """
    Tests for L{checkHost} and L{checkName}.
    """

    def test_good(self) -> None:
        """
        Names and addresses are taken as they are.
        """
        for host in (
            "example.com",
            "example.com.",
            "localhost",
            "my_service",
            "xn--bcher-kva.example",
            "b\u00fccher.example",
            "\u65e5\u672c\u3002example",
            "a" * 63 + ".example",
            ".".join(["a" * 63] * 3 + ["a" * 61]),
            "1.2.3.example",
            "192.0.2.1",
            "::",
            "2001:db8::1",
            "::ffff:192.0.2.1",
            "fe80::1%eth0",
        ):
            self.assertEqual(checkName(checkHost(host, "host"), "host"), host)

    def test_composed(self) -> None:
        """
        Of two spellings of a letter that look the same the composed one is taken.
        """
        self.assertEqual(checkHost("bu\u0308cher.example", "host"), "b\u00fccher.example")

    def test_notation(self) -> None:
        """
        What is written as no host is refused, and the error tells what it is about, what was given
        and what is allowed.
        """
        for host, expected in {
            "": "empty",
            " example.com": "space",
            "example.com\n": "space",
            "exam\u00a0ple.com": "space",
            "[::1]": r"without brackets, in an endpoint string as \:\:1",
            "[fe80::1%eth0]": r"fe80\:\:1%eth0",
            "[::1": "brackets",
            "example.com:80": "only an IPv6 address has a :",
            "1:2:3": "only an IPv6 address",
            "256.1.1.1": "four numbers of 0 to 255",
            "1.2.3": "four numbers of 0 to 255",
            "1.2.3.4.5": "four numbers of 0 to 255",
            "1.2.3.4.": "four numbers of 0 to 255",
            "4000": "four numbers of 0 to 255",
            "0x7f000001": "four numbers of 0 to 255",
            "*.example": "letters, digits, hyphens",
            "user@example.com": "letters, digits, hyphens",
            "example.com/": "letters, digits, hyphens",
        }.items():
            with self.subTest(host=host):
                problem = str(self.assertRaises(ValueError, checkHost, host, "bindAddress"))
                for part in ("bindAddress must be", repr(host), "IPv6 address", expected):
                    self.assertIn(part, problem)

    def test_names(self) -> None:
        """
        So is what can be no name, once it is to be looked up.
        """
        for host, expected in {
            "foo..bar": "empty",
            ".foo": "empty",
            "foo..": "empty",
            ".": "empty",
            "a" * 64 + ".example": "63",
            ".".join(["a" * 63] * 3 + ["a" * 62]): "253",
            "\u00fc" * 60 + ".example": "IDNA",
            "\u00fc..example": "IDNA",
        }.items():
            with self.subTest(host=host):
                checkHost(host, "host")
                problem = str(self.assertRaises(ValueError, checkName, host, "host"))
                for part in ("host must be", repr(host), expected):
                    self.assertIn(part, problem)

    @given(strategies.text(max_size=70))
    def test_any(self, host: str) -> None:
        """
        Whatever the text is, nothing else is raised, and what passes can be written for a look-up.
        """
        try:
            passed = checkName(checkHost(host, "host"), "host")
        except ValueError as error:
            self.assertNotIsInstance(error, UnicodeError)
        else:
            passed.encode("idna")

    def test_escaped(self) -> None:
        """
        Colons and backslashes are escaped for an endpoint string.
        """
        self.assertEqual(escaped("fe80::1"), r"fe80\:\:1")
        self.assertEqual(escaped("C:\\x"), r"C\:\\x")
