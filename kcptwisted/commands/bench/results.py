"""
What was measured: values of rounds, and what they come to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from kcptwisted.commands.bench.scenarios import Metric, Scenario


@dataclass(frozen=True)
class Figure:
    """
    One metric of a scenario, as measured.

    @ivar metric: what it is.
    @ivar rounds: the value of each round.
    """

    metric: Metric
    rounds: Sequence[float]

    @property
    def median(self) -> float:
        """
        The value that counts.
        """
        return median(self.rounds)


@dataclass
class Result:
    """
    What became of one scenario.

    @ivar scenario: which.
    @ivar title: of what was measured.
    @ivar rounds: what each round gave, by the keys of the metrics.
    @ivar failed: why it could not be measured to the end; empty if it could.
    """

    scenario: Scenario
    title: str
    rounds: list[dict[str, float]] = field(default_factory=list)
    failed: str = ""

    @property
    def figures(self) -> list[Figure]:
        """
        The metrics; none without a whole round.
        """
        if not self.rounds:
            return []
        return [
            Figure(metric, [one[metric.key] for one in self.rounds])
            for metric in self.scenario.metrics
        ]
