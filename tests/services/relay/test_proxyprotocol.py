"""
Tests for L{kcptwisted.services.relay.proxyprotocol}.
"""

from __future__ import annotations

import socket
import struct
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress
from twisted.protocols.haproxy._v1parser import V1Parser
from twisted.protocols.haproxy._v2parser import V2Parser
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from kcptwisted.services.relay.proxyprotocol import header
from kcptwisted.smux.addresses import SmuxAddress

V4 = IPv4Address("TCP", "192.0.2.1", 1111), IPv4Address("TCP", "192.0.2.2", 2222)
V6 = IPv6Address("TCP", "2001:db8::1", 1111), IPv6Address("TCP", "2001:db8::2", 2222)
KCP = IPv4Address("UDP", "192.0.2.1", 1111), IPv4Address("UDP", "192.0.2.2", 2222)


@implementer(IAddress)
class Pipe:
    """
    An address that says nothing, as that of standard input.
    """


class LineTests(SynchronousTestCase):
    """
    Version 1.
    """

    def test_lines(self) -> None:
        """
        The lines are those of the specification.
        """
        mapped = IPv6Address("TCP", "::ffff:192.0.2.1", 1111)
        scoped = IPv6Address("TCP", "fe80::1%eth0", 1)
        for peer, host, expected in (
            (*V4, "PROXY TCP4 192.0.2.1 192.0.2.2 1111 2222"),
            (*V6, "PROXY TCP6 2001:db8::1 2001:db8::2 1111 2222"),
            (*KCP, "PROXY TCP4 192.0.2.1 192.0.2.2 1111 2222"),
            (
                SmuxAddress(KCP[0], 3),
                SmuxAddress(SmuxAddress(KCP[1], 3), 5),
                "PROXY TCP4 192.0.2.1 192.0.2.2 1111 2222",
            ),
            (mapped, V4[1], "PROXY TCP4 192.0.2.1 192.0.2.2 1111 2222"),
            (V4[0], V6[1], "PROXY TCP6 ::ffff:c000:201 2001:db8::2 1111 2222"),
            (scoped, V6[1], "PROXY TCP6 fe80::1 2001:db8::2 1 2222"),
            (UNIXAddress(b"/a"), UNIXAddress(b"/b"), "PROXY UNKNOWN"),
            (Pipe(), Pipe(), "PROXY UNKNOWN"),
        ):
            self.assertEqual(header("v1", peer, host), expected.encode() + b"\r\n")

    def test_longest(self) -> None:
        """
        No line is longer than 107 bytes.
        """
        longest = IPv6Address("TCP", ":".join(["ffff"] * 8), 65535)
        self.assertLessEqual(len(header("v1", longest, longest)), 107)

    def test_parsed(self) -> None:
        """
        Twisted takes them.
        """
        for peer, host in (V4, V6):
            info, rest = V1Parser().feed(header("v1", peer, host) + b"rest")
            assert info is not None
            self.assertEqual((info.source, info.destination, rest), (peer, host, b"rest"))


class BlockTests(SynchronousTestCase):
    """
    Version 2.
    """

    def test_bytes(self) -> None:
        """
        The bytes are those of the specification.
        """
        expected = (
            b"\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a\x21\x11\x00\x0c"
            + socket.inet_aton("192.0.2.1")
            + socket.inet_aton("192.0.2.2")
            + struct.pack(">HH", 1111, 2222)
        )
        self.assertEqual(header("v2", *V4), expected)

    def test_kinds(self) -> None:
        """
        Family and transport are those of what the target gets: a stream, though it came by KCP, or
        datagrams.
        """
        paths = UNIXAddress(b"/a"), UNIXAddress(b"/b")
        for addresses, stream, kind, length in (
            (V4, True, 0x11, 12),
            (KCP, True, 0x11, 12),
            (KCP, False, 0x12, 12),
            (V6, True, 0x21, 36),
            (V6, False, 0x22, 36),
            ((V4[0], V6[1]), True, 0x21, 36),
            (paths, True, 0x31, 216),
            ((Pipe(), Pipe()), True, 0x00, 0),
            ((Pipe(), Pipe()), False, 0x00, 0),
        ):
            pair: tuple[Any, Any] = addresses
            found = header("v2", *pair, stream)
            self.assertEqual(found[12:16], struct.pack(">BBH", 0x21, kind, length))
            self.assertEqual(len(found), 16 + length)

    def test_parsed(self) -> None:
        """
        Twisted takes them.
        """
        for addresses in (V4, KCP, (UNIXAddress(b"/a"), UNIXAddress(b"/b"))):
            pair: tuple[Any, Any] = addresses
            isUDP = getattr(pair[0], "type", "") == "UDP"
            info, rest = V2Parser().feed(header("v2", *pair, not isUDP) + b"rest")
            assert info is not None
            self.assertEqual((info.source, info.destination, rest), (*pair, b"rest"))
        info, _ = V2Parser().feed(header("v2", Pipe(), Pipe()))
        assert info is not None
        self.assertIsNone(info.source)

    def test_unnamed(self) -> None:
        """
        The client of a Unix socket has no name.
        """
        found = header("v2", UNIXAddress(None), UNIXAddress(b"/b"))
        self.assertEqual(found[16:], bytes(108) + b"/b" + bytes(106))
