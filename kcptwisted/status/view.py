"""
The state of a program's ports and sessions, as it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import nlargest, nsmallest
from typing import Any, Final

from kcptwisted.accounts import Account, Accounts, End
from kcptwisted.status.columns import BY_KEY, COLUMNS, RATES, Column, Seen, Value
from kcptwisted.status.query import Query
from kcptwisted.udp.addresses import showAddress, toAddress

#: Counters of ports that are shown: the key, and the counter's name.
PORT_COUNTERS: Final = {
    "opened": "ActiveOpens",
    "accepted": "PassiveOpens",
    "in": "InBytes",
    "out": "OutBytes",
    "unreadable": "InCsumErrors",
    "refused": "RefusedFull",
    "dropped": "OutDropped",
}

#: How many ends are shown.
ENDS: Final = 50

#: When bytes were counted, seconds; that came, and that left.
_Mark = tuple[float, int, int]


def rowOf(seen: Seen) -> list[Value]:
    """
    Returns a row: the session's key, and its cells.
    """
    return [seen.key, *(column.of(seen) for column in COLUMNS)]


def columnsShown() -> list[dict[str, str]]:
    """
    Returns what the columns are.
    """
    return [{"key": each.key, "label": each.label, "unit": each.unit} for each in COLUMNS]


def _order(column: Column) -> Callable[[Seen], Any]:
    """
    Returns what rows are sorted by; what is not known is less than all else.
    """

    def key(seen: Seen) -> tuple[bool, Any]:
        value = column.of(seen)
        return (value is not None, value)

    return key


class View:
    """
    One look after the other, by one who looks.  What a rate is can be said from the second on.
    """

    def __init__(self, accounts: Accounts, seconds: Callable[[], float]) -> None:
        """
        @param accounts: of what is shown.
        @param seconds: gives the time.
        """
        self._accounts = accounts
        self._seconds = seconds
        self._marks: dict[str, _Mark] = {}
        self._portMarks: dict[str, _Mark] = {}

    def look(self, query: Query) -> dict[str, Any]:
        """
        Returns what there is now, for JSON.
        """
        now = self._seconds()
        accounts = self._accounts.all()
        seen = [
            Seen(session, account.name, socket.clock.now())
            for account in accounts
            for socket in account.sockets
            for session in socket.counted()
        ]
        marks: dict[str, _Mark] = {}
        if query.sort in RATES:
            self._rate(seen, now, marks)
        found = [each for each in seen if self._isFound(each, query.find)]
        rows = self._page(found, query)
        watched = [each for each in seen if query.watch and each.key == query.watch]
        if query.sort not in RATES:
            self._rate([*rows, *watched], now, marks)
        self._marks = marks
        return {
            "time": now,
            "ports": self._ports(accounts, now),
            "live": len(seen),
            "found": len(found),
            "page": query.page,
            "rows": [rowOf(each) for each in rows],
            "watch": rowOf(watched[0]) if watched else None,
            "ends": self._ends(accounts, now),
        }

    def _isFound(self, seen: Seen, text: str) -> bool:
        if not text:
            return True
        session = seen.session
        shown = (seen.peer, seen.port, f"{session.conv:08x}", session.options.cipher.name)
        return any(text in each.lower() for each in shown)

    def _page(self, found: list[Seen], query: Query) -> list[Seen]:
        """
        Returns the rows of the page, in order.
        """
        first = query.page * query.rows
        choose = nlargest if query.descending else nsmallest
        return choose(first + query.rows, found, _order(BY_KEY[query.sort]))[first:]

    def _rate(self, sessions: Iterable[Seen], now: float, marks: dict[str, _Mark]) -> None:
        """
        Says how fast sessions were since the last look.

        @param marks: is given what the next look needs.
        """
        for each in sessions:
            stats = each.session.stats
            key = each.key
            marks[key] = mark = (now, stats.InBytes, stats.OutBytes)
            former = self._marks.get(key)
            if former is not None and former[0] < now:
                each.rateIn, each.rateOut = _rates(former, mark)

    def _ports(self, accounts: list[Account], now: float) -> list[dict[str, Any]]:
        shown = []
        for account in accounts:
            counts = {key: account.portTotal(name) for key, name in PORT_COUNTERS.items()}
            mark = (now, counts["in"], counts["out"])
            former = self._portMarks.get(account.name)
            isLater = former is not None and former[0] < now
            rates = _rates(former, mark) if former is not None and isLater else (None, None)
            self._portMarks[account.name] = mark
            live = sum(len(socket.counted()) for socket in account.sockets)
            rate = {"rateIn": rates[0], "rateOut": rates[1]}
            shown.append({"name": account.name, "live": live, **counts, **rate})
        return shown

    def _ends(self, accounts: list[Account], now: float) -> list[dict[str, Any]]:
        """
        Returns the last ends, the latest first.
        """
        ends = [(end, account.name) for account in accounts for end in account.recent]
        ends.sort(key=lambda each: each[0].when, reverse=True)
        return [_endShown(end, name, now) for end, name in ends[:ENDS]]


def _rates(former: _Mark, mark: _Mark) -> tuple[float, float]:
    passed = mark[0] - former[0]
    return (mark[1] - former[1]) / passed, (mark[2] - former[2]) / passed


def _endShown(end: End, port: str, now: float) -> dict[str, Any]:
    return {
        "ago": now - end.when,
        "peer": showAddress(toAddress(end.peer)),
        "port": port,
        "conv": f"{end.conv:08x}",
        "lived": end.lived,
        "reason": end.reason,
        "text": end.text,
        "in": end.stats.BytesReceived,
        "out": end.stats.BytesSent,
    }
