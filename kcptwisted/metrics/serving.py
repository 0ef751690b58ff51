"""
A site with the metrics alone.
"""

from __future__ import annotations

from typing import Any

from twisted.application.internet import StreamServerEndpointService
from twisted.internet.endpoints import serverFromString
from twisted.web.resource import Resource
from twisted.web.server import Site

from kcptwisted.metrics.resource import MetricsResource


class _QuietSite(Site):
    """
    Says nothing each time that somebody reads it.
    """

    noisy = False

    def log(self, request: Any) -> None:
        """
        Does nothing.
        """


def metricsService(reactor: Any, endpoint: str) -> StreamServerEndpointService:
    """
    Returns a service that answers C{GET /metrics} at an endpoint.

    @param reactor: whose ports' counts it tells.
    @param endpoint: a server endpoint string, such as C{tcp:9100:interface=127.0.0.1}.
    @raise ValueError: if it is none.
    """
    root = Resource()
    root.putChild(b"metrics", MetricsResource(reactor))
    site = _QuietSite(root)  # type: ignore[no-untyped-call]
    service = StreamServerEndpointService(serverFromString(reactor, endpoint), site)
    # Who asks for metrics and gets none is to know it at once.
    service._raiseSynchronously = True
    return service
