"""
The results for programs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kcptwisted.commands.probe.advice import Advice
from kcptwisted.commands.probe.findings import Findings, Records


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(1000 * seconds, 3)


def document(
    found: Findings,
    records: Records,
    endpoint: str | None,
    advice: Sequence[Advice],
    problem: str | None,
    interrupted: bool,
) -> dict[str, Any]:
    """
    Returns one object: times in milliseconds, rates in bits a second of UDP payload, shares from 0
    to 1, null for what is not known.

    @param endpoint: the string that suits.
    @param problem: why it ended early, if it did.
    """
    trips, loss = found.roundTrips, found.loss
    return {
        "connected": _ms(found.connected),
        "kcptwisted": found.isOurs,
        "roundTrip": trips
        and {
            "count": trips.count,
            "min": _ms(trips.minimum),
            "median": _ms(trips.median),
            "p90": _ms(trips.p90),
            "p99": _ms(trips.p99),
        },
        "jitter": trips and _ms(trips.jitter),
        "interval": _ms(found.interval),
        "loss": loss
        and {
            "sent": loss.sent,
            "both": loss.both,
            "there": loss.there,
            "back": loss.back,
            "why": loss.why,
        },
        "mtu": found.mtu,
        "mtuWhy": found.mtuWhy,
        "rate": found.rate,
        "rateIsLimit": found.isLimit,
        "rateWhy": found.rateWhy,
        "trains": [
            {
                "planned": train.rate,
                "sent": train.sent,
                "delivered": train.delivered,
                "loss": train.loss,
                "growth": _ms(train.growth),
            }
            for train in records.trains
        ],
        "window": found.window,
        "bytesSent": found.spent,
        "bytesReceived": found.received,
        "endpoint": endpoint,
        "advice": [{"options": each.options, "reason": each.reason} for each in advice],
        "problem": problem,
        "interrupted": interrupted,
    }
