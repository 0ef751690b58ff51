"""
The relay as a service: it serves routes, reads its configuration again, and stops in good order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import (
    CancelledError,
    Deferred,
    DeferredLock,
    gatherResults,
    inlineCallbacks,
)
from twisted.logger import Logger
from twisted.python.failure import Failure

from kcptwisted.server.secondsignal import onSecondSignal
from kcptwisted.services.exiting import CannotStart, stopWithFailure
from kcptwisted.services.relay.interfaces import IRelay, Supervisor, Unsupervised
from kcptwisted.services.relay.report import withoutSecrets
from kcptwisted.services.relay.routes import Route
from kcptwisted.services.relay.signals import onHangUp

#: Reads the configuration again, or raises C{ValueError}.
Reread = Callable[[], Sequence[Route]]


class RelayService(Service):
    """
    Serves routes.

    @ivar relays: what serves them, by their places.
    """

    _log = Logger(namespace="kcptwisted.services.relay")

    def __init__(
        self,
        reactor: Any,
        routes: Sequence[Route],
        make: Callable[[Route], IRelay],
        placeOf: Callable[[Route], str] = lambda route: route.source,
        reread: Reread | None = None,
        supervisor: Supervisor | None = None,
    ) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime} and
            L{twisted.internet.interfaces.IReactorCore}.
        @param routes: are served at first.
        @param make: returns what serves a route.
        @param placeOf: says where a route listens; at one place there can be one only.
        @param reread: returns the routes that are to be served after SIGHUP; None means that
            SIGHUP is not handled.
        @param supervisor: is told what the process does.
        """
        self._reactor = reactor
        self._routes = tuple(routes)
        self._make = make
        self._placeOf = placeOf
        self._reread = reread
        self._supervisor = supervisor or Unsupervised()
        self._begun = self._starting = False
        self._stops = False
        self._problem: str | None = None
        # Relays that were removed while they had connections.
        self._leaving: list[IRelay] = []
        self._reloading = DeferredLock()
        self._forget: list[Callable[[], object]] = []
        self.relays: dict[str, IRelay] = {}

    # Starting.

    def privilegedStartService(self) -> None:
        """
        Listens.

        @raise CannotStart: if listening fails at once.  If it fails later, the reactor stops and
            the program ends with status 1.
        """
        super().privilegedStartService()  # type: ignore[no-untyped-call]
        self._begin()

    def startService(self) -> None:
        """
        Listens, unless L{privilegedStartService} has done so.
        """
        super().startService()  # type: ignore[no-untyped-call]
        self._begin()
        self._forget.append(onSecondSignal(self._reactor, self._abort))
        if self._reread is not None:
            self._forget.append(onHangUp(self._reactor, self.reload))

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = self._starting = True
        self._stops, self._problem = False, None
        started = [self._start(route).addErrback(self._failed) for route in self._routes]
        self._starting = False
        if self._problem is not None:
            raise CannotStart(self._problem)
        gatherResults(started).addCallback(self._started)

    def _started(self, results: Sequence[bool]) -> None:
        if all(results):
            self._supervisor.ready()

    def _start(self, route: Route) -> Deferred[bool]:
        relay = self.relays[self._placeOf(route)] = self._make(route)
        return relay.start().addCallbacks(
            lambda _: True, self._cannotListen, errbackArgs=(relay, route)
        )

    def _cannotListen(self, why: Failure, relay: IRelay, route: Route) -> Failure | bool:
        if why.check(CancelledError):
            return False
        self._log.critical(
            "Cannot listen: {why} ({source})",
            why=why.getErrorMessage(),
            source=withoutSecrets(route.source),
        )
        self.relays = {at: other for at, other in self.relays.items() if other is not relay}
        return why

    def _failed(self, why: Failure) -> bool:
        if self._starting:
            self._problem = self._problem or why.getErrorMessage()
        else:
            stopWithFailure(self._reactor)
        return False

    # Reading the configuration again.

    def reload(self) -> Deferred[None]:
        """
        Reads the configuration again, and serves what it says, without losing connections.  If
        there is something wrong with it, all stays as it is.

        @return: fires when that is done.
        """
        return self._reloading.run(self._reload)

    @inlineCallbacks
    def _reload(self) -> Any:
        if self._stops or self._reread is None:
            return
        self._supervisor.reloading()
        try:
            wanted = {self._placeOf(route): route for route in self._reread()}
        except ValueError as problem:
            self._log.error("The configuration stays as it was: {problem}", problem=str(problem))
        else:
            yield self._serve(wanted)
        if not self._stops:
            self._supervisor.ready()

    @inlineCallbacks
    def _serve(self, wanted: dict[str, Route]) -> Any:
        added = [at for at in wanted if at not in self.relays]
        removed = [at for at in self.relays if at not in wanted]
        changed = [
            at for at, relay in self.relays.items() if at in wanted and wanted[at] != relay.route
        ]
        for at in changed:
            self.relays[at].change(wanted[at])
        closed = []
        for at in removed:
            relay = self.relays.pop(at)
            self._leaving.append(relay)
            closed.append(relay.stopListening())
            relay.whenOver().addCallback(self._left, relay)
        yield gatherResults(closed, consumeErrors=True).addErrback(lambda _: None)
        if self._stops:
            return
        for at in added:
            yield self._start(wanted[at]).addErrback(lambda _: False)
        self._log.info(
            "The configuration was read again: routes: {added} added, {removed} removed,"
            " {changed} changed, {same} as before",
            added=len(added),
            removed=len(removed),
            changed=len(changed),
            same=len(wanted) - len(added) - len(changed),
        )

    def _left(self, result: object, relay: IRelay) -> None:
        if relay in self._leaving:
            self._leaving.remove(relay)

    # Stopping.

    def stopService(self) -> Deferred[None]:
        """
        Stops listening, delivers what was read, and ends all connections.

        @return: fires when all have ended.
        """
        super().stopService()  # type: ignore[no-untyped-call]
        self._stops, self._begun = True, False
        self._supervisor.stopping()
        ended = gatherResults([relay.stop() for relay in self._all()], consumeErrors=True)
        return ended.addBoth(self._stopped)

    def _all(self) -> list[IRelay]:
        return [*self.relays.values(), *self._leaving]

    def _abort(self) -> None:
        for relay in self._all():
            relay.abort()

    def _stopped(self, result: Any) -> Any:
        forget, self._forget = self._forget, []
        for call in forget:
            with suppress(Exception):
                call()
        self.relays, self._leaving = {}, []
        return result if isinstance(result, Failure) else None
