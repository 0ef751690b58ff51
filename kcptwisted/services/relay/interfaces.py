"""
What the parts of the relay expect of each other.
"""

from __future__ import annotations

import typing

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from kcptwisted.services.relay.routes import Route


class IRelay(Interface):
    """
    Serves one route.
    """

    route: Route = Attribute("What is served.")

    def start() -> Deferred[object]:
        """
        Begins to listen.

        @return: fires when it listens, or fails with what keeps it from that.
        """

    def change(route: Route) -> None:
        """
        Takes other options, for what begins from now on.  What exists goes on as it is.

        @param route: one at the same L{place<kcptwisted.services.relay.kinds.placeOf>}.
        """

    def stopListening() -> Deferred[object]:
        """
        Takes nothing new.  Connections go on until they end by themselves.

        @return: fires when another relay can listen there, if the transport allows that before the
            connections have ended.
        """

    def whenOver() -> Deferred[None]:
        """
        @return: fires when there is no connection any more, after L{stopListening} or L{stop}.
        """

    def stop() -> Deferred[None]:
        """
        Stops listening, delivers what was read, and ends all connections.  What is not delivered
        within the C{stopTimeout} of the route is aborted.

        @return: fires when all have ended.
        """

    def abort() -> None:
        """
        Ends all connections now.
        """


class Supervisor(typing.Protocol):
    """
    What watches over the process, and wants to know about it.
    """

    def ready(self) -> None:
        """
        All routes listen, or what L{reloading} has begun is over.
        """

    def reloading(self) -> None:
        """
        The configuration is read again.
        """

    def stopping(self) -> None:
        """
        The process ends in good order.
        """


class Unsupervised:
    """
    Nobody wants to know.
    """

    def ready(self) -> None:
        """
        Does nothing.
        """

    reloading = stopping = ready
