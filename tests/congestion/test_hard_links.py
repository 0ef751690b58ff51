"""
Bounds of what C{congestion=bbr} does where links, peers and applications are not as simple as those
of L{tests.congestion.test_links}.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from kcptwisted.congestion import registry
from kcptwisted.congestion.registry import CongestionSpec
from kcptwisted.testing.bottleneck import HEADERS, Bottleneck
from kcptwisted.testing.link import Link, LinkModel
from tests.congestion.test_links import DEFAULT, MBIT, Bounds, twenty
from tests.congestion.watched import Watched
from tests.paths import Flow, Path, parse
from tests.properties import given, strategies


class Policer(Bottleneck):
    """
    Passes what a token bucket allows, and drops the rest; nothing waits.
    """

    def __init__(self, rate: float, bucket: float) -> None:
        super().__init__(rate, 0)
        self._most = self._left = bucket
        self._filled = 0.0

    def enter(self, datagram: bytes, now: float) -> float | None:
        """
        Takes a datagram.
        """
        size = len(datagram) + HEADERS
        self._left = min(self._left + (now - self._filled) * self.rate, self._most)
        self._filled = now
        self.offered += 1
        self.offeredBytes += size
        if size > self._left:
            self.dropped += 1
            return None
        self._left -= size
        return 0.0


class Bursts(LinkModel):
    """
    Loses ten datagrams one after the other, now and then.
    """

    left = 0

    def arrivals(self, datagram: bytes) -> list[tuple[float, bytes]]:
        """
        Decides what happens to one datagram.
        """
        if self._random.random() < 0.001:
            self.left = 10
        if self.left:
            self.left -= 1
            return []
        return super().arrivals(datagram)


class LinkTests(Bounds):
    """
    Links that are worse than slow.
    """

    def test_policer(self) -> None:
        """
        What is over the rate of a policer is not sent for long.
        """
        path = twenty()
        path.lines[0] = Policer(20 * MBIT, 62_500)
        path.flow(DEFAULT)
        path.run(8)
        self.assertAtLeast(path.goodput, 0.85)
        self.assertAtMost(path.dropped, 0.15)

    def test_lossBursts(self) -> None:
        """
        Bursts of losses, one percent of all, do not slow it down.
        """
        path = twenty()
        flow = path.flow(DEFAULT)
        link = Link(delay=0.025, bottleneck=path.lines[0])
        flow.source.way = Bursts(link, Random(1), path.events.seconds)
        path.run(8)
        self.assertAtLeast(path.goodput, 0.88)

    def test_tunnel(self) -> None:
        """
        After "the network changed" the other path is found, and what is late from the former one
        tells nothing about it.
        """
        path = twenty()
        line = Bottleneck(5 * MBIT, 31_250)
        flow = path.flow(DEFAULT)

        def move() -> None:
            flow.source.way.link = Link(delay=0.05, bottleneck=line)
            flow.source.pathChanged()

        path.events.at(3, move)
        path.run(8)
        self.assertAtLeast(flow.rate(5, 8) / line.rate, 0.85)
        self.assertAtMost(line.delays.percentile(50), 0.02)


class PeerTests(Bounds):
    """
    Peers and applications that pause.
    """

    def test_clockedPeer(self) -> None:
        """
        A peer that sends its ACKs by the clock, as kcp-go does, takes little.
        """
        for tick, loss, least in ((10, 0, 0.9), (40, 0, 0.85), (20, 2, 0.82)):
            path = twenty(loss=loss)
            path.flow(DEFAULT).sink.tick = tick
            path.run(8)
            self.assertAtLeast(path.goodput, least, f"{tick} ms, {loss} %")

    def test_reader(self) -> None:
        """
        When a reader goes on that had paused, the rate is as it was.
        """
        path = twenty()
        flow = path.flow(DEFAULT)
        path.events.at(3, flow.sink.pause)
        path.events.at(6, flow.sink.resume)
        path.run(9)
        # All that the reader did not take is taken then.
        self.assertAtLeast(flow.rate(7, 9), 0.9 * flow.rate(1, 3))

    def test_game(self) -> None:
        """
        Small messages are never paced late, with and without FEC.
        """
        for options in ("", "mode=fast3", "dataShards=10:parityShards=3"):
            path = twenty()
            flow = path.flow(parse(options), lambda flow: flow.steady(64, 0.02))
            late: list[float] = []

            def take(
                data: bytes, path: Path = path, flow: Flow = flow, late: list[float] = late
            ) -> None:
                late.append(path.events.seconds() - 0.02 * (flow.delivered // 64))
                flow.delivered += len(data)

            flow.sink.onData = take
            path.run(10)
            self.assertEqual(len(late), 499)
            self.assertAtMost(max(late), 0.0265, options)

    def test_afterIdle(self) -> None:
        """
        After a minute without anything to send, it begins as it did at first.
        """
        path = twenty()
        flow = path.flow(DEFAULT, lambda flow: flow.bulk(1_000_000))
        path.run(65)
        first = flow.finished
        assert first is not None
        flow.source.write(bytes(1_000_000))
        path.events.runUntil(lambda: flow.delivered == 2_000_000, 70)
        self.assertAtMost(path.events.seconds() - 65, 1.2 * first)
        self.assertAtMost(path.dropped, 0.1)

    def test_bothWays(self) -> None:
        """
        One connection fills both ways of a line that is slower one way.
        """
        path = Path(50 * MBIT, 312_500, 0.025, back=(2 * MBIT, 12_500), grain=0.3)
        flow = path.flow(DEFAULT)
        back = [0]
        sink = flow.sink

        def fill() -> None:
            while sink.sender.queuedBytes < 262_144:
                sink.connection.write(bytes(65_536))
                sink.connection.wantsFlush = True

        def take(data: bytes) -> None:
            back[0] += len(data)

        sink.fill, flow.source.onData = fill, take
        path.run(12)
        self.assertAtLeast(flow.rate(0, 12) / path.lines[0].rate, 0.8)
        self.assertAtLeast(back[0] / 12 / path.lines[1].rate, 0.8)

    def test_fullWindow(self) -> None:
        """
        Where missing segments keep the window shut, copies are repeated, so that it opens sooner:
        without that 0.48 and 0.63 of a window would pass in two round trips.
        """
        for words, least, most in (("", 0.65, 1.5), (":dataShards=10:parityShards=3", 0.85, 1.6)):
            path = Path(1000 * MBIT, 12_500_000, 0.025, 0.1, grain=0.5)
            flow = path.flow(parse("mode=fast3:sendWindow=1024:receiveWindow=1024" + words))
            path.run(4)
            windows = flow.rate(1, 4) / (1024 * 1376 / 0.05) * 2
            self.assertAtLeast(windows, least, words)
            self.assertAtMost(path.sent, most)

    def test_parity(self) -> None:
        """
        With FEC the parity is a part of what the line carries.
        """
        for loss in (0, 5):
            path = twenty(loss=loss)
            path.flow(parse("dataShards=10:parityShards=3"))
            path.run(8)
            self.assertAtLeast(path.goodput, 0.85 / 1.3, str(loss))
            self.assertAtMost(path.dropped, 0.015)
            self.assertAtMost(path.lines[0].delays.percentile(50), 0.01)


class CompanyTests(Bounds):
    """
    Others on the same line.
    """

    def beside(self, options: str) -> tuple[float, float]:
        """
        @return: shares of the line: what it gets, and what the other gets.
        """
        path = twenty()
        own, other = path.flow(DEFAULT), path.flow(parse(options))
        path.run(10)
        rate = path.lines[0].rate
        return own.rate(2, 10) / rate, other.rate(2, 10) / rate

    def test_flood(self) -> None:
        """
        It makes progress beside one that knows no limit.
        """
        own, _ = self.beside("congestion=none:sendWindow=1024")
        self.assertAtLeast(own, 0.1)

    def test_losses(self) -> None:
        """
        One that looks at losses only has a part of the line, and so has it.
        """
        own, other = self.beside("congestion=kcp")
        self.assertAtLeast(own, 0.2)
        self.assertAtLeast(other, 0.1)

    def test_slowStart(self) -> None:
        """
        C{congestion=kcp} fills a long path within seconds.
        """
        path = Path(100 * MBIT, 2_500_000, 0.1)
        flow = path.flow(parse("congestion=kcp"), lambda flow: flow.bulk(10_000_000))
        path.runUntilFinished(60)
        assert flow.finished is not None
        self.assertAtMost(flow.finished, 8)


class AlwaysTests(Bounds):
    """
    What holds whatever happens.
    """

    def setUp(self) -> None:
        """
        Name a control that is watched.
        """
        self.patch(registry, "CONTROLS", {"watched": CongestionSpec("watched", Watched)})

    @given(
        strategies.lists(
            strategies.tuples(
                strategies.sampled_from(["rate", "queue", "loss", "pause", "resume", "move"]),
                strategies.integers(0, 4),
            ),
            min_size=1,
            max_size=8,
        )
    )
    def test_always(self, changes: list[tuple[str, int]]) -> None:
        """
        There is never more in flight than the window, but for probes; and all arrives.
        """
        self.patch(Watched, "excesses", [])
        path = Path(4 * MBIT, 30_000, 0.02)
        flow = path.flow(parse("congestion=watched"), lambda flow: flow.bulk(400_000))
        line = path.lines[0]
        for number, (what, value) in enumerate(changes):
            path.run(0.2 * (number + 1))
            if what == "rate":
                line.rate = MBIT * (0.25, 1, 4, 16, 64)[value]
            elif what == "queue":
                line.queue = (3_000, 10_000, 30_000, 100_000, 1_000_000)[value]
            elif what == "loss":
                flow.source.way.link = replace(flow.source.way.link, loss=value / 8)
            elif what == "pause":
                flow.sink.pause()
            elif what == "resume":
                flow.sink.resume()
            else:
                flow.source.pathChanged()
        flow.sink.resume()
        flow.source.way.link = replace(flow.source.way.link, loss=0.0)
        path.runUntilFinished(90)
        self.assertEqual(flow.delivered, 400_000)
        self.assertIsNone(flow.source.ended)
        self.assertEqual(Watched.excesses, [])
