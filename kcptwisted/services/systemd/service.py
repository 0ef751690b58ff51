"""
A service that tells systemd when the program is ready, stops, and lives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application.service import IServiceCollection, Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorCore

from kcptwisted.services.systemd.notifier import Notifier


class SystemdService(Service):
    """
    Says READY=1 when the reactor runs and what the service waits for has happened, STOPPING=1 when
    it is stopped, and WATCHDOG=1 as often as systemd asks for.
    """

    def __init__(
        self,
        reactor: Any,
        ready: Callable[[], Deferred[Any] | None] | None = None,
        notifier: Notifier | None = None,
    ) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime} and, if it is to be
            waited for, L{twisted.internet.interfaces.IReactorCore}.
        @param ready: is called when the reactor runs.  If it returns a Deferred, the service is
            ready when that fires, and never if that fails.  The Deferred keeps its result.
        @param notifier: sends the messages; None means as the environment says.
        """
        self.notifier = Notifier.fromEnvironment() if notifier is None else notifier
        self._reactor = reactor
        self._ready = ready
        self._call: IDelayedCall | None = None
        self._isReady = False
        self._isStopping = False
        self._planned = False

    def startService(self) -> None:
        """
        Waits for the program to be ready.
        """
        super().startService()  # type: ignore[no-untyped-call]
        self._isReady = self._isStopping = False
        if not IReactorCore.providedBy(self._reactor):
            self._begin()
            return
        if not self._planned:
            # Before other services, which may take long to stop.
            self._reactor.addSystemEventTrigger("before", "shutdown", self._stops)
            self._reactor.addSystemEventTrigger("after", "shutdown", self._rest)
            self._planned = True
        self._reactor.callWhenRunning(self._begin)

    def _begin(self) -> None:
        if not self.running:
            return
        self._watch()
        waited = None if self._ready is None else self._ready()
        if waited is None:
            self._started(None)
        else:
            waited.addCallback(self._started)

    def _started(self, result: object) -> object:
        # What the Deferred gives is for those who come after.
        if self.running and not self._isStopping:
            self._isReady = True
            self.notifier.ready()
        return result

    def _watch(self) -> None:
        """
        Gives a sign of life, twice in the time that systemd allows.
        """
        if self.notifier.watchdog:
            self.notifier.alive()
            self._call = self._reactor.callLater(self.notifier.watchdog / 2, self._watch)

    def reloading(self) -> None:
        """
        Says that the configuration is read again; call L{reloaded} afterwards.
        """
        if self._isReady and not self._isStopping:
            self.notifier.reloading()

    def reloaded(self, status: str = "") -> None:
        """
        Says that the configuration has been read again, or has stayed as it was.

        @param status: a line for people.
        """
        if self._isReady and not self._isStopping:
            self.notifier.ready(status)

    def stopService(self) -> None:
        """
        Says that the program stops.  The watchdog goes on until the reactor has stopped, since a
        stop may take long.
        """
        super().stopService()  # type: ignore[no-untyped-call]
        self._stops()
        if not IReactorCore.providedBy(self._reactor):
            self._rest()

    def _stops(self) -> None:
        if not self._isStopping:
            self._isStopping = True
            self.notifier.stopping()

    def _rest(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.cancel()


def notifySystemd(
    parent: IServiceCollection,
    ready: Callable[[], Deferred[Any] | None] | None = None,
    reactor: Any = None,
) -> SystemdService:
    """
    Adds a L{SystemdService} to an application, as the last of its services.

    @param parent: the application, or any collection of services.
    @param ready: see L{SystemdService}.
    @param reactor: see L{SystemdService}; None means the installed reactor.
    """
    if reactor is None:
        from twisted.internet import reactor
    service = SystemdService(reactor, ready)
    service.setServiceParent(IServiceCollection(parent))  # type: ignore[no-untyped-call]
    return service
