"""
The results for people.
"""

from __future__ import annotations

from collections.abc import Sequence

from kcptwisted.commands.probe.advice import Advice
from kcptwisted.commands.probe.findings import Findings
from kcptwisted.commands.probe.statistics import Loss
from kcptwisted.commands.probe.trains import mbit

#: Columns of the names.
_WIDTH = 11

#: The peer answers at once, as far as this can be seen; seconds.
_AT_ONCE = 0.006


def announcement(where: str, seconds: float, size: int) -> str:
    """
    Returns what is said before anything is sent.

    @param where: the server.
    @param seconds: to measure at most.
    @param size: bytes to send at most.
    """
    return (
        f"probe of {where}: sends at most {size / 1e6:g} MB within {seconds:g} s, headers"
        " included; the answers take less"
    )


def _ms(seconds: float) -> str:
    value = 1000 * seconds
    return f"{value:.{2 if value < 10 else 1}f}"


def _row(name: str, text: str) -> str:
    return f"{name:{_WIDTH}} {text}"


def _rest(text: str) -> str:
    return f"{'':{_WIDTH}} {text}"


def reportLines(found: Findings) -> list[str]:
    """
    Returns what was found.
    """
    lines = []
    if found.connected is not None:
        whose = "kcptwisted" if found.isOurs else "a KCP without kcptwisted's control frames"
        lines.append(_row("server", f"{whose}, connected in {_ms(found.connected)} ms"))
    lines += _tripLines(found)
    if found.loss is not None:
        lines += _lossLines(found.loss)
    if found.mtu is not None or found.mtuWhy:
        known = "unknown" if found.mtu is None else f"{found.mtu} bytes of UDP payload"
        lines.append(_row("path MTU", _because(known, found.mtuWhy)))
    if found.rate is not None or found.rateWhy:
        known = "unknown"
        if found.rate is not None:
            known = f"{'about' if found.isLimit else 'at least'} {mbit(found.rate)} there"
        lines.append(_row("rate", _because(known, found.rateWhy)))
        lines.append(_rest("the rate back cannot be told: only ACKs come back"))
    lines.append(
        _row(
            "traffic",
            f"{found.spent / 1e6:.2f} MB sent, {found.received / 1e6:.2f} MB of answers received",
        )
    )
    return lines


def _because(text: str, why: str) -> str:
    return f"{text}: {why}" if why else text


def _tripLines(found: Findings) -> list[str]:
    trips = found.roundTrips
    if trips is None:
        return [_row("round trip", "unknown: no probe was answered")]
    lines = [
        _row(
            "round trip",
            f"min {_ms(trips.minimum)}, median {_ms(trips.median)}, p90 {_ms(trips.p90)},"
            f" p99 {_ms(trips.p99)} ms, of {trips.count}",
        )
    ]
    if found.interval is not None:
        lines.append(
            _rest(
                "the server seems to acknowledge at once"
                if found.interval < _AT_ONCE
                else f"of it up to {1000 * found.interval:.0f} ms or so are the server's, which"
                " gathers ACKs for so long"
            )
        )
    lines.append(_row("jitter", f"{_ms(trips.jitter)} ms, of round trips (RFC 3550)"))
    return lines


def _lossLines(loss: Loss) -> list[str]:
    if loss.there is None or loss.back is None:
        lines = [_row("loss", f"{_percent(loss.both)} there and back, of {loss.sent}")]
        if loss.both:
            lines.append(_rest(f"which way cannot be told: {loss.why}"))
        return lines
    both = f"{_percent(loss.there)} there, {_percent(loss.back)} back, of {loss.sent}"
    lines = [_row("loss", both)]
    if loss.there or loss.back:
        lines.append(_rest("where several in a row are lost, that counts as lost on the way back"))
    return lines


def _percent(share: float) -> str:
    return f"{100 * share:.{1 if share else 0}f} %"


def adviceLines(endpoint: str, advice: Sequence[Advice]) -> list[str]:
    """
    Returns what suits, and why.

    @param endpoint: the string with all that is advised.
    """
    lines = ["", "What suits:", f"    {endpoint}"]
    for each in advice:
        options = ":".join(f"{name}={value}" for name, value in each.options.items())
        lines.append(f"    - {options}: {each.reason}" if options else f"    - {each.reason}")
    return lines
