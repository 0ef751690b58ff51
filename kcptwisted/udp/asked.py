"""
Answering from the address that was asked (Linux ip(7), IP_PKTINFO; ipv6(7), IPV6_RECVPKTINFO).

The kernel says of each datagram at a wildcard socket which of the host's addresses it came to.
The port notes that on the peer's address and passes it up.  An answer to that address leaves from
there.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address

from kcptwisted.interfaces import Address

#: Control messages: level, kind, data.
Ancillary = list[tuple[int, int, bytes]]

# Linux's numbers.
IPPROTO_IP = 0
IPPROTO_UDP = 17
IPPROTO_IPV6 = 41
IP_PKTINFO = 8
IPV6_PKTINFO = 50

#: interface, the host's own address, the datagram's destination.
_PKTINFO = struct.Struct("=i4s4s")
#: the datagram's destination, interface.
_PKTINFO6 = struct.Struct("=16sI")

#: The control messages that name the address a datagram came to.
_NAMING = ((IPPROTO_IP, IP_PKTINFO), (IPPROTO_IPV6, IPV6_PKTINFO))

#: The most own addresses that are known at once.  A host that has a whole network has more; then
#: all are forgotten, and found again as they are used.
MAXIMUM_KNOWN = 1024

#: The most notes on peers' addresses that are kept: to find one costs less than to make it.
MAXIMUM_PEERS = 4096


class OwnAddress:
    """
    One of this host's addresses.

    @ivar host: as text; an IPv4 address also if it is written as an IPv6 one.
    @ivar messages: the control messages that have a datagram leave from there.
    """

    __slots__ = ("data", "host", "messages")

    def __init__(self, host: str, messages: Ancillary, data: bytes) -> None:
        """
        @param data: the control message that said so.
        """
        self.host = host
        self.messages = messages
        self.data = data


# For the type checker; an IPv6 address has four items.
class AskedAddress(tuple[str, int]):
    """
    A peer's socket address, and which of this host's addresses it asked.  It equals the plain one.

    @ivar own: the address that it asked.
    """

    own: OwnAddress


def askedAddress(address: Address, own: OwnAddress) -> AskedAddress:
    """
    Returns C{address} with a note of which address it asked.
    """
    asked = AskedAddress(address)
    asked.own = own
    return asked


def ownAddressOf(address: Address) -> OwnAddress | None:
    """
    Returns which of this host's addresses C{address} asked; None if that is not noted.
    """
    return address.own if isinstance(address, AskedAddress) else None


def readOwnAddress(data: bytes) -> OwnAddress | None:
    """
    Returns the address that a control message names; None if it names none to answer from.

    @param data: of a control message IP_PKTINFO or IPV6_PKTINFO.
    """
    if len(data) == _PKTINFO.size:
        _, own, _ = _PKTINFO.unpack(data)
        # No interface: the answer takes the route that it would take anyway.
        message = (IPPROTO_IP, IP_PKTINFO, _PKTINFO.pack(0, own, bytes(4)))
        return OwnAddress(str(IPv4Address(own)), [message], data)
    if len(data) != _PKTINFO6.size:
        return None
    own, interface = _PKTINFO6.unpack(data)
    address = IPv6Address(own)
    if address.is_multicast:
        return None
    # But for an address that is a different one on each link.
    interface = interface if address.is_link_local else 0
    message = (IPPROTO_IPV6, IPV6_PKTINFO, _PKTINFO6.pack(own, interface))
    mapped = address.ipv4_mapped
    return OwnAddress(str(mapped or address), [message], data)


class OwnAddresses:
    """
    The addresses of this host that the peers of one socket have asked.

    @ivar known: those that are known, by the data of their control message; None if the data names
        no address to answer from.
    @ivar peers: recent peers' addresses, with their notes.
    """

    __slots__ = ("known", "peers")

    def __init__(self) -> None:
        self.known: dict[bytes, OwnAddress | None] = {}
        self.peers: dict[Address, AskedAddress] = {}

    def note(self, address: Address, ancillary: Ancillary) -> Address:
        """
        Returns C{address} with a note of which address it asked, or as it is if nothing says so.

        @param address: a peer's.
        @param ancillary: the control messages of its datagram.
        """
        own = self.find(ancillary)
        if own is None:
            return address
        peers = self.peers
        if len(peers) >= MAXIMUM_PEERS:
            # They are made again when needed; each session keeps its own.
            peers.clear()
        noted = peers[address] = askedAddress(address, own)
        return noted

    def find(self, ancillary: Ancillary) -> OwnAddress | None:
        """
        Returns the address that a datagram came to; None if nothing says so.

        @param ancillary: the control messages of a datagram.
        """
        known = self.known
        data = next((data for level, kind, data in ancillary if (level, kind) in _NAMING), None)
        if data is None:
            return None
        if data in known:
            return known[data]
        if len(known) >= MAXIMUM_KNOWN:
            known.clear()
        own = known[data] = readOwnAddress(data)
        return own
