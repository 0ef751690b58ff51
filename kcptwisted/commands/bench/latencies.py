"""
Computes percentiles of round-trip times.
"""

from __future__ import annotations

from collections.abc import Sequence


def summarise(latencies: Sequence[int]) -> dict[str, float]:
    """
    Computes percentiles.

    @param latencies: nanoseconds; at least one.
    @return: the percentiles 50, 99 and 99.9 and the maximum, in microseconds.
    """
    ordered = sorted(latencies)
    count = len(ordered)
    places = {"p50": count // 2, "p99": count * 99 // 100, "p999": count * 999 // 1000}
    found = {f"{name}_us": ordered[place] / 1000 for name, place in places.items()}
    return {**found, "max_us": ordered[-1] / 1000}
