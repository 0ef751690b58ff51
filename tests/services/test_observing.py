"""
Tests for L{kcptwisted.services.observing}, and for the options of services that use it.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.application.service import IService, MultiService, Service
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.services.exiting import CannotStart
from kcptwisted.services.kcptun import clienttap, servertap
from kcptwisted.services.observing import observers, together
from kcptwisted.services.relay import tap
from kcptwisted.workers.role import Place, Role, rosterOf

METRICS, STATUS = "tcp:9100:interface=127.0.0.1", "tcp:8081:interface=127.0.0.1"


class ObserversTests(SynchronousTestCase):
    """
    Services that tell.
    """

    def test_none(self) -> None:
        """
        Nobody asked for any.
        """
        self.assertEqual(observers(MemoryReactorClock()), [])

    def test_listen(self) -> None:
        """
        Each listens at its endpoint.
        """
        reactor = MemoryReactorClock()
        (observer,) = observers(reactor, METRICS, STATUS, ["example.com"], "token")
        observer.privilegedStartService()
        self.assertEqual([server[0] for server in reactor.tcpServers], [9100, 8081])

    def test_worker(self) -> None:
        """
        In a worker there is none.
        """
        reactor = MemoryReactorClock()
        rosterOf(reactor).role = Role(0, 2, Place("", 4000, 0), True)
        self.assertEqual(observers(reactor, METRICS, STATUS), [])

    def test_wrong(self) -> None:
        """
        What is wrong is named.
        """
        reactor = MemoryReactorClock()
        for arguments, name in (
            (("tcp", ""), "metrics must be a server endpoint: missing 1 required positional"),
            (("", "tcp"), "status must be a server endpoint: missing 1 required positional"),
            (("nonsense:1", ""), "metrics must be a server endpoint"),
            (("", "tcp:"), "status must be a server endpoint"),
            (("tcp:80\\", ""), "metrics must be a server endpoint"),
            (("", "ssl:443:privateKey=/no"), "status must be a server endpoint"),
            (("", "tcp"), "status must be a server endpoint"),
            (("", "", ["example.com"]), "status is needed"),
            (("", "", (), "token"), "status is needed"),
        ):
            problem = self.assertRaises(ValueError, observers, reactor, *arguments)
            self.assertIn(name, str(problem))

    def test_missing(self) -> None:
        """
        Without prometheus_client there is a word on how to get it.
        """
        # What Python does where a module cannot be had.
        missing: Any = None
        name = "kcptwisted.metrics.serving"
        before = sys.modules.get(name)
        sys.modules[name] = missing
        self.addCleanup(sys.modules.pop, name)
        if before is not None:
            self.addCleanup(sys.modules.__setitem__, name, before)
        problem = self.assertRaises(ValueError, observers, MemoryReactorClock(), METRICS)
        self.assertIn("kcptwisted[metrics]", str(problem))

    def test_taken(self) -> None:
        """
        The program does not start if one cannot listen; the log says why.
        """
        reactor = MemoryReactorClock()
        # The second is what a Unix socket raises whose directory is missing.
        for why in (CannotListenError("", 9100, OSError("in use")), OSError("9100 is missing")):

            def listenTCP(*others: Any, why: Exception = why, **more: Any) -> Any:
                raise why

            self.patch(reactor, "listenTCP", listenTCP)
            (observer,) = observers(reactor, METRICS)
            with capturedLogs() as logs:
                problem = self.assertRaises(CannotStart, observer.privilegedStartService)
            self.assertIn("9100", str(problem))
            self.assertIn("9100", str(logs[0]["why"]))

    def test_together(self) -> None:
        """
        One service is itself, several are one.
        """
        one, other = Service(), Service()
        self.assertIs(together(one), one)
        both = together(one, other)
        assert isinstance(both, MultiService)
        self.assertEqual(list(both), [one, other])


class OptionsTests(SynchronousTestCase):
    """
    Options of the services.
    """

    def parse(self, options: Any, *arguments: str) -> Any:
        """
        @return: the options, parsed as by twistd.
        """
        options.parent = {"nodaemon": True, "logfile": None}
        options.parseOptions(list(arguments))
        return options

    def services(self) -> list[tuple[Any, Any, list[str], str]]:
        """
        @return: of each service its options, its makeService, what it needs, and a word's joint.
        """
        return [
            (tap.Options, tap.makeService, ["--from", "tcp:1", "--to", "tcp:h:2"], "-"),
            (clienttap.Options, clienttap.makeService, ["-r", "h:1", "-l", ":2"], ""),
            (servertap.Options, servertap.makeService, ["-t", "h:1", "-l", ":2"], ""),
        ]

    def test_given(self) -> None:
        """
        Each has metrics, the page and JSON, if it is told so.
        """
        for make, makeService, needed, joint in self.services():
            options = self.parse(make(), *needed)
            self.assertEqual(list(options.observers), [])
            self.assertIsNone(options.parent.get("logger"))
            options = self.parse(
                make(),
                *needed,
                *("--metrics", METRICS, "--status", STATUS),
                *(f"--status{joint}host", "example.com", f"--status{joint}token", "t"),
                *(f"--log{joint}format", "json"),
            )
            (observer,) = options.observers
            self.assertEqual(len(list(observer)), 2)
            self.assertIsNotNone(options.parent["logger"])
            service = makeService(options)
            self.assertTrue(IService.providedBy(service))
            self.assertIn(observer, list(service))

    def test_wrong(self) -> None:
        """
        What is wrong ends the program with status 2.
        """
        for make, _, needed, joint in self.services():
            for wrong in (
                ["--metrics", "nonsense:1"],
                ["--status", "nonsense:1"],
                [f"--log{joint}format", "xml"],
                [f"--status{joint}token", "t"],
            ):
                self.patch(sys, "stderr", sys.stdout)
                problem = self.assertRaises(SystemExit, self.parse, make(), *needed, *wrong)
                self.assertEqual(problem.code, 2, (make, wrong))
