"""
The measurements of L{tests.benchmarks}, on real processes and with tiny loads: figures come of all
of them, whatever they are.
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.benchmarks import fairness
from tests.benchmarks.certificate import writeCertificate
from tests.benchmarks.children import Child, ChildFailed, started
from tests.benchmarks.contenders import (
    TLS,
    Conditions,
    Contender,
    Installation,
    Load,
    asyncioPeer,
    kcpGo,
    ours,
    tcp,
    tls,
    whyNot,
)
from tests.benchmarks.measuring import BadPath, measure, measureTunnel, runGoBenchmark, watchIdle
from tests.benchmarks.smux import oursOverSmux, theirsOverSmux
from tests.interop.gopeer import buildGoBenchmark
from tests.interop.peers import goPeerBinary
from tests.interop.router import canBeApart

PLAIN = Conditions()
CODED = Conditions(crypt="aes-128", dataShards=10, parityShards=3)

SINK = Load("sink", bytes=300_000)
ECHO = Load("echo", bytes=300_000)
PINGPONG = Load("pingpong", 3, count=20)
PACED = Load("paced", 3, rate=50, seconds=0.2)
CONNECTS = Load("connects", 3, count=10)
IDLE = Load("idle", 20, seconds=0.1)


class LoadsCase(SynchronousTestCase):
    """
    Measures.
    """

    def assertBulk(self, contender: Contender) -> None:
        """
        It moves bytes one way, and back and forth.
        """
        for load in (SINK, ECHO):
            found = measure(contender, load)
            self.assertGreater(found["rate"], 0)
            self.assertEqual(set(found), {"rate", "cpuPerGigabyte"})

    def assertMessages(self, contender: Contender, load: Load) -> None:
        """
        It sends messages, of which none is lost.
        """
        found = measure(contender, load)
        times = [found[name] for name in ("p50", "p99", "p999", "max")]
        self.assertEqual(times, sorted(times))
        self.assertGreater(times[0], 0)
        self.assertGreater(found["messages"], 0)
        self.assertEqual(found["lost"], 0)
        if "serverPerMessage" in found:
            self.assertTrue(0 <= found["serverPerMessage"] <= found["cpuPerMessage"])

    def assertTogether(self, contender: Contender) -> None:
        """
        All loads go between both ends of one process, of which no server can be told apart.
        """
        for load in (SINK, ECHO):
            self.assertGreater(measure(contender, load)["rate"], 0)
        for load in (PINGPONG, CONNECTS):
            self.assertNotIn("serverPerMessage", measure(contender, load))

    def assertIdles(self, contender: Contender) -> None:
        """
        It holds sessions.
        """
        found = watchIdle(contender, IDLE)
        self.assertEqual(set(found), {"share", "clientShare", "memory"})


class OursTests(LoadsCase):
    """
    Ours, with and without what it may have.
    """

    def test_plain(self) -> None:
        """
        All loads.
        """
        self.assertBulk(ours(PLAIN))
        for load in (PINGPONG, PACED):
            self.assertMessages(ours(PLAIN), load)
        self.assertIdles(ours(PLAIN))

    def test_settings(self) -> None:
        """
        With a cipher, FEC and ackNoDelay, and without the accelerator.
        """
        pure = ours(CODED, installation=Installation().unaccelerated)
        for contender in (ours(CODED, ackNoDelay=True), pure):
            self.assertGreater(measure(contender, ECHO)["rate"], 0)

    def test_oneProcess(self) -> None:
        """
        One process has both ends.
        """
        self.assertTogether(ours(CODED, together=True))

    def test_connects(self) -> None:
        """
        Connections are opened and closed.
        """
        self.assertMessages(ours(PLAIN), CONNECTS)

    def test_installed(self) -> None:
        """
        What is installed elsewhere is measured, not the sources here.
        """
        place = Path(self.mktemp()).resolve()
        peer = place / "kcptwisted/commands/bench/peer.py"
        peer.parent.mkdir(parents=True)
        for package in list(peer.parents)[:3]:
            (package / "__init__.py").touch()
        peer.write_text("print('another one')")
        contender = ours(PLAIN, installation=Installation(directory=place))
        problem = self.assertRaises(ChildFailed, measure, contender, ECHO)
        self.assertIn("'another one' instead of 'listening '", str(problem))

    def test_tunnel(self) -> None:
        """
        Through a tunnel datagrams are fragmented or made to fit.
        """
        for mtu, fragmented in (("1400", True), ("1392", False)):
            found = measureTunnel(ours(PLAIN), f"crypt=null:mtu={mtu}", 500_000)
            self.assertGreater(found["rate"], 0)
            self.assertEqual(found["fragmented"] > 0, fragmented)

    if not canBeApart():
        test_tunnel.skip = "this user can make no networks of its own"  # type: ignore[attr-defined]

    def test_neighbours(self) -> None:
        """
        A TCP echo goes on beside a busy session.
        """
        found = fairness.measure(0.1, "echo")
        self.assertGreater(found.rate, 0)
        self.assertGreater(found.echoMedian, 0)


class SmuxTests(LoadsCase):
    """
    Streams of smux.
    """

    def test_both(self) -> None:
        """
        Ours, and xtaci/smux.
        """
        for contender in (oursOverSmux(), theirsOverSmux(goPeerBinary())):
            self.assertGreater(measure(contender, SINK)["rate"], 0)
            self.assertMessages(contender, PINGPONG)


class KCPGoTests(LoadsCase):
    """
    kcp-go, and the bad path.
    """

    def setUp(self) -> None:
        """
        Build the peer.
        """
        self.binary = goPeerBinary()

    def test_plain(self) -> None:
        """
        All loads.
        """
        contender = kcpGo(self.binary, PLAIN)
        self.assertBulk(contender)
        for load in (PINGPONG, PACED):
            self.assertMessages(contender, load)
        self.assertIdles(contender)

    def test_settings(self) -> None:
        """
        With a cipher, FEC and ackNoDelay.
        """
        sealed = kcpGo(self.binary, Conditions(crypt="aes-128-gcm"))
        for contender in (kcpGo(self.binary, CODED, ackNoDelay=True), sealed):
            self.assertGreater(measure(contender, ECHO)["rate"], 0)

    def test_oneProcess(self) -> None:
        """
        One process has both ends.
        """
        self.assertTogether(kcpGo(self.binary, CODED, together=True))

    def test_connects(self) -> None:
        """
        Connections are opened and closed.
        """
        self.assertMessages(kcpGo(self.binary, PLAIN), CONNECTS)

    def test_ownBenchmarks(self) -> None:
        """
        kcp-go's own benchmarks run.
        """
        found = runGoBenchmark(buildGoBenchmark(), 0.01)
        self.assertEqual(sorted(found), ["echo", "sink"])

    def test_badPath(self) -> None:
        """
        Both implementations go through the bad path, which tells what it lost.
        """
        path = BadPath(self.binary, 0.005, 0.1, 1)
        for contender in (kcpGo(self.binary, CODED), ours(CODED)):
            found = measure(contender, PINGPONG, path)
            self.assertGreater(found["p50"], 10_000)
            self.assertApproximates(found["pathLoss"], 0.1, 0.09)
            self.assertEqual(found["pathOverflow"], 0)


class OthersTests(LoadsCase):
    """
    Other ways to carry a stream.
    """

    def setUp(self) -> None:
        """
        Make a certificate.
        """
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        writeCertificate(self.directory)

    def test_tcp(self) -> None:
        """
        Twisted's TCP.
        """
        self.assertBulk(tcp())
        self.assertMessages(tcp(), PINGPONG)

    def test_tls(self) -> None:
        """
        Twisted's TLS.
        """
        contender = tls(str(self.directory.resolve()))
        self.assertBulk(contender)
        self.assertMessages(contender, PINGPONG)

    test_tls.skip = whyNot(TLS)  # type: ignore[attr-defined]

    def asyncio(self, name: str) -> None:
        """
        Measure a library for asyncio, which has one session.
        """
        contender = asyncioPeer(name, str(self.directory.resolve()), PLAIN)
        self.assertBulk(contender)
        self.assertMessages(contender, Load("pingpong", count=20))

    def test_aiokcp(self) -> None:
        """
        aiokcp.
        """
        self.asyncio("aiokcp")

    test_aiokcp.skip = whyNot("aiokcp")  # type: ignore[attr-defined]

    def test_aioquic(self) -> None:
        """
        aioquic.
        """
        self.asyncio("aioquic")

    test_aioquic.skip = whyNot("aioquic")  # type: ignore[attr-defined]


class ChildTests(SynchronousTestCase):
    """
    Processes that do not do what they should.
    """

    def assertFails(self, told: str, *command: str) -> None:
        """
        A process that is expected to say something fails.
        """
        with started(command) as child:
            problem = self.assertRaises(ChildFailed, child.expect, "listening", 0.2)
            self.assertIn(told, str(problem))
        self.assertTrue(child.ended)

    def test_silent(self) -> None:
        """
        One that says nothing is not waited for for ever.
        """
        self.assertFails("nothing within 0.2 s: cat", "cat")

    def test_ended(self) -> None:
        """
        One that has ended is told with its status.
        """
        self.assertFails("ended with status 1: false", "false")

    def test_other(self) -> None:
        """
        One that says something else is told with what it said.
        """
        self.assertFails("'no idea' instead of 'listening'", "echo", "no idea")

    def test_noResult(self) -> None:
        """
        A result is JSON.
        """
        with started(["echo", "no idea"]) as child:
            self.assertRaises(ChildFailed, child.result)

    def test_killed(self) -> None:
        """
        When something goes wrong the process is not asked to end, but killed.
        """
        self.patch(Child, "end", lambda child: None)
        found: list[Child] = []

        def fail() -> None:
            with started(["sleep", "60"]) as child:
                found.append(child)
                raise ChildFailed("on purpose")

        self.assertRaises(ChildFailed, fail)
        self.assertTrue(found[0].ended)

    def test_usage(self) -> None:
        """
        What a process uses can be seen while it runs.
        """
        with started(["sh", "-c", "echo ready; cat"]) as child:
            child.expect("ready")
            self.assertGreater(child.memory, 100_000)
            before = child.cpu
            self.assertGreater(before, 0)
            child.tell()
            child.line()
            self.assertGreater(child.cpu, before)
