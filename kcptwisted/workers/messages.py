"""
Messages between the workers of one port, as bytes.

Each message is one datagram of a Unix socket: kind u8, sender u8, then what the kind has.  Integers
are little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kcptwisted.interfaces import Address
from kcptwisted.udp.asked import askedAddress, ownAddressOf, readOwnAddress

#: Bytes that a message has at most, unless a single datagram in it is as long.
LARGEST_MESSAGE = 60_000

#: Kinds.
_BEGIN, _MOVABLE, _OVER, _STRAYS, _RETURNED, _OPENED = range(1, 7)

_HEAD = struct.Struct("<BB")

#: family, port, flow, scope, length of the host, length of what says where it asked.
_ADDRESS = struct.Struct("<BHIIBB")
_IPV4, _IPV6 = 4, 6

_CONV = struct.Struct("<I")
_LENGTH = struct.Struct("<H")


class Begin(NamedTuple):
    """
    What the sender has said before is void, and it asks for the receiver's sessions: it has just
    been started, or the receiver has missed a message.
    """

    sender: int


class Movable(NamedTuple):
    """
    The sender has sessions of these conversations, whose peers may move to another address.
    """

    sender: int
    convs: tuple[int, ...]


class Over(NamedTuple):
    """
    The sender has no sessions of these conversations any more.
    """

    sender: int
    convs: tuple[int, ...]


class Strays(NamedTuple):
    """
    Datagrams, as they were before encryption, that reached the sender and may be of the receiver's
    session.

    @ivar address: where they came from.
    """

    sender: int
    address: Address
    datagrams: list[bytes]


class Returned(NamedTuple):
    """
    Strays that are of no session of the sender's.
    """

    sender: int
    address: Address
    datagrams: list[bytes]


class Opened(NamedTuple):
    """
    What has opened a session of the sender's, or could have: it opens no other.
    """

    sender: int
    keys: list[bytes]


Message = Begin | Movable | Over | Strays | Returned | Opened


def encode(message: Message) -> list[bytes]:
    """
    Returns a message as one or more datagrams.
    """
    sender = message.sender
    if isinstance(message, Begin):
        return [_HEAD.pack(_BEGIN, sender)]
    if isinstance(message, Movable):
        return [_HEAD.pack(_MOVABLE, sender) + part for part in _pieces(message.convs)]
    if isinstance(message, Over):
        return [_HEAD.pack(_OVER, sender) + part for part in _pieces(message.convs)]
    if isinstance(message, Opened):
        return [_HEAD.pack(_OPENED, sender) + part for part in _batches(message.keys)]
    kind = _STRAYS if isinstance(message, Strays) else _RETURNED
    head = _HEAD.pack(kind, sender) + _encodeAddress(message.address)
    return [head + part for part in _batches(message.datagrams)]


def _pieces(convs: Sequence[int]) -> list[bytes]:
    most = LARGEST_MESSAGE // _CONV.size
    starts = range(0, max(len(convs), 1), most)
    return [b"".join(map(_CONV.pack, convs[start : start + most])) for start in starts]


def _batches(items: Iterable[bytes]) -> list[bytes]:
    found: list[bytes] = []
    batch: list[bytes] = []
    size = 0
    for item in items:
        if batch and size + len(item) > LARGEST_MESSAGE:
            found.append(b"".join(batch))
            batch, size = [], 0
        batch += [_LENGTH.pack(len(item)), item]
        size += _LENGTH.size + len(item)
    found.append(b"".join(batch))
    return found


def _encodeAddress(address: Address) -> bytes:
    host = address[0].encode()
    own = ownAddressOf(address)
    asked = b"" if own is None else own.data
    family, flow, scope = (_IPV6, *address[2:]) if len(address) == 4 else (_IPV4, 0, 0)
    return _ADDRESS.pack(family, address[1], flow, scope, len(host), len(asked)) + host + asked


def decode(data: bytes) -> Message | None:
    """
    Returns the message; None if it is malformed.
    """
    try:
        kind, sender = _HEAD.unpack_from(data)
        body = data[_HEAD.size :]
        if kind == _BEGIN:
            return None if body else Begin(sender)
        if kind == _MOVABLE:
            return Movable(sender, _convs(body))
        if kind == _OVER:
            return Over(sender, _convs(body))
        if kind == _OPENED:
            return Opened(sender, _items(body))
        if kind in (_STRAYS, _RETURNED):
            address, rest = _decodeAddress(body)
            make = Strays if kind == _STRAYS else Returned
            return make(sender, address, _items(rest))
    except (struct.error, ValueError):
        pass
    return None


def _convs(data: bytes) -> tuple[int, ...]:
    return tuple(conv for (conv,) in _CONV.iter_unpack(data))


def _items(data: bytes) -> list[bytes]:
    found = []
    at = 0
    while at < len(data):
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        if at + length > len(data):
            raise ValueError("cut off")
        found.append(data[at : at + length])
        at += length
    return found


def _decodeAddress(data: bytes) -> tuple[Address, bytes]:
    family, port, flow, scope, length, asked = _ADDRESS.unpack_from(data)
    middle = _ADDRESS.size + length
    end = middle + asked
    if family not in (_IPV4, _IPV6) or end > len(data):
        raise ValueError("no address")
    host = data[_ADDRESS.size : middle].decode()
    address: Address = (host, port) if family == _IPV4 else (host, port, flow, scope)
    own = readOwnAddress(data[middle:end])
    return (address if own is None else askedAddress(address, own)), data[end:]
