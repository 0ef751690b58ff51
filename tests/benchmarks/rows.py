"""
The rows of the tables: which quantity of which subjects, in which unit, and what is aimed at.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from tests.benchmarks.contenders import KCP_GO, OURS
from tests.benchmarks.results import Ratio, Record, Series, compare

#: By how much "no slower" may be missed: what the timers of both ends are late by differs more.
TOLERANCE = 0.02

#: By how much a setting must be worse than another one to be given up early.
MARGIN = 0.15


@dataclass(frozen=True)
class Unit:
    """
    How a quantity is shown.

    @ivar name: after the number.
    @ivar scale: what a value is multiplied by.
    @ivar more: whether more is better.
    """

    name: str
    scale: float = 1
    more: bool = False

    def show(self, value: float) -> str:
        """
        @return: three digits, or all before the point, and the unit.
        """
        return f"{digits(value * self.scale)} {self.name}".rstrip()


def digits(value: float) -> str:
    """
    @return: a number of three digits, or more where they stand before the point.
    """
    if value == 0:
        return "0"
    if value == inf:
        return "∞"
    size = abs(value)
    places = 0 if size >= 100 else 1 if size >= 10 else 2
    return f"{value:,.{places}f}"


RATE = Unit("MB/s", more=True)
MESSAGES = Unit("/s", more=True)
MICROSECONDS = Unit("µs")
MILLISECONDS = Unit("ms", 1e-3)
PERCENT = Unit("%", 100)
KIBIBYTES = Unit("KiB", 1 / 1024)
SECONDS = Unit("s")
COUNT = Unit("")
TIMES = Unit("×")

#: Of which more is better.
SHARE = Unit("", more=True)


@dataclass(frozen=True)
class Row:
    """
    One line of a table.

    @ivar title: for people.
    @ivar quantity: as the measurements call it.
    @ivar ratio: the least that is aimed at; 0 for nothing.  1 means no slower.
    @ivar most: the most that our value may be; None for anything.
    @ivar least: the least that it may be; None for anything.
    @ivar ours: the subject that is compared.
    @ivar theirs: the one that it is compared with, if it was measured.
    @ivar why: what the time goes to, by a profile, for people; shown where the target is missed.
    """

    title: str
    quantity: str
    unit: Unit
    ratio: float = 0
    most: float | None = None
    least: float | None = None
    ours: str = OURS
    theirs: str = KCP_GO
    why: str = ""

    @property
    def target(self) -> str:
        """
        What is aimed at, for people.
        """
        if self.most is not None:
            return f"≤ {self.unit.show(self.most)}"
        if self.least is not None:
            return f"≥ {self.unit.show(self.least)}"
        if self.ratio == 1:
            return "no slower"
        return f"≥ {self.ratio:g}×" if self.ratio else ""


@dataclass(frozen=True)
class Outcome:
    """
    What a row came to.

    @ivar theirs: the better series of the other implementation, if it was measured.
    @ivar ours: the better of ours.
    @ivar ratio: of the two.
    """

    row: Row
    ours: Series
    theirs: Series | None
    ratio: Ratio | None

    @property
    def met(self) -> bool | None:
        """
        Whether the target was met; None if there is none, or nothing to compare with.
        """
        if self.row.most is not None:
            return self.ours.median(self.row.quantity) <= self.row.most
        if self.row.least is not None:
            return self.ours.median(self.row.quantity) >= self.row.least
        if not self.row.ratio or self.ratio is None:
            return None
        least = 1 - TOLERANCE if self.row.ratio == 1 else self.row.ratio
        # As it is shown.
        return round(self.ratio.median, 2) >= least


def outcomesOf(rows: Iterable[Row], record: Record) -> list[Outcome]:
    """
    @return: what the rows came to whose subjects were measured.
    """
    there = {one.name for one in record.series}
    return [outcome(row, record) for row in rows if row.ours in there]


def hopeless(series: Iterable[Series], rows: Iterable[Row]) -> list[Series]:
    """
    @return: those with a setting that is much worse than another of the same name, in each row.
    """
    series, rows = list(series), list(rows)
    record = Record(False, {}, series)

    def isWorse(one: Series, row: Row) -> bool:
        best = record.best(one.name, row.quantity, row.unit.more)
        if best is None or not one.values.get(row.quantity):
            return True
        values = [each.median(row.quantity) for each in (one, best)]
        low, high = min(values), max(values)
        return low < high * (1 - MARGIN)

    return [one for one in series if rows and all(isWorse(one, row) for row in rows)]


def outcome(row: Row, record: Record) -> Outcome:
    """
    @return: what a row came to, each implementation with its better setting.
    @raise KeyError: if the subject of the row was not measured.
    """
    ours = record.best(row.ours, row.quantity, row.unit.more)
    if ours is None:
        raise KeyError(f"{row.title}: nothing of {row.ours}")
    theirs = record.best(row.theirs, row.quantity, row.unit.more)
    ratio = None
    if theirs is not None:
        values = theirs.values[row.quantity], ours.values[row.quantity]
        # Some have fewer rounds.
        common = min(map(len, values))
        ratio = compare(values[0][:common], values[1][:common], row.unit.more)
    return Outcome(row, ours, theirs, ratio)
