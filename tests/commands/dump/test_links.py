"""
Tests for L{kcptwisted.commands.dump.links}.
"""

from __future__ import annotations

import struct

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.dump.links import ipPacket, isKnown
from tests.commands.dump.captures import CLIENT, CLIENT6, SERVER, SERVER6, ethernet, packet
from tests.properties import given, strategies

FOUR = packet(CLIENT, SERVER, b"abc")
SIX = packet(CLIENT6, SERVER6, b"abc")


class LinkTests(SynchronousTestCase):
    """
    IP packets in frames.
    """

    def test_ethernet(self) -> None:
        """
        Ethernet, also with VLAN tags, one in another.
        """
        for carried in (FOUR, SIX):
            for tags in ((), (0x8100,), (0x88A8, 0x8100), (0x9100, 0x8100)):
                self.assertEqual(ipPacket(1, ethernet(carried, tags)), carried)

    def test_pppoe(self) -> None:
        """
        A DSL line's PPP over Ethernet.
        """
        for carried, protocol in ((FOUR, 0x21), (SIX, 0x57)):
            session = struct.pack(">BBHHH", 0x11, 0, 1, len(carried) + 2, protocol)
            frame = bytes(12) + b"\x88\x64" + session + carried
            self.assertEqual(ipPacket(1, frame), carried)
        self.assertIsNone(ipPacket(1, frame.replace(b"\0\x57", b"\xc0\x21")))

    def test_cooked(self) -> None:
        """
        Linux's cooked captures, of both versions.
        """
        for carried, kind in ((FOUR, 0x0800), (SIX, 0x86DD)):
            mark = struct.pack(">H", kind)
            self.assertEqual(ipPacket(113, bytes(14) + mark + carried), carried)
            self.assertEqual(ipPacket(276, mark + bytes(18) + carried), carried)

    def test_loopback(self) -> None:
        """
        BSD's loopback, in the byte order of either host, and OpenBSD's.
        """
        for carried, family in ((FOUR, 2), (SIX, 30), (SIX, 24)):
            for order in "<>":
                frame = struct.pack(f"{order}I", family) + carried
                self.assertEqual(ipPacket(0, frame), carried)
            self.assertEqual(ipPacket(108, struct.pack(">I", family) + carried), carried)

    def test_raw(self) -> None:
        """
        IP without anything before it.
        """
        for linkType in (12, 14, 101, 228, 229):
            self.assertEqual(ipPacket(linkType, FOUR), FOUR)
            self.assertEqual(ipPacket(linkType, SIX), SIX)

    def test_others(self) -> None:
        """
        What is no IP is passed over; unknown link types are known to be.
        """
        self.assertIsNone(ipPacket(1, bytes(12) + b"\x08\x06" + bytes(28)))
        self.assertIsNone(ipPacket(1, bytes(13)))
        self.assertIsNone(ipPacket(105, FOUR))
        self.assertTrue(isKnown(1))
        self.assertFalse(isKnown(105))

    @given(strategies.integers(0, 300), strategies.binary(max_size=60))
    def test_garbage(self, linkType: int, frame: bytes) -> None:
        """
        Nothing is raised.
        """
        ipPacket(linkType, frame)
        ipPacket(1, bytes(12) + b"\x81\0" + frame)
        ipPacket(1, bytes(12) + b"\x88\x64" + frame)
