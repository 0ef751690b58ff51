"""
Tests for L{tests.paths}.
"""

from __future__ import annotations

from io import StringIO

from twisted.trial.unittest import SynchronousTestCase

from tests.paths import Flow, Path, jain, parse
from tests.paths.__main__ import main

#: A connection that sends half of what the line below passes.
HALF = parse("nc=yes:rateLimit=500000")
RATE = 1_000_000


class PathTests(SynchronousTestCase):
    """
    Connections over a path with a bottleneck.
    """

    def path(self, loss: float = 0.0, seed: int = 1) -> Path:
        """
        @return: a path with a round trip of 40 ms.
        """
        return Path(RATE, 50_000, 0.02, loss, seed=seed)

    def assertNear(self, found: float, expected: float, most: float) -> None:
        """
        So much is about what is expected.
        """
        self.assertLess(abs(found - expected), most, f"{found} is not near {expected}")

    def test_size(self) -> None:
        """
        A flow of a given size is finished when all of it is delivered.
        """
        path = self.path()
        flow = path.flow(HALF, lambda flow: flow.bulk(1_000_000))
        path.runUntilFinished(60)
        self.assertTrue(path.finished)
        self.assertEqual(flow.delivered, 1_000_000)
        assert flow.finished is not None
        self.assertNear(flow.finished, 2.0, 0.2)
        self.assertEqual(path.dropped, 0)
        # Headers of IP, UDP and KCP.
        self.assertNear(path.sent, 1428 / 1376, 0.01)

    def test_shares(self) -> None:
        """
        What two flows deliver and offer is told of the whole line, and of each for any interval.
        """
        path = self.path()
        path.flow(HALF)
        path.flow(HALF, start=5)
        path.run(10)
        self.assertNear(path.goodput, 0.75 * 1376 / 1400, 0.02)
        self.assertNear(path.offered, 0.75 * 1428 / 1400, 0.02)
        rates = [[flow.rate(at, at + 4) for flow in path.flows] for at in (0.5, 6)]
        self.assertNear(jain(rates[0]), 0.5, 0.01)
        self.assertNear(jain(rates[1]), 1.0, 0.01)

    def test_backward(self) -> None:
        """
        A flow back uses the other line.
        """
        path = self.path()
        flow = path.flow(HALF, backward=True)
        path.run(2)
        self.assertGreater(flow.delivered, 800_000)
        self.assertLess(path.offered, 0.05)
        self.assertEqual(path.delivered, 0)

    def test_change(self) -> None:
        """
        The line's rate can change; the share of goodput is that of what it could have passed.
        """
        path = self.path()
        path.changeAt(5, RATE / 4)
        path.flow(HALF)
        path.run(5)
        path.newDelays()
        path.run(10)
        self.assertLess(path.flows[0].rate(5.5, 10), RATE / 4)
        self.assertGreater(path.lines[0].delays.percentile(50), 0.05)
        total = path.flows[0].delivered
        self.assertNear(path.goodput, total / (5 * RATE + 5 * RATE / 4), 0.01)

    def test_ping(self) -> None:
        """
        A question and its answer take a round trip, with the peer's clock of whole milliseconds.
        """
        path = self.path()
        flow = path.flow(parse(""), Flow.ping)
        path.run(3)
        self.assertGreater(len(flow.pings), 50)
        for _, seconds in flow.pings[1:]:
            self.assertNear(seconds, 0.04, 0.002)

    def test_steady(self) -> None:
        """
        A flow can be limited by its application.
        """
        path = self.path()
        flow = path.flow(HALF, lambda flow: flow.steady(10_000, 0.1))
        path.run(2.99)
        self.assertEqual(flow.delivered, 300_000)

    def test_repeatable(self) -> None:
        """
        The same seed gives the same run, another one another.
        """

        def run(seed: int) -> tuple[int, int]:
            path = self.path(0.05, seed)
            flow = path.flow(HALF)
            path.run(3)
            return flow.delivered, path.lines[0].offered

        self.assertEqual(run(1), run(1))
        self.assertNotEqual(run(1), run(2))

    def test_grain(self) -> None:
        """
        Datagrams that arrive together change little.
        """

        def run(grain: float) -> float:
            path = Path(10 * RATE, 500_000, 0.02, grain=grain)
            path.flow(HALF.changed(rateLimit=5_000_000, sendWindow=1024))
            path.run(3)
            return path.goodput

        self.assertNear(run(0), run(1), 0.03)

    def test_jain(self) -> None:
        """
        Jain's index is 1 if all are equal, and 1/n if one has all.
        """
        self.assertEqual(jain([3, 3, 3]), 1)
        self.assertEqual(jain([8, 0]), 0.5)


class CommandTests(SynchronousTestCase):
    """
    C{python -m tests.paths}.
    """

    def run_(self, *words: str) -> str:
        """
        @return: what is printed.
        """
        output = StringIO()
        main(words, output)
        return output.getvalue()

    def test_line(self) -> None:
        """
        A run is a line of figures.
        """
        options = ("--options", "nc=yes:rateLimit=500000", "--mbit", "8", "--seconds", "3")
        self.assertRegex(
            self.run_(*options, "--flows", "2", "--both", "--ping", "--change", "2:4"),
            r"^goodput 0\.\d+, offered .*, sent .*, dropped .*%, waits p50 .* ms, back .*,"
            r" jain [01]\.\d+, ping p50 .* ms  \[.* s\]\n$",
        )
        self.assertIn("in 0.", self.run_(*options, "--size", "100000"))
        self.assertEqual(self.run_(*options, "--intervals").count("Mbit/s"), 3)
