"""
A site with the metrics alone.
"""

from __future__ import annotations

from typing import Any

from twisted.application.internet import StreamServerEndpointService
from twisted.web.resource import Resource

from kcptwisted.metrics.resource import MetricsResource
from kcptwisted.siteservice import siteService


def metricsService(reactor: Any, endpoint: str) -> StreamServerEndpointService:
    """
    Returns a service that answers C{GET /metrics} at an endpoint.

    @param reactor: whose ports' counts it tells.
    @param endpoint: a server endpoint string, such as C{tcp:9100:interface=127.0.0.1}.
    @raise ValueError: if it is none.
    """
    root = Resource()
    root.putChild(b"metrics", MetricsResource(reactor))
    return siteService(reactor, endpoint, root)
