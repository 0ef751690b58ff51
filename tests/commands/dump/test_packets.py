"""
Tests for L{kcptwisted.commands.dump.packets}.
"""

from __future__ import annotations

import struct

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.dump.packets import MOST_FRAGMENTS, MOST_WAITING, Packet, PacketReader
from tests.commands.dump.captures import CLIENT, CLIENT6, SERVER, SERVER6, ip, packet, udp
from tests.properties import given, strategies

PAYLOAD = bytes(range(256)) * 12

FAMILIES = [(CLIENT, SERVER), (CLIENT6, SERVER6)]


class PacketTests(SynchronousTestCase):
    """
    Whole IP packets.
    """

    def test_whole(self) -> None:
        """
        Addresses, ports and payload are those of the packet, over IPv4 and IPv6.
        """
        for source, target in FAMILIES:
            found = PacketReader().read(5, packet(source, target, b"abc"))
            self.assertEqual(found, Packet(5, source, target, b"abc", 3))

    def test_padding(self) -> None:
        """
        What follows the packet in a short frame is no part of it.
        """
        for source, target in FAMILIES:
            found = PacketReader().read(0, packet(source, target, b"abc") + bytes(20))
            self.assertEqual(found, Packet(0, source, target, b"abc", 3))

    def test_cut(self) -> None:
        """
        Of a packet that the capture has cut, the length of the whole payload is known.
        """
        for source, target in FAMILIES:
            whole = packet(source, target, PAYLOAD)
            found = PacketReader().read(0, whole[:-100])
            self.assertEqual(found, Packet(0, source, target, PAYLOAD[:-100], len(PAYLOAD)))

    def test_options(self) -> None:
        """
        Options of IPv4 and extension headers of IPv6 are passed over.
        """
        plain = packet(CLIENT, SERVER, b"abc")
        longer = b"\x46" + plain[1:2] + struct.pack(">H", len(plain) + 4)
        found = PacketReader().read(0, longer + plain[4:20] + b"\1\1\1\0" + plain[20:])
        self.assertEqual(found, Packet(0, CLIENT, SERVER, b"abc", 3))
        plain = packet(CLIENT6, SERVER6, b"abc")
        options = b"\x3c\0" + bytes(6) + b"\x11\1" + bytes(14)
        header = plain[:4] + struct.pack(">H", len(plain) - 40 + len(options)) + b"\0" + plain[7:40]
        found = PacketReader().read(0, header + options + plain[40:])
        self.assertEqual(found, Packet(0, CLIENT6, SERVER6, b"abc", 3))

    def test_offloaded(self) -> None:
        """
        Where segmentation offload leaves the total length out, all that was captured counts.
        """
        whole = packet(CLIENT, SERVER, PAYLOAD)
        found = PacketReader().read(0, whole[:2] + bytes(2) + whole[4:])
        self.assertEqual(found, Packet(0, CLIENT, SERVER, PAYLOAD, len(PAYLOAD)))

    def test_others(self) -> None:
        """
        What is no UDP, or malformed, is passed over.
        """
        whole = packet(CLIENT, SERVER, b"abc")
        tcp = whole[:9] + b"\6" + whole[10:]
        short = ip(CLIENT, SERVER, struct.pack(">HHHH", 1, 2, 7, 0))
        long = ip(CLIENT, SERVER, struct.pack(">HHHH", 1, 2, 9, 0))
        for other in (b"", b"\x45", tcp, short, long, whole[:20], b"\x20" + whole[1:]):
            self.assertIsNone(PacketReader().read(0, other))

    @given(strategies.lists(strategies.binary(max_size=80), max_size=4))
    def test_garbage(self, packets: list[bytes]) -> None:
        """
        Whatever is captured, nothing is raised, whichever version it claims to be.
        """
        reader = PacketReader()
        for each in packets:
            reader.read(0, each)
            reader.read(0, b"\x45" + each)
            reader.read(0, b"\x60" + each)


class FragmentTests(SynchronousTestCase):
    """
    IP packets in fragments.
    """

    def fragments(self, ends: int = 0, number: int = 7) -> list[bytes]:
        """
        @param ends: which addresses.
        @return: those of a datagram.
        """
        source, target = FAMILIES[ends]
        data = udp(source, target, PAYLOAD)
        return [
            ip(source, target, data[at : at + 1000], at, at + 1000 < len(data), number)
            for at in range(0, len(data), 1000)
        ]

    def test_joined(self) -> None:
        """
        They are joined, in whatever order they come.
        """
        for family, (source, target) in enumerate(FAMILIES):
            parts = self.fragments(family)
            for order in (parts, parts[::-1], [parts[1], *parts[:1], *parts[1:]]):
                reader = PacketReader()
                found = list(filter(None, [reader.read(3, part) for part in order]))
                self.assertEqual(found, [Packet(3, source, target, PAYLOAD, len(PAYLOAD))])
                self.assertEqual(reader.incomplete, 0)

    def test_separate(self) -> None:
        """
        Fragments of different datagrams are not mixed.
        """
        one, other = self.fragments(number=1), self.fragments(number=2)
        reader = PacketReader()
        self.assertEqual([reader.read(0, part) for part in one[:2] + other[2:]], [None] * 4)
        self.assertEqual(reader.incomplete, 2)

    def test_cut(self) -> None:
        """
        A datagram of which the capture has cut a fragment is counted, and not joined.
        """
        reader = PacketReader()
        self.assertEqual([reader.read(0, part[:90]) for part in self.fragments()], [None] * 4)
        self.assertEqual(reader.incomplete, 1)

    def test_bounded(self) -> None:
        """
        Datagrams that do not become complete are forgotten.
        """
        reader = PacketReader()
        for number in range(2 * MOST_WAITING):
            reader.read(0, self.fragments(number=number)[0])
        self.assertEqual(len(reader._waiting), MOST_WAITING)
        self.assertEqual(reader.incomplete, 2 * MOST_WAITING)
        for offset in range(0, 8 * (MOST_FRAGMENTS + 1), 8):
            reader.read(0, ip(CLIENT, SERVER, bytes(8), offset, True, 9999))
        self.assertLess(max(len(one.parts) for one in reader._waiting.values()), 3)
