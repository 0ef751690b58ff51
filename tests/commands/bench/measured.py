"""
Results, for the tests of what is made of them.
"""

from __future__ import annotations

from kcptwisted.commands.bench.results import Result
from kcptwisted.commands.bench.scenarios import SCENARIOS


def someResults() -> list[Result]:
    """
    @return: three rounds of an echo, many sessions that failed in the second round, and idle ones
        that failed at once.
    """
    echo = Result(SCENARIOS["echo"], "echo, 2 MB")
    echo.rounds += [{"rate": rate, "cpu": cpu} for rate, cpu in ((1234.5, 5), (250, 6), (40, 7.5))]
    many = Result(SCENARIOS["many"], "ping-pong, 5 sessions", failed="pingpong: gone")
    many.rounds.append({"rate": 12345.6, "p50": 3, "p99": 90.25, "cpu": 150.4})
    idle = Result(SCENARIOS["idle"], "5 idle sessions", failed="server: no room")
    return [echo, many, idle]
