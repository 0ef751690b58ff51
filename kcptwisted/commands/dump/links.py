"""
IP packets in captured frames (https://www.tcpdump.org/linktypes.html).
"""

from __future__ import annotations

from collections.abc import Callable

#: The link type of IP without anything before it.
RAW_IP = 101

_IP = frozenset((0x0800, 0x86DD))
#: VLANs: 802.1Q, 802.1ad, and what was used before that.
_TAGS = frozenset((0x8100, 0x88A8, 0x9100))
_PPPOE = 0x8864
_PPPOE_HEADER = 6
_PPP_IP = frozenset((0x0021, 0x0057))

#: Tags that are passed over, at most.
_MOST_TAGS = 4


def _number(frame: bytes, offset: int) -> int:
    """
    Returns 16 bits; -1 if they were not captured.
    """
    field = frame[offset : offset + 2]
    return int.from_bytes(field, "big") if len(field) == 2 else -1


def _typed(frame: bytes, offset: int, kind: int) -> bytes | None:
    """
    @param offset: where the packet begins.
    @param kind: its EtherType.
    """
    for _ in range(_MOST_TAGS):
        if kind in _TAGS:
            kind, offset = _number(frame, offset + 2), offset + 4
        elif kind == _PPPOE:
            offset += _PPPOE_HEADER + 2
            return frame[offset:] if _number(frame, offset - 2) in _PPP_IP else None
    return frame[offset:] if kind in _IP else None


def _ethernet(frame: bytes) -> bytes | None:
    return _typed(frame, 14, _number(frame, 12))


def _cooked(frame: bytes) -> bytes | None:
    return _typed(frame, 16, _number(frame, 14))


def _cooked2(frame: bytes) -> bytes | None:
    return _typed(frame, 20, _number(frame, 0))


def _loopback(frame: bytes) -> bytes | None:
    # The address family, whose numbers differ by system and whose byte order is the host's.  The
    # packet says by itself which it is.
    return _raw(frame[4:])


def _raw(frame: bytes) -> bytes | None:
    return frame if frame and frame[0] >> 4 in (4, 6) else None


#: By number: BSD loopback, Ethernet, raw IP (three numbers), OpenBSD loopback, Linux cooked, raw
#: IPv4 and IPv6, Linux cooked 2.
_LINKS: dict[int, Callable[[bytes], bytes | None]] = {
    0: _loopback,
    1: _ethernet,
    12: _raw,
    14: _raw,
    RAW_IP: _raw,
    108: _loopback,
    113: _cooked,
    228: _raw,
    229: _raw,
    276: _cooked2,
}


def isKnown(linkType: int) -> bool:
    """
    Returns whether frames of a link type can be read.
    """
    return linkType in _LINKS


def ipPacket(linkType: int, frame: bytes) -> bytes | None:
    """
    Returns the IP packet in a frame; None if there is none, or the link type is unknown.

    @param frame: as much as was captured.
    """
    link = _LINKS.get(linkType)
    return None if link is None else link(frame)
