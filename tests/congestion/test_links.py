"""
Bounds of what default options do over single links: what arrives, what is sent for it, and how long
the queues become.  All is simulated; the longer runs of C{tests/benchmarks} use real sockets.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.paths import Flow, Path, jain, parse

#: Bytes a second of a Mbit/s.
MBIT = 125_000

DEFAULT = parse("")


def twenty(queueMs: float = 50.0, loss: float = 0.0) -> Path:
    """
    @param loss: percent.
    @return: a path of 20 Mbit/s with a round trip of 50 ms.
    """
    return Path(20 * MBIT, round(20 * 125 * queueMs), 0.025, loss / 100)


class Bounds(SynchronousTestCase):
    """
    Helps to check.
    """

    def assertAtMost(self, found: float, most: float, what: str = "") -> None:
        """
        A value is no larger than that.
        """
        self.assertLessEqual(found, most, what)

    def assertAtLeast(self, found: float, least: float, what: str = "") -> None:
        """
        A value is no smaller than that.
        """
        self.assertGreaterEqual(found, least, what)


class SteadyTests(Bounds):
    """
    One connection that sends without end.
    """

    def test_plain(self) -> None:
        """
        The line is used, nearly nothing is wasted, and the queue stays short.
        """
        path = twenty()
        path.flow(DEFAULT)
        path.run(8)
        self.assertAtLeast(path.goodput, 0.9)
        self.assertAtMost(path.offered, 1.05)
        self.assertAtMost(path.dropped, 0.015)
        self.assertAtMost(path.lines[0].delays.percentile(50), 0.008)

    def test_randomLoss(self) -> None:
        """
        Random loss costs little more than what is lost.
        """
        for loss, least in ((2, 0.86), (5, 0.8), (10, 0.72)):
            path = twenty(loss=loss)
            flow = path.flow(DEFAULT)
            path.run(9)
            self.assertAtLeast(flow.rate(1, 9) / path.lines[0].rate, least, f"{loss} %")

    def test_longQueue(self) -> None:
        """
        A queue of a second is not filled: a small question beside it is answered soon.
        """
        path = twenty(queueMs=1000)
        path.flow(DEFAULT)
        asking = path.flow(DEFAULT, Flow.ping)
        path.run(8)
        self.assertAtLeast(path.goodput, 0.9)
        self.assertAtMost(path.lines[0].delays.percentile(50), 0.015)
        took = sorted(seconds for _, seconds in asking.pings)
        self.assertAtMost(took[len(took) // 2], 1.4 * 0.05)

    def test_fastAndLong(self) -> None:
        """
        The windows are large enough for 200 Mbit/s and a round trip of 200 ms.
        """
        path = Path(200 * MBIT, 1_250_000, 0.1, 0.001, grain=1.0)
        flow = path.flow(DEFAULT)
        path.run(7)
        self.assertAtLeast(flow.rate(5, 7) / path.lines[0].rate, 0.6)

    def test_bothWays(self) -> None:
        """
        Neither direction of a line that is faster one way starves the other.
        """
        path = Path(50 * MBIT, 312_500, 0.025, back=(2 * MBIT, 12_500))
        flows = [path.flow(DEFAULT), path.flow(DEFAULT, backward=True)]
        path.run(10)
        for flow, line in zip(flows, path.lines, strict=True):
            self.assertAtLeast(flow.rate(2, 10) / line.rate, 0.8)


class SizedTests(Bounds):
    """
    One connection that sends some bytes.
    """

    def sized(self, path: Path, size: int, seconds: float, sent: float) -> None:
        """
        All bytes arrive within so many seconds, with so many sent for each.
        """
        flow = path.flow(DEFAULT, lambda flow: flow.bulk(size))
        path.runUntilFinished(60)
        self.assertIsNone(flow.source.ended)
        assert flow.finished is not None
        self.assertAtMost(flow.finished, seconds)
        self.assertAtMost(path.sent, sent)

    def test_shortQueue(self) -> None:
        """
        A queue of ten packets is not flooded.
        """
        for mbit, size, seconds in ((10, 1_000_000, 1.4), (1, 1_000_000, 10), (0.256, 640_000, 25)):
            self.sized(Path(mbit * MBIT, 15_000, 0.025), size, seconds, 1.3)

    def test_longRoundTrip(self) -> None:
        """
        What is only late is not sent again.
        """
        for trip in (0.6, 3.0):
            self.sized(Path(100 * MBIT, 625_000, trip / 2), 100_000, 5 * trip, 1.3)


class ChangeTests(Bounds):
    """
    The rate of the line, or the number of its connections, changes.
    """

    def test_rate(self) -> None:
        """
        The queue drains within three seconds when the rate falls, and a higher rate is used within
        three seconds.
        """
        path = twenty()
        path.changeAt(5, 5 * MBIT)
        path.changeAt(11, 20 * MBIT)
        flow = path.flow(DEFAULT)
        path.run(17)
        waits = sorted(path.queueing[80:110])
        self.assertAtMost(waits[len(waits) // 2], 0.02)
        self.assertAtLeast(flow.rate(14, 17) / (20 * MBIT), 0.85)

    def test_equalFlows(self) -> None:
        """
        Two and five connections have equal shares.
        """
        for count in (2, 5):
            path = twenty()
            for _ in range(count):
                path.flow(DEFAULT)
            path.run(12)
            self.assertAtLeast(jain([flow.rate(0, 12) for flow in path.flows]), 0.9, str(count))

    def test_lateFlow(self) -> None:
        """
        A connection that comes later has its share within five seconds.
        """
        path = twenty()
        flows = [path.flow(DEFAULT), path.flow(DEFAULT, start=4)]
        path.run(14)
        self.assertAtLeast(jain([flow.rate(9, 14) for flow in flows]), 0.9)
        self.assertAtMost(path.dropped, 0.05)
