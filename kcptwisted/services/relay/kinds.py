"""
Makes what serves a route.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from twisted.internet.interfaces import IStreamClientEndpoint, IStreamServerEndpoint

from kcptwisted.services.exiting import wrongString
from kcptwisted.services.relay.report import withoutSecrets
from kcptwisted.services.relay.routes import Route
from kcptwisted.services.relay.sides import UDP_ENDPOINTS, sourceOf, targetOf
from kcptwisted.services.relay.stream import StreamRelay
from kcptwisted.workers.role import workerNumber

#: The source that is this process's standard input and output.
STDIO = "stdio:"


def serverOf(reactor: Any, route: Route) -> IStreamServerEndpoint:
    """
    Returns the endpoint that a route listens at.

    @raise ValueError: if its string is wrong.
    """
    return _parsed("from", sourceOf, reactor, route)  # type: ignore[no-any-return]


def clientOf(reactor: Any, route: Route) -> IStreamClientEndpoint:
    """
    Returns the endpoint that a route connects to.

    @raise ValueError: if its string is wrong.
    """
    return _parsed("to", targetOf, reactor, route)  # type: ignore[no-any-return]


def _parsed(name: str, parse: Callable[[Any, Route], Any], reactor: Any, route: Route) -> Any:
    try:
        return parse(reactor, route)
    except Exception as problem:
        # Parsers are plugins, which raise what they like.
        raise ValueError(f"{name}: {wrongString(problem)}") from None


def checkRoute(reactor: Any, route: Route) -> None:
    """
    Checks both endpoints of a route.

    @raise ValueError: if one is wrong.  The message begins with C{from} or C{to}.
    """
    serverOf(reactor, route)
    clientOf(reactor, route)


def checkRoutes(routes: Sequence[Route]) -> None:
    """
    Checks that routes go together.

    @raise ValueError: if they do not.
    """
    for source, times in Counter(route.source for route in routes).items():
        if times > 1:
            raise ValueError(f"from: {withoutSecrets(source)} is given {times} times")
    if usesStdio(routes) and len(routes) > 1:
        raise ValueError(f"from: {STDIO} must be the only route of its process")


def usesStdio(routes: Sequence[Route]) -> bool:
    """
    Returns True if one of the routes begins at standard input.
    """
    return any(route.source.startswith("stdio") for route in routes)


def routesHere(reactor: Any, routes: Sequence[Route]) -> list[Route]:
    """
    Returns those of the routes that this process serves.  A worker of a KCP port runs the whole
    program, but what has no workers is the master's.
    """
    if workerNumber(reactor) is None:
        return list(routes)
    return [route for route in routes if _workers(serverOf(reactor, route)) > 1]


def placeOf(reactor: Any, route: Route) -> str:
    """
    Says where a route listens.  Two routes with the same place cannot be served at once.  While a
    UDP port has connections no other can be opened there, so its options are not a part of it.
    """
    server = serverOf(reactor, route)
    return repr(server) if isinstance(server, UDP_ENDPOINTS) else route.source


def _workers(server: IStreamServerEndpoint) -> int:
    return server.options.workers if isinstance(server, UDP_ENDPOINTS) else 1


def makeRelay(reactor: Any, route: Route) -> StreamRelay:
    """
    Returns what serves a route.

    @raise ValueError: if one of its endpoints is wrong.
    """
    return StreamRelay(reactor, partial(serverOf, reactor), partial(clientOf, reactor), route)
