"""
Which options suit a path.
"""

from __future__ import annotations

from math import comb
from typing import NamedTuple

from kcptwisted.commands.probe.findings import Findings
from kcptwisted.commands.probe.trains import mbit
from kcptwisted.wire.segment import OVERHEAD

#: Data shards of a group.
DATA_SHARDS = 10

#: Parity shards at most.
MOST_PARITY = 20

#: The share of groups that FEC may leave incomplete.
INCOMPLETE = 0.01

#: Below this share of losses, not much is gained by doing anything about them.
HARDLY, MUCH = 0.005, 0.02

#: Where a lost segment is sent again within this time, FEC is not worth its bytes; seconds.
QUICK = 0.02

#: Below this rate, ACKs each 10 ms are a good part of it; bits a second.
SLOW = 1e6

#: The default of C{sendWindow=} is enough up to this, segments.
USUAL_WINDOW = 8192


class Advice(NamedTuple):
    """
    One piece of advice.

    @ivar options: as in an endpoint string; empty if there is nothing to set.
    @ivar reason: why, in a line.
    """

    options: dict[str, str]
    reason: str


def parityFor(loss: float) -> int:
    """
    Returns how many parity shards to add to L{DATA_SHARDS}.

    @param loss: the share of datagrams that is lost.
    """
    for parity in range(1, MOST_PARITY):
        if _incomplete(DATA_SHARDS + parity, parity, loss) <= INCOMPLETE:
            return parity
    return MOST_PARITY


def _incomplete(total: int, parity: int, loss: float) -> float:
    """
    Returns how likely more than C{parity} of C{total} are lost.
    """
    return 1 - sum(
        comb(total, lost) * loss**lost * (1 - loss) ** (total - lost) for lost in range(parity + 1)
    )


def advise(found: Findings) -> list[Advice]:
    """
    Returns what suits, as far as it is known.
    """
    if found.roundTrips is None or found.loss is None:
        return []
    return [_mode(found), _fec(found), *_mtu(found), *_windows(found)]


def _share(loss: float) -> str:
    return f"{loss:.1%}".replace("%", " %")


def _mode(found: Findings) -> Advice:
    assert found.loss is not None
    loss = found.loss.worst
    if loss < HARDLY:
        return Advice({"mode": "fast"}, "hardly anything is lost, and fewer ACKs cost less")
    if loss < MUCH:
        return Advice({"mode": "fast2"}, f"{_share(loss)} is lost: timeouts are to be short")
    if found.isLimit and found.rate is not None and found.rate < SLOW:
        return Advice(
            {"mode": "fast2"},
            f"{_share(loss)} is lost, but the ACKs of fast3 would fill a good part of"
            f" {mbit(found.rate)}",
        )
    return Advice({"mode": "fast3"}, f"{_share(loss)} is lost: ACKs are to tell of it at once")


def _fec(found: Findings) -> Advice:
    assert found.loss is not None and found.roundTrips is not None
    loss, trip = found.loss.worst, found.roundTrips.median
    if loss < HARDLY:
        return Advice({}, "no FEC: hardly anything is lost")
    if trip < QUICK:
        return Advice({}, f"no FEC: what is lost is there again {1000 * trip:.0f} ms later")
    parity = parityFor(loss)
    return Advice(
        {"dataShards": str(DATA_SHARDS), "parityShards": str(parity)},
        f"{_share(loss)} is lost, and all but 1 % of such groups need not wait another"
        f" {1000 * trip:.0f} ms; the server needs FEC, too",
    )


def _mtu(found: Findings) -> list[Advice]:
    if found.mtu is None:
        return []
    if found.isOurs:
        return [Advice({}, f"no mtu: both ends find the {found.mtu} bytes by themselves")]
    return [
        Advice(
            {"mtu": str(found.mtu)},
            "the path carries that much; the server's mtu is to be no more",
        )
    ]


def _windows(found: Findings) -> list[Advice]:
    if found.rate is None or found.roundTrips is None:
        return []
    size = (found.mtu or 1400) - OVERHEAD
    trip = found.roundTrips.median
    needed = found.rate * trip / 8 / size
    advice = []
    if 2 * needed > USUAL_WINDOW:
        window = min(2 * round(needed), 65535)
        advice.append(
            Advice(
                {"sendWindow": str(window), "receiveWindow": str(window)},
                f"{mbit(found.rate)} over {1000 * trip:.0f} ms is {needed:.0f} segments",
            )
        )
    if not found.isOurs and found.window is not None and found.window < needed:
        most = mbit(8 * found.window * size / trip)
        advice.append(
            Advice(
                {},
                f"the server's receive window of {found.window} segments limits a connection to"
                f" {most}: it is to be {round(2 * needed)}",
            )
        )
    return advice
