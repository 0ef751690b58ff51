"""
One run of connections over a path with a bottleneck, printed as a line::

    python -m tests.paths --mbit 20 --queue-ms 50 --options congestion=bbr

goodput and offered are shares of what the line could have passed; sent is offered bytes for each
byte delivered; dropped the share of datagrams that found the queue full; waits are queueing delays.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from time import perf_counter
from typing import TextIO

from tests.paths import Flow, Path, jain, parse


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """
    @return: the parsed command line.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tests.paths", description="Runs connections over a simulated path."
    )
    add = parser.add_argument
    add(
        "--options",
        default="",
        help="of the connections, as in an endpoint string; those of sockets have no effect",
    )
    add("--mbit", type=float, default=20.0, help="rate each way (%(default)g)")
    add("--queue-ms", type=float, default=50.0, help="queue as milliseconds of the rate (50)")
    add("--queue-kb", type=float, help="queue in kilobytes, instead")
    add("--back-mbit", type=float, help="rate of the way back")
    add("--delay", type=float, default=25.0, help="milliseconds each way (25)")
    add("--loss", type=float, default=0.0, help="random loss each way, percent")
    add("--seconds", type=float, default=20.0, help="length of the run (20)")
    add("--size", type=int, help="bytes of each flow; endless if not given")
    add("--flows", type=int, default=1, help="equal flows over the line (1)")
    add("--stagger", type=float, default=0.0, help="seconds from one flow's start to the next's")
    add("--both", action="store_true", help="as many flows the other way as well")
    add("--ping", action="store_true", help="with a ping-pong of 64 bytes beside them")
    add(
        "--change",
        action="append",
        default=[],
        metavar="SECONDS:MBIT",
        help="another rate from then on; may be given several times",
    )
    add("--grain", type=float, default=0.0, help="milliseconds of arrivals that are read at once")
    add("--tick", type=int, default=0, help="milliseconds between flushes of the receivers")
    add("--seed", type=int, default=1, help="of the random loss (1)")
    add("--intervals", action="store_true", help="also a line for each second")
    return parser.parse_args(words)


def begin(parsed: argparse.Namespace) -> Path:
    """
    @return: the path with its flows.
    """

    def queue(mbit: float) -> int:
        kilobytes: float | None = parsed.queue_kb
        return round(mbit * 125 * parsed.queue_ms if kilobytes is None else kilobytes * 1000)

    backMbit = parsed.back_mbit or parsed.mbit
    path = Path(
        parsed.mbit * 125_000,
        queue(parsed.mbit),
        parsed.delay / 1000,
        parsed.loss / 100,
        (backMbit * 125_000, queue(backMbit)),
        parsed.seed,
        parsed.grain,
    )
    options = parse(parsed.options)
    for number in range(parsed.flows):
        start = number * parsed.stagger
        path.flow(options, lambda flow: flow.bulk(parsed.size), start)
        if parsed.both:
            path.flow(options, lambda flow: flow.bulk(parsed.size), start, backward=True)
    if parsed.ping:
        path.flow(options, Flow.ping)
    for flow in path.flows:
        flow.sink.tick = parsed.tick
    for change in parsed.change:
        at, mbit = map(float, change.split(":"))
        path.changeAt(at, mbit * 125_000)
    return path


def report(path: Path, parsed: argparse.Namespace) -> str:
    """
    @return: the line.
    """
    line, back = path.lines
    bulk = [flow for flow in path.flows if flow.delivers and not flow.backward]
    words = [
        f"goodput {path.goodput:.3f}",
        f"offered {path.offered:.3f}",
        f"sent {path.sent:.3f}",
        f"dropped {path.dropped:.2%}",
        f"waits p50 {line.delays.percentile(50) * 1000:.1f}"
        f" p99 {line.delays.percentile(99) * 1000:.1f} ms",
    ]
    if parsed.both:
        delivered = sum(flow.delivered for flow in path.flows if flow.backward)
        words.append(f"back {delivered / path.events.seconds() / back.rate:.3f}")
    if len(bulk) > 1:
        since = bulk[-1].start
        words.append(f"jain {jain([flow.rate(since, path.events.seconds()) for flow in bulk]):.3f}")
    if parsed.size is not None:
        times = [flow.finished for flow in bulk]
        words.append("in " + " ".join("never" if at is None else f"{at:.2f}" for at in times))
    for flow in path.flows:
        if flow.pings:
            took = sorted(seconds for _, seconds in flow.pings)
            words.append(f"ping p50 {took[len(took) // 2] * 1000:.1f} ms")
        if flow.source.ended is not None:
            words.append(f"ended: {flow.source.ended}")
    return ", ".join(words)


def intervals(path: Path, seconds: float) -> list[str]:
    """
    @return: a line for each second: rates, queueing delay, smoothed round trips, segments in
        flight and windows.
    """
    lines = []
    for second in range(int(seconds)):
        rates = [flow.rate(second, second + 1) * 8 / 1e6 for flow in path.flows]
        waits = sorted(path.queueing[second * 10 : second * 10 + 10])
        samples = [
            sample
            for flow in path.flows
            for sample in flow.samples
            if abs(sample.at - second - 1) < 0.05
        ]
        lines.append(
            f"{second + 1:3} s  {' '.join(f'{rate:6.2f}' for rate in rates)} Mbit/s"
            f"  wait {waits[len(waits) // 2] * 1000:6.1f} ms"
            f"  rtt {' '.join(f'{sample.roundTrip:.0f}' for sample in samples)}"
            f"  flight {' '.join(str(sample.inFlight) for sample in samples)}"
            f"  window {' '.join(str(sample.window) for sample in samples)}"
        )
    return lines


def main(words: Sequence[str], output: TextIO) -> None:
    """
    Runs, and prints the line.
    """
    parsed = arguments(words)
    began = perf_counter()
    path = begin(parsed)
    path.runUntilFinished(parsed.seconds)
    for line in intervals(path, path.events.seconds()) if parsed.intervals else ():
        print(line, file=output)
    print(f"{report(path, parsed)}  [{perf_counter() - began:.1f} s]", file=output)


if __name__ == "__main__":
    main(sys.argv[1:], sys.stdout)
