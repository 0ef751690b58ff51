"""
Datagrams beside a connection's stream: unreliable, unordered, at once (docs/wire.md, "FEC").
"""

from __future__ import annotations

from twisted.internet.interfaces import IProtocol

from kcptwisted.errors import OutOfBandRefused
from kcptwisted.interfaces import IOutOfBandProtocol
from kcptwisted.options import KCPOptions
from kcptwisted.wire.fec import OUT_OF_BAND_OVERHEAD, outOfBandData, outOfBandPacket


def maximumOutOfBand(options: KCPOptions, overhead: int) -> int:
    """
    Returns the most bytes that an out-of-band packet carries; -1 if FEC is off.

    @param overhead: bytes of a UDP payload that the layers below KCP take.
    """
    if not options.dataShards:
        return -1
    return options.mtu - overhead - OUT_OF_BAND_OVERHEAD


def encodeOutOfBand(conv: int, data: bytes, options: KCPOptions, overhead: int) -> bytes:
    """
    Returns an out-of-band packet.

    @param conv: the conversation id.
    @param overhead: bytes of a UDP payload that the layers below KCP take.
    @raise OutOfBandRefused: if C{data} is too long, or FEC is off.
    """
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"Data must be bytes, not {type(data).__name__}")
    if not options.dataShards:
        raise OutOfBandRefused("out-of-band datagrams need dataShards and parityShards")
    data = bytes(data)
    limit = maximumOutOfBand(options, overhead)
    if len(data) > limit:
        raise OutOfBandRefused(f"data must be at most {limit} bytes with this mtu, not {len(data)}")
    return outOfBandPacket(conv, data)


def decodeOutOfBand(packet: bytes, protocol: IProtocol | None) -> bytes | None:
    """
    Returns what a packet carries; None if it is malformed, or the protocol takes no
    out-of-band packets.
    """
    return outOfBandData(packet) if IOutOfBandProtocol.providedBy(protocol) else None
