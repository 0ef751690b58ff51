"""
The comparisons: the loads, under which conditions, and the rows of the main table that they fill.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.benchmarks.arqcost import LINKS
from tests.benchmarks.byitself import computations, neighbours, queues, windows
from tests.benchmarks.contenders import PLAIN, PURE, Conditions, Load
from tests.benchmarks.rows import (
    COUNT,
    KIBIBYTES,
    MESSAGES,
    MICROSECONDS,
    MILLISECONDS,
    PERCENT,
    RATE,
    TIMES,
    TOLERANCE,
    Row,
    Unit,
)
from tests.benchmarks.smux import BULK, BULK_ROWS, MANY, MANY_ROWS, streams
from tests.benchmarks.subjects import (
    SENDERS,
    TUNNELLED,
    Stage,
    Subject,
    besideMany,
    crowd,
    crowds,
    duel,
    goBenchmark,
    idle,
    lossyDuel,
    rivals,
    tunnel,
)
from tests.benchmarks.tunnels import tunnelled

#: The row below one of the default installation.
NOT_COMPILED = "the same, not compiled"

#: By how much a cost may grow over a whole range and still be flat.
FLAT = 1.2


@dataclass(frozen=True)
class Scenario:
    """
    One comparison.

    @ivar name: on the command line.
    @ivar about: one line.
    @ivar subjects: what is measured.
    @ivar rows: of the main table, or none.
    @ivar most: rounds; fewer for what takes long.
    """

    name: str
    about: str
    subjects: Callable[[Stage], list[Subject]]
    rows: Sequence[Row] = ()
    most: int = 5


_PLAIN = Conditions()
_SEALED = Conditions(crypt="aes-128-gcm")
_CODED = Conditions(crypt="aes-128", dataShards=10, parityShards=3)
_LOSSY = Conditions(crypt="aes-128")

_ONE_WAY = Load("sink", bytes=400_000_000)
_ECHO = Load("echo", bytes=100_000_000)

#: Through the bad path: enough round trips for a p99, enough messages for a p99.9.
_TRIPS = Load("pingpong", 40, count=50)
_PACED = Load("paced", 40, rate=50, seconds=10)
_BULK = Load("echo", bytes=20_000_000)


def _badRows(what: str, quantities: Sequence[str], ratios: Sequence[float]) -> list[Row]:
    names = {"p50": "p50", "p99": "p99", "p999": "p99.9"}
    return [
        Row(f"{what}, {names[quantity]}", quantity, MILLISECONDS, ratio)
        for quantity, ratio in zip(quantities, ratios, strict=True)
    ]


def _pair(
    title: str,
    quantity: str,
    unit: Unit,
    ratio: float = 0,
    plainRatio: float = 0,
    most: float | None = None,
    plainMost: float | None = None,
) -> list[Row]:
    """
    @return: the row of the default installation, and of that which is not compiled.
    """
    return [
        Row(title, quantity, unit, ratio, most),
        Row(NOT_COMPILED, quantity, unit, plainRatio, plainMost, ours=PLAIN),
    ]


def _pingpong(sessions: int, count: int) -> Scenario:
    return Scenario(
        f"many-{sessions}",
        f"ping-pong of 64 bytes, {sessions:,} sessions",
        duel(Load("pingpong", sessions, count=count), _PLAIN),
        [
            *_pair(f"{sessions:,} sessions ping-ponging, messages", "messages", MESSAGES, 2, 1),
            *_pair(
                f"CPU of a message at the server, {sessions:,} sessions",
                "serverPerMessage",
                MICROSECONDS,
                2,
                1,
            ),
        ],
    )


_SCENARIOS = [
    Scenario(
        "oneway",
        "one way, 400 MB, no cipher",
        duel(_ONE_WAY, _PLAIN, both=True),
        _pair("one way, no cipher, 400 MB", "rate", RATE, 5, 3),
    ),
    Scenario(
        "oneway-4096",
        "one way, 400 MB, no cipher, windows of 4096",
        duel(_ONE_WAY, Conditions(window=4096), both=True),
        _pair("one way, window 4096", "rate", RATE),
        3,
    ),
    Scenario(
        "echo",
        "echo, 100 MB, no cipher",
        duel(_ECHO, _PLAIN, both=True),
        _pair("echo, no cipher", "rate", RATE, 4, 3),
    ),
    Scenario(
        "echo-fec",
        "echo, 100 MB, aes-128 and FEC 10/3",
        duel(_ECHO, _CODED, both=True, pure=True),
        [
            *_pair("echo, aes-128 and FEC 10/3", "rate", RATE, 2.5, 2),
            Row("the same, without the accelerator either", "rate", RATE, 1.2, ours=PURE),
        ],
    ),
    Scenario(
        "echo-gcm",
        "echo, 100 MB, aes-128-gcm",
        duel(_ECHO, _SEALED, both=True),
        _pair("echo, aes-128-gcm", "rate", RATE, 2.5, 2),
    ),
    Scenario(
        "go-benchmark",
        "kcp-go's own EchoSpeed and SinkSpeed",
        goBenchmark(Load("sink", bytes=200_000_000), Load("echo", bytes=50_000_000)),
        [
            *_pair("kcp-go's EchoSpeed: salsa20 and FEC 10/3", "echo", RATE, 2),
            *_pair("kcp-go's SinkSpeed: one way, no cipher", "sink", RATE, 3.5),
        ],
    ),
    Scenario(
        "pingpong",
        "ping-pong of 64 bytes, one session",
        duel(Load("pingpong", count=20_000), _PLAIN),
        [
            *_pair("ping-pong, 64 bytes, p50", "p50", MICROSECONDS, 2, 1.2),
            *_pair("ping-pong, 64 bytes, p99", "p99", MICROSECONDS),
        ],
    ),
    _pingpong(100, 300),
    _pingpong(1000, 40),
    Scenario(
        "connects",
        "2,000 connections, each opened and closed, 64 at once",
        duel(Load("connects", 64, count=2000), _PLAIN),
        _pair("connections opened and closed", "messages", MESSAGES, 1),
    ),
    Scenario("smux", "one way, 200 MB, one stream of smux", streams(BULK, True), BULK_ROWS),
    Scenario("smux-many", "ping-pong, 1,000 streams of smux", streams(MANY), MANY_ROWS),
    Scenario(
        "idle",
        "5,000 sessions that do nothing",
        idle(Load("idle", 5000, seconds=10)),
        [
            *_pair("CPU of 5,000 idle sessions, of a core", "share", PERCENT, 0, 0, 0.01, 0.01),
            *_pair("memory of an idle session", "memory", KIBIBYTES, 0, 0, 4096, 4096),
        ],
    ),
    Scenario(
        "bad-pingpong",
        "ping-pong of 64 bytes, bad path",
        lossyDuel(_TRIPS, _LOSSY),
        _badRows("ping-pong, bad path", ("p50", "p99"), (1, 1)),
        3,
    ),
    Scenario(
        "bad-pingpong-fec",
        "ping-pong of 64 bytes, bad path, FEC 10/3",
        lossyDuel(_TRIPS, _CODED),
        _badRows("ping-pong, bad path, FEC 10/3", ("p50", "p99"), (0, 3)),
        3,
    ),
    Scenario(
        "bad-paced",
        "50 messages of 64 bytes a second, bad path",
        lossyDuel(_PACED, _LOSSY),
        _badRows("50 messages/s, bad path", ("p50", "p99", "p999"), (1, 1, 1)),
        3,
    ),
    Scenario(
        "bad-paced-fec",
        "50 messages of 64 bytes a second, bad path, FEC 10/3",
        lossyDuel(_PACED, _CODED),
        _badRows("50 messages/s, bad path, FEC 10/3", ("p50", "p99", "p999"), (1, 1, 1)),
        3,
    ),
    Scenario(
        "bad-bulk",
        "echo, 20 MB, bad path",
        lossyDuel(_BULK, _LOSSY, both=True),
        [Row("bulk echo, bad path", "rate", RATE, 1.5)],
        3,
    ),
    Scenario(
        "bad-bulk-fec",
        "echo, 20 MB, bad path, FEC 10/3",
        lossyDuel(_BULK, _CODED, both=True),
        [Row("bulk echo, bad path, FEC 10/3", "rate", RATE, 1.5)],
        3,
    ),
    Scenario(
        "live",
        "10,000 sessions on one port, a message a second each",
        crowd(Load("paced", 10_000, rate=1, seconds=10)),
        [
            *_pair(
                "10,000 sessions, a message a second each, p99",
                "p99",
                MILLISECONDS,
                most=100e3,
                plainMost=300e3,
            ),
            *_pair("of these, messages lost", "lost", COUNT, most=0, plainMost=0),
        ],
    ),
    Scenario(
        "crowds",
        "CPU time of a message, from 1 session to 10,000",
        crowds,
        [
            *_pair(
                "CPU of a message at the server, 10,000 sessions to 10",
                "growth",
                TIMES,
                most=1.5,
                plainMost=1.5,
            ),
            *_pair("the same, at both ends", "growthOfBoth", TIMES),
        ],
    ),
    Scenario(
        "beside",
        "64-byte messages beside ten busy sessions of the same port",
        besideMany,
        [
            Row("64 bytes beside ten that echo, p50", "p50", MICROSECONDS, 1),
            Row("64 bytes beside ten that echo, p99", "p99", MICROSECONDS, 1),
            *[
                Row(
                    f"64 bytes beside ten {name}, p99, to alone",
                    "growth",
                    TIMES,
                    most=3,
                    ours=name,
                    theirs="",
                )
                for name in SENDERS
            ],
        ],
        3,
    ),
    Scenario(
        "tunnel",
        "one way, 100 MB, through a tunnel of 1,420 bytes",
        tunnel(100_000_000),
        [
            Row(f"100 MB through a tunnel of 1,420 bytes, {mtu}", "rate", RATE, ours=mtu, theirs="")
            for mtu in TUNNELLED
        ],
    ),
    Scenario(
        "windows",
        "time of a segment in the ARQ core, from window 32 to 16,384",
        windows,
        [
            Row(f"ARQ core, {name}, window 16,384 to 32", "growth", TIMES, most=FLAT, ours=name)
            for name in LINKS
        ],
    ),
    Scenario(
        "queues",
        "time of a segment in a flush, from 100 segments queued to 100,000",
        queues,
        [Row("a flush, 100,000 queued to 100", "growth", TIMES, most=1 + TOLERANCE)],
    ),
    Scenario(
        "neighbours", "a TCP echo beside a busy session of the same process", neighbours, most=3
    ),
    Scenario("kcptun", "kcptun's tunnel, downloads and ping-pong", tunnelled, most=3),
    Scenario("rivals", "Twisted's TCP and TLS, aiokcp, aioquic", rivals, most=3),
    Scenario("primitives", "what is computed for each packet", computations, most=3),
]

SCENARIOS = {scenario.name: scenario for scenario in _SCENARIOS}
