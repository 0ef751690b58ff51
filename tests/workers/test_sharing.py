"""
Tests for L{kcptwisted.workers.sharing}.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from io import StringIO
from typing import Any

from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.endpoints import KCPServerEndpoint
from kcptwisted.options import KCPOptions
from kcptwisted.testing import SimulatedNetwork
from kcptwisted.udp.opening import openShared
from kcptwisted.workers import sharing as sharingModule
from kcptwisted.workers.ports import AbsentPort, MasterPort
from kcptwisted.workers.role import VARIABLE, Place, Role, rosterOf
from tests.interpreter import runPython
from tests.workers.fakes import FakeReactor

FACTORY = Factory.forProtocol(Protocol)
OPTIONS = KCPOptions(key="k", interface="127.0.0.1", workers=3)


class SharingTestCase(SynchronousTestCase):
    """
    A program that could be run again, under a reactor that starts no processes.
    """

    def setUp(self) -> None:
        """
        Pretend that the program is another one.
        """
        self.reactor = FakeReactor()
        self.patch(sys, "orig_argv", ["python", "-u", "server.py", "4000"])

    def endpoint(self, port: int = 0, options: KCPOptions = OPTIONS) -> KCPServerEndpoint:
        """
        @return: a server's, with workers.
        """
        return KCPServerEndpoint(self.reactor, port, options)

    def listen(self, port: int = 0, options: KCPOptions = OPTIONS) -> Any:
        """
        @return: the port, when all workers listen.
        """
        listening = self.endpoint(port, options).listen(FACTORY)
        for process in self.reactor.processes:
            process.report(b"listening")
        port_ = self.successResultOf(listening)
        self.addCleanup(self.end, port_)
        return port_

    def end(self, port: Any) -> None:
        """
        Stop.
        """
        port.stopListening()
        for process in self.reactor.processes:
            process.exit()


class MasterTests(SharingTestCase):
    """
    The program itself.
    """

    def test_interfaces(self) -> None:
        """
        What is behind the endpoint is one.
        """
        verifyObject(IStreamServerEndpoint, self.endpoint()._shared)

    def test_starts(self) -> None:
        """
        It starts as many workers as it is told, with its own command line and environment, in the
        directory that it was in when the endpoint was made.
        """
        self.patch(os, "environ", {**os.environ, "COLOUR": "blue"})
        here = os.getcwd()
        endpoint = self.endpoint()
        os.chdir("/")
        self.addCleanup(os.chdir, here)
        listening = endpoint.listen(FACTORY)
        self.assertEqual(len(self.reactor.commands), 3)
        for executable, arguments, env, path, _ in self.reactor.commands:
            self.assertEqual(executable, sys.executable)
            self.assertEqual(arguments, [sys.executable, "-u", "server.py", "4000"])
            self.assertEqual((env["COLOUR"], path), ("blue", here))
            self.assertTrue(Role.decode(env[VARIABLE]).talks)
        self.assertNoResult(listening)
        for process in self.reactor.processes:
            process.report(b"listening")
        port: Any = self.successResultOf(listening)
        self.addCleanup(self.end, port)
        self.assertIsInstance(port, MasterPort)
        self.assertGreater(port.getHost().port, 0)

    def test_exhausted(self) -> None:
        """
        If no descriptor is left for the workers' inboxes it cannot listen, and leaves nothing open.
        """
        opened: list[socket.socket] = []

        def share(*arguments: Any) -> list[socket.socket]:
            opened.extend(openShared(*arguments))
            return opened

        def fail(*_: object) -> None:
            raise OSError(errno.EMFILE, "Too many open files")

        self.patch(sharingModule, "openShared", share)
        self.patch(socket, "socketpair", fail)
        failure = self.failureResultOf(self.endpoint().listen(FACTORY), CannotListenError)
        self.assertIn("Too many open files", str(failure.value))
        self.assertEqual([sock.fileno() for sock in opened], [-1, -1, -1])
        self.assertEqual(self.reactor.processes, [])

    def test_string(self) -> None:
        """
        An endpoint string will do.
        """
        endpoint = serverFromString(self.reactor, "kcp:0:interface=127.0.0.1:key=k:workers=2")
        listening = endpoint.listen(FACTORY)
        listening.addErrback(lambda reason: None)
        self.assertEqual(len(self.reactor.processes), 2)
        listening.cancel()
        for process in self.reactor.processes:
            process.exit()

    def test_places(self) -> None:
        """
        Ports are told apart, also where both are any that is free.
        """
        for _ in range(2):
            self.listen()
        roles = [Role.decode(env[VARIABLE]) for _, _, env, _, _ in self.reactor.commands]
        self.assertEqual([role.place.order for role in roles], [0, 0, 0, 1, 1, 1])
        self.assertEqual([role.number for role in roles], [0, 1, 2, 0, 1, 2])

    def test_cannotMove(self) -> None:
        """
        Workers whose clients cannot move do not talk with each other.
        """
        self.listen(options=KCPOptions(key="k", crypt="aes", interface="127.0.0.1", workers=2))
        for _, _, env, _, _ in self.reactor.commands:
            self.assertFalse(Role.decode(env[VARIABLE]).talks)

    def test_unprotected(self) -> None:
        """
        That nothing is encrypted is said once.
        """
        unprotected = KCPOptions(interface="127.0.0.1", workers=2, environ={})
        for options, warnings in ((unprotected, 1), (OPTIONS, 0)):
            with capturedLogs() as events:
                self.listen(options=options)
            found = [event for event in events if event["log_level"] is LogLevel.warn]
            self.assertEqual(len(found), warnings)

    def test_prints(self) -> None:
        """
        What workers print the program prints, where it prints at that moment.
        """
        self.listen()
        output, errors = StringIO(), StringIO()
        self.patch(sys, "stdout", output)
        self.patch(sys, "stderr", errors)
        self.reactor.processes[1].print(b"hello\n")
        self.reactor.processes[2].print(b"oh\n", error=True)
        self.assertEqual(output.getvalue(), "worker 1: hello\n")
        self.assertEqual(errors.getvalue(), "worker 2: oh\n")

    def refused(self, kind: type[Exception], *mentioned: str, port: int = 0) -> None:
        """
        Check that no worker is started.
        """
        problem = self.failureResultOf(self.endpoint(port).listen(FACTORY), kind)
        for part in mentioned:
            self.assertIn(part, str(problem.value))
        self.assertEqual(self.reactor.processes, [])

    def test_inUse(self) -> None:
        """
        An address that cannot be had is an error at once, also one that others share.
        """
        for shared in (0, 1):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
                sock.bind(("127.0.0.1", 0))
                self.refused(CannotListenError, "in use", port=sock.getsockname()[1])

    def test_notAgain(self) -> None:
        """
        A program that cannot be run again cannot have workers.
        """
        self.patch(sys, "orig_argv", ["python", "-"])
        self.refused(ValueError, "workers", "standard input")

    def test_reactor(self) -> None:
        """
        Nor can one whose reactor starts no processes.
        """
        endpoint = KCPServerEndpoint(SimulatedNetwork().host("10.0.0.1"), 4000, OPTIONS)
        problem = self.failureResultOf(endpoint.listen(FACTORY), ValueError)
        self.assertIn("workers", str(problem.value))

    def test_one(self) -> None:
        """
        With one worker nothing of all this is there.
        """
        found = runPython(
            "-c",
            "import sys\n"
            "from twisted.internet import reactor, protocol\n"
            "from kcptwisted.endpoints import KCPServerEndpoint\n"
            "from kcptwisted.options import KCPOptions\n"
            "options = KCPOptions(key='k', interface='127.0.0.1', workers=1)\n"
            "listening = KCPServerEndpoint(reactor, 0, options).listen(protocol.Factory())\n"
            "print(type(listening.result).__name__)\n"
            "print([name for name in sys.modules if name.startswith('kcptwisted.workers')])\n",
        )
        self.assertEqual(found, "KCPListeningPort\n[]\n")


class ElsewhereTests(SharingTestCase):
    """
    A worker that comes to another port than its own.
    """

    def test_absent(self) -> None:
        """
        It leaves it to those whose it is.
        """
        role = Role(0, 2, Place("127.0.0.1", 4001, 0), True)
        rosterOf(self.reactor, {VARIABLE: role.encode()})
        listening = self.endpoint(4000).listen(FACTORY)
        port: Any = self.successResultOf(listening)
        self.assertIs(type(port), AbsentPort)
        self.assertEqual(port.getHost().port, 4000)
        self.assertEqual(self.reactor.processes, [])
