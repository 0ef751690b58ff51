"""
Ends flows that are idle, or whose place is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from kcptwisted.services.relay.flowtable import FlowStats, FlowTable

Key = TypeVar("Key")
Value = TypeVar("Value")


class FlowOver(ConnectionDone):
    """
    The relay has ended the flow, in good order.
    """

    def __str__(self) -> str:
        return " ".join(map(str, self.args))


class FlowIdle(FlowOver):
    """
    Nothing moved in the flow for its idle time.
    """


class FlowEvicted(FlowOver):
    """
    There were as many flows as may be, and in this one nothing had moved for the longest time.
    """


class Flows(Generic[Key, Value]):
    """
    The flows of one side of a relay.

    @ivar stats: counts.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        idle: float,
        most: int,
        stats: FlowStats,
        end: Callable[[Value, Failure], object],
    ) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}.
        @param idle: seconds after which a flow in which nothing moved is over.
        @param most: flows.
        @param stats: counts.
        @param end: ends a flow, for a reason.
        """
        self.stats = stats
        self._reactor = reactor
        self._idle = idle
        self._most = most
        self._table: FlowTable[Key, Value] = FlowTable(idle, most)
        self._end = end
        self._timer: IDelayedCall | None = None

    def configure(self, idle: float, most: int) -> None:
        """
        Changes the limits from now on.
        """
        self._idle, self._most = idle, most
        self._table.configure(idle, most)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._plan()

    def __len__(self) -> int:
        return len(self._table)

    def get(self, key: Key) -> Value | None:
        """
        Returns the flow in which something moves now; None if there is none.
        """
        return self._table.get(key, self._reactor.seconds())

    def values(self) -> list[Value]:
        """
        Returns all flows.
        """
        return self._table.values()

    def add(self, key: Key, flow: Value) -> None:
        """
        Takes a newcomer.  If there is no room, ends the flow in which nothing has moved for the
        longest time.
        """
        for evicted in self._table.makeRoom():
            self.stats.evicted += 1
            if self.stats.evicted == 1:
                self._log.warn(
                    "More than {most} flows at once: from now on the longest idle one ends when"
                    " another begins (--max-flows)",
                    most=self._most,
                )
            self._end(evicted, Failure(FlowEvicted("another flow needed its place")))
        self.stats.opened += 1
        self._table.add(key, flow, self._reactor.seconds())
        self._plan()

    def remove(self, key: Key, flow: Value) -> None:
        """
        Forgets a flow that has ended.
        """
        self._table.remove(key, flow)
        if not self._table and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _plan(self) -> None:
        due = self._table.nextExpiry()
        if self._timer is None and due is not None:
            wait = max(due - self._reactor.seconds(), 0)
            self._timer = self._reactor.callLater(wait, self._expire)

    def _expire(self) -> None:
        self._timer = None
        for flow in self._table.expire(self._reactor.seconds()):
            self.stats.idle += 1
            self._end(flow, Failure(FlowIdle(f"no datagram for {self._idle:g} s")))
        self._plan()
