"""
Measures the path of one connection, step by step.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

from twisted.internet.task import deferLater

from kcptwisted.commands.probe.findings import Records
from kcptwisted.commands.probe.layer import ProbeLayer
from kcptwisted.commands.probe.records import Probe
from kcptwisted.commands.probe.sizes import COMMON, SizeSearch, triesFor
from kcptwisted.commands.probe.statistics import (
    intervalOf,
    lossOf,
    roundTripsOf,
)
from kcptwisted.commands.probe.trains import (
    FEWEST,
    FIRST_RATE,
    Train,
    durationOf,
    limitOf,
    mbit,
)
from kcptwisted.udp.addresses import isIPv6

#: Probes of a group, and the most groups.
GROUP, GROUPS = 4, 150

#: Of all seconds, how many go to round trips; of all bytes, how many at most.
TRIPS_TIME, TRIPS_BYTES = 0.35, 0.1

#: Of all bytes, how many sizes may take.
SIZES_BYTES = 0.4

#: Seconds of the run that shows the peer's interval, and between two of its probes.
RUN, RUN_GAP = 0.5, 0.004

#: If nothing comes of so many groups, nothing will.
SILENT_GROUPS = 20

#: Seconds between two looks for an answer.
LOOK = 0.01

#: Seconds between two probes of different sizes.
SIZES_GAP = 0.004

#: The largest UDP payloads over IPv4's and IPv6's usual links.
LARGEST_IPV4, LARGEST_IPV6 = 1472, 1452

#: What a peer of ours takes, where the link does.
LARGEST = 1500

#: The most that leaves at once, and bits a second that no train exceeds.
MOST_TOGETHER, MOST_RATE = 64, 4e9


class Bounds(NamedTuple):
    """
    What a measurement may take.

    @ivar seconds: in all.
    @ivar size: bytes to send, headers included.
    """

    seconds: float
    size: int


class Over(Exception):
    """
    The connection has ended.
    """


class _RunOut(Exception):
    """
    Bytes or seconds have.
    """


class Prober:
    """
    Sends probes, and notes what comes of them.

    @ivar records: what is known so far.
    @ivar lost: why the connection has ended; None as long as it has not.
    """

    def __init__(self, reactor: Any, layer: ProbeLayer, bounds: Bounds, random: Random) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}.
        @param layer: of the connection.
        @param random: says when probes leave, so that they meet the peer's clock at all times.
        """
        self._reactor = reactor
        self._layer = layer
        self._ledger = layer.ledger
        self._bounds = bounds
        self._random = random
        self._end = reactor.seconds() + bounds.seconds
        self.records = Records()
        self.lost: str | None = None

    async def measure(self) -> None:
        """
        Measures all there is.

        @raise Over: if the connection ended.
        """
        self.records.isOurs = self._layer.session.connection.controls.knowsPeer
        if await self._measureRoundTrips():
            await self._measureInterval()
            await self._measureSizes()
            await self._measureRate()

    @property
    def _left(self) -> float:
        left: float = self._end - self._reactor.seconds()
        return left

    async def _sleep(self, seconds: float) -> None:
        await deferLater(self._reactor, seconds, lambda: None)
        if self.lost is not None:
            raise Over(self.lost)

    async def _await(self, probes: Sequence[Probe]) -> None:
        """
        Waits until probes are answered, or will not be.
        """
        end = self._reactor.seconds() + self.records.patience()
        while self._reactor.seconds() < end:
            if all(probe.answered is not None for probe in probes):
                return
            await self._sleep(LOOK)

    async def _measureRoundTrips(self) -> bool:
        """
        Returns False if nothing is answered.
        """
        groups, size = self.records.groups, self._ledger.least
        cost = GROUP * self._ledger.cost(size)
        count = max(min(GROUPS, int(TRIPS_BYTES * self._bounds.size / cost)), 1)
        gap = TRIPS_TIME * self._bounds.seconds / count
        for number in range(count):
            groups.append(self._layer.send([size] * GROUP))
            await self._sleep(gap * self._random.uniform(0.5, 1.5))
            if number == SILENT_GROUPS and not self.records.longest():
                break
        await self._await([probe for group in groups for probe in group])
        return self.records.longest() > 0

    async def _measureInterval(self) -> None:
        run, size = self.records.run, self._ledger.least
        room = TRIPS_BYTES * self._bounds.size // self._ledger.cost(size)
        for _ in range(int(min(RUN / RUN_GAP, room))):
            run += self._layer.send([size])
            await self._sleep(RUN_GAP)
        await self._await(run)

    # Sizes.

    async def _measureSizes(self) -> None:
        records, session = self.records, self._layer.session
        if not session.socket.forbidsFragments:
            records.sizesWhy = (
                "this system cannot forbid fragments"
                if session.options.searchesMtu
                else "with mtu= datagrams may be fragmented: leave it out"
            )
            return
        largest = LARGEST_IPV6 if isIPv6(session.address) else LARGEST_IPV4
        if records.isOurs:
            largest = LARGEST
        loss = lossOf(records.groups)
        tries = triesFor(loss.both if loss else 0.0)
        search = records.search = SizeSearch(self._ledger.least, largest)
        limit = self._ledger.spent + SIZES_BYTES * self._bounds.size
        while not search.isDone:
            sizes = search.sizes()
            try:
                search.tried(sizes, await self._trySizes(sizes, tries, limit))
            except _RunOut as what:
                records.sizesWhy = f"no {what} were left to find it: it may be more"
                return

    async def _trySizes(self, sizes: Sequence[int], tries: int, limit: float) -> set[int]:
        """
        Returns which were answered, the largest among them.

        @param limit: bytes that may be spent by then.
        """
        passed: set[int] = set()
        probes: list[Probe] = []
        for _ in range(tries):
            wanted = [size for size in sizes if size > max(passed, default=0)]
            if self._ledger.spent + sum(map(self._ledger.cost, wanted)) > limit:
                raise _RunOut("bytes")
            if self._left <= 0:
                raise _RunOut("seconds")
            sent: list[Probe] = []
            for size in wanted:
                sent += self._layer.send([size], True)
                await self._sleep(SIZES_GAP)
            await self._await(sent)
            probes += sent
            passed |= {probe.size for probe in probes if probe.answered is not None}
            if sizes[0] in passed:
                break
        return passed

    # The rate.

    async def _measureRate(self) -> None:
        records = self.records
        trips = roundTripsOf([trip for probe in self._firsts() if (trip := probe.roundTrip)])
        lost = lossOf(records.groups)
        assert trips is not None and lost is not None
        interval = intervalOf(records.run) or 0.0
        duration = durationOf(interval, trips.median)
        noise = interval + 2 * trips.jitter
        size = max(records.search.passes if records.search else 0, COMMON[0])
        rate, again = FIRST_RATE, False
        while True:
            count = max(FEWEST, round(rate * duration / 8 / size))
            if self._ledger.spent + count * self._ledger.cost(size) > self._bounds.size:
                records.trainsWhy = f"no bytes were left for {mbit(rate)}"
                return
            if self._left < duration + self.records.patience():
                records.trainsWhy = f"no time was left for {mbit(rate)}"
                return
            train = Train(rate, duration)
            records.trains.append(train)
            await self._sendTrain(train, count, size)
            limit = limitOf(train, lost.both, noise)
            if limit and again:
                # Twice: it was no accident.
                records.trainsWhy, records.isLimit = limit, True
                return
            again = bool(limit)
            if not limit:
                rate *= 2
                if rate > MOST_RATE:
                    records.trainsWhy = "no more was tried"
                    return

    def _firsts(self) -> list[Probe]:
        return [group[0] for group in self.records.groups]

    async def _sendTrain(self, train: Train, count: int, size: int) -> None:
        began, gap = self._reactor.seconds(), 8 * size / train.rate
        while len(train.probes) < count:
            due = int((self._reactor.seconds() - began) / gap) + 1
            ready = min(due, count) - len(train.probes)
            if ready > 0:
                train.probes += self._layer.send([size] * min(ready, MOST_TOGETHER))
            if ready <= MOST_TOGETHER:
                await self._sleep(max(gap - (self._reactor.seconds() - began) % gap, 0.001))
        await self._await(train.probes)
