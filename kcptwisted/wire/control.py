"""
Control frames on the wire: the data of WASK and WINS segments (docs/control.md, "Format").
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from enum import IntEnum, IntFlag
from typing import NamedTuple

#: Begins a block.
MAGIC = b"KT"
VERSION = 1

#: Bytes of a token, which names one end of one connection.
TOKEN = 8
#: Stands where a token is not known.
NO_TOKEN = bytes(TOKEN)

#: Bytes of a cookie.
COOKIE = 8

#: Bytes of a challenge.
CHALLENGE = 8

#: Begins padding, up to the end of the data: no frame is of this kind, and no block begins so.
PADDING = 0

_HEADER = struct.Struct(f"<2sB{TOKEN}s{TOKEN}s")
_FRAME = struct.Struct("<BB")
_HELLO = struct.Struct("<HH")
_FIN = struct.Struct("<IB")
_RESET = struct.Struct("<B")
_PROBE = struct.Struct("<I")

#: Frames that a block may have; none that is sent has more than two.
MAXIMUM_FRAMES = 8

#: Bytes of a block without frames.
EMPTY_BLOCK = _HEADER.size

#: Bytes of the longest block that is sent: a hello with a cookie.
LONGEST_BLOCK = _HEADER.size + 2 * _FRAME.size + _HELLO.size + COOKIE


class Feature(IntFlag):
    """
    What an end can do beyond version 1.
    """

    NONE = 0
    #: The connection may move to another address of the client.
    ROAMING = 1
    #: The sender of this is in stream mode.
    STREAM = 2
    #: The sender of this is in message mode.  Older senders set neither bit.
    MESSAGES = 4
    #: The sender of this answers L{Probe}s, and passes over padding.
    PROBES = 8


class ResetReason(IntEnum):
    """
    Why a connection was reset.
    """

    ABORTED = 1
    #: The sender knows of no such connection: it has restarted, or forgotten it.
    UNKNOWN = 2
    IDLE = 3
    #: The sender's socket is being closed.
    SHUTDOWN = 4
    #: The sender could not go on, such as for an error in its application.
    FAILED = 5
    #: The sender's program is ending.
    ENDED = 6


class Hello(NamedTuple):
    """
    Announces that the sender knows control frames.

    @ivar features: bits of L{Feature}; others are ignored.
    @ivar receiveWindow: segments.
    """

    features: int
    receiveWindow: int


class Retry(NamedTuple):
    """
    Asks the peer to repeat its hello with a cookie.
    """

    cookie: bytes


class Cookie(NamedTuple):
    """
    Accompanies a repeated hello: the cookie of a L{Retry}.
    """

    cookie: bytes


class Fin(NamedTuple):
    """
    Ends the sender's output.

    @ivar finalSn: the sn after the last segment, as on the wire.
    @ivar both: the sender does not read any more either.
    """

    finalSn: int
    both: bool


class FinAck(NamedTuple):
    """
    Acknowledges a L{Fin}, and every segment before C{finalSn}.

    @ivar both: as in the L{Fin}.
    """

    finalSn: int
    both: bool


class Reset(NamedTuple):
    """
    Ends the connection at once; data under way is lost.

    @ivar reason: one of L{ResetReason}, or one that is not known.
    """

    reason: int


class Challenge(NamedTuple):
    """
    Asks whether the peer is at this address.
    """

    data: bytes


class Response(NamedTuple):
    """
    Answers a L{Challenge}: the peer is at this address.

    @ivar data: that of the challenge.
    """

    data: bytes


class Probe(NamedTuple):
    """
    Asks whether the datagram with this, which is padded, has arrived.

    @ivar number: 32 bits.
    """

    number: int


class ProbeAck(NamedTuple):
    """
    Answers a L{Probe}.

    @ivar number: that of the probe.
    """

    number: int


Frame = Hello | Retry | Cookie | Fin | FinAck | Reset | Challenge | Response | Probe | ProbeAck


class Block(NamedTuple):
    """
    The frames in one segment.

    @ivar to: the receiver's token; L{NO_TOKEN} if not known.
    @ivar source: the sender's token; L{NO_TOKEN} if it has none.
    @ivar frames: what to do; none is a keepalive.
    """

    to: bytes
    source: bytes
    frames: tuple[Frame, ...] = ()

    def find(self, kind: type[Frame]) -> Frame | None:
        """
        Returns the first frame of that kind.
        """
        return next((frame for frame in self.frames if isinstance(frame, kind)), None)


def _unpackFin(value: bytes) -> tuple[int, bool]:
    finalSn, flags = _FIN.unpack_from(value)
    return finalSn, bool(flags & 1)


class _Kind(NamedTuple):
    """
    How one kind of frame is encoded.

    @ivar size: bytes that it has at least; later versions may append some.
    """

    frame: type[Frame]
    size: int
    pack: Callable[..., bytes]
    unpack: Callable[[bytes], Frame]


def _opaque(frame: Callable[[bytes], Frame], size: int) -> Callable[[bytes], Frame]:
    return lambda value: frame(value[:size])


_KINDS = {
    1: _Kind(Hello, _HELLO.size, lambda frame: _HELLO.pack(*frame),
             lambda value: Hello(*_HELLO.unpack_from(value))),
    2: _Kind(Retry, COOKIE, lambda frame: frame.cookie, _opaque(Retry, COOKIE)),
    3: _Kind(Cookie, COOKIE, lambda frame: frame.cookie, _opaque(Cookie, COOKIE)),
    4: _Kind(Fin, _FIN.size, lambda frame: _FIN.pack(*frame),
             lambda value: Fin(*_unpackFin(value))),
    5: _Kind(FinAck, _FIN.size, lambda frame: _FIN.pack(*frame),
             lambda value: FinAck(*_unpackFin(value))),
    6: _Kind(Reset, _RESET.size, lambda frame: _RESET.pack(*frame),
             lambda value: Reset(*_RESET.unpack_from(value))),
    7: _Kind(Challenge, CHALLENGE, lambda frame: frame.data, _opaque(Challenge, CHALLENGE)),
    8: _Kind(Response, CHALLENGE, lambda frame: frame.data, _opaque(Response, CHALLENGE)),
    9: _Kind(Probe, _PROBE.size, lambda frame: _PROBE.pack(*frame),
             lambda value: Probe(*_PROBE.unpack_from(value))),
    10: _Kind(ProbeAck, _PROBE.size, lambda frame: _PROBE.pack(*frame),
              lambda value: ProbeAck(*_PROBE.unpack_from(value))),
}  # fmt: skip

_CODES = {kind.frame: code for code, kind in _KINDS.items()}


def encodeBlock(to: bytes, source: bytes, frames: Sequence[Frame] = ()) -> bytes:
    """
    Returns the data of a WASK or WINS segment.
    """
    pieces = [_HEADER.pack(MAGIC, VERSION, to, source)]
    for frame in frames:
        code = _CODES[type(frame)]
        value = _KINDS[code].pack(frame)
        pieces += [_FRAME.pack(code, len(value)), value]
    return b"".join(pieces)


def decodeBlock(data: bytes) -> Block | None:
    """
    Returns the block; None if it is malformed, or none of a version known here.  Frames of kinds
    not known here are left out.
    """
    if len(data) < _HEADER.size:
        return None
    magic, version, to, source = _HEADER.unpack_from(data)
    if magic != MAGIC or version != VERSION:
        return None
    frames: list[Frame] = []
    offset = _HEADER.size
    for _ in range(MAXIMUM_FRAMES):
        if offset == len(data) or data[offset] == PADDING:
            return Block(to, source, tuple(frames))
        start = offset + _FRAME.size
        if start > len(data):
            return None
        code, size = _FRAME.unpack_from(data, offset)
        offset = start + size
        if offset > len(data):
            return None
        kind = _KINDS.get(code)
        if kind is None:
            continue
        if size < kind.size:
            return None
        frames.append(kind.unpack(data[start:offset]))
    isWhole = offset == len(data) or data[offset] == PADDING
    return Block(to, source, tuple(frames)) if isWhole else None
