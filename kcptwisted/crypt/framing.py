"""
Adds and removes, for a whole batch, the header of kcp-go's ciphers that do not authenticate
(L{kcptwisted.crypt.checksummed}): by the accelerator where there is one, else in Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Protocol
from zlib import crc32

from kcptwisted.crypt.cutting import cut
from kcptwisted.native import Accelerator, Scratch, accelerator
from kcptwisted.wire.checked import CHECKED_OVERHEAD, NONCE, packChecksum


class Framing(Protocol):
    """
    Makes packets of datagrams.  All packets of a batch are joined, each padded with zeros to whole
    blocks; their lengths do not count the padding.
    """

    def frame(self, datagrams: Sequence[bytes], lengths: list[int], nonces: bytes) -> bytes:
        """
        Puts the header before each datagram.

        @param datagrams: the payloads of the packets.
        @param lengths: the lengths of the packets in bytes.
        @param nonces: the nonces of all packets, joined.
        @return: the packets, joined.
        """

    def unframe(self, packets: bytes, lengths: list[int]) -> list[bytes]:
        """
        Checks the packets and takes their headers off.

        @param packets: the packets, joined.
        @param lengths: the lengths of the packets in bytes.
        @return: the payloads of the packets whose checksum is right.
        """


class PythonFraming:
    """
    Frames packet by packet, in Python.
    """

    def __init__(self, block: int) -> None:
        """
        @param block: length of a block in bytes.
        """
        self._block = block
        self._padding = [bytes(-length % block) for length in range(block)]

    def frame(self, datagrams: Sequence[bytes], lengths: list[int], nonces: bytes) -> bytes:
        """
        See L{Framing}.
        """
        block, padding = self._block, self._padding
        pieces: list[bytes] = []
        at = 0
        for datagram, length in zip(datagrams, lengths, strict=True):
            crc = packChecksum(crc32(datagram))
            pieces += (nonces[at : at + NONCE], crc, datagram, padding[length % block])
            at += NONCE
        return b"".join(pieces)

    def unframe(self, packets: bytes, lengths: list[int]) -> list[bytes]:
        """
        See L{Framing}.
        """
        block = self._block
        carried = []
        start = 0
        for length in lengths:
            end = start + length
            if length >= CHECKED_OVERHEAD:
                datagram = packets[start + CHECKED_OVERHEAD : end]
                crc = packets[start + NONCE : start + CHECKED_OVERHEAD]
                if crc == packChecksum(crc32(datagram)):
                    carried.append(datagram)
            start = end + -length % block
        return carried


class AcceleratedFraming:
    """
    Frames all packets in one call of the accelerator.
    """

    def __init__(self, native: Accelerator, block: int) -> None:
        """
        @param block: length of a block in bytes.
        """
        native.lib.kcp_checked_prepare()
        self._frame = native.lib.kcp_checked_frame
        self._verify = native.lib.kcp_checked_verify
        self._block = block
        self._scratch = Scratch(native)

    def frame(self, datagrams: Sequence[bytes], lengths: list[int], nonces: bytes) -> bytes:
        """
        See L{Framing}.
        """
        block = self._block
        size = sum([length + -length % block for length in lengths])
        memory, framed = self._scratch.reserve(size)
        self._frame(nonces, b"".join(datagrams), lengths, len(lengths), block, memory)
        packets: bytes = framed[:size]
        return packets

    def unframe(self, packets: bytes, lengths: list[int]) -> list[bytes]:
        """
        See L{Framing}.
        """
        block, count = self._block, len(lengths)
        memory, verdicts = self._scratch.reserve(count)
        self._verify(packets, lengths, count, block, memory)
        carried = cut(packets, lengths, CHECKED_OVERHEAD, block)
        verdict: bytes = verdicts[:count]
        return list(compress(carried, verdict)) if 0 in verdict else carried


def framing(block: int) -> Framing:
    """
    Returns the fastest framing that is available here.

    @param block: length of a block in bytes.
    """
    native = accelerator()
    return PythonFraming(block) if native is None else AcceleratedFraming(native, block)
