"""
What measurements found: kept in a file, and compared.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from math import inf
from pathlib import Path
from statistics import median
from typing import Any

#: Of the file; another one is not read.
VERSION = 1


class Traced(dict[str, float]):
    """
    What a measurement found, by quantity, and how some of it went over time.

    @ivar lines: by name, a value for each step of time.
    """

    lines: dict[str, list[float]]


@dataclass
class Series:
    """
    What one subject's rounds found.

    @ivar name: of the subject, such as an implementation.
    @ivar setting: what it ran with, of several of that name.
    @ivar values: by quantity, a value of each round.
    @ivar lines: time-lines by name, of one round, if there are any.
    """

    name: str
    setting: str = ""
    values: dict[str, list[float]] = field(default_factory=dict)
    lines: dict[str, list[float]] = field(default_factory=dict)

    def add(self, found: dict[str, float]) -> None:
        """
        Take another round; the time-lines of the first one are kept.
        """
        if isinstance(found, Traced) and not self.lines:
            self.lines = found.lines
        for quantity, value in found.items():
            self.values.setdefault(quantity, []).append(value)

    @property
    def rounds(self) -> int:
        """
        How many there were.
        """
        return max(map(len, self.values.values()), default=0)

    def median(self, quantity: str) -> float:
        """
        @return: of the rounds.
        """
        return median(self.values[quantity])


@dataclass
class Record:
    """
    What a scenario found.

    @ivar quick: whether the loads were small, and the figures so mean nothing.
    @ivar where: machine and versions, by what they are of.
    """

    quick: bool
    where: dict[str, str]
    series: list[Series]

    def best(self, name: str, quantity: str, more: bool) -> Series | None:
        """
        @param more: whether more is better.
        @return: of the series of that name the one with the best median; None if there is none.
        """
        found = [one for one in self.series if one.name == name and one.values.get(quantity)]
        choose = max if more else min
        return choose(found, key=lambda one: one.median(quantity)) if found else None


@dataclass(frozen=True)
class Ratio:
    """
    How much better one series is than another: above 1 where it is.

    @ivar median: of the ratios of each round.
    @ivar least: of them.
    @ivar most: of them.
    """

    median: float
    least: float
    most: float


def compare(theirs: Sequence[float], ours: Sequence[float], more: bool) -> Ratio:
    """
    @param theirs: a value of each round.
    @param ours: of the same rounds.
    @param more: whether more is better.
    @raise ValueError: if the rounds are not the same.
    """
    pairs = list(zip(ours, theirs, strict=True) if more else zip(theirs, ours, strict=True))
    ratios = [above / below if below else inf if above else 1 for above, below in pairs]
    return Ratio(median(ratios), min(ratios), max(ratios))


class Store:
    """
    The records of scenarios, by their names; written to a file whenever there is another.

    @ivar records: so far.
    """

    def __init__(self, path: Path | None) -> None:
        """
        @param path: None to keep them in memory only.
        """
        self._path = path
        self.records: dict[str, Record] = {}

    def load(self) -> None:
        """
        Take what the file has, if there is one.

        @raise ValueError: if it is none of ours.
        """
        if self._path is None or not self._path.exists():
            return
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            if found["version"] != VERSION:
                raise ValueError(f"{self._path} has version {found['version']}, not {VERSION}")
            records = {name: _record(one) for name, one in found["scenarios"].items()}
        except (KeyError, TypeError, json.JSONDecodeError) as problem:
            raise ValueError(f"{self._path} has no results: {problem!r}") from None
        self.records = records

    def keep(self, name: str, record: Record) -> None:
        """
        Take another record, in the place of an earlier one of the same scenario.
        """
        self.records[name] = record
        if self._path is not None:
            scenarios = {name: asdict(one) for name, one in self.records.items()}
            text = json.dumps({"version": VERSION, "scenarios": scenarios}, indent=1)
            # Whoever is interrupted finds the old file or the new one.
            fresh = self._path.with_name(self._path.name + ".new")
            fresh.write_text(text + "\n", encoding="utf-8")
            os.replace(fresh, self._path)

    def missing(self, names: Iterable[str]) -> list[str]:
        """
        @return: those of C{names} that have no record, or a quick one only.
        """
        return [name for name in names if name not in self.records or self.records[name].quick]


def _record(found: dict[str, Any]) -> Record:
    series = [Series(**one) for one in found["series"]]
    return Record(bool(found["quick"]), dict(found["where"]), series)
