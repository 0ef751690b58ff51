"""
The counters, as C{--snmplog} writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

#: The columns after the time, in kcp-go's order.
COLUMNS = (
    "BytesSent", "BytesReceived", "MaxConn", "ActiveOpens", "PassiveOpens", "CurrEstab", "InErrs",
    "InCsumErrors", "KCPInErrors", "InPkts", "OutPkts", "InSegs", "OutSegs", "InBytes", "OutBytes",
    "RetransSegs", "FastRetransSegs", "EarlyRetransSegs", "LostSegs", "RepeatSegs",
    "FECParityShards", "FECErrs", "FECRecovered", "FECShortShards",
)  # fmt: skip

#: Go writes a layout as this moment: 2006-01-02 15:04:05.
_LAYOUT = (
    ("2006", "%Y"), ("01", "%m"), ("02", "%d"), ("15", "%H"), ("04", "%M"), ("05", "%S"),
)  # fmt: skip


def timeLayout(path: str) -> str:
    """
    Returns the name of a file with Go's layout of times in it, for C{time.strftime}.  The
    directories stay as they are.
    """
    directory, slash, name = path.rpartition("/")
    name = name.replace("%", "%%")
    for go, ours in _LAYOUT:
        name = name.replace(go, ours)
    return directory.replace("%", "%%") + slash + name


class Totals:
    """
    Adds up counters of sockets that come and go: those that have gone count on.
    """

    def __init__(self) -> None:
        self._gone = dict.fromkeys(COLUMNS, 0)

    def retire(self, counters: Mapping[str, int]) -> None:
        """
        Keeps the last counters of a socket.
        """
        for name in COLUMNS:
            if name != "CurrEstab":
                self._gone[name] += counters.get(name, 0)

    def sum(self, counters: Iterable[Mapping[str, int]]) -> dict[str, int]:
        """
        Returns the sum of what has gone and of C{counters}.
        """
        total = dict(self._gone)
        for one in counters:
            for name in COLUMNS:
                total[name] += one.get(name, 0)
        return total


def row(cells: Sequence[object]) -> str:
    """
    Returns one line of CSV.
    """
    return ",".join(map(str, cells)) + "\n"


HEADER = row(("Unix", *COLUMNS))


def line(now: float, totals: Mapping[str, int]) -> str:
    """
    Returns a line of counters.

    @param now: seconds since 1970.
    """
    return row((int(now), *(totals[name] for name in COLUMNS)))
