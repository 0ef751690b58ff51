"""
UDP datagrams in IP packets, whole or in fragments.

Packets are what a capture holds of them: they may be cut, damaged or forged.  Nothing here raises.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import NamedTuple

#: Host and port.
Endpoint = tuple[str, int]

_UDP = 17
_UDP_HEADER = Struct(">HHHH")
_IPV4_HEADER = Struct(">BBHHHBBH4s4s")
_IPV6_HEADER = Struct(">IHBB16s16s")
_FRAGMENT_HEADER = Struct(">BBHI")

#: Extension headers of IPv6 whose second byte is their length in units of eight bytes, less one:
#: hop-by-hop options, routing, destination options, mobility.
_EXTENSIONS = frozenset((0, 43, 60, 135))
_FRAGMENT = 44

#: Extension headers that are passed over, at most.
_MOST_EXTENSIONS = 8

#: IP datagrams that wait for fragments, at most; then the oldest is forgotten.
MOST_WAITING = 256

#: Fragments of a datagram, at most.
MOST_FRAGMENTS = 256

#: Bytes of an IP datagram.
_LARGEST = 0xFFFF


class Packet(NamedTuple):
    """
    A UDP datagram.

    @ivar time: when it was captured, nanoseconds since the epoch.
    @ivar source: the sender.
    @ivar destination: the receiver.
    @ivar payload: as much of it as was captured.
    @ivar length: bytes of the whole payload.
    """

    time: int
    source: Endpoint
    destination: Endpoint
    payload: bytes
    length: int


class _Part(NamedTuple):
    """
    What an IP packet carries of a datagram.

    @ivar hosts: source and destination, as bytes.
    @ivar key: what all fragments of one datagram have in common.
    @ivar offset: where it belongs, bytes.
    @ivar isLast: no more follows.
    @ivar data: as much as was captured.
    @ivar length: bytes that there were.
    """

    hosts: tuple[bytes, bytes]
    key: tuple[bytes, bytes, int]
    offset: int
    isLast: bool
    data: bytes
    length: int


class _Waiting:
    """
    The fragments of a datagram.

    @ivar parts: by offset.
    @ivar end: bytes of the whole; -1 while the last fragment is missing.
    @ivar size: bytes of all parts.
    """

    __slots__ = ("end", "parts", "size")

    def __init__(self) -> None:
        self.parts: dict[int, bytes] = {}
        self.end = -1
        self.size = 0

    def add(self, offset: int, data: bytes) -> None:
        """
        Takes a fragment.
        """
        self.size += len(data) - len(self.parts.get(offset, b""))
        self.parts[offset] = data

    def whole(self) -> bytes | None:
        """
        Returns the datagram; None while something is missing.
        """
        if not 0 <= self.end <= self.size:
            return None
        data = b""
        for offset in sorted(self.parts):
            if offset > len(data):
                return None
            data = data[:offset] + self.parts[offset]
        return data[: self.end] if len(data) >= self.end else None


class PacketReader:
    """
    Takes UDP datagrams out of IP packets, and joins fragments.  At most L{MOST_WAITING} datagrams
    wait for fragments.
    """

    def __init__(self) -> None:
        self._waiting: dict[tuple[bytes, bytes, int], _Waiting] = {}
        self._forgotten = 0

    @property
    def incomplete(self) -> int:
        """
        Datagrams of which a fragment is missing, or was cut.
        """
        return self._forgotten + len(self._waiting)

    def read(self, time: int, packet: bytes) -> Packet | None:
        """
        Returns the UDP datagram that an IP packet carries, or completes; None if there is none.

        @param time: nanoseconds.
        @param packet: as much as was captured.
        """
        part = _part(packet)
        if part is None:
            return None
        if part.offset == 0 and part.isLast:
            return _datagram(time, part.hosts, part.data, part.length)
        whole = self._join(part)
        return None if whole is None else _datagram(time, part.hosts, whole, len(whole))

    def _join(self, part: _Part) -> bytes | None:
        waiting = self._waiting
        if len(part.data) < part.length or part.offset + part.length > _LARGEST:
            # It cannot become complete.
            self._forgotten += waiting.pop(part.key, None) is not None or part.offset == 0
            return None
        entry = waiting.get(part.key)
        if entry is None:
            if len(waiting) >= MOST_WAITING:
                del waiting[next(iter(waiting))]
                self._forgotten += 1
            entry = waiting[part.key] = _Waiting()
        if len(entry.parts) == MOST_FRAGMENTS:
            del waiting[part.key]
            self._forgotten += 1
            return None
        entry.add(part.offset, part.data)
        if part.isLast:
            entry.end = part.offset + part.length
        whole = entry.whole()
        if whole is not None:
            del waiting[part.key]
        return whole


def _part(packet: bytes) -> _Part | None:
    version = packet[0] >> 4 if packet else 0
    if version == 4 and len(packet) >= _IPV4_HEADER.size:
        return _partOf4(packet)
    if version == 6 and len(packet) >= _IPV6_HEADER.size:
        return _partOf6(packet)
    return None


def _partOf4(packet: bytes) -> _Part | None:
    first, _, total, number, flags, _, protocol, _, source, target = _IPV4_HEADER.unpack_from(
        packet
    )
    start = 4 * (first & 15)
    if protocol != _UDP or start < _IPV4_HEADER.size:
        return None
    if not total:
        # Segmentation offload leaves it out.
        total = len(packet)
    if total < start:
        return None
    return _Part(
        (source, target),
        (source, target, number),
        8 * (flags & 0x1FFF),
        not flags & 0x2000,
        packet[start:total],
        total - start,
    )


def _partOf6(packet: bytes) -> _Part | None:
    _, length, kind, _, source, target = _IPV6_HEADER.unpack_from(packet)
    start = _IPV6_HEADER.size
    total = start + length if length else len(packet)
    number = offset = 0
    isLast = True
    for _ in range(_MOST_EXTENSIONS):
        if kind == _UDP:
            hosts = (source, target)
            size = total - start
            if size < 0:
                return None
            return _Part(hosts, (*hosts, number), offset, isLast, packet[start:total], size)
        if kind == _FRAGMENT and start + _FRAGMENT_HEADER.size <= len(packet):
            kind, _, flags, number = _FRAGMENT_HEADER.unpack_from(packet, start)
            offset, isLast = flags & 0xFFF8, not flags & 1
            start += _FRAGMENT_HEADER.size
        elif kind in _EXTENSIONS and start + 2 <= len(packet):
            kind, start = packet[start], start + 8 * (packet[start + 1] + 1)
        else:
            return None
    return None


def _datagram(time: int, hosts: tuple[bytes, bytes], data: bytes, length: int) -> Packet | None:
    """
    @param data: from the UDP header on.
    @param length: bytes that there were.
    """
    if len(data) < _UDP_HEADER.size:
        return None
    sourcePort, port, size, _ = _UDP_HEADER.unpack_from(data)
    # 0 is that of a jumbogram.
    if not size:
        size = length
    if not _UDP_HEADER.size <= size <= length:
        return None
    payload = data[_UDP_HEADER.size : size]
    source, target = map(_host, hosts)
    return Packet(time, (source, sourcePort), (target, port), payload, size - _UDP_HEADER.size)


def _host(address: bytes) -> str:
    return str(IPv4Address(address) if len(address) == 4 else IPv6Address(address))
