"""
Tests for the parts of measuring that need no second process: L{tests.benchmarks.measuring},
L{tests.benchmarks.contenders}, L{tests.benchmarks.subjects} and L{tests.benchmarks.where}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.bench.peer import buildParser
from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from tests.benchmarks.children import ChildFailed
from tests.benchmarks.contenders import (
    SOCKET_BUFFER,
    Conditions,
    Contender,
    Load,
    kcpGo,
    ours,
)
from tests.benchmarks.measuring import summarised, whatWasLost
from tests.benchmarks.scenarios import SCENARIOS
from tests.benchmarks.subjects import Stage
from tests.benchmarks.where import merged, where

CODED = Conditions(window=256, crypt="aes-128", dataShards=10, parityShards=3)


class SummaryTests(SynchronousTestCase):
    """
    What a client printed comes to.
    """

    def test_bulk(self) -> None:
        """
        Bulk loads have a rate and what a gigabyte costs.
        """
        found = summarised(Load("echo", 2, bytes=10**8), {"bytes": 2 * 10**8, "seconds": 4}, 0.6)
        self.assertEqual(found, {"rate": 50, "cpuPerGigabyte": 3})

    def test_bytesMissing(self) -> None:
        """
        Bytes that did not arrive make no rate.
        """
        load = Load("sink", bytes=100)
        self.assertRaises(ChildFailed, summarised, load, {"bytes": 99, "seconds": 1}, 1)

    def test_messages(self) -> None:
        """
        Messages have percentiles, a rate and what one costs; none is lost where the role cannot
        tell.
        """
        printed: dict[str, Any] = {"p50_us": 1, "p99_us": 2, "p999_us": 3, "max_us": 4}
        printed |= {"messages": 1000, "messages_per_second": 500}
        found = summarised(Load("pingpong", count=1000), printed, 0.02)
        expected = {"p50": 1, "p99": 2, "p999": 3, "max": 4, "messages": 500, "cpuPerMessage": 20}
        self.assertEqual(found, {**expected, "lost": 0})
        found = summarised(Load("paced"), {**printed, "lost": 7}, 0.02)
        self.assertEqual(found["lost"], 7)

    def test_path(self) -> None:
        """
        A bad path tells what it lost of both directions, and what it dropped besides.
        """
        out = {"passed": 80, "lost": 20, "overflowed": 1}
        back = {"passed": 90, "lost": 10, "overflowed": 2}
        found = whatWasLost({"out": out, "in": back})
        self.assertEqual(found, {"pathLoss": 0.15, "pathOverflow": 3})
        self.assertEqual(whatWasLost({}), {})


class ContenderTests(SynchronousTestCase):
    """
    Both implementations are given the same.
    """

    def endpoints(self, contender: Contender) -> tuple[KCPServerEndpoint, KCPClientEndpoint]:
        """
        @return: the endpoints that the peer of ours makes.
        """
        parser = buildParser()
        reactor = MemoryReactorClock()
        server = parser.parse_args(contender.serve("echo")[3:])
        client = parser.parse_args(contender.dial("127.0.0.1:1", Load("echo", bytes=5))[3:])
        self.assertEqual((server.serves, client.bytes, client.ready), ("echo", 5, True))
        first, second = (
            serverFromString(reactor, server.endpoint),
            clientFromString(reactor, client.endpoint),
        )
        assert isinstance(first, KCPServerEndpoint) and isinstance(second, KCPClientEndpoint)
        return first, second

    def test_ours(self) -> None:
        """
        Our endpoint strings say what the conditions are.
        """
        for ackNoDelay in (False, True):
            for endpoint in self.endpoints(ours(CODED, ackNoDelay)):
                options = endpoint.options
                self.assertEqual(
                    (options.mtu, options.mode, options.sendWindow, options.receiveWindow),
                    (1400, "fast3", 256, 256),
                )
                self.assertEqual((options.dataShards, options.parityShards), (10, 3))
                self.assertEqual((options.crypt, options.key), ("aes-128", "benchmark"))
                self.assertEqual(options.socketBuffer, SOCKET_BUFFER)
                self.assertIs(options.ackNoDelay, ackNoDelay)

    def test_theirs(self) -> None:
        """
        kcp-go's flags say the same, at both ends.
        """
        contender = kcpGo("gopeer", CODED, True)
        expected = {
            "-crypt=aes-128", "-key=benchmark", "-mtu=1400", "-mode=fast3", "-sndwnd=256",
            "-rcvwnd=256", "-datashard=10", "-parityshard=3", "-acknodelay=true",
            f"-sockbuf={SOCKET_BUFFER}",
        }  # fmt: skip
        load = Load("paced", 3, rate=0.5, seconds=10)
        dialled = set(contender.dial("127.0.0.1:1", load))
        self.assertLessEqual(expected, set(contender.serve("sink")))
        self.assertLessEqual(expected, dialled)
        role = {"-role=paced", "-sessions=3", "-rate=0.5", "-seconds=10", "-size=64", "-ready"}
        self.assertLessEqual(role, dialled)

    def test_withoutAccelerator(self) -> None:
        """
        Only the one without the accelerator is told to be.
        """
        self.assertEqual(ours(CODED).environment, {})
        self.assertEqual(
            ours(CODED, accelerated=False).environment, {"KCPTWISTED_ACCELERATOR": "no"}
        )


class StageTests(SynchronousTestCase):
    """
    What scenarios measure.
    """

    def test_quick(self) -> None:
        """
        Quick loads are small, but not nothing.
        """
        load = Load("pingpong", 20, count=200, seconds=10)
        self.assertIs(Stage("", "").size(load), load)
        small = Stage("", "", quick=True).size(load)
        self.assertEqual((small.sessions, small.count, small.seconds), (1, 10, 1))

    def test_sameChance(self) -> None:
        """
        In one round everybody meets the same path, in another round another one.
        """
        stage = Stage("gopeer", "")
        self.assertEqual(stage.path(True, 1), stage.path(True, 1))
        self.assertNotEqual(stage.path(True, 1), stage.path(True, 2))
        self.assertIsNone(stage.path(False, 1))

    def test_withoutGo(self) -> None:
        """
        Without kcp-go ours is measured alone, and nothing through the bad path.
        """
        stage = Stage("", "")
        names = {
            name: {subject.name for subject in scenario.subjects(stage)}
            for name, scenario in SCENARIOS.items()
        }
        self.assertEqual(names["echo"], {"kcptwisted"})
        self.assertEqual(names["bad-pingpong"], set())
        self.assertNotIn("kcp-go", set().union(*names.values()))

    def test_settings(self) -> None:
        """
        In bulk loads each implementation runs with and without ackNoDelay.
        """
        labels = [one.label for one in SCENARIOS["echo"].subjects(Stage("gopeer", ""))]
        expected = ["kcp-go", "kcp-go +ackNoDelay", "kcptwisted", "kcptwisted +ackNoDelay"]
        self.assertEqual(labels, expected)


class WhereTests(SynchronousTestCase):
    """
    The machine and the versions.
    """

    def test_merged(self) -> None:
        """
        Scenarios of different places tell all of them, each once.
        """
        places = [{"Python": "3.11"}, {"Python": "3.12", "aioquic": "1"}, {"Python": "3.11"}]
        self.assertEqual(merged(places), {"Python": "3.11; 3.12", "aioquic": "1"})

    def test_nobody(self) -> None:
        """
        The machine's name is not told, and of the kernel's release the numbers only.
        """
        import socket

        told = "".join(where().values())
        self.assertIn("CPython", told)
        self.assertNotIn(socket.gethostname(), told)
        self.assertRegex(where()["system"], r"^Linux [\d.]+$")
