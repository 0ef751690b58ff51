"""
Which flows of datagrams are alive: a bounded number, each for as long as something moves in it.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(slots=True)
class FlowStats:
    """
    What the flows of one side of a relay did.

    @ivar opened: flows that began.
    @ivar idle: flows that ended because nothing moved in them.
    @ivar evicted: flows that ended because a newcomer needed their place.
    @ivar received: datagrams that arrived from the flows' peers.
    @ivar sent: datagrams that were sent to the flows' peers.
    @ivar overflowed: datagrams that arrived while the other side took nothing, or had just failed,
        and were dropped.
    @ivar tooLong: datagrams that were too long for what carries them, and were dropped.
    @ivar empty: datagrams without a byte where each must have one, and were dropped.
    @ivar refused: times that the network said that a peer cannot be reached, or takes nothing.
    @ivar mismatched: what arrived reliably at an unreliable side, or the other way round.
    """

    opened: int = 0
    idle: int = 0
    evicted: int = 0
    received: int = 0
    sent: int = 0
    overflowed: int = 0
    tooLong: int = 0
    empty: int = 0
    refused: int = 0
    mismatched: int = 0

    def __str__(self) -> str:
        return (
            f"flows: {self.opened}, of them idle {self.idle}, evicted {self.evicted};"
            f" datagrams: {self.received} received, {self.sent} sent;"
            f" dropped: {self.overflowed} that waited, {self.tooLong} too long,"
            f" {self.empty} empty, {self.mismatched} that came in the other mode"
        )


class FlowTable(Generic[Key, Value]):
    """
    The flows in the order in which something last moved in them.
    """

    def __init__(self, idle: float, most: int) -> None:
        """
        @param idle: seconds after which a flow in which nothing moved is over.
        @param most: flows.
        """
        self._idle = idle
        self._most = most
        self._flows: OrderedDict[Key, tuple[Value, float]] = OrderedDict()

    def configure(self, idle: float, most: int) -> None:
        """
        Changes the limits from now on.
        """
        self._idle, self._most = idle, most

    def __len__(self) -> int:
        return len(self._flows)

    def values(self) -> list[Value]:
        """
        Returns the flows.
        """
        return [flow for flow, _ in self._flows.values()]

    def get(self, key: Key, now: float) -> Value | None:
        """
        Returns the flow in which something moves now; None if there is none.

        @param now: seconds.
        """
        found = self._flows.get(key)
        if found is None:
            return None
        self._flows[key] = found[0], now
        self._flows.move_to_end(key)
        return found[0]

    def makeRoom(self) -> list[Value]:
        """
        Forgets and returns what must end before there is room for a newcomer: what was idle for the
        longest time.
        """
        evicted = []
        while len(self._flows) >= self._most:
            _, (flow, _) = self._flows.popitem(last=False)
            evicted.append(flow)
        return evicted

    def add(self, key: Key, flow: Value, now: float) -> None:
        """
        Takes a newcomer.
        """
        self._flows[key] = flow, now
        self._flows.move_to_end(key)

    def remove(self, key: Key, flow: Value) -> None:
        """
        Forgets a flow, if it is still the one of that key.
        """
        found = self._flows.get(key)
        if found is not None and found[0] is flow:
            del self._flows[key]

    def expire(self, now: float) -> list[Value]:
        """
        Forgets and returns the flows that are idle.
        """
        expired = []
        while self._flows:
            key, (flow, last) = next(iter(self._flows.items()))
            if last + self._idle > now:
                break
            del self._flows[key]
            expired.append(flow)
        return expired

    def nextExpiry(self) -> float | None:
        """
        Returns when the first flow will be idle, as far as is known now, in seconds; None if there
        are no flows.
        """
        for _, last in self._flows.values():
            return last + self._idle
        return None


class Pauses(Generic[Key]):
    """
    Which senders must wait because their flow has just failed.
    """

    def __init__(self, length: float, most: int) -> None:
        """
        @param length: of a pause, seconds.
        @param most: pauses that are remembered at once.
        """
        self._length = length
        self._most = most
        self._until: OrderedDict[Key, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._until)

    def add(self, key: Key, now: float) -> None:
        """
        Begins a pause.
        """
        self._until[key] = now + self._length
        self._until.move_to_end(key)
        while len(self._until) > self._most or next(iter(self._until.values())) <= now:
            self._until.popitem(last=False)

    def holds(self, key: Key, now: float) -> bool:
        """
        Returns True if a pause is not over.
        """
        return self._until.get(key, now) > now
