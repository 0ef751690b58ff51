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
    Shows the progress of a run.
    """

    def proceed(self, done: int, rounds: int, title: str) -> None:
        """
        Takes note that a round begins.

        @param done: how many rounds of all scenarios are done.
        @param rounds: how many rounds all scenarios have.
        @param title: what is measured now.
        """


async def measure(
    peers: Peers, scenarios: Sequence[Scenario], settings: Settings, watcher: Watcher
) -> list[Result]:
    """
    Measures scenarios.  A scenario that fails is not continued; the others are measured all the
    same.

    @param peers: starts the processes.
    @param scenarios: what to measure.
    @param settings: how much to measure.
    @param watcher: shows the progress.
    @return: the result of each scenario.
    @raise Stopped: if the user has ended the run.
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
