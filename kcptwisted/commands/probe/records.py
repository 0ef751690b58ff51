"""
The probes that were sent, and which were answered.

A probe is a PUSH segment with the second sn of the connection, while the first is never sent.  A
KCP receiver acknowledges each copy by itself, with the ts that the copy had (docs/wire.md, "Segment
header").  It keeps the data of one, and no application gets any.  The ts is the probe's number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from kcptwisted.wire.fec import DATA, FEC_OVERHEAD, UNCOVERED, packetType, shardDatagram
from kcptwisted.wire.segment import ACK, MASK, OVERHEAD, PUSH, packHeader, unpackHeader

#: The sn of all probes.
PROBE_SN = 1

#: The window that probes announce, segments.
WINDOW = 128

#: The smallest segment of a probe: data without a byte ends kcp-go's streams.
LEAST = OVERHEAD + 1


class Ack(NamedTuple):
    """
    The ACK of a probe.

    @ivar start: where it is in its datagram.
    @ivar number: of the probe.
    @ivar window: that the peer announces, segments.
    """

    start: int
    number: int
    window: int


def acksIn(datagram: bytes, conv: int) -> Iterator[Ack]:
    """
    Returns the ACKs of probes in a datagram, as far as it goes.

    @param conv: the conversation id.
    """
    offset = 0
    while offset + OVERHEAD <= len(datagram):
        found, cmd, _, window, ts, sn, _, length = unpackHeader(datagram, offset)
        if found == conv and cmd == ACK and sn == PROBE_SN and not length:
            yield Ack(offset, ts, window)
        offset += OVERHEAD + length


class Probe:
    """
    One probe.

    @ivar size: bytes of UDP payload.
    @ivar sent: when, seconds.
    @ivar answered: when, seconds; None as long as it is not.
    @ivar answer: the number of the datagram that brought the ACK.
    @ivar recovered: whether FEC rebuilt that datagram, and it has not come by itself since.
    """

    __slots__ = ("answer", "answered", "recovered", "sent", "size")

    def __init__(self, size: int, sent: float) -> None:
        """
        Sent, and not answered yet.
        """
        self.size = size
        self.sent = sent
        self.answered: float | None = None
        self.answer = 0
        self.recovered = False

    @property
    def roundTrip(self) -> float | None:
        """
        Seconds, the peer's wait before the ACK included; None if no ACK came, or it was rebuilt.
        """
        if self.answered is None or self.recovered:
            return None
        return self.answered - self.sent


class Ledger:
    """
    Makes probes, and takes the ACKs of these.

    @ivar spent: bytes sent, the headers of IP and UDP included.
    @ivar received: bytes of the datagrams with ACKs, likewise.
    @ivar window: the receive window that the peer announced last, segments; None before.
    """

    def __init__(self, conv: int, overhead: int, headers: int, filler: bytes, first: int) -> None:
        """
        @param conv: the conversation id.
        @param overhead: bytes that the cipher adds to a datagram.
        @param headers: bytes of IP's and UDP's headers.
        @param filler: the data of probes, as long as the largest.
        @param first: the number of the first probe.
        """
        self._conv = conv
        self._overhead = overhead
        self._headers = headers
        self._filler = filler
        self._next = first
        self._probes: dict[int, Probe] = {}
        self._answers = 0
        self.spent = 0
        self.received = 0
        self.window: int | None = None

    @property
    def least(self) -> int:
        """
        Bytes of UDP payload of the smallest probe.
        """
        return LEAST + self._overhead

    def cost(self, size: int) -> int:
        """
        Returns the bytes that a probe takes of a line.

        @param size: bytes of UDP payload.
        """
        return size + self._headers

    def make(self, size: int, now: float) -> tuple[Probe, bytes]:
        """
        Returns a probe, and the datagram to send at once.

        @param size: bytes of UDP payload.
        @param now: seconds.
        """
        number, self._next = self._next, (self._next + 1) & MASK
        length = max(size, self.least) - self._overhead - OVERHEAD
        header = packHeader(self._conv, PUSH, 0, WINDOW, number, PROBE_SN, 0, length)
        probe = self._probes[number] = Probe(max(size, self.least), now)
        self.spent += self.cost(probe.size)
        return probe, header + self._filler[:length]

    def take(self, datagrams: Sequence[bytes], now: float, recovered: bool) -> list[bytes]:
        """
        Takes the ACKs of probes out of datagrams.

        @param now: seconds.
        @param recovered: whether FEC has rebuilt the datagrams.
        @return: what is left for the connection.
        """
        rest = [self._takeOne(datagram, now, recovered) for datagram in datagrams]
        return [datagram for datagram in rest if datagram]

    def _takeOne(self, datagram: bytes, now: float, recovered: bool) -> bytes:
        kept: list[bytes] = []
        start, answers = 0, self._answers + 1
        for ack in acksIn(datagram, self._conv):
            probe = self._probes.get(ack.number)
            if probe is not None:
                self._answers = answers
                self.window = ack.window
                self._answer(probe, now, recovered)
                kept.append(datagram[start : ack.start])
                start = ack.start + OVERHEAD
        if self._answers == answers and not recovered:
            self.received += len(datagram) + self._overhead + self._headers
        return b"".join([*kept, datagram[start:]]) if start else datagram

    def takeLate(self, packets: Iterable[bytes], now: float) -> None:
        """
        Looks for what FEC had rebuilt too early: what was late and not lost.

        @param packets: of FEC and others, as they came from the socket.
        @param now: seconds.
        """
        for packet in packets:
            if packetType(packet) != DATA:
                continue
            datagram = shardDatagram(packet[UNCOVERED:]) if len(packet) >= FEC_OVERHEAD else None
            for ack in acksIn(datagram or b"", self._conv):
                probe = self._probes.get(ack.number)
                if probe is not None and probe.recovered:
                    probe.answered, probe.recovered = now, False

    def _answer(self, probe: Probe, now: float, recovered: bool) -> None:
        if probe.answered is None:
            probe.answered = now
            probe.answer = self._answers
            probe.recovered = recovered
