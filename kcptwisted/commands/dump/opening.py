"""
From what a UDP datagram carries to what a KCP end put into it: ciphers, guesses, and datagrams that
a capture holds as one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple
from zlib import crc32

from kcptwisted.commands.dump.content import Content, readContent
from kcptwisted.crypt.cipher import Cipher
from kcptwisted.wire.checked import CHECKED_OVERHEAD, NONCE, packChecksum
from kcptwisted.wire.fec import PARITY
from kcptwisted.wire.segment import OVERHEAD

#: The largest UDP payload of any KCP end, bytes.  What is larger was joined by segmentation offload
#: before the capture saw it.
LARGEST = 1500

#: Payloads in a row that did not come apart, after which no more of a flow are tried.
TRIES = 3

NULL = "null"
NONE = "none"


class Opened(NamedTuple):
    """
    What is below the cipher.

    @ivar datagram: as much as was captured.
    @ivar length: bytes of the whole.
    @ivar size: bytes of the UDP payload.
    """

    datagram: bytes
    length: int
    size: int


#: Returns what is below the cipher; None if a payload does not open.  Takes the payload and the
#: length of the whole.
Opener = Callable[[bytes, int], Opened | None]


class CipherChoice(NamedTuple):
    """
    How datagrams are opened.

    @ivar name: the cipher's.
    """

    name: str
    opener: Opener


def openNull(payload: bytes, length: int) -> Opened | None:
    """
    C{crypt=null}.
    """
    return Opened(payload, length, length)


def openNone(payload: bytes, length: int) -> Opened | None:
    """
    C{crypt=none}.  What was cut is not checked.
    """
    datagram = payload[CHECKED_OVERHEAD:]
    if length < CHECKED_OVERHEAD or len(payload) < CHECKED_OVERHEAD:
        return None
    checksum = payload[NONCE:CHECKED_OVERHEAD]
    if len(payload) == length and checksum != packChecksum(crc32(datagram)):
        return None
    return Opened(datagram, length - CHECKED_OVERHEAD, length)


def openerOf(cipher: Cipher) -> Opener:
    """
    Returns what opens a cipher's packets.  What was cut does not open.
    """

    def openPacket(payload: bytes, length: int) -> Opened | None:
        if len(payload) < length or length < cipher.overhead:
            return None
        opened, _ = cipher.open([payload])
        return Opened(opened[0], len(opened[0]), length) if opened else None

    return openPacket


def guess(payload: bytes, length: int) -> str:
    """
    Returns C{"none"} or C{"null"}, as a payload looks; empty if it is neither: encrypted, or no
    KCP.
    """
    if len(payload) == length and openNone(payload, length) is not None:
        return NONE
    content = readContent(payload, length)
    # Whatever is encrypted has the type of a parity shard once in 65536 times.
    isParity = content.shard is not None and content.shard.kind == PARITY
    return NULL if content.isKCP and not isParity else ""


GUESSED: dict[str, Opener] = {NULL: openNull, NONE: openNone}


def guessJoined(payload: bytes) -> str:
    """
    Returns what L{guess} does of the first of several datagrams that segmentation offload joined.
    """
    for name, opener in GUESSED.items():
        for size in range(min(len(payload), LARGEST), OVERHEAD - 1, -1):
            opened = opener(payload[:size], size)
            if opened is not None and read(opened).isKCP:
                return name
    return ""


def split(payload: bytes, opener: Opener, likely: Iterable[int]) -> list[Opened]:
    """
    Takes datagrams apart that segmentation offload joined: all have the same size but the last,
    which may be smaller.

    @param likely: sizes to try first.
    @return: the datagrams; nothing if no size fits.
    """
    tried = set()
    for size in (*likely, *range(LARGEST, OVERHEAD - 1, -1)):
        if size in tried or size >= len(payload):
            continue
        tried.add(size)
        found = _cut(payload, opener, size)
        if found:
            return found
    return []


def _cut(payload: bytes, opener: Opener, size: int) -> list[Opened]:
    found = []
    for start in range(0, len(payload), size):
        piece = payload[start : start + size]
        opened = opener(piece, len(piece))
        if opened is None or not readContent(opened.datagram, opened.length).isKCP:
            return []
        found.append(opened)
    return found


def read(opened: Opened) -> Content:
    """
    Returns what a datagram holds.
    """
    return readContent(opened.datagram, opened.length)
