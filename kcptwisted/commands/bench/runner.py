"""
Measures scenario by scenario, round by round.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kcptwisted.commands.bench.processes import PeerFailed, Peers
from kcptwisted.commands.bench.results import Result
from kcptwisted.commands.bench.scenarios import Scenario, Settings


class Stopped(Exception):
    """
    The user has ended the run.
    """


class Watcher(Protocol):
    """
    Is told how far a run is.
    """

    def proceed(self, done: int, rounds: int, title: str) -> None:
        """
        A round begins.

        @param done: rounds before it, of all scenarios.
        @param rounds: all rounds of all scenarios.
        @param title: what is measured now.
        """


async def measure(
    peers: Peers, scenarios: Sequence[Scenario], settings: Settings, watcher: Watcher
) -> list[Result]:
    """
    @return: what became of each scenario.  One that fails is given up; the others go on.
    @raise Stopped: if the processes were ended from outside.
    """
    results: list[Result] = []
    total = sum(scenario.rounds(settings) for scenario in scenarios)
    done = 0
    for scenario in scenarios:
        rounds = scenario.rounds(settings)
        result = Result(scenario, scenario.describe(settings))
        results.append(result)
        for number in range(rounds):
            watcher.proceed(done + number, total, result.title)
            try:
                result.rounds.append(await scenario.measure(peers, settings))
            except PeerFailed as problem:
                if peers.stopped:
                    raise Stopped from None
                result.failed = str(problem)
                break
        done += rounds
    return results
