"""
The state over HTTP: once, and again and again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sized
from time import perf_counter
from typing import Any, Final

from twisted.internet.interfaces import IDelayedCall
from twisted.web.http import BAD_REQUEST, SERVICE_UNAVAILABLE
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from kcptwisted.accounts import Accounts
from kcptwisted.status.elsewhere import Everywhere
from kcptwisted.status.query import Query, parseQuery
from kcptwisted.status.view import columnsShown

#: Seconds between two looks, at least.
INTERVAL: Final = 1.0

#: All looks together may take so much of the time.
SHARE: Final = 0.015

#: How many may look at once.
MOST_VIEWERS: Final = 20


def _refuse(request: Request, status: int, text: str) -> bytes:
    request.setResponseCode(status)
    request.setHeader("content-type", "text/plain; charset=utf-8")
    return f"{text}\n".encode()


class StateResource(Resource):
    """
    Tells the state once, as JSON.  There are no rates in it: those need two looks.
    """

    isLeaf = True

    def __init__(self, reactor: Any, accounts: Accounts) -> None:
        """
        @param reactor: tells the time.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self._reactor = reactor
        self._accounts = accounts

    def render_GET(self, request: Request) -> bytes | int:
        """
        Answers.
        """
        try:
            query = parseQuery(request.args)
        except ValueError as problem:
            return _refuse(request, BAD_REQUEST, str(problem))
        request.setHeader("content-type", "application/json")
        gone: list[object] = []
        request.notifyFinish().addBoth(gone.append)

        def answer(state: dict[str, Any]) -> None:
            if not gone:
                request.write(json.dumps({"columns": columnsShown(), **state}).encode())
                request.finish()

        Everywhere(self._accounts, self._reactor.seconds).look(query).addCallback(answer)
        return NOT_DONE_YET


class EventsResource(Resource):
    """
    Tells the state again and again, as server-sent events (HTML Living Standard, section 9.2).
    With nobody there it does nothing.
    """

    isLeaf = True

    def __init__(
        self, reactor: Any, accounts: Accounts, timer: Callable[[], float] = perf_counter
    ) -> None:
        """
        @param reactor: tells the time, and when to look again.
        @param timer: measures how long a look takes, seconds.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self._reactor = reactor
        self._accounts = accounts
        self._timer = timer
        self.viewers: set[Viewer] = set()

    def render_GET(self, request: Request) -> bytes | int:
        """
        Begins to tell.
        """
        try:
            query = parseQuery(request.args)
        except ValueError as problem:
            return _refuse(request, BAD_REQUEST, str(problem))
        if len(self.viewers) >= MOST_VIEWERS:
            return _refuse(request, SERVICE_UNAVAILABLE, f"{MOST_VIEWERS} look already.")
        request.setHeader("content-type", "text/event-stream")
        view = Everywhere(self._accounts, self._reactor.seconds)
        viewer = Viewer(self._reactor, request, view, query, self._timer, self.viewers)
        self.viewers.add(viewer)
        request.notifyFinish().addBoth(lambda _: self._left(viewer))
        viewer.start()
        return NOT_DONE_YET

    def _left(self, viewer: Viewer) -> None:
        self.viewers.discard(viewer)
        viewer.stop()


class Viewer:
    """
    One who looks.
    """

    def __init__(
        self,
        reactor: Any,
        request: Request,
        view: Everywhere,
        query: Query,
        timer: Callable[[], float],
        viewers: Sized,
    ) -> None:
        """
        @param request: takes the events.
        @param timer: measures how long a look takes, seconds.
        @param viewers: all who look now.
        """
        self._reactor = reactor
        self._request = request
        self._view = view
        self._query = query
        self._timer = timer
        self._viewers = viewers
        self._isFull = self._isOver = False
        self._next: IDelayedCall | None = None

    def start(self) -> None:
        """
        Begins.
        """
        self._request.registerProducer(self, True)
        # Browsers that lose the connection try again so soon, milliseconds.
        self._request.write(b"retry: 1000\n\n")
        self._tell("columns", columnsShown())
        self._look()

    def stop(self) -> None:
        """
        Ends: the browser is gone.
        """
        self._isOver = True
        if self._next is not None and self._next.active():
            self._next.cancel()

    def _look(self) -> None:
        begun = self._timer()
        if self._isFull:
            self._plan(0.0)
            return
        looked = self._view.look(self._query)
        taken = self._timer() - begun
        looked.addCallback(self._looked, taken)

    def _looked(self, state: dict[str, Any], taken: float) -> None:
        if not self._isOver:
            begun = self._timer()
            self._tell("state", state)
            self._plan(taken + self._timer() - begun)

    def _plan(self, taken: float) -> None:
        pause = max(INTERVAL, taken * len(self._viewers) / SHARE)
        self._next = self._reactor.callLater(pause, self._look)

    def _tell(self, kind: str, what: object) -> None:
        self._request.write(f"event: {kind}\ndata: {json.dumps(what)}\n\n".encode())

    # The browser reads too slowly, or fast enough again.

    def pauseProducing(self) -> None:
        """
        Leaves out what the browser is too slow for.
        """
        self._isFull = True

    def resumeProducing(self) -> None:
        """
        Goes on with the next look.
        """
        self._isFull = False

    def stopProducing(self) -> None:
        """
        Ends.
        """
        self.stop()
