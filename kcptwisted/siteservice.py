"""
A site of C{twisted.web} as a service.
"""

from __future__ import annotations

from typing import Any

from twisted.application.internet import StreamServerEndpointService
from twisted.internet.endpoints import serverFromString
from twisted.web.resource import IResource
from twisted.web.server import Site


class QuietSite(Site):
    """
    Says nothing each time that it is asked.
    """

    noisy = False

    def log(self, request: Any) -> None:
        """
        Does nothing.
        """


def siteService(reactor: Any, endpoint: str, root: IResource) -> StreamServerEndpointService:
    """
    Returns a service that answers at an endpoint.  Starting it raises if nothing can listen there.

    @param endpoint: a server endpoint string, such as C{tcp:8081:interface=127.0.0.1}.
    @raise ValueError: if C{endpoint} is none.
    """
    site = QuietSite(root)  # type: ignore[no-untyped-call]
    service = StreamServerEndpointService(serverFromString(reactor, endpoint), site)
    service._raiseSynchronously = True
    return service
