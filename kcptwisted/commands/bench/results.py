"""
Results: the values of rounds, and their medians.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from kcptwisted.commands.bench.scenarios import Metric, Scenario


@dataclass(frozen=True)
class Figure:
    """
    The measured values of one metric.

    @ivar metric: the metric.
    @ivar rounds: the value of each round.
    """

    metric: Metric
    rounds: Sequence[float]

    @property
    def median(self) -> float:
        """
        The median of all rounds.
        """
        return median(self.rounds)


@dataclass
class Result:
    """
    The result of one scenario.

    @ivar scenario: the scenario.
    @ivar title: what was measured, for people.
    @ivar rounds: the values of each round, by the keys of the metrics.
    @ivar failed: why the measurement failed; empty if it did not.
    """

    scenario: Scenario
    title: str
    rounds: list[dict[str, float]] = field(default_factory=list)
    failed: str = ""

    @property
    def figures(self) -> list[Figure]:
        """
        The values of all metrics; empty if no round was completed.
        """
        if not self.rounds:
            return []
        return [
            Figure(metric, [one[metric.key] for one in self.rounds])
            for metric in self.scenario.metrics
        ]
