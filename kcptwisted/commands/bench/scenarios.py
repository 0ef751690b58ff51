"""
The scenarios that C{kcptwisted bench} measures.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kcptwisted.commands.bench.endpointstrings import EndpointStrings
    from kcptwisted.commands.bench.processes import Peers

#: Messages of the single session in C{pingpong}, and of each session in C{many}.
SINGLE_MESSAGES, MANY_MESSAGES = 5000, 20


@dataclass(frozen=True)
class Settings:
    """
    How much to measure.

    @ivar ends: the endpoint strings of both ends.
    @ivar megabytes: how many megabytes C{oneway} and C{echo} send.
    @ivar sessions: how many sessions C{many} and C{idle} have.
    @ivar seconds: for how long idle sessions are watched.
    @ivar rounds: how often each scenario is measured.
    """

    ends: EndpointStrings
    megabytes: int = 200
    sessions: int = 1000
    seconds: float = 10
    rounds: int = 3


@dataclass(frozen=True)
class Metric:
    """
    One figure of a scenario.

    @ivar key: its name in JSON.
    @ivar title: its name for people.
    @ivar unit: its unit.
    """

    key: str
    title: str
    unit: str


@dataclass(frozen=True)
class Scenario:
    """
    Something to measure.

    @ivar name: its name on the command line and in JSON.
    @ivar title: its name for people; a format string for L{Settings}.
    @ivar metrics: its figures.
    @ivar measure: measures one round, and returns a value for the key of each metric.
    @ivar once: True if one round is enough.
    @ivar crowded: True if it opens C{sessions} sessions.
    """

    name: str
    title: str
    metrics: tuple[Metric, ...]
    measure: Callable[[Peers, Settings], Awaitable[dict[str, float]]]
    once: bool = False
    crowded: bool = False

    def describe(self, settings: Settings) -> str:
        """
        Returns the title with the numbers of the settings.
        """
        return self.title.format(settings)

    def rounds(self, settings: Settings) -> int:
        """
        Returns how many rounds are measured.
        """
        return 1 if self.once else settings.rounds


async def _load(
    peers: Peers, settings: Settings, role: str, **options: object
) -> tuple[dict[str, Any], float]:
    """
    Runs a server and a client, each in a process of its own.

    @param role: the role of the client.
    @param options: further options of the client.
    @return: the client's results, and the CPU seconds of both ends for the load.
    """
    serves = "sink" if role == "sink" else "echo"
    async with peers.serving(serves, settings.ends.server) as (server, port):
        before = await server.ask()
        async with peers.running(role, settings.ends.client(port), **options) as client:
            found = await client.readResult()
        after = await server.ask()
    cpu = found["cpu"] - found["cpu_before"] + after["cpu"] - before["cpu"]
    return found, cpu


async def _bulk(peers: Peers, settings: Settings, role: str, count: int) -> dict[str, float]:
    found, cpu = await _load(peers, settings, role, bytes=count)
    return {"rate": found["bytes"] / found["seconds"] / 1e6, "cpu": cpu / found["bytes"] * 1e9}


async def measureOneWay(peers: Peers, settings: Settings) -> dict[str, float]:
    """
    Measures bytes from client to server, by the server's count and clock.
    """
    return await _bulk(peers, settings, "sink", settings.megabytes * 1_000_000)


async def measureEcho(peers: Peers, settings: Settings) -> dict[str, float]:
    """
    Measures bytes to the server and back, by the client's count and clock.
    """
    return await _bulk(peers, settings, "echo", settings.megabytes * 1_000_000)


async def measurePingPong(peers: Peers, settings: Settings) -> dict[str, float]:
    """
    Measures messages of one session, one after the other.
    """
    found, cpu = await _load(peers, settings, "pingpong", count=SINGLE_MESSAGES)
    return {
        "p50": found["p50_us"],
        "p99": found["p99_us"],
        "cpu": cpu / found["messages"] * 1e6,
    }


async def measureMany(peers: Peers, settings: Settings) -> dict[str, float]:
    """
    Measures messages on many sessions at once, one after the other on each.
    """
    found, cpu = await _load(
        peers, settings, "pingpong", count=MANY_MESSAGES, sessions=settings.sessions
    )
    return {
        "rate": found["messages_per_second"],
        "p50": found["p50_us"] / 1000,
        "p99": found["p99_us"] / 1000,
        "cpu": cpu / found["messages"] * 1e6,
    }


async def measureIdle(peers: Peers, settings: Settings) -> dict[str, float]:
    """
    Measures what idle sessions cost the server.
    """
    ends, sessions = settings.ends, settings.sessions
    async with peers.serving("echo", ends.server) as (server, port):
        empty = await server.ask()
        async with peers.running("idle", ends.client(port), sessions=sessions) as client:
            await client.read()
            began = await server.ask()
            await peers.pause(settings.seconds)
            over = await server.ask()
    return {
        "cpu": (over["cpu"] - began["cpu"]) / settings.seconds * 100,
        "memory": (began["rss"] - empty["rss"]) / sessions / 1024,
    }


_RATE = Metric("rate", "rate", "MB/s")
_CPU = Metric("cpu", "CPU time of both ends", "s/GB")
_CPU_OF_MESSAGE = Metric("cpu", "CPU time of both ends", "µs/message")

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("oneway", "one way, {0.megabytes} MB", (_RATE, _CPU), measureOneWay),
        Scenario("echo", "echo, {0.megabytes} MB", (_RATE, _CPU), measureEcho),
        Scenario(
            "pingpong",
            "ping-pong, 64 bytes",
            (Metric("p50", "p50", "µs"), Metric("p99", "p99", "µs"), _CPU_OF_MESSAGE),
            measurePingPong,
        ),
        Scenario(
            "many",
            "ping-pong, {0.sessions} sessions",
            (
                Metric("rate", "rate", "messages/s"),
                Metric("p50", "p50", "ms"),
                Metric("p99", "p99", "ms"),
                _CPU_OF_MESSAGE,
            ),
            measureMany,
            crowded=True,
        ),
        Scenario(
            "idle",
            "{0.sessions} idle sessions",
            (
                Metric("cpu", "CPU of the server", "% of a core"),
                Metric("memory", "memory of the server", "KiB/session"),
            ),
            measureIdle,
            once=True,
            crowded=True,
        ),
    )
}


def chosen(names: Iterable[str]) -> list[Scenario]:
    """
    Finds scenarios by name.

    @param names: the names; none means all scenarios.
    @return: the scenarios, in the order in which they are measured.
    @raise ValueError: if there is no such scenario.
    """
    wanted = set(names) or set(SCENARIOS)
    for name in sorted(wanted - set(SCENARIOS)):
        raise ValueError(f"scenario must be one of {', '.join(SCENARIOS)}, not {name!r}")
    return [scenario for name, scenario in SCENARIOS.items() if name in wanted]
