"""
What is shown of each session.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from kcptwisted.session.figures import Figures
from kcptwisted.session.session import KCPSession
from kcptwisted.udp.addresses import showAddress, toAddress

#: What a cell may hold.
Value = str | float | None


class Seen:
    """
    A session, as it is looked at.

    @ivar port: the name of its port's account.
    @ivar rateIn: bytes a second that came lately; None if that is not known yet.
    @ivar rateOut: likewise, that left.
    """

    __slots__ = ("_now", "figures", "port", "rateIn", "rateOut", "session")

    def __init__(self, session: KCPSession, port: str, now: int) -> None:
        """
        @param now: milliseconds, by the session's clock.
        """
        self.session = session
        self.figures = Figures(session)
        self.port = port
        self._now = now
        self.rateIn: float | None = None
        self.rateOut: float | None = None

    @property
    def key(self) -> str:
        """
        What names it, among all that live.
        """
        return f"{self.session.conv:08x}@{self.peer}"

    @property
    def peer(self) -> str:
        """
        The peer's address.
        """
        return showAddress(toAddress(self.session.address))

    @property
    def age(self) -> float:
        """
        Seconds since it began.
        """
        return (self._now - self.session.began) / 1000


class Column(NamedTuple):
    """
    One column of the table.

    @ivar key: names it in queries.
    @ivar label: its heading.
    @ivar unit: of its numbers: C{ms}, C{s}, C{B}, C{B/s}, C{bytes} (in full), C{share} of one, or
        none.
    @ivar of: gives its cell.
    """

    key: str
    label: str
    unit: str
    of: Callable[[Seen], Value]


def _share(part: int, of: int) -> float | None:
    return part / of if of else None


def _resent(seen: Seen) -> float | None:
    stats = seen.session.stats
    return _share(stats.RetransSegs, stats.OutSegs)


def _recovered(seen: Seen) -> float | None:
    stats = seen.session.stats
    return _share(stats.FECRecovered, stats.FECDataShards + stats.FECRecovered)


def _window(seen: Seen) -> int:
    figures = seen.figures
    most = min(figures.sendWindow, figures.peerWindow) * seen.session.connection.settings.arq.mtu
    return min(figures.congestionWindow or most, most)


def _congestion(seen: Seen) -> str:
    figures = seen.figures
    phase = figures.congestionPhase
    return f"{figures.congestion}: {phase}" if phase else figures.congestion


COLUMNS: Final = [
    Column("peer", "Peer", "", lambda seen: seen.peer),
    Column("port", "Port", "", lambda seen: seen.port),
    Column("conv", "Conversation", "", lambda seen: f"{seen.session.conv:08x}"),
    Column("age", "Age", "s", lambda seen: seen.age),
    Column("cipher", "Cipher", "", lambda seen: seen.session.options.cipher.name),
    Column("rtt", "RTT", "ms", lambda seen: seen.figures.smoothedRTT),
    Column("variance", "RTT variance", "ms", lambda seen: seen.figures.rttVariance),
    Column("rto", "RTO", "ms", lambda seen: seen.figures.retransmissionTimeout),
    Column("window", "Window", "B", _window),
    Column("inflight", "In flight", "B", lambda seen: seen.figures.bytesInFlight),
    Column("queue", "Queue", "B", lambda seen: seen.figures.queuedBytes),
    Column("in", "In", "B/s", lambda seen: seen.rateIn),
    Column("out", "Out", "B/s", lambda seen: seen.rateOut),
    Column("resent", "Sent again", "share", _resent),
    Column("recovered", "Recovered by FEC", "share", _recovered),
    Column("mtu", "Path MTU", "bytes", lambda seen: seen.figures.mtu),
    Column("congestion", "Congestion control", "", _congestion),
]

BY_KEY: Final = {column.key: column for column in COLUMNS}

#: Columns that need two looks.
RATES: Final = ("in", "out")
