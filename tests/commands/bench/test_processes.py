"""
Tests for L{kcptwisted.commands.bench.processes}.
"""

from __future__ import annotations

import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProcessProtocol, IReactorProcess
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.commands.bench.processes import EXIT_TIMEOUT, Peer, PeerFailed, Peers
from tests.commands.bench.spawning import FakeProcess, SpawningReactor


class PeersTests(SynchronousTestCase):
    """
    Tests for L{Peers} and L{Peer}.
    """

    def setUp(self) -> None:
        """
        Make a reactor.
        """
        self.reactor = SpawningReactor()
        self.peers = Peers(self.reactor)

    @property
    def process(self) -> FakeProcess:
        """
        The one process.
        """
        (process,) = self.reactor.processes
        return process

    def use(self, use: Callable[[Peer], Awaitable[object]]) -> Deferred[Any]:
        """
        Use a process.

        @return: fires when its context is over.
        """

        async def run() -> object:
            async with self.peers.running("echo", "kcp:a:1", bytes=5, sessions=2) as peer:
                return await use(peer)

        return Deferred.fromCoroutine(run())

    def failed(self, using: Deferred[Any]) -> str:
        """
        @return: the words of a failure.
        """
        return str(self.failureResultOf(using, PeerFailed).value)

    def test_samePackage(self) -> None:
        """
        A process runs this package's peer, and not that of the current directory.
        """
        self.use(lambda peer: Deferred())
        place = Path(self.mktemp())
        (place / "kcptwisted").mkdir(parents=True)
        (place / "kcptwisted" / "__init__.py").write_text("raise SystemExit('another package')")
        found = subprocess.run(
            [*self.reactor.interpreted, "--help"], cwd=place, capture_output=True, text=True
        )
        self.assertIn("One end of a measurement.", found.stdout, found.stderr)

    def test_interfaces(self) -> None:
        """
        A peer is a process protocol, and the tests' reactor starts processes.
        """
        verifyObject(IProcessProtocol, Peer(self.reactor, "echo"))
        verifyObject(IReactorProcess, self.reactor)

    def test_lines(self) -> None:
        """
        A process gets its command line; its lines are read one by one, however they come.
        """

        async def read(peer: Peer) -> object:
            return [await peer.read(), await peer.readResult(), await peer.read()]

        using = self.use(read)
        self.assertEqual(self.process.arguments, ["echo", "kcp:a:1", "--bytes=5", "--sessions=2"])
        self.process._protocol.outReceived(b"fir")
        self.process._protocol.outReceived(b'st\n{"a": 1}\nthi')
        self.assertNoResult(using)
        self.process.tell("rd")
        self.assertNoResult(using)
        self.process.end(0)
        self.assertEqual(self.successResultOf(using), ["first", {"a": 1}, "third"])

    def test_input(self) -> None:
        """
        Its input ends when its context does, and it is waited for.
        """
        closed: list[int] = []
        self.reactor.prepare = lambda process: setattr(process, "onClose", lambda: closed.append(1))

        async def nothing(peer: Peer) -> object:
            return None

        using = self.use(nothing)
        self.assertEqual(closed, [1])
        self.assertNoResult(using)
        self.process.end(0)
        self.successResultOf(using)
        self.assertEqual(self.process.signals, [])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_complaint(self) -> None:
        """
        A process that ends with another status than 0 is a failure with its last words, whether or
        not somebody reads.
        """
        using = self.use(lambda peer: peer.read())
        self.process.end(1, "warning\npeer: ConnectionLost: it is gone\n")
        self.assertEqual(self.failed(using), "echo: ConnectionLost: it is gone")

        self.reactor.processes.clear()
        self.reactor.prepare = lambda process: process.end(2, "peer: ValueError: no\n")
        for use in (lambda peer: peer.read(), lambda peer: peer.ask(), lambda peer: peer.finish()):
            self.assertEqual(self.failed(self.use(use)), "echo: ValueError: no")

    def test_silent(self) -> None:
        """
        One that says nothing, or was killed, is a failure that says so.
        """
        for status, expected in (
            (3, "echo: ended with status 3"),
            (None, "echo: ended by a signal"),
        ):
            using = self.use(lambda peer: peer.read())
            self.reactor.processes.pop().end(status)
            self.assertIn(expected, self.failed(using))

    def test_noPipes(self) -> None:
        """
        To ask one whose pipes are gone is the failure that its end turns out to be.
        """

        def noPipe() -> None:
            raise KeyError(0)

        self.reactor.prepare = lambda process: setattr(process, "onInput", noPipe)
        using = self.use(lambda peer: peer.ask())
        self.assertNoResult(using)
        self.process.end(1, "peer: gone\n")
        self.assertEqual(self.failed(using), "echo: gone")

    def test_stubborn(self) -> None:
        """
        One that does not end with its input is killed after a while, and that is a failure.
        """
        using = self.use(lambda peer: peer.read())
        self.process.tell("done")
        self.reactor.advance(EXIT_TIMEOUT - 1)
        self.assertEqual(self.process.signals, [])
        self.reactor.advance(1)
        self.assertEqual(self.process.signals, ["KILL"])
        self.assertEqual(self.failed(using), f"echo: did not end within {EXIT_TIMEOUT} s")

    def test_error(self) -> None:
        """
        When what uses a process fails, the process is killed.
        """

        async def fail(peer: Peer) -> object:
            raise RuntimeError("unlucky")

        using = self.use(fail)
        self.assertEqual(self.process.signals, ["KILL"])
        self.failureResultOf(using, RuntimeError)

    def test_stop(self) -> None:
        """
        All that run are killed, and those who use them see it; it does not matter if one has ended
        by itself while nobody looked.
        """
        self.use(lambda peer: self.peers.pause(100)).addErrback(lambda failure: None)
        self.reactor.processes.pop().end(1)
        uses = [self.use(lambda peer: peer.read()) for _ in range(3)]
        self.reactor.processes[1].tell("done")
        self.reactor.processes[1].end(0)
        self.successResultOf(uses[1])
        self.assertFalse(self.peers.stopped)
        self.successResultOf(self.peers.stop())
        self.assertTrue(self.peers.stopped)
        signals = [process.signals for process in self.reactor.processes]
        self.assertEqual(signals, [["KILL"], [], ["KILL"]])
        for using in (uses[0], uses[2]):
            self.failed(using)

    def test_serving(self) -> None:
        """
        A server is there when it has said on which port.
        """

        async def run() -> int:
            async with self.peers.serving("sink", "kcp:0") as (_, port):
                return port

        serving = Deferred.fromCoroutine(run())
        self.assertEqual(self.process.arguments, ["serve", "kcp:0", "--role=sink"])
        self.assertNoResult(serving)
        self.process.onClose = lambda: self.process.end(0)
        self.process.tell("listening 127.0.0.1:4567")
        self.assertEqual(self.successResultOf(serving), 4567)

    def test_pause(self) -> None:
        """
        A pause takes its time.
        """
        pausing = self.peers.pause(5)
        self.reactor.advance(4.9)
        self.assertNoResult(pausing)
        self.reactor.advance(0.1)
        self.successResultOf(pausing)
