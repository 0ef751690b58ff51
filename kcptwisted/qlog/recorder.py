"""
Turns what a connection does into events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kcptwisted.connection.connection import Connection
from kcptwisted.connection.events import Cause
from kcptwisted.connection.states import State
from kcptwisted.qlog.events import (
    Begun,
    Data,
    closed,
    congestionState,
    endpointInfo,
    event,
    header,
    metrics,
    packet,
)
from kcptwisted.qlog.file import RecordFile
from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import HALF, MASK, PUSH


class Recorder:
    """
    Writes the events of one connection.  Where nothing has changed nothing is written.
    """

    __slots__ = (
        "_began",
        "_connection",
        "_file",
        "_isOver",
        "_metrics",
        "_mtu",
        "_mtuOf",
        "_nextSn",
        "_now",
        "_phase",
        "_repeats",
        "_state",
        "_stats",
    )

    def __init__(
        self, begun: Begun, file: RecordFile, now: Callable[[], int], version: str
    ) -> None:
        """
        @param now: returns milliseconds.
        @param version: of this package.
        """
        self._file = file
        self._now = now
        self._began = now()
        self._connection: Connection | None = None
        self._isOver = False
        self._metrics: Data = {}
        self._mtu = 0
        self._mtuOf: Callable[[], int] = int
        self._phase = self._state = ""
        # The sn after the highest that was sent.
        self._nextSn: int | None = None
        self._stats = SessionStats()
        self._repeats = (0, 0, 0)
        file.write(header(begun, version))
        self._emit(
            "connection_started",
            {
                "local": endpointInfo(begun.local),
                "remote": endpointInfo(begun.remote),
                "conv": begun.conv,
            },
        )

    def watch(
        self,
        connection: Connection,
        stats: SessionStats,
        mtuOf: Callable[[], int],
        parameters: Data,
    ) -> None:
        """
        Takes note of the connection.

        @param mtuOf: returns the largest UDP payload that is sent.
        @param parameters: options.
        """
        self._connection = connection
        self._stats = stats
        self._mtuOf = mtuOf
        self._emit("parameters_set", parameters)
        self._look()

    def _emit(self, name: str, data: Data) -> None:
        self._file.write(event(self._now() - self._began, name, data))

    # Datagrams.

    def sent(self, datagrams: Iterable[bytes]) -> None:
        """
        Datagrams of segments leave.
        """
        trigger = self._trigger()
        for datagram in datagrams:
            data, segments = packet(datagram)
            for segment in segments:
                if segment.cmd == PUSH and self._isRepeat(segment.sn):
                    lost = {"header": {"conv": segment.conv, "sn": segment.sn}, **trigger}
                    self._emit("packet_lost", lost)
            self._emit("packet_sent", data)
        self._look()

    def received(self, datagrams: Iterable[bytes], recovered: bool = False) -> None:
        """
        Datagrams of segments arrive.

        @param recovered: FEC has rebuilt them.
        """
        for datagram in datagrams:
            data, _ = packet(datagram)
            if recovered:
                data["trigger"] = "fec"
            self._emit("packet_received", data)

    def taken(self) -> None:
        """
        The connection has taken what arrived.
        """
        self._look()

    def _isRepeat(self, sn: int) -> bool:
        if self._nextSn is None or (sn - self._nextSn) & MASK < HALF:
            self._nextSn = (sn + 1) & MASK
            return False
        return True

    def _trigger(self) -> Data:
        """
        Returns why the segments that leave were taken for lost, where all were for one reason.
        """
        stats = self._stats
        before = self._repeats
        now = self._repeats = (stats.FastRetransSegs, stats.LostSegs, stats.EarlyRetransSegs)
        names = ("reordering_threshold", "pto_expired", "probe")
        grown = [name for name, old, new in zip(names, before, now, strict=True) if new > old]
        return {"trigger": grown[0]} if len(grown) == 1 else {}

    # What has changed.

    def _look(self) -> None:
        connection = self._connection
        if connection is None or self._isOver:
            return
        state = connection.state.value
        if state != self._state:
            self._emit("connection_state_updated", {"old": self._state or None, "new": state})
            self._state = state
        if connection.state is State.CLOSED:
            return
        sender = connection.conversation.sender
        found = metrics(sender)
        changed = {name: value for name, value in found.items() if value != self._metrics.get(name)}
        if changed:
            self._metrics = found
            self._emit("metrics_updated", changed)
        phase = congestionState(sender)
        if phase != self._phase:
            self._emit("congestion_state_updated", {"old": self._phase or None, "new": phase})
            self._phase = phase
        mtu = self._mtuOf()
        if mtu != self._mtu:
            self._emit("mtu_updated", {"old": self._mtu or None, "new": mtu})
            self._mtu = mtu

    # The end.

    def ended(self, cause: Cause, reason: str) -> None:
        """
        The connection is over.

        @param reason: why, for people.
        """
        if self._isOver:
            return
        self._look()
        self._isOver = True
        counters = {name: value for name, value in self._stats.asDict().items() if value}
        self._emit("connection_closed", closed(cause, reason, counters))
        self._file.flush()
        self._connection = None
        self._mtuOf = int
