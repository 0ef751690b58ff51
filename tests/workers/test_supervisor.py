"""
Tests for L{kcptwisted.workers.supervisor} and L{kcptwisted.workers.ports}.
"""

from __future__ import annotations

import signal
import socket
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.accounts import accountsOf
from kcptwisted.interfaces import IKCPListeningPort
from kcptwisted.options import KCPOptions
from kcptwisted.server.stopping import Ending
from kcptwisted.udp.opening import openShared
from kcptwisted.workers.ports import AbsentPort, MasterPort
from kcptwisted.workers.role import INBOX, ORDERS, OUTBOXES, REPORTS, SOCKET, VARIABLE, Place, Role
from kcptwisted.workers.supervisor import Command, Supervisor
from tests.server.test_secondsignal import SignalledReactor
from tests.workers.fakes import FakeReactor

TOTAL = 3
PLACE = Place("127.0.0.1", 0, 0)
COMMAND = Command("/usr/bin/python", ["server.py", "x"], "/srv", {"HOME": "/root"})


class SupervisorTestCase(SynchronousTestCase):
    """
    A master with sockets of its own, and processes that are none.
    """

    talks = True

    def setUp(self) -> None:
        """
        Open the sockets, and start the workers.
        """
        self.reactor = FakeReactor()
        self.printed: list[str] = []
        self.sockets = openShared(("127.0.0.1", 0), KCPOptions(crypt="null"), TOTAL)
        self.supervisor = Supervisor(
            self.reactor,
            COMMAND,
            PLACE,
            self.sockets,
            self.talks,
            lambda line, error: self.printed.append(line),
            30.0,
        )
        self.problems: list[Any] = []
        self.started = self.supervisor.start()
        self.started.addErrback(self.failed)
        self.addCleanup(self.supervisor._close)

    def failed(self, reason: Failure) -> None:
        """
        Note why.
        """
        self.problems.append(reason.value)

    def listen(self, *numbers: int) -> None:
        """
        Have workers say that they listen.
        """
        for number in numbers:
            self.reactor.processes[number].report(b"listening")

    def assertClosed(self) -> None:
        """
        Assert that nothing is open any more.
        """
        self.assertEqual([sock.fileno() for sock in self.sockets], [-1] * TOTAL)
        for pair in self.supervisor._boxes:
            self.assertEqual([end.fileno() for end in pair], [-1, -1])


class StartTests(SupervisorTestCase):
    """
    Starting the workers.
    """

    def test_command(self) -> None:
        """
        Each worker is this program with its role, its own socket and inbox, and all other inboxes.
        """
        boxes = self.supervisor._boxes
        self.assertEqual(len(self.reactor.commands), TOTAL)
        for number, (executable, arguments, env, path, fds) in enumerate(self.reactor.commands):
            self.assertEqual((executable, path), ("/usr/bin/python", "/srv"))
            self.assertEqual(arguments, ["/usr/bin/python", "server.py", "x"])
            self.assertEqual(env["HOME"], "/root")
            # What it prints comes at once.
            self.assertEqual(env["PYTHONUNBUFFERED"], "1")
            role = Role.decode(env[VARIABLE])
            self.assertEqual(role, Role(number, TOTAL, PLACE, True))
            others = [box for other, (_, box) in enumerate(boxes) if other != number]
            self.assertEqual(
                fds,
                {
                    0: "w",
                    1: "r",
                    2: "r",
                    REPORTS: "r",
                    ORDERS: "w",
                    SOCKET: self.sockets[number].fileno(),
                    INBOX: boxes[number][0].fileno(),
                    OUTBOXES: others[0].fileno(),
                    OUTBOXES + 1: others[1].fileno(),
                },
            )

    def test_boxes(self) -> None:
        """
        What is written to a worker's inbox is read there; it holds more than a few datagrams, and
        nobody waits for room.
        """
        reading, writing = self.supervisor._boxes[1]
        for number in range(200):
            writing.send(b"%d" % number * 100)
        self.assertEqual(reading.recv(10_000), b"0" * 100)
        with self.assertRaises(BlockingIOError):
            while True:
                writing.send(bytes(60_000))

    def test_all(self) -> None:
        """
        They listen when all say so.
        """
        self.listen(2, 0)
        self.assertNoResult(self.started)
        self.listen(1)
        self.successResultOf(self.started)
        self.assertEqual(self.problems, [])

    def test_failing(self) -> None:
        """
        If one cannot, the others are ended, the sockets closed, and what it said is the error.
        """
        self.listen(0)
        self.reactor.processes[1].print(b"no such module\n", error=True)
        self.reactor.processes[1].exit(1)
        self.assertNoResult(self.started)
        first, _, last = self.reactor.processes
        self.assertEqual((first.orders, last.signals), (b"stop abort\n", ["TERM"]))
        last.exit(1)
        self.assertEqual(self.problems, [])
        first.exit()
        self.successResultOf(self.started)
        (problem,) = self.problems
        self.assertIsInstance(problem, CannotListenError)
        self.assertIn("no such module", str(problem))
        self.assertIn("127.0.0.1", str(problem))
        self.assertClosed()

    def test_cancelled(self) -> None:
        """
        Who does not want to wait may cancel it.
        """
        self.listen(0)
        self.started.cancel()
        (problem,) = self.problems
        self.assertIsInstance(problem, CancelledError)
        for process in self.reactor.processes:
            process.exit()
        self.assertClosed()

    def test_replacement(self) -> None:
        """
        The successor of one that died gets the same as that had.
        """
        self.listen(0, 1, 2)
        before = self.reactor.commands[1]
        self.reactor.processes[1].exit(1)
        self.reactor.advance(0)
        self.assertEqual(self.reactor.commands[TOTAL], before)

    def test_prints(self) -> None:
        """
        What the workers print is passed on.
        """
        self.reactor.processes[2].print(b"hello\n")
        self.assertEqual(self.printed, ["worker 2: hello"])


class SilentTests(SupervisorTestCase):
    """
    Workers whose clients cannot move.
    """

    talks = False

    def test_noBoxes(self) -> None:
        """
        They have nothing to talk about.
        """
        for _, _, env, _, fds in self.reactor.commands:
            self.assertFalse(Role.decode(env[VARIABLE]).talks)
            self.assertEqual(max(fds), SOCKET)


class PortTests(SupervisorTestCase):
    """
    The port that the program gets.
    """

    def setUp(self) -> None:
        """
        Have all listen.
        """
        super().setUp()
        self.listen(0, 1, 2)
        self.port = MasterPort(self.supervisor, self.reactor)

    def test_interfaces(self) -> None:
        """
        It is a listening port, as is that of workers for another port; where it is, it knows.
        """
        number = self.sockets[0].getsockname()[1]
        for port in (self.port, AbsentPort(("127.0.0.1", number))):
            verifyObject(IListeningPort, port)
            verifyObject(IKCPListeningPort, port)
            self.assertEqual((port.getHost().host, port.getHost().port), ("127.0.0.1", number))
            self.assertEqual((port.sessions, port.stats.InPkts), ([], 0))
            self.assertRaises(CannotListenError, port.startListening)
            self.assertRaises(ValueError, port.stopListening, "maybe")
        self.successResultOf(AbsentPort(("127.0.0.1", 1)).stopListening("abort"))

    def test_stop(self) -> None:
        """
        It is closed when all workers are gone, and until then its sockets are there.
        """
        for ending in Ending:
            stopped = self.port.stopListening(ending.value)
            self.assertNoResult(stopped)
        for process in self.reactor.processes:
            self.assertEqual(process.orders, b"stop finish\nstop close\nstop abort\n")
            self.assertNoResult(stopped)
            self.assertNotEqual(self.sockets[0].fileno(), -1)
            process.exit()
        self.successResultOf(stopped)
        self.assertClosed()
        self.assertEqual(self.port.getHost().host, "127.0.0.1")

    def test_counted(self) -> None:
        """
        The accounts of the program know the workers, until these are gone.
        """
        accounts = accountsOf(self.reactor)
        self.assertEqual(accounts.elsewhere, {self.supervisor})
        stopped = self.port.stopListening("abort")
        for process in self.reactor.processes:
            process.exit()
        self.successResultOf(stopped)
        self.assertEqual(accounts.elsewhere, set())

    def test_secondSignal(self) -> None:
        """
        A second signal while the reactor stops has all workers abort.
        """
        reactor = SignalledReactor()
        self.addCleanup(signal.signal, signal.SIGTERM, signal.getsignal(signal.SIGTERM))
        signal.signal(signal.SIGTERM, reactor.takeSignal)
        port = MasterPort(self.supervisor, reactor)
        reactor.beginToStop()
        stopped = port.stopListening()
        signal.raise_signal(signal.SIGTERM)
        for process in self.reactor.processes:
            self.assertEqual(process.orders, b"stop close\nstop abort\n")
            process.exit()
        self.successResultOf(stopped)

    def test_spread(self) -> None:
        """
        While they are held, the kernel gives each peer the same socket, also when nobody reads one.
        """
        clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(40)]
        reached = []
        for _ in range(2):
            for client in clients:
                client.sendto(b"x", self.sockets[0].getsockname())
            found: dict[object, int] = {}
            for number, sock in enumerate(self.sockets):
                for _ in clients:
                    try:
                        found[sock.recvfrom(10)[1]] = number
                    except BlockingIOError:
                        break
            reached.append(found)
            self.reactor.processes[1].exit(9)
        for client in clients:
            client.close()
        self.assertEqual(len(reached[0]), len(clients))
        self.assertEqual(set(reached[0].values()), set(range(TOTAL)))
        self.assertEqual(reached[0], reached[1])
