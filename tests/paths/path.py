"""
A path and the connections over it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from kcptwisted.options import KCPOptions
from kcptwisted.testing.bottleneck import Bottleneck, QueueingDelays
from kcptwisted.testing.link import Link, LinkModel
from tests.connection.datagrams import CONV
from tests.paths.ends import End
from tests.paths.events import Events
from tests.paths.flows import INTERVAL, Flow


class Path:
    """
    A path with a bottleneck each way, and the flows over it.

    @ivar lines: the bottlenecks: forward, which flows send over unless they are C{backward}, and
        back.
    @ivar events: what happens when.
    @ivar flows: in the order of their making.
    @ivar queueing: seconds that a datagram would wait at the forward line, for each L{INTERVAL}.
    """

    def __init__(
        self,
        rate: float,
        queue: int,
        delay: float,
        loss: float = 0.0,
        back: tuple[float, int] | None = None,
        seed: int = 1,
        grain: float = 0.0,
    ) -> None:
        """
        @param rate: bytes a second, IP headers included.
        @param queue: bytes.
        @param delay: seconds each way.
        @param loss: the share of datagrams that are lost at random, each way.
        @param back: rate and queue of the way back, if they are different.
        @param grain: see L{Events}.
        """
        self.events = Events(grain)
        self.lines = [Bottleneck(rate, queue), Bottleneck(*(back or (rate, queue)))]
        self.flows: list[Flow] = []
        self.queueing: list[float] = []
        self._random = Random(seed)
        self._delay, self._loss = delay, loss
        self._passed = self._since = 0.0
        self._ways: list[LinkModel] = []
        self.events.at(0, self._sample)

    def flow(
        self,
        options: KCPOptions,
        begin: Callable[[Flow], object] = Flow.bulk,
        start: float = 0.0,
        backward: bool = False,
        delay: float | None = None,
    ) -> Flow:
        """
        Adds a flow.

        @param begin: is called with it when it starts.
        @param start: seconds.
        @param backward: it sends over the way back.
        @param delay: seconds each way, if they are different.
        """
        ends = []
        for line in self.lines[::-1] if backward else self.lines:
            link = Link(
                delay=self._delay if delay is None else delay, loss=self._loss, bottleneck=line
            )
            way = LinkModel(link, Random(self._random.random()), self.events.seconds)
            self._ways.append(way)
            ends.append(End(self.events, options, way, CONV + len(self.flows)))
        flow = Flow(self.events, ends[0], ends[1], start)
        flow.backward = backward
        self.flows.append(flow)
        self.events.at(start, lambda: begin(flow))
        return flow

    def changeAt(self, seconds: float, rate: float) -> None:
        """
        Changes the rate of the forward line at a time.
        """

        def change() -> None:
            self._passed, self._since = self._capacity(), self.events.seconds()
            self.lines[0].rate = rate

        self.events.at(seconds, change)

    def change(self, delay: float, loss: float) -> None:
        """
        Changes the path of all flows that there are.

        @param delay: seconds each way.
        @param loss: the share of datagrams that are lost at random, each way.
        """
        for way in self._ways:
            way.link = replace(way.link, delay=delay, loss=loss)

    def newDelays(self) -> QueueingDelays:
        """
        Begins to count the queueing delays of the forward line anew.
        """
        self.lines[0].delays = QueueingDelays()
        return self.lines[0].delays

    def run(self, seconds: float) -> None:
        """
        Goes on until so many seconds since the beginning have passed.
        """
        self.events.runUntil(lambda: False, seconds)

    def runUntilFinished(self, limit: float) -> None:
        """
        Goes on until all flows have delivered their bytes, or so many seconds since the beginning
        have passed.
        """
        self.events.runUntil(lambda: self.finished, limit)

    def _sample(self) -> None:
        for flow in self.flows:
            flow.sample()
        self.queueing.append(self.lines[0].queueingDelay(self.events.seconds()))
        self.events.at(self.events.seconds() + INTERVAL, self._sample)

    @property
    def finished(self) -> bool:
        """
        Whether all flows have delivered their bytes.
        """
        return all(flow.finished is not None for flow in self.flows if flow.delivers)

    @property
    def delivered(self) -> int:
        """
        Bytes that the flows over the forward line have delivered.
        """
        return sum(flow.delivered for flow in self.flows if not flow.backward)

    @property
    def sent(self) -> float:
        """
        Bytes that were offered to the forward line for each byte that its flows have delivered.
        """
        return self.lines[0].offeredBytes / max(self.delivered, 1)

    @property
    def offered(self) -> float:
        """
        Bytes that were offered to the forward line for each byte that it could have passed.
        """
        return self.lines[0].offeredBytes / max(self._capacity(), 1.0)

    @property
    def goodput(self) -> float:
        """
        Bytes delivered for each byte that the forward line could have passed.
        """
        return self.delivered / max(self._capacity(), 1.0)

    def _capacity(self) -> float:
        return self._passed + (self.events.seconds() - self._since) * self.lines[0].rate

    @property
    def dropped(self) -> float:
        """
        The share of datagrams that found the forward line's queue full.
        """
        return self.lines[0].dropped / max(self.lines[0].offered, 1)


def jain(rates: list[float]) -> float:
    """
    @return: Jain's fairness index: 1 if all rates are equal, 1/n if one has all.
    """
    return sum(rates) ** 2 / (len(rates) * sum(rate * rate for rate in rates) or 1)
