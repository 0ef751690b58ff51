"""
PROXY protocol (haproxy's proxy-protocol.txt), versions 1 and 2: the header that tells a target who
the client is.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from kcptwisted.services.relay.datagramtransport import DatagramTransport
from kcptwisted.smux.addresses import SmuxAddress

VERSIONS = ("v1", "v2")

_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_PROXY = 0x21
_UNSPECIFIED, _INET, _INET6, _UNIX = 0x00, 0x10, 0x20, 0x30
_STREAM, _DATAGRAM = 0x01, 0x02
_PATH = 108

#: An IP address and a port.
_Place = tuple[IPv4Address | IPv6Address, int]


def header(version: str, peer: Any, host: Any, stream: bool = True) -> bytes:
    """
    Returns a header.

    @param version: "v1" or "v2".
    @param peer: the client's address, as a transport's C{getPeer} gives it.
    @param host: the address that the client asked, as C{getHost} gives it.
    @param stream: whether the target gets a stream.  Version 1 has nothing else.
    """
    source, destination = _place(peer), _place(host)
    if version == "v1":
        return _line(source, destination)
    kind = _STREAM if stream else _DATAGRAM
    if source is not None and destination is not None:
        first, second = _alike(source[0], destination[0])
        family = _INET if first.version == 4 else _INET6
        ports = struct.pack(">HH", source[1], destination[1])
        return _block(family | kind, first.packed + second.packed + ports)
    paths = _path(peer), _path(host)
    if any(path is not None for path in paths):
        return _block(_UNIX | kind, b"".join((path or b"").ljust(_PATH, b"\0") for path in paths))
    return _block(_UNSPECIFIED, b"")


def preface(version: str) -> Callable[[Any, Any], bytes]:
    """
    Returns what gives the first bytes for the target.

    @param version: "v1" or "v2".
    @return: takes the transports of the incoming and the outgoing connection.  Where datagrams go
        on, each gets its own header, and there are no first bytes.
    """

    def first(incoming: Any, outgoing: Any) -> bytes:
        stream = not isinstance(outgoing, DatagramTransport)
        given = header(version, incoming.getPeer(), incoming.getHost(), stream)
        if stream:
            return given
        outgoing.prefix = given
        return b""

    return first


def _line(source: _Place | None, destination: _Place | None) -> bytes:
    if source is None or destination is None:
        return b"PROXY UNKNOWN\r\n"
    first, second = _alike(source[0], destination[0])
    family = f"TCP{first.version}"
    return f"PROXY {family} {first} {second} {source[1]} {destination[1]}\r\n".encode("ascii")


def _block(family: int, addresses: bytes) -> bytes:
    return _SIGNATURE + struct.pack(">BBH", _PROXY, family, len(addresses)) + addresses


def _place(address: Any) -> _Place | None:
    if isinstance(address, SmuxAddress):
        return _place(address.carrier)
    try:
        host, _, _ = address.host.partition("%")
        found = ip_address(host)
        return getattr(found, "ipv4_mapped", None) or found, address.port
    except (AttributeError, ValueError):
        return None


def _alike(
    first: IPv4Address | IPv6Address, second: IPv4Address | IPv6Address
) -> tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address]:
    """
    Returns both as addresses of one family.
    """
    if first.version == second.version:
        return first, second
    return _mapped(first), _mapped(second)


def _mapped(address: IPv4Address | IPv6Address) -> IPv6Address:
    if isinstance(address, IPv6Address):
        return address
    return IPv6Address(b"\0" * 10 + b"\xff\xff" + address.packed)


def _path(address: Any) -> bytes | None:
    """
    Returns the path of a Unix socket, empty for one without a name; None if C{address} is none.
    """
    if not hasattr(address, "name"):
        return None
    name = address.name or b""
    path = name if isinstance(name, bytes) else str(name).encode()
    return path[:_PATH]
