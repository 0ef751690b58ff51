"""
C{twistd kcptun-client}: the entry point.
"""

from __future__ import annotations

from twisted.application.service import IService
from twisted.internet.endpoints import (
    TCP4ServerEndpoint,
    TCP6ServerEndpoint,
    UNIXServerEndpoint,
)
from twisted.internet.interfaces import IStreamServerEndpoint

from kcptwisted.services.kcptun.client import makeClient
from kcptwisted.services.kcptun.command import TunnelOptions, everywhere, supervised
from kcptwisted.services.kcptun.flags import CLIENT
from kcptwisted.services.observing import together

__all__ = ["Options", "makeService"]


class Options(TunnelOptions):
    """
    Command line of C{kcptun-client}.
    """

    end = CLIENT


def makeService(options: Options) -> IService:
    """
    Makes the service for C{twistd}.
    """
    from twisted.internet import reactor

    configuration = options.configuration
    server: IStreamServerEndpoint
    if configuration.stream is None:
        server = UNIXServerEndpoint(reactor, configuration.path, wantPID=True)
    else:
        host, port = everywhere(configuration.stream.host), configuration.stream.first
        endpoint = TCP6ServerEndpoint if ":" in host else TCP4ServerEndpoint
        server = endpoint(reactor, port, interface=host)
    service = makeClient(reactor, configuration, server)
    return together(*supervised(reactor, service), *options.observers)
