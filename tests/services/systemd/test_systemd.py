"""
Tests for L{kcptwisted.services.systemd}.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from twisted.application.service import Application, IServiceCollection, MultiService
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorCore
from twisted.internet.task import Clock
from twisted.trial.unittest import SkipTest, SynchronousTestCase
from zope.interface import directlyProvides

from kcptwisted.services.systemd import Notifier, SystemdService, notifySystemd


class Manager:
    """
    A service manager's end.
    """

    def __init__(self, path: str) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.bind("\0" + path[1:] if path[0] == "@" else path)

    def said(self) -> list[str]:
        """
        @return: the messages since the last call.
        """
        messages = []
        while True:
            try:
                messages.append(self.sock.recv(1000).decode())
            except BlockingIOError:
                return messages


class NotifierCase(SynchronousTestCase):
    """
    With a manager that listens.
    """

    if not hasattr(socket, "AF_UNIX"):
        skip = "There are no Unix sockets here."

    def setUp(self) -> None:
        """
        A socket in the file system; short, since its path has at most 107 bytes.
        """
        self.path = os.path.relpath(self.mktemp())
        if len(os.path.abspath(self.path)) > 100:
            self.path = f"/tmp/kcptwisted-{os.getpid()}-{id(self)}"
        self.path = os.path.abspath(self.path)
        self.manager = Manager(self.path)
        self.addCleanup(Path(self.path).unlink, True)
        self.addCleanup(self.manager.sock.close)


class NotifierTests(NotifierCase):
    """
    Messages.
    """

    def test_messages(self) -> None:
        """
        They are those of sd_notify(3).
        """
        notifier = Notifier(self.path, now=lambda: 123456)
        self.assertTrue(notifier.ready())
        self.assertTrue(notifier.ready("all is well"))
        self.assertTrue(notifier.reloading())
        self.assertTrue(notifier.stopping())
        self.assertTrue(notifier.alive())
        self.assertEqual(
            self.manager.said(),
            [
                "READY=1",
                "READY=1\nSTATUS=all is well",
                "RELOADING=1\nMONOTONIC_USEC=123456",
                "STOPPING=1",
                "WATCHDOG=1",
            ],
        )

    def test_abstract(self) -> None:
        """
        A path that begins with an at sign is that of an abstract socket.
        """
        path = f"@kcptwisted-{os.getpid()}"
        try:
            manager = Manager(path)
        except OSError:
            raise SkipTest("There are no abstract sockets here.") from None
        self.addCleanup(manager.sock.close)
        self.assertTrue(Notifier(path).ready())
        self.assertEqual(manager.said(), ["READY=1"])

    def test_nobody(self) -> None:
        """
        Without a manager nothing happens; with one that is gone it is logged.
        """
        self.assertFalse(Notifier("").ready())
        self.assertFalse(Notifier(self.path + "x").ready())

    def test_environment(self) -> None:
        """
        The variables say it all, and are gone then: they are not meant for workers.
        """
        given = {
            "NOTIFY_SOCKET": self.path,
            "WATCHDOG_USEC": "3000000",
            "WATCHDOG_PID": str(os.getpid()),
            "OTHER": "1",
        }
        notifier = Notifier.fromEnvironment(given)
        self.assertEqual(given, {"OTHER": "1"})
        self.assertEqual(notifier.watchdog, 3.0)
        self.assertTrue(notifier.ready())
        self.assertFalse(Notifier.fromEnvironment(given).ready())

    def test_watchdog(self) -> None:
        """
        The watchdog is for the process that it names.
        """
        for process, period, expected in (
            ({}, "500000", 0.5),
            ({"WATCHDOG_PID": "1"}, "500000", 0.0),
            ({}, "soon", 0.0),
            ({}, "", 0.0),
        ):
            given = {"NOTIFY_SOCKET": self.path, "WATCHDOG_USEC": period, **process}
            self.assertEqual(Notifier.fromEnvironment(given).watchdog, expected)
        self.assertEqual(Notifier.fromEnvironment({"WATCHDOG_USEC": "1"}).watchdog, 0.0)

    def test_otherSockets(self) -> None:
        """
        What is no Unix socket is left alone.
        """
        self.assertFalse(Notifier.fromEnvironment({"NOTIFY_SOCKET": "vsock:2:1234"}).ready())


class Reactor(Clock):
    """
    A clock that also starts and stops.
    """

    def __init__(self) -> None:
        super().__init__()
        directlyProvides(self, IReactorCore)
        self.begins: list[Any] = []
        self.triggers: list[tuple[str, Any]] = []

    def callWhenRunning(self, function: Any) -> None:
        """
        Call it in L{start}.
        """
        self.begins.append(function)

    def addSystemEventTrigger(self, phase: str, event: str, function: Any) -> None:
        """
        Call it in L{stop}.
        """
        assert event == "shutdown"
        self.triggers.append((phase, function))

    def start(self) -> None:
        """
        Begin to run.
        """
        for function in self.begins:
            function()

    def stop(self, phase: str) -> None:
        """
        Stop.
        """
        for when, function in self.triggers:
            if when == phase:
                function()


class ServiceTests(NotifierCase):
    """
    The service.
    """

    def make(self, ready: Any = None, watchdog: float = 0.0) -> SystemdService:
        """
        @return: a service that was started, before the reactor runs.
        """
        self.reactor = Reactor()
        notifier = Notifier(self.path, watchdog, now=lambda: 1)
        service = SystemdService(self.reactor, ready, notifier)
        service.startService()
        return service

    def test_life(self) -> None:
        """
        READY when the reactor runs, RELOADING and READY around a reload, STOPPING once.
        """
        service = self.make()
        self.assertEqual(self.manager.said(), [])
        self.reactor.start()
        self.assertEqual(self.manager.said(), ["READY=1"])
        service.reloading()
        service.reloaded("3 relays")
        said = ["RELOADING=1\nMONOTONIC_USEC=1", "READY=1\nSTATUS=3 relays"]
        self.assertEqual(self.manager.said(), said)
        self.reactor.stop("before")
        service.stopService()
        service.reloading()
        service.reloaded()
        self.assertEqual(self.manager.said(), ["STOPPING=1"])

    def test_waits(self) -> None:
        """
        READY comes with what is waited for.
        """
        waited: Deferred[str] = Deferred()
        service = self.make(lambda: waited)
        self.reactor.start()
        service.reloading()
        self.assertEqual(self.manager.said(), [])
        waited.callback("port")
        self.assertEqual(self.manager.said(), ["READY=1"])
        self.assertEqual(self.successResultOf(waited), "port")

    def test_failed(self) -> None:
        """
        READY does not come if that fails, or if the service stops meanwhile.
        """
        failed: Deferred[None] = fail(ValueError("no"))
        self.make(lambda: failed)
        self.reactor.start()
        self.failureResultOf(failed, ValueError)
        waited: Deferred[None] = Deferred()
        service = self.make(lambda: waited)
        self.reactor.start()
        service.stopService()
        waited.callback(None)
        self.assertEqual(self.manager.said(), ["STOPPING=1"])

    def test_watchdog(self) -> None:
        """
        Signs of life come twice in the time, also while the service starts and stops.
        """
        service = self.make(Deferred, watchdog=4.0)
        self.reactor.start()
        self.reactor.pump([0.5] * 9)
        self.assertEqual(self.manager.said(), ["WATCHDOG=1"] * 3)
        self.reactor.stop("before")
        service.stopService()
        self.reactor.pump([0.5] * 4)
        self.assertEqual(self.manager.said(), ["STOPPING=1", "WATCHDOG=1"])
        self.reactor.stop("after")
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_again(self) -> None:
        """
        A service that is started again is ready again.
        """
        service = self.make(lambda: succeed(None))
        self.reactor.start()
        service.stopService()
        service.startService()
        self.reactor.start()
        self.assertEqual(self.manager.said()[:3], ["READY=1", "STOPPING=1", "READY=1"])

    def test_plainClock(self) -> None:
        """
        A reactor without a beginning and an end will do.
        """
        clock = Clock()
        service = SystemdService(clock, None, Notifier(self.path, 2.0))
        service.startService()
        service.stopService()
        self.assertEqual(self.manager.said(), ["WATCHDOG=1", "READY=1", "STOPPING=1"])
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_application(self) -> None:
        """
        L{notifySystemd} adds one to an application.
        """
        application = Application("test")
        self.patch(os, "environ", {"NOTIFY_SOCKET": self.path})
        clock = Clock()
        service = notifySystemd(application, reactor=clock)
        parent: Any = IServiceCollection(application)
        parent.startService()
        self.assertEqual(self.manager.said(), ["READY=1"])
        self.assertEqual(list(parent), [service])
        self.assertIsInstance(parent, MultiService)
