"""
Measurements over a link with a bottleneck: servers, clients and the relay between them.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from statistics import median
from time import sleep, time
from typing import Any

from tests.benchmarks.children import ROOT, Child, ChildFailed, started
from tests.benchmarks.linkpeers import LinkPeer
from tests.benchmarks.results import Traced
from tests.paths import jain

_RELAY = [sys.executable, str(ROOT / "tests/benchmarks/bottleneck.py")]

#: Seconds between the points of a time-line.
STEP = 0.1

#: Bytes that no session ever sends.
ENDLESS = 1 << 40

#: A quick measurement takes this share of the time, and a small one of the bytes.
QUICK = 0.1

#: Seconds for which round trips are timed before anything else is sent, and that the last answer
#: beside bulk traffic may take.
BARE, ANSWER = 2.0, 15.0


@dataclass(frozen=True)
class Link:
    """
    A link.

    @ivar mbit: rate in Mbit/s.
    @ivar queueMs: queue, in milliseconds of the rate.
    @ivar queueKb: queue in kilobytes, instead.
    @ivar delay: milliseconds each way.
    @ivar loss: at random, percent, each way.
    @ivar backMbit: rate of the way back, if it is different.
    @ivar changes: seconds from the start, and the rate from then on.
    """

    mbit: float
    queueMs: float = 50.0
    queueKb: float = 0.0
    delay: float = 25.0
    loss: float = 0.0
    backMbit: float = 0.0
    changes: Sequence[tuple[float, float]] = ()

    def command(self, targets: Sequence[str], seed: int) -> list[str]:
        """
        @return: what makes the link.
        """
        words = [
            f"--mbit={self.mbit}",
            f"--queue-ms={self.queueMs}",
            f"--delay={self.delay}",
            f"--loss={self.loss}",
            f"--seed={seed}",
        ]
        if self.queueKb:
            words.append(f"--queue-kb={self.queueKb}")
        if self.backMbit:
            words.append(f"--back-mbit={self.backMbit}")
        words += [f"--change={at}:{mbit}" for at, mbit in self.changes]
        return [*_RELAY, *words, *targets]

    def capacity(self, seconds: float) -> float:
        """
        @return: bytes that could pass in so many seconds.
        """
        passed, since, rate = 0.0, 0.0, self.mbit
        for at, mbit in self.changes:
            if at < seconds:
                passed, since, rate = passed + (at - since) * rate, at, mbit
        return (passed + (seconds - since) * rate) * 125_000

    @property
    def hurried(self) -> Link:
        """
        The same with changes that come sooner, for L{Traffic.small}.
        """
        return replace(self, changes=[(at * QUICK, mbit) for at, mbit in self.changes])

    @property
    def segments(self) -> int:
        """
        What a user who knows the link would set as window: what is under way, and half the queue.
        """
        queue = self.queueKb * 1000 or self.mbit * 125 * self.queueMs
        return max(round((self.mbit * 125 * 2 * self.delay + queue / 2) / 1400), 2)


@dataclass(frozen=True)
class Traffic:
    """
    What goes over the link.

    @ivar seconds: how long it lasts, or may last if there is a size; with pings it lasts until the
        last is answered.
    @ivar size: bytes of each flow; 0 for no end.
    @ivar starts: seconds at which the flows start.
    @ivar both: there is a flow over the way back as well.
    @ivar ping: questions and answers of 64 bytes go beside it.
    @ivar settling: seconds from a change of the rate, or from the start of a late flow, until the
        flows are to have followed.
    """

    seconds: float = 20.0
    size: int = 0
    starts: Sequence[float] = (0.0,)
    both: bool = False
    ping: bool = False
    settling: float = 3.0

    @property
    def small(self) -> Traffic:
        """
        Less of its kind, to see whether all works.
        """
        return replace(
            self,
            seconds=max(self.seconds * QUICK, 2.0),
            size=round(self.size * QUICK),
            starts=[start * QUICK for start in self.starts],
            settling=self.settling * QUICK,
        )


class Times:
    """
    Samples of a process: values at times.
    """

    def __init__(self, result: dict[str, Any], began: float) -> None:
        """
        @param result: what the process printed.
        @param began: when 0 was, seconds since 1970.
        """
        self._samples = result["samples"]
        self._times = [sample[0] - began for sample in self._samples]

    def at(self, time: float, column: int) -> float:
        """
        @param column: from 0.
        @return: the value of a column at a time, 0 before it is there.
        """
        place = bisect_right(self._times, time) - 1
        sample = self._samples[place] if place >= 0 else ()
        return float(sample[column + 1]) if column + 1 < len(sample) else 0.0


@dataclass
class _Run:
    """
    What the processes told.
    """

    began: float
    took: float
    completed: int
    meter: Times
    back: Times | None
    relay: dict[str, Any]
    floods: list[Times]
    bare: dict[str, Any]
    pings: dict[str, Any]
    shares: Sequence[float]


def measure(peer: LinkPeer, link: Link, traffic: Traffic, seed: int) -> Traced:
    """
    @param seed: of the random loss.
    @return: what came of the traffic, and time-lines.
    @raise ChildFailed: if a process failed.
    """
    return _summarised(_run(peer, link, traffic, seed), link, traffic)


def _run(peer: LinkPeer, link: Link, traffic: Traffic, seed: int) -> _Run:
    size = traffic.size or ENDLESS
    with ExitStack() as stack:

        def start(command: Sequence[str]) -> Child:
            return stack.enter_context(started(command))

        servers = [start(peer.meter(size)) for _ in range(1 + traffic.both)]
        if traffic.ping:
            servers.append(start(peer.echo()))
        targets = [server.expect("listening ") for server in servers]
        if traffic.both:
            targets[1] += "/back"
        bare: dict[str, Any] = {}
        if traffic.ping:
            bare = _barePing(peer, link, targets[-1], seed)
        relay = start(link.command(targets, seed))
        gates = [relay.expect("listening ") for _ in targets]
        ways = gates[: 1 + traffic.both]
        floods: list[Child] = []
        for gate in ways * len(traffic.starts):
            # One after the other: so the sessions are in this order at the server.
            floods.append(start(peer.flood(gate, size)))
            floods[-1].expect("ready")
        began = time()
        for number, at in enumerate(sorted(traffic.starts)):
            sleep(max(began + at - time(), 0))
            for flood in floods[number * len(ways) : (number + 1) * len(ways)]:
                flood.tell()
        pings: dict[str, Any] = {}
        completed = 0
        if traffic.ping:
            pinging = start(peer.ping(gates[-1], traffic.seconds))
            pinging.expect("ready")
            pings = pinging.result(traffic.seconds + ANSWER)
        elif traffic.size:
            with suppress(ChildFailed):
                for _ in traffic.starts:
                    rest = began + traffic.seconds - time()
                    servers[0].expect("complete ", rest)
                    completed += 1
        else:
            sleep(max(began + traffic.seconds - time(), 0))
        took = time() - began
        # Starting included.
        shares = [sum(child.cpu for child in some) / took for some in ([relay], servers, floods)]
        told = [_told(child) for child in [*servers[: 1 + traffic.both], relay, *floods]]
    times = [Times(one, began) for one in told if "samples" in one]
    return _Run(
        began,
        took,
        completed,
        times[0],
        times[1] if traffic.both else None,
        told[1 + traffic.both],
        times[1 + traffic.both :],
        bare,
        pings,
        shares,
    )


def _told(child: Child) -> dict[str, Any]:
    child.finish()
    line = child.line()
    while not line.startswith("{"):
        line = child.line()
    return child.parsed(line)


def _barePing(peer: LinkPeer, link: Link, target: str, seed: int) -> dict[str, Any]:
    with started(link.command([target], seed)) as relay:
        gate = relay.expect("listening ")
        with started(peer.ping(gate, BARE)) as pinging:
            pinging.expect("ready")
            return pinging.result()


def _summarised(run: _Run, link: Link, traffic: Traffic) -> Traced:
    flows = range(len(traffic.starts))
    end = run.took
    delivered = sum(run.meter.at(end, flow) for flow in flows)
    if run.completed == len(flows):
        delivered = traffic.size * len(flows)
    out = run.relay["out"]
    found = Traced(
        goodput=delivered / link.capacity(end),
        seconds=run.took,
        offered=out["offeredBytes"] / link.capacity(end),
        sent=out["offeredBytes"] / max(delivered, 1),
        dropped=out["dropped"] / max(out["offered"], 1),
        wait50=out["waitP50"] * 1000,
        wait99=out["waitP99"] * 1000,
        late99=out["lateP99"] * 1000,
        overflowed=out["overflowed"] + run.relay["back"]["overflowed"],
    )
    found.update(zip(("relayCpu", "serverCpu", "clientCpu"), run.shares, strict=True))
    if traffic.size:
        found["completed"] = run.completed / len(flows)
    found.lines = _timelines(run, flows, end)
    if run.back is not None:
        found["back"] = run.back.at(end, 0) / end / (link.backMbit or link.mbit) / 125_000
    if len(flows) > 1:
        found.update(_fairness(run, traffic))
    if run.pings:
        found["ping50"] = run.pings["p50_us"]
        found["pingRatio"] = found["ping50"] / run.bare["p50_us"]
    if link.changes:
        found.update(_following(run, link, traffic.settling, end))
    return found


def _rate(times: Times, column: int, since: float, until: float) -> float:
    """
    @return: bytes a second.
    """
    return (times.at(until, column) - times.at(since, column)) / (until - since)


def _fairness(run: _Run, traffic: Traffic) -> dict[str, float]:
    """
    @return: Jain's index from the last flow's start on, and from when it is to have settled.
    """
    last = max(traffic.starts)

    def fairness(since: float) -> float:
        flows = range(len(traffic.starts))
        return jain([_rate(run.meter, flow, since, traffic.seconds) for flow in flows])

    return {"jain": fairness(last), "joined": fairness(last + traffic.settling)}


def _following(run: _Run, link: Link, settling: float, end: float) -> dict[str, float]:
    """
    @param settling: seconds.
    @return: the median queueing delay from that long after the first change to the next, and the
        goodput from so long after the last change on.
    """
    waits = run.relay["out"]["waits"]
    offset = run.began - run.relay["began"]
    first = link.changes[0][0]
    last, mbit = link.changes[-1]
    until = link.changes[1][0] if len(link.changes) > 1 else end
    steps = [round((at + offset) / STEP) for at in (first + settling, until)]
    return {
        "drained": median(waits[steps[0] : steps[1]]) * 1000,
        "regained": _rate(run.meter, 0, last + settling, end) / mbit / 125_000,
    }


def _timelines(run: _Run, flows: range, end: float) -> dict[str, list[float]]:
    """
    @return: for each L{STEP}: rates in Mbit/s, the queueing delay in ms, and what the first client
        tells: round trip in ms, segments in flight, window, pacing rate in Mbit/s.
    """
    waits = run.relay["out"]["waits"]
    offset = round((run.began - run.relay["began"]) / STEP)
    steps = range(1, round(end / STEP) + 1)
    lines = {
        f"rate{flow}": [
            round(_rate(run.meter, flow, (step - 1) * STEP, step * STEP) / 125_000, 2)
            for step in steps
        ]
        for flow in flows
    }
    lines["wait"] = [waits[step + offset] for step in steps if step + offset < len(waits)]
    for column, name in enumerate(("rtt", "inFlight", "window")):
        lines[name] = [round(run.floods[0].at(step * STEP, column), 1) for step in steps]
    lines["pacing"] = [round(run.floods[0].at(step * STEP, 3) / 125_000, 2) for step in steps]
    return lines
