"""
Tests for the parts of measuring that need no second process: L{tests.benchmarks.measuring},
L{tests.benchmarks.contenders}, L{tests.benchmarks.subjects} and L{tests.benchmarks.where}.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.bench.peer import buildParser
from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from tests.benchmarks import contenders
from tests.benchmarks.children import ROOT, ChildFailed
from tests.benchmarks.contenders import (
    OURS,
    PLAIN,
    PURE,
    SOCKET_BUFFER,
    Conditions,
    Contender,
    Installation,
    Installations,
    Load,
    kcpGo,
    ours,
)
from tests.benchmarks.measuring import summarised, whatWasLost
from tests.benchmarks.results import Record
from tests.benchmarks.scenarios import SCENARIOS
from tests.benchmarks.subjects import Stage
from tests.benchmarks.where import commits, merged, where

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
        found = summarised(Load("connects", count=1000), printed, 0.02, 0.005)
        self.assertEqual(found, {**expected, "lost": 0, "serverPerMessage": 5})
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

    def test_oneProcess(self) -> None:
        """
        One process is told what each of two would be told.
        """
        load = Load("connects", 3, count=9)
        theirs = kcpGo("gopeer", CODED, True, together=True)
        assert theirs.both is not None
        client = set(theirs.dial("", load)) - {"-dial="}
        self.assertEqual(set(theirs.both(load)), client | {"-listen=127.0.0.1:0", "-both"})
        own = ours(CODED, together=True)
        assert own.both is not None
        self.patch(contenders, "freePort", lambda: 77)
        given = buildParser().parse_args(own.both(load)[3:])
        parsed = clientFromString(MemoryReactorClock(), given.endpoint)
        assert isinstance(parsed, KCPClientEndpoint)
        self.assertEqual(parsed._port, 77)
        server = own.serve("echo")[4].replace("kcp:0:", "kcp:77:")
        self.assertEqual((given.server, given.count, given.sessions), (server, 9, 3))
        self.assertEqual([theirs.setting, own.setting], ["ackNoDelay, one process", "one process"])
        self.assertIsNone(ours(CODED).both)

    def test_installation(self) -> None:
        """
        Both ends run where Python finds the installation.
        """
        other = Installation(PLAIN, Path("/plain"))
        self.assertEqual(ours(CODED, installation=other).directory, Path("/plain"))
        self.assertEqual(other.unaccelerated.directory, Path("/plain"))
        self.assertEqual(ours(CODED).directory, ROOT)

    def test_withoutAccelerator(self) -> None:
        """
        Only the one without the accelerator is told to be.
        """
        self.assertEqual(ours(CODED).environment, {})
        self.assertEqual(
            ours(CODED, installation=Installation().unaccelerated).environment,
            {"KCPTWISTED_ACCELERATOR": "no"},
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
        expected = [
            "kcp-go",
            "kcp-go +ackNoDelay",
            "kcp-go +one process",
            "kcp-go +ackNoDelay, one process",
            "kcptwisted",
            "kcptwisted +ackNoDelay",
        ]
        self.assertEqual(labels, expected)

    def test_installations(self) -> None:
        """
        What is not compiled is measured too where there is such an installation, and by its name.
        """
        plain = Installation(PLAIN, Path("/plain"))
        stage = Stage("", "", installations=Installations(Installation(), plain))
        for name, expected in (
            ("pingpong", [OURS, PLAIN]),
            ("idle", [OURS, PLAIN]),
            ("go-benchmark", [OURS, OURS, PLAIN, PLAIN]),
            ("echo-fec", [OURS, OURS, PLAIN, PLAIN, PURE, PURE]),
        ):
            names = [one.name for one in SCENARIOS[name].subjects(stage)]
            self.assertEqual(names, expected)

    def test_rounds(self) -> None:
        """
        What is compared with a target of its own does not wait for kcp-go in all rounds.
        """
        for name in ("idle", "live", "crowds"):
            most = {one.name: one.most for one in SCENARIOS[name].subjects(Stage("gopeer", ""))}
            self.assertEqual(most, {"kcp-go": 2, OURS: 5})


class WhereTests(SynchronousTestCase):
    """
    The machine and the versions.
    """

    def test_commits(self) -> None:
        """
        Scenarios are told by the commit that they are of.
        """
        records = {
            name: Record(False, {"commit": commit} if commit else {}, [])
            for name, commit in (("a", "1"), ("b", "2, changed"), ("c", "1"), ("d", ""))
        }
        expected = {"3": [], "1": ["a", "c"], "2, changed": ["b"], "": ["d"]}
        self.assertEqual(commits(records, ["3"]), expected)

    def test_told(self) -> None:
        """
        What installations say of themselves counts, not what this interpreter finds.
        """
        self.assertTrue(where("as it was made")["kcptwisted"].endswith(", as it was made"))

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
