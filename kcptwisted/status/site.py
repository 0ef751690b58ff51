"""
The page: its files, and the state that it shows.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from twisted.application.internet import StreamServerEndpointService
from twisted.web.resource import Resource
from twisted.web.server import Request

from kcptwisted.accounts import accountsOf
from kcptwisted.siteservice import siteService
from kcptwisted.status.guard import Guard
from kcptwisted.status.pages import EventsResource, StateResource

#: The files of the page, by their paths, with their types.
FILES: Final = {
    b"": ("index.html", "text/html; charset=utf-8"),
    b"status.css": ("status.css", "text/css; charset=utf-8"),
    b"status.js": ("status.js", "text/javascript; charset=utf-8"),
    b"uplot.css": ("uplot.css", "text/css; charset=utf-8"),
    b"uplot.js": ("uplot.js", "text/javascript; charset=utf-8"),
}

_STATIC = Path(__file__).parent / "static"


class StatusResource(Resource):
    """
    The page and what it asks for, for a site of C{twisted.web}.  It must be the root of the site
    or of a host; put a L{Guard} in front of it, as L{statusRoot} does.
    """

    def __init__(self, reactor: Any) -> None:
        """
        @param reactor: whose ports and sessions are shown.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        # What is gone is remembered as long as this is.
        self._accounts = accountsOf(reactor)
        self.events = EventsResource(reactor, self._accounts)
        self.putChild(b"events", self.events)
        self.putChild(b"state", StateResource(reactor, self._accounts))
        for path, (name, kind) in FILES.items():
            self.putChild(path, StaticFile(name, kind))


class StaticFile(Resource):
    """
    One file of the page.
    """

    isLeaf = True

    def __init__(self, name: str, kind: str) -> None:
        """
        @param kind: the Content-Type.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = name
        self._kind = kind

    def render_GET(self, request: Request) -> bytes:
        """
        Answers.
        """
        request.setHeader("content-type", self._kind)
        return contents(self._name)


@lru_cache
def contents(name: str) -> bytes:
    """
    Returns what is in a file of the page.
    """
    return (_STATIC / name).read_bytes()


def statusRoot(reactor: Any, names: Collection[str] = (), token: str = "") -> Guard:
    """
    Returns the root of a site that shows the page.

    @param reactor: whose ports and sessions are shown.
    @param names: host names by which the page may be asked for, beside addresses and C{localhost}.
    @param token: who looks must have it; nobody needs one if it is empty.
    """
    return Guard(StatusResource(reactor), names, token)


def statusService(
    reactor: Any, endpoint: str, names: Collection[str] = (), token: str = ""
) -> StreamServerEndpointService:
    """
    Returns a service that shows the page at an endpoint.

    @param reactor: whose ports and sessions are shown.
    @param endpoint: a server endpoint string, such as C{tcp:8081:interface=127.0.0.1}.
    @param names: see L{statusRoot}.
    @param token: see L{statusRoot}.
    @raise ValueError: if C{endpoint} is none.
    """
    return siteService(reactor, endpoint, statusRoot(reactor, names, token))
