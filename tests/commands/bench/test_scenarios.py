"""
Tests for L{kcptwisted.commands.bench.scenarios} and L{kcptwisted.commands.bench.runner}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.bench.endpointstrings import EndpointStrings
from kcptwisted.commands.bench.processes import Peers
from kcptwisted.commands.bench.results import Result
from kcptwisted.commands.bench.runner import Stopped, measure
from kcptwisted.commands.bench.scenarios import SCENARIOS, Settings, chosen
from tests.commands.bench.spawning import FakeProcess, SpawningReactor

SETTINGS = Settings(EndpointStrings("key=k"), megabytes=2, sessions=64, seconds=4, rounds=3)


class Noting:
    """
    Notes how far a run is.

    @ivar noted: what it was told.
    """

    def __init__(self) -> None:
        self.noted: list[tuple[int, int, str]] = []

    def proceed(self, done: int, rounds: int, title: str) -> None:
        """
        See L{kcptwisted.commands.bench.runner.Watcher}.
        """
        self.noted.append((done, rounds, title))


class ScenarioTestCase(SynchronousTestCase):
    """
    Has processes that do as real ones.
    """

    def setUp(self) -> None:
        """
        Make a reactor.
        """
        self.reactor = SpawningReactor()
        self.reactor.prepare = self.reactor.behave
        self.peers = Peers(self.reactor)
        self.watcher = Noting()

    def measure(self, *names: str) -> Deferred[list[Result]]:
        """
        @return: what becomes of scenarios.
        """
        measuring = measure(self.peers, chosen(names), SETTINGS, self.watcher)
        return Deferred.fromCoroutine(measuring)

    def lines(self) -> list[str]:
        """
        @return: the command lines of all processes so far.
        """
        return [" ".join(process.arguments) for process in self.reactor.processes]


class ScenarioTests(ScenarioTestCase):
    """
    What is measured, and how.
    """

    def figures(self, name: str) -> dict[str, float]:
        """
        Measure once.
        """
        measuring = Deferred.fromCoroutine(self.once(name))
        self.reactor.advance(SETTINGS.seconds)
        return self.successResultOf(measuring)

    async def once(self, name: str) -> dict[str, float]:
        """
        @return: the figures of one scenario.
        """
        return await SCENARIOS[name].measure(self.peers, SETTINGS)

    def test_bulk(self) -> None:
        """
        Rates are bytes by the time that the client told; CPU time is what the load took at both
        ends: of the server what it used between two questions, of the client what it used once the
        sessions were open.
        """
        cpu = (0.5 + 0.25) / 2_000_000 * 1e9
        self.assertEqual(self.figures("oneway"), {"rate": 500.0, "cpu": cpu})
        self.assertEqual(self.figures("echo"), {"rate": 200.0, "cpu": cpu})
        server, client = "serve kcp:0:interface=127.0.0.1:key=k", "kcp:127.0.0.1:4321:key=k"
        self.assertEqual(
            self.lines(),
            [
                f"{server} --role=sink",
                f"sink {client} --bytes=2000000",
                f"{server} --role=echo",
                f"echo {client} --bytes=2000000",
            ],
        )

    def test_messages(self) -> None:
        """
        Latencies are microseconds for one session and milliseconds for many; each message's CPU
        time is in microseconds.
        """
        self.assertEqual(self.figures("pingpong"), {"p50": 1500.0, "p99": 2500.0, "cpu": 7500.0})
        self.assertEqual(
            self.figures("many"), {"rate": 4000.0, "p50": 1.5, "p99": 2.5, "cpu": 7500.0}
        )
        self.assertTrue(self.lines()[1].endswith("--count=5000"))
        self.assertTrue(self.lines()[3].endswith("--count=20 --sessions=64"))

    def test_idle(self) -> None:
        """
        CPU time and memory are the server's: time while the sessions are there, memory that was not
        taken without them.
        """
        measuring = Deferred.fromCoroutine(self.once("idle"))
        self.reactor.advance(SETTINGS.seconds - 0.1)
        self.assertNoResult(measuring)
        self.reactor.advance(0.1)
        found = self.successResultOf(measuring)
        self.assertEqual(found, {"cpu": 0.5 / 4 * 100, "memory": 1024 / 64})
        self.assertTrue(self.lines()[1].endswith("--sessions=64"))

    def test_metrics(self) -> None:
        """
        Each scenario gives a value for each of its metrics, and no other.
        """
        for name, scenario in SCENARIOS.items():
            keys = {metric.key for metric in scenario.metrics}
            self.assertEqual(set(self.figures(name)), keys, name)

    def test_titles(self) -> None:
        """
        Titles say how much is measured.
        """
        titles = [scenario.describe(SETTINGS) for scenario in SCENARIOS.values()]
        self.assertIn("one way, 2 MB", titles)
        self.assertIn("64 idle sessions", titles)

    def test_chosen(self) -> None:
        """
        Scenarios come in their own order; without names, all; an unknown one is an error.
        """
        names = [scenario.name for scenario in chosen(["idle", "echo", "echo"])]
        self.assertEqual(names, ["echo", "idle"])
        self.assertEqual(chosen([]), list(SCENARIOS.values()))
        error = self.assertRaises(ValueError, chosen, ["echo", "dance"])
        self.assertEqual(
            str(error),
            "scenario must be one of oneway, echo, pingpong, many, idle, not 'dance'",
        )


class RunnerTests(ScenarioTestCase):
    """
    Tests for L{measure}.
    """

    def test_rounds(self) -> None:
        """
        Each scenario is measured in so many rounds, the idle sessions once; the watcher is told.
        """
        measuring = self.measure("pingpong", "idle")
        self.reactor.advance(SETTINGS.seconds)
        pingpong, idle = self.successResultOf(measuring)
        self.assertEqual((len(pingpong.rounds), len(idle.rounds)), (3, 1))
        self.assertEqual((pingpong.failed, idle.failed), ("", ""))
        self.assertEqual(
            self.watcher.noted,
            [*((done, 4, "ping-pong, 64 bytes") for done in range(3)), (3, 4, "64 idle sessions")],
        )

    def test_failure(self) -> None:
        """
        A scenario that fails is given up, with what it had, and the next is measured.
        """
        rounds: list[int] = []

        def prepare(process: FakeProcess) -> None:
            if process.role == "sink":
                rounds.append(1)
                if len(rounds) == 2:
                    process.end(1, "peer: ConnectionLost: gone\n")
                    return
            self.reactor.behave(process)

        self.reactor.prepare = prepare
        oneWay, echo = self.successResultOf(self.measure("oneway", "echo"))
        self.assertEqual((len(oneWay.rounds), oneWay.failed), (1, "sink: ConnectionLost: gone"))
        self.assertEqual((len(echo.rounds), echo.failed), (3, ""))
        self.assertEqual([done for done, _, _ in self.watcher.noted], [0, 1, 3, 4, 5])

    def test_serverFailure(self) -> None:
        """
        A server that does not start fails its scenario, and no client is started.
        """
        self.reactor.prepare = lambda process: process.end(1, "peer: OSError: no room\n")
        (result,) = self.successResultOf(self.measure("echo"))
        self.assertEqual((result.failed, result.figures), ("server: OSError: no room", []))
        self.assertEqual(len(self.reactor.processes), 1)

    def test_stopped(self) -> None:
        """
        When the user ends the run nothing more is measured, and nothing runs on.
        """

        def prepare(process: FakeProcess) -> None:
            if process.role != "sink":
                self.reactor.behave(process)

        self.reactor.prepare = prepare
        measuring = self.measure("oneway", "echo")
        self.assertNoResult(measuring)
        self.successResultOf(self.peers.stop())
        self.failureResultOf(measuring, Stopped)
        self.assertEqual(len(self.reactor.processes), 2)
        signals: list[Any] = [process.signals for process in self.reactor.processes]
        self.assertEqual(signals, [["KILL"], ["KILL"]])
