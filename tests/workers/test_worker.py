"""
Tests for L{kcptwisted.workers.worker}.
"""

from __future__ import annotations

from collections import Counter

from twisted.internet.error import ConnectionLost
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.metrics.snapshot import Snapshot
from kcptwisted.workers.delays import FIRST_RESTART_DELAY, STABLE_AFTER
from kcptwisted.workers.orders import ORDER_TIMEOUT
from kcptwisted.workers.worker import KEPT_LINES, START_TIME, Worker, WorkerFailed
from tests.workers.fakes import FakeProcess, FakeReactor


class WorkerTestCase(SynchronousTestCase):
    """
    A worker that has been started.
    """

    def setUp(self) -> None:
        """
        Start it.
        """
        self.reactor = FakeReactor()
        self.printed: list[tuple[str, bool]] = []
        self.worker = Worker(
            self.reactor,
            3,
            lambda process: self.reactor.spawnProcess(process, "python"),
            lambda line, error: self.printed.append((line, error)),
            30.0,
        )
        self.worker.start()

    @property
    def process(self) -> FakeProcess:
        """
        The process that was started last.
        """
        return self.reactor.processes[-1]

    def listen(self) -> None:
        """
        Have it say that it listens.
        """
        self.process.report(b"listening")


class StartTests(WorkerTestCase):
    """
    How the first process comes to listen, or does not.
    """

    def test_listens(self) -> None:
        """
        When it says so; nothing is awaited then.
        """
        self.assertNoResult(self.worker.listening)
        self.listen()
        self.successResultOf(self.worker.listening)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_dies(self) -> None:
        """
        If it dies before, that is an error that shows the last of what it said, and no other is
        started.
        """
        for number in range(KEPT_LINES + 5):
            self.process.print(b"line %d\n" % number, error=True)
        self.process.exit(1)
        text = str(self.failureResultOf(self.worker.listening, WorkerFailed).value)
        self.assertIn("worker 3: ", text)
        self.assertIn("exit code 1", text)
        self.assertIn("\nline 5\n", text)
        self.assertNotIn("line 4\n", text)
        self.reactor.advance(100)
        self.assertEqual(len(self.reactor.processes), 1)

    def test_cannot(self) -> None:
        """
        If it says that it cannot, it is killed, and the error shows why.
        """
        self.process.report(b"failed ValueError: mtu must be")
        self.assertEqual(self.process.signals, ["KILL"])
        self.process.exit(1)
        text = str(self.failureResultOf(self.worker.listening, WorkerFailed).value)
        self.assertIn("ValueError: mtu must be", text)

    def test_never(self) -> None:
        """
        If it says nothing for too long, likewise.
        """
        self.reactor.advance(START_TIME - 1)
        self.assertEqual(self.process.signals, [])
        self.reactor.advance(1)
        self.assertEqual(self.process.signals, ["KILL"])
        self.process.exit(1)
        self.failureResultOf(self.worker.listening, WorkerFailed)

    def test_system(self) -> None:
        """
        If the system cannot start it, likewise.
        """
        self.reactor.problem = OSError("out of processes")
        worker = Worker(
            self.reactor,
            4,
            lambda process: self.reactor.spawnProcess(process, "python"),
            lambda line, error: None,
            30.0,
        )
        worker.start()
        text = str(self.failureResultOf(worker.listening, WorkerFailed).value)
        self.assertIn("out of processes", text)

    def test_prints(self) -> None:
        """
        What it prints is passed on with its number.
        """
        self.process.print(b"one\ntwo\n")
        self.process.print(b"three\n", error=True)
        self.assertEqual(
            self.printed,
            [("worker 3: one", False), ("worker 3: two", False), ("worker 3: three", True)],
        )


class DeathTests(WorkerTestCase):
    """
    What happens when a process that listened dies.
    """

    def setUp(self) -> None:
        """
        Have it listen.
        """
        super().setUp()
        self.listen()

    def die(self) -> None:
        """
        End the process.
        """
        self.process.exit(1)
        self.reactor.advance(0)

    def test_replaced(self) -> None:
        """
        Another one is started at once, for whatever reason it ended.
        """
        self.die()
        self.assertEqual(len(self.reactor.processes), 2)
        self.reactor.advance(STABLE_AFTER)
        self.process.exit(0)
        self.reactor.advance(0)
        self.assertEqual(len(self.reactor.processes), 3)

    def test_logged(self) -> None:
        """
        That is one line in the log.
        """
        with capturedLogs() as events:
            self.die()
        (event,) = events
        self.assertEqual((event["log_level"], event["number"]), (LogLevel.warn, 3))
        self.assertIn("exit code 1", event["how"])

    def test_young(self) -> None:
        """
        One that dies young again and again is replaced after growing pauses.
        """
        self.die()
        self.listen()
        self.die()
        self.assertEqual(len(self.reactor.processes), 2)
        self.reactor.advance(FIRST_RESTART_DELAY)
        self.assertEqual(len(self.reactor.processes), 3)
        self.reactor.advance(STABLE_AFTER)
        self.die()
        self.assertEqual(len(self.reactor.processes), 4)

    def test_neverAgain(self) -> None:
        """
        So is one that does not come to listen, and it is killed if it does not die.
        """
        self.die()
        self.reactor.advance(START_TIME)
        self.assertEqual(self.process.signals, ["KILL"])
        self.flushLoggedErrors()
        self.process.exit(9)
        self.reactor.advance(0)
        self.assertEqual(len(self.reactor.processes), 3)


class CountTests(WorkerTestCase):
    """
    What it has counted.
    """

    def test_counts(self) -> None:
        """
        It is asked once it listens; what a process told stays when that has died.
        """
        self.assertEqual(self.successResultOf(self.worker.count()), [])
        self.listen()
        answer = self.worker.count()
        self.assertEqual(self.process.orders, b"count 1\n")
        told = Snapshot("port", 0, Counter(InPkts=5))
        self.process.report(b"answer 1 " + told.encode().encode())
        self.process.report(b"answer 1")
        self.assertEqual(self.successResultOf(answer), [told])
        asked = self.worker.look(b"here")
        self.assertEqual(self.process.orders, b"count 1\nlook 2 here\n")
        self.process.exit(1)
        self.failureResultOf(asked, ConnectionLost)
        self.failureResultOf(self.worker.look(b"here"), ConnectionLost)
        self.assertEqual(self.successResultOf(self.worker.count()), [told])
        self.reactor.advance(FIRST_RESTART_DELAY)
        self.listen()
        answer = self.worker.count()
        self.process.report(b"answer 3 " + told.encode().encode())
        self.process.report(b"answer 3")
        (both,) = self.successResultOf(answer)
        self.assertEqual(both.port["InPkts"], 10)


class StopTests(WorkerTestCase):
    """
    Ending a worker for good.
    """

    def test_listening(self) -> None:
        """
        One that listens is told what to do with its sessions, which may take any time if they are
        to finish; then it has to end.
        """
        self.listen()
        stopped = self.worker.stop("finish")
        self.assertEqual((self.process.orders, self.process.signals), (b"stop finish\n", []))
        self.process.report(b"stopping")
        self.reactor.advance(10_000)
        again = self.worker.stop("abort")
        self.process.report(b"stopping")
        self.assertEqual(self.process.orders, b"stop finish\nstop abort\n")
        self.process.report(b"stopped")
        self.assertNoResult(stopped)
        self.process.exit()
        self.successResultOf(stopped)
        self.successResultOf(again)
        self.successResultOf(self.worker.stop("close"))
        self.reactor.advance(100)
        self.assertEqual((len(self.reactor.processes), self.process.signals), (1, []))

    def assertKilled(self) -> None:
        """
        Assert that the process is killed soon, not now.
        """
        self.reactor.advance(ORDER_TIMEOUT - 1)
        self.assertNotIn("KILL", self.process.signals)
        self.reactor.advance(1)
        self.assertEqual(self.process.signals[-1], "KILL")

    def test_hangs(self) -> None:
        """
        One that does not answer is killed.
        """
        self.listen()
        self.worker.stop("finish")
        self.assertKilled()

    def test_limits(self) -> None:
        """
        Sessions that are to close have as long as any listener's, and those that are aborted no
        time at all: one that takes longer is killed.
        """
        for ending, limit in (("close", 30), ("abort", 0)):
            with self.subTest(ending=ending):
                self.setUp()
                self.listen()
                self.worker.stop(ending)
                self.process.report(b"stopping")
                self.reactor.advance(limit)
                self.assertEqual(self.process.signals, [])
                self.assertKilled()

    def test_stays(self) -> None:
        """
        So is one that does not end when all sessions have.
        """
        self.listen()
        self.worker.stop("finish")
        self.process.report(b"stopping")
        self.process.report(b"stopped")
        self.assertKilled()

    def test_starting(self) -> None:
        """
        One that does not listen yet has no sessions, and is ended.  That it comes to listen all
        the same does not save it.
        """
        stopped = self.worker.stop("finish")
        self.assertEqual((self.process.orders, self.process.signals), (b"", ["TERM"]))
        self.listen()
        self.assertNoResult(self.worker.listening)
        self.assertKilled()
        self.process.exit(9)
        self.successResultOf(stopped)

    def test_startingAgain(self) -> None:
        """
        Nor has the next one any before it listens.
        """
        self.listen()
        self.process.exit(1)
        self.reactor.advance(0)
        self.worker.stop("finish")
        self.assertEqual((self.process.orders, self.process.signals), (b"", ["TERM"]))

    def test_between(self) -> None:
        """
        One that is about to be replaced is not.
        """
        self.listen()
        for _ in range(2):
            self.process.exit(1)
            self.reactor.advance(0)
        self.successResultOf(self.worker.stop("close"))
        self.reactor.advance(100)
        self.assertEqual(len(self.reactor.processes), 2)
