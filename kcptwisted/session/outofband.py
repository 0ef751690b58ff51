"""
Datagrams beside a connection's stream: unreliable, unordered, at once (docs/wire.md, "FEC").
"""

from __future__ import annotations

from twisted.internet.interfaces import IProtocol

from kcptwisted.errors import OutOfBandRefused
from kcptwisted.interfaces import IOutOfBandProtocol
from kcptwisted.options import KCPOptions
from kcptwisted.wire.fec import OUT_OF_BAND_OVERHEAD, outOfBandData, outOfBandPacket


def maximumOutOfBand(options: KCPOptions, mtu: int, overhead: int) -> int:
    """
    Returns the most bytes that an out-of-band packet carries; -1 if FEC is off.

    @param mtu: the largest UDP payload, bytes.
    @param overhead: bytes of a UDP payload that the layers below KCP take.
    """
    if not options.dataShards:
        return -1
    return mtu - overhead - OUT_OF_BAND_OVERHEAD


def encodeOutOfBand(conv: int, data: bytes, limit: int) -> bytes:
    """
    Returns an out-of-band packet.

    @param conv: the conversation id.
    @param limit: see L{maximumOutOfBand}.
    @raise OutOfBandRefused: if C{data} is too long, or FEC is off.
    """
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"Data must be bytes, not {type(data).__name__}")
    if limit < 0:
        raise OutOfBandRefused("out-of-band datagrams need dataShards and parityShards")
    data = bytes(data)
    if len(data) > limit:
        raise OutOfBandRefused(f"data must be at most {limit} bytes with this mtu, not {len(data)}")
    return outOfBandPacket(conv, data)


def decodeOutOfBand(packet: bytes, protocol: IProtocol | None) -> bytes | None:
    """
    Returns what a packet carries; None if it is malformed, or the protocol takes no
    out-of-band packets.
    """
    return outOfBandData(packet) if IOutOfBandProtocol.providedBy(protocol) else None
