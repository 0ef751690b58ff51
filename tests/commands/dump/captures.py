"""
Captures for the tests: frames, packets and files, made by hand.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path

from kcptwisted.commands.dump.packets import Endpoint, Packet

CLIENT: Endpoint = ("10.0.0.2", 40000)
SERVER: Endpoint = ("10.0.0.1", 4000)

CLIENT6: Endpoint = ("2001:db8::2", 40000)
SERVER6: Endpoint = ("2001:db8::1", 4000)

MILLISECOND = 1_000_000
SECOND = 1000 * MILLISECOND

#: When the captures begin.
START = 1_700_000_000 * SECOND

ETHERNET, COOKED, RAW = 1, 113, 101


def udp(source: Endpoint, target: Endpoint, payload: bytes) -> bytes:
    """
    @return: a UDP datagram with its header.
    """
    return struct.pack(">HHHH", source[1], target[1], 8 + len(payload), 0) + payload


def ip(
    source: Endpoint,
    target: Endpoint,
    data: bytes,
    offset: int = 0,
    more: bool = False,
    number: int = 7,
) -> bytes:
    """
    @param data: what the IP packet carries.
    @param offset: of a fragment, bytes.
    @param more: whether fragments follow.
    @return: an IP packet.
    """
    hosts = ip_address(source[0]).packed + ip_address(target[0]).packed
    if ":" not in source[0]:
        fragment = offset // 8 | (0x2000 if more else 0)
        header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(data), number, fragment, 64, 17, 0)
        return header + hosts + data
    kind = 17
    if offset or more:
        data = struct.pack(">BBHI", 17, 0, offset | more, number) + data
        kind = 44
    return struct.pack(">IHBB", 6 << 28, len(data), kind, 64) + hosts + data


def packet(source: Endpoint, target: Endpoint, payload: bytes) -> bytes:
    """
    @return: an IP packet with a UDP datagram.
    """
    return ip(source, target, udp(source, target, payload))


def captured(
    payload: bytes, fromClient: bool = True, milliseconds: float = 0, cut: int | None = None
) -> Packet:
    """
    @param cut: how many bytes of it the capture has, if not all.
    @return: a UDP datagram of the two ends.
    """
    ends = (CLIENT, SERVER) if fromClient else (SERVER, CLIENT)
    time = START + int(milliseconds * MILLISECOND)
    return Packet(time, *ends, payload[:cut], len(payload))


def ethernet(data: bytes, tags: Iterable[int] = ()) -> bytes:
    """
    @param data: an IP packet.
    @param tags: VLAN tags before it, by their EtherTypes.
    @return: an Ethernet frame.
    """
    kind = 0x86DD if data[:1] and data[0] >> 4 == 6 else 0x0800
    marks = b"".join(struct.pack(">HH", tag, 5) for tag in tags)
    return bytes(12) + marks + struct.pack(">H", kind) + data


def pcap(
    frames: Iterable[tuple[int, bytes]],
    linkType: int = ETHERNET,
    order: str = "<",
    nano: bool = False,
    snaplen: int = 65535,
) -> bytes:
    """
    @param frames: when each was captured, nanoseconds, and its bytes.
    @param order: of bytes.
    @return: a pcap file.
    """
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    pieces = [struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, snaplen, linkType)]
    for time, frame in frames:
        fraction = time % SECOND // (1 if nano else 1000)
        kept = frame[:snaplen]
        pieces += struct.pack(f"{order}IIII", time // SECOND, fraction, len(kept), len(frame)), kept
    return b"".join(pieces)


def pcapng(
    frames: Iterable[tuple[int, int, bytes]],
    linkTypes: Iterable[int] = (ETHERNET,),
    order: str = "<",
) -> bytes:
    """
    @param frames: when each was captured, nanoseconds, on which interface, and its bytes.
    @param linkTypes: of the interfaces, whose clocks count nanoseconds.
    @return: a pcapng file.
    """

    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        size = struct.pack(f"{order}I", 12 + len(body))
        return struct.pack(f"{order}I", kind) + size + body + size

    file = block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1))
    for linkType in linkTypes:
        options = struct.pack(f"{order}HHB3xHH", 9, 1, 9, 0, 0)
        file += block(1, struct.pack(f"{order}HHI", linkType, 0, 65535) + options)
    for time, interface, frame in frames:
        fields = (interface, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame))
        file += block(6, struct.pack(f"{order}5I", *fields) + frame)
    return file


def write(path: str, data: bytes) -> str:
    """
    @return: the path of a file with this content.
    """
    Path(path).write_bytes(data)
    return path
