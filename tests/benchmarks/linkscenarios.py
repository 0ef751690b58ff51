"""
The comparisons over links with a bottleneck, and the rows of their table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.benchmarks import linkflood
from tests.benchmarks.contenders import KCP_GO, OURS
from tests.benchmarks.linkpeers import LinkPeer, between, fittedKCPGo, fullKCPGo, ours
from tests.benchmarks.linkruns import Link, Traffic, measure
from tests.benchmarks.results import Traced
from tests.benchmarks.rows import MILLISECONDS, PERCENT, SECONDS, SHARE, TIMES, Row
from tests.benchmarks.scenarios import Scenario
from tests.benchmarks.subjects import Stage, Subject

#: Rounds of ours; all others have one, for a run lasts as long as it lasts.
ROUNDS = 3

#: One implementation that sends to the other.
TO_KCP_GO, FROM_KCP_GO = f"{OURS} to {KCP_GO}", f"{KCP_GO} to {OURS}"

#: Rates of the flood that the relay is checked with, Mbit/s.
FLOODS = (1, 20, 200)


def _subject(peer: LinkPeer, link: Link, traffic: Traffic, most: int) -> Subject:
    def run(number: int) -> Traced:
        return measure(peer, link, traffic, number)

    return Subject(peer.name, peer.setting, run, most)


def duel(link: Link, traffic: Traffic) -> Callable[[Stage], list[Subject]]:
    """
    @return: ours by default, and kcp-go with several settings.
    """

    def subjects(stage: Stage) -> list[Subject]:
        here, load = (link.hurried, traffic.small) if stage.quick else (link, traffic)
        binary = stage.gopeer
        peers = [fullKCPGo(binary), fittedKCPGo(binary, link.segments)] if binary else []
        return [
            *[_subject(peer, here, load, 1) for peer in peers],
            _subject(ours(), here, load, ROUNDS),
        ]

    return subjects


def mixed(link: Link, traffic: Traffic) -> Callable[[Stage], list[Subject]]:
    """
    @return: ours sending to kcp-go, and the other way round.
    """

    def subjects(stage: Stage) -> list[Subject]:
        if not stage.gopeer:
            return []
        load = traffic.small if stage.quick else traffic
        own, other = ours(), fittedKCPGo(stage.gopeer, max(link.segments, 512))
        pairs = (
            (TO_KCP_GO, own, other),
            (FROM_KCP_GO, fittedKCPGo(stage.gopeer, link.segments), own),
        )
        return [_subject(between(*pair), link, load, 1) for pair in pairs]

    return subjects


def floods(stage: Stage) -> list[Subject]:
    """
    @return: the relay under plain datagrams.
    """

    def subject(mbit: float) -> Subject:
        seconds = 1 if stage.quick else 10
        return Subject("relay", f"{mbit:g}", lambda number: linkflood.measure(mbit, seconds), 1)

    return [subject(mbit) for mbit in FLOODS]


def _link(
    name: str, about: str, link: Link, traffic: Traffic, rows: Sequence[Row]
) -> tuple[str, Scenario]:
    return name, Scenario(name, about, duel(link, traffic), rows, ROUNDS)


def _goodput(what: str, least: float) -> Row:
    return Row(f"{what}: goodput", "goodput", SHARE, least=least)


def _wait(what: str, most: float) -> Row:
    return Row(f"{what}: queueing delay, p50", "wait50", MILLISECONDS, most=most * 1000)


def _sized(what: str, seconds: float) -> list[Row]:
    return [
        Row(f"{what}: time", "seconds", SECONDS, most=seconds),
        Row("sent, for each byte delivered", "sent", TIMES, most=1.3),
        Row("delivered", "completed", SHARE, least=1),
    ]


def _trips(what: str) -> list[Row]:
    return [
        Row(f"{what}: sent, for each byte delivered", "sent", TIMES, most=1.3),
        Row("time", "seconds", SECONDS),
    ]


_BASE = "20 Mbit/s, 25 ms each way, 50 ms of queue"

LINKS: dict[str, Scenario] = dict(
    [
        _link(
            "link-20",
            _BASE,
            Link(20),
            Traffic(),
            [
                _goodput(_BASE, 0.9),
                Row("offered", "offered", TIMES, most=1.05),
                Row("dropped by the queue", "dropped", PERCENT, most=0.015),
                _wait("the same", 8),
            ],
        ),
        *[
            _link(
                f"link-loss-{loss}",
                f"the same with {loss} % random loss",
                Link(20, loss=loss),
                Traffic(),
                [_goodput(f"the same, {loss} % random loss", least)],
            )
            for loss, least in ((2, 0.86), (5, 0.8), (10, 0.72))
        ],
        _link(
            "link-bloat",
            "20 Mbit/s, 25 ms each way, 1 s of queue, with questions and answers beside it",
            Link(20, queueMs=1000),
            Traffic(ping=True),
            [
                _goodput("1 s of queue", 0.9),
                _wait("1 s of queue", 15),
                Row(
                    "64-byte round trip beside it, p50, to that without",
                    "pingRatio",
                    TIMES,
                    most=1.4,
                ),
            ],
        ),
        _link(
            "link-shallow-10",
            "10 Mbit/s, 15 kB of queue, 1 MB",
            Link(10, queueKb=15),
            Traffic(60, 1_000_000),
            _sized("10 Mbit/s, 15 kB of queue, 1 MB", 1.4),
        ),
        _link(
            "link-shallow-1",
            "1 Mbit/s, 15 kB of queue, 1 MB",
            Link(1, queueKb=15),
            Traffic(60, 1_000_000),
            _sized("1 Mbit/s, 15 kB of queue, 1 MB", 10),
        ),
        _link(
            "link-shallow-256k",
            "256 kbit/s, 15 kB of queue, 640 kB",
            Link(0.256, queueKb=15),
            Traffic(100, 640_000),
            _sized("256 kbit/s, 15 kB of queue, 640 kB", 25),
        ),
        _link(
            "link-200",
            "200 Mbit/s, 100 ms each way, 0.1 % random loss, 20 s",
            Link(200, delay=100, loss=0.1),
            Traffic(),
            [_goodput("200 Mbit/s, 100 ms each way, 0.1 % random loss", 0.6)],
        ),
        _link(
            "link-change",
            "20, 5 and again 20 Mbit/s",
            Link(20, changes=((7, 5), (14, 20))),
            Traffic(21),
            [
                Row(
                    "20 → 5 Mbit/s: queueing delay from 3 s on, p50",
                    "drained",
                    MILLISECONDS,
                    most=20_000,
                ),
                Row("5 → 20 Mbit/s: goodput from 3 s on", "regained", SHARE, least=0.85),
            ],
        ),
        *[
            _link(
                f"link-flows-{count}",
                f"{count} flows over the same line",
                Link(20),
                Traffic(starts=(0.0,) * count),
                [Row(f"{count} equal flows: Jain's index", "jain", SHARE, least=0.9)],
            )
            for count in (2, 5)
        ],
        _link(
            "link-late",
            "a second flow that starts 8 s after the first",
            Link(20),
            Traffic(starts=(0.0, 8.0), settling=5.0),
            [Row("a late flow, from 5 s on: Jain's index", "joined", SHARE, least=0.9)],
        ),
        _link(
            "link-both",
            "50 Mbit/s one way and 2 Mbit/s the other, both busy",
            Link(50, backMbit=2),
            Traffic(both=True),
            [
                _goodput("50 and 2 Mbit/s, both busy, 50 Mbit/s", 0.8),
                Row("2 Mbit/s", "back", SHARE, least=0.8),
            ],
        ),
        *[
            _link(
                f"link-trip-{trip}",
                f"round trip of {trip} ms, 100 kB",
                Link(100, delay=trip / 2),
                Traffic(60, 100_000),
                _trips(f"round trip of {trip} ms, 100 kB"),
            )
            for trip in (600, 3000)
        ],
        *[
            (
                name,
                Scenario(
                    name,
                    f"one implementation to the other, {words}",
                    mixed(Link(20, loss=loss), Traffic()),
                    [
                        Row(
                            f"{TO_KCP_GO}, {words}: goodput",
                            "goodput",
                            SHARE,
                            least=least,
                            ours=TO_KCP_GO,
                        ),
                        Row("queueing delay, p50", "wait50", MILLISECONDS, ours=TO_KCP_GO),
                        Row(f"{FROM_KCP_GO}, {words}: goodput", "goodput", SHARE, ours=FROM_KCP_GO),
                    ],
                    ROUNDS,
                ),
            )
            for name, loss, words, least in (
                ("link-mixed", 0, "20 Mbit/s", 0.9),
                ("link-mixed-loss", 5, "the same, 5 % random loss", 0.8),
            )
        ],
        (
            "link-relay",
            Scenario("link-relay", "the relay itself, under plain datagrams", floods, most=ROUNDS),
        ),
    ]
)
