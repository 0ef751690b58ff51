"""
Tests for L{kcptwisted.services.relay.service}: routes that come, go and change.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import CannotListenError
from twisted.logger import LogLevel, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from kcptwisted.services.exiting import CannotStart
from kcptwisted.services.relay.interfaces import IRelay
from kcptwisted.services.relay.routes import Route
from kcptwisted.services.relay.service import RelayService

A, B = Route("a", "x"), Route("b", "y")


@implementer(IRelay)
class Relay:
    """
    Notes what is asked of it.

    @ivar over: fires when its connections have ended.
    @ivar closed: fires when its port is free.
    """

    def __init__(self, route: Route, calls: list[Any], problem: Exception | None) -> None:
        self.route = route
        self._calls = calls
        self._problem = problem
        self.over: Deferred[None] = Deferred()
        self.closed: Deferred[object] = succeed(None)

    def start(self) -> Deferred[object]:
        """
        Note.
        """
        self._calls.append(("start", self.route.source))
        return fail(self._problem) if self._problem else succeed(None)

    def change(self, route: Route) -> None:
        """
        Note.
        """
        self.route = route
        self._calls.append(("change", route.source))

    def stopListening(self) -> Deferred[object]:
        """
        Note.
        """
        self._calls.append(("stopListening", self.route.source))
        return self.closed

    def whenOver(self) -> Deferred[None]:
        """
        @return: fires when the test says so.
        """
        return self.over

    def stop(self) -> Deferred[None]:
        """
        Note.
        """
        self._calls.append(("stop", self.route.source))
        return succeed(None)

    def abort(self) -> None:
        """
        Note.
        """
        self._calls.append(("abort", self.route.source))


class Watcher:
    """
    A supervisor that notes what it is told.
    """

    def __init__(self) -> None:
        self.told: list[str] = []

    def ready(self) -> None:
        """
        Note.
        """
        self.told.append("ready")

    def reloading(self) -> None:
        """
        Note.
        """
        self.told.append("reloading")

    def stopping(self) -> None:
        """
        Note.
        """
        self.told.append("stopping")


class ReloadTests(SynchronousTestCase):
    """
    Reading the configuration again.
    """

    def setUp(self) -> None:
        """
        Serve C{a} and C{b}.
        """
        self.calls: list[Any] = []
        self.made: dict[str, Relay] = {}
        self.problems: dict[str, Exception] = {}
        self.routes: Any = [A, B]
        self.watcher = Watcher()
        self.lines: list[tuple[LogLevel, str]] = []
        observer: Any = self.note
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.service = RelayService(
            object(),
            self.routes,
            self.make,
            lambda route: route.source.partition(":")[0],
            self.reread,
            self.watcher,
        )

    def note(self, event: Any) -> None:
        """
        Note a line.
        """
        self.lines.append((event["log_level"], formatEvent(event)))

    def make(self, route: Route) -> Relay:
        """
        @return: what notes.
        """
        relay = self.made[route.source] = Relay(route, self.calls, self.problems.get(route.source))
        return relay

    def reread(self) -> Any:
        """
        @return: what the file has.
        """
        if isinstance(self.routes, Exception):
            raise self.routes
        return self.routes

    def begin(self) -> None:
        """
        Start.
        """
        self.service.privilegedStartService()
        self.calls.clear()
        self.lines.clear()

    def reload(self, *routes: Route) -> list[Any]:
        """
        @return: what becomes of these routes.
        """
        self.routes = routes
        self.successResultOf(self.service.reload())
        calls = self.calls[:]
        self.calls.clear()
        return calls

    def test_interface(self) -> None:
        """
        The double is one.
        """
        verifyObject(IRelay, self.make(A))

    def test_start(self) -> None:
        """
        All routes are served.
        """
        self.service.privilegedStartService()
        self.assertEqual(self.calls, [("start", "a"), ("start", "b")])
        self.assertEqual(self.watcher.told, ["ready"])

    def test_cannotStart(self) -> None:
        """
        One that cannot be served is a reason not to start, with one line that says which.
        """
        self.problems["b"] = CannotListenError("h", 1, "in use")
        problem = self.assertRaises(CannotStart, self.service.privilegedStartService)
        self.assertEqual(problem.code, 1)
        self.assertIn("in use", str(problem))
        self.assertEqual(
            self.lines, [(LogLevel.critical, "Cannot listen: Couldn't listen on h:1: in use. (b)")]
        )
        self.assertEqual(self.watcher.told, [])

    def test_same(self) -> None:
        """
        Nothing happens to what stays.
        """
        self.begin()
        self.assertEqual(self.reload(A, B), [])
        self.assertEqual(self.watcher.told, ["ready", "reloading", "ready"])
        self.assertEqual([level for level, _ in self.lines], [LogLevel.info])
        self.assertIn("0 added, 0 removed, 0 changed, 2 as before", self.lines[0][1])

    def test_changes(self) -> None:
        """
        Routes are changed, removed, and added, in this order.
        """
        self.begin()
        calls = self.reload(Route("a", "z"), Route("c", "x"))
        self.assertEqual(calls, [("change", "a"), ("stopListening", "b"), ("start", "c")])
        self.assertEqual(sorted(self.service.relays), ["a", "c"])
        self.assertIn("1 added, 1 removed, 1 changed, 0 as before", self.lines[0][1])

    def test_samePlace(self) -> None:
        """
        Another source at the same place is a change.
        """
        self.begin()
        self.assertEqual(self.reload(Route("a:other", "x"), B), [("change", "a:other")])

    def test_portBusy(self) -> None:
        """
        What takes the place of a removed one begins when that has closed its port.
        """
        self.begin()
        closed = self.made["b"].closed = Deferred()
        self.routes = [A, Route("c", "x")]
        reloaded = self.service.reload()
        self.assertEqual(self.calls, [("stopListening", "b")])
        self.assertNoResult(reloaded)
        closed.callback(None)
        self.successResultOf(reloaded)
        self.assertEqual(self.calls[1:], [("start", "c")])

    def test_broken(self) -> None:
        """
        A file that is wrong changes nothing.
        """
        self.begin()
        self.routes = ValueError("relay.toml: there is no [[route]]")
        self.successResultOf(self.service.reload())
        self.assertEqual(self.calls, [])
        line = "The configuration stays as it was: relay.toml: there is no [[route]]"
        self.assertEqual(self.lines, [(LogLevel.error, line)])
        self.assertEqual(self.watcher.told[-1], "ready")

    def test_cannotListen(self) -> None:
        """
        A new route that cannot be served is left out; the next reload tries it again.
        """
        self.begin()
        self.problems["c"] = CannotListenError("h", 1, "in use")
        C = Route("c", "x")
        self.assertEqual(self.reload(A, B, C), [("start", "c")])
        self.assertEqual(self.lines[0][0], LogLevel.critical)
        self.problems.clear()
        self.assertEqual(self.reload(A, B, C), [("start", "c")])
        self.assertEqual(self.reload(A, B, C), [])

    def test_stopLeaving(self) -> None:
        """
        A stop ends the connections of a removed route, too, if there are any.
        """
        self.begin()
        self.reload(A)
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.calls, [("stop", "a"), ("stop", "b")])
        self.setUp()
        self.begin()
        self.reload(A)
        self.made["b"].over.callback(None)
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.calls, [("stop", "a")])

    def test_stopped(self) -> None:
        """
        After a stop has begun nothing is added.
        """
        self.begin()
        closed = self.made["b"].closed = Deferred()
        self.routes = [A, Route("c", "x")]
        self.service.reload()
        self.service.stopService()
        closed.callback(None)
        self.service.reload()
        self.assertNotIn(("start", "c"), self.calls)
        self.assertEqual(self.watcher.told[-1], "stopping")
