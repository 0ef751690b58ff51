"""
Taking the datagrams of a peer apart.
"""

from __future__ import annotations

from collections.abc import Sequence

from kcptwisted.arq.receiver import Receiver
from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import ACK, HALF, MASK, OVERHEAD, PUSH, WASK, WINS, unpackHeader

#: Control data kept until the caller takes it; what comes beyond is dropped and counted.
MAXIMUM_CONTROLS = 16

#: See L{takeApart}.
Parts = tuple[list[tuple[int, int]], list[int], int, bool, bool, list[bytes]]


def takeApart(
    datagrams: Sequence[bytes],
    conv: int,
    receiver: Receiver,
    controls: list[bytes],
    stats: SessionStats,
) -> Parts:
    """
    Hands PUSH segments to the receiver, and collects what the others say.  What is malformed is
    dropped and counted.

    @param conv: the conversation id.
    @param controls: what WASK and WINS segments carry as data is appended here.
    @return: (sn, ts) of the ACKs; the una values seen, runs of equal ones once; the last window,
        -1 if there was no segment; whether there was a segment, other than an ACK, that a peer
        might send now; whether there was a WASK; and the datagrams that do not begin with a
        segment of this conversation.
    """
    acks: list[tuple[int, int]] = []
    unas: list[int] = []
    lastUna = lastWindow = -1
    plausible = asked = False
    foreign: list[bytes] = []
    pushes = 0
    # A run of payloads in order is handed over at once; the rest goes one by one.
    run: list[bytes] = []
    runTs = 0
    inRuns = receiver.stream
    expected = receiver.next & MASK
    for datagram in datagrams:
        size = len(datagram)
        offset = 0
        while True:
            if size - offset < OVERHEAD:
                if offset:
                    stats.KCPInErrors += 1
                else:
                    foreign.append(datagram)
                break
            segmentConv, cmd, frg, window, ts, sn, una, length = unpackHeader(datagram, offset)
            start = offset + OVERHEAD
            offset = start + length
            if segmentConv != conv or not PUSH <= cmd <= WINS:
                if start == OVERHEAD:
                    foreign.append(datagram)
                else:
                    stats.KCPInErrors += 1
                break
            if offset > size:
                stats.KCPInErrors += 1
                break
            lastWindow = window
            if una != lastUna:
                lastUna = una
                unas.append(una)
            if cmd == PUSH:
                pushes += 1
                if inRuns and sn == expected:
                    run.append(datagram[start:offset])
                    runTs = ts
                    expected = (expected + 1) & MASK
                else:
                    if run:
                        receiver.extend(run, runTs)
                        run = []
                    if receiver.accept(sn, ts, frg, datagram[start:offset]):
                        plausible = True
                    expected = receiver.next & MASK
            elif cmd == ACK:
                acks.append((sn, ts))
            else:
                plausible = True
                asked = asked or cmd == WASK
                if length and len(controls) < MAXIMUM_CONTROLS:
                    controls.append(datagram[start:offset])
                elif length:
                    stats.KCPInErrors += 1
            if offset == size:
                break
    if run:
        receiver.extend(run, runTs)
        plausible = True
    stats.InSegs += pushes
    return acks, unas, lastWindow, plausible, asked, foreign


def isPlausible(following: int, unas: list[int], acks: list[tuple[int, int]], others: bool) -> bool:
    """
    Returns True if a batch had a plausible segment that acknowledges nothing but what may have been
    sent.

    @param following: the next sn to be sent.
    @param unas: the una values seen, as on the wire.
    @param acks: (sn, ts) of the ACKs, as on the wire.
    @param others: whether the batch had plausible segments of other kinds.
    """
    for una in unas:
        if (following - una) & MASK < HALF:
            break
    else:
        return False
    if others:
        return True
    return any((following - 1 - sn) & MASK < HALF for sn, _ in acks)


def readControl(datagram: bytes, conv: int, data: bytes) -> tuple[int, int, int]:
    """
    Returns cmd, window and una of a datagram that is one WASK or WINS with that data; cmd is 0 if
    it is anything else.

    @param conv: the conversation id.
    @param data: control data.
    """
    if len(datagram) != OVERHEAD + len(data):
        return 0, 0, 0
    found, cmd, _, window, _, _, una, length = unpackHeader(datagram, 0)
    isOne = found == conv and WASK <= cmd <= WINS and length == len(data)
    if not isOne or datagram[OVERHEAD:] != data:
        return 0, 0, 0
    return cmd, window, una
