"""
C{twistd kcptun-server}: the entry point.
"""

from __future__ import annotations

from twisted.application.service import IService
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint

from kcptwisted.services.kcptun.command import TunnelOptions, everywhere, supervised
from kcptwisted.services.kcptun.flags import SERVER
from kcptwisted.services.kcptun.server import makeServer
from kcptwisted.services.observing import together

__all__ = ["Options", "makeService"]


class Options(TunnelOptions):
    """
    Command line of C{kcptun-server}.
    """

    end = SERVER


def makeService(options: Options) -> IService:
    """
    Makes the service for C{twistd}.
    """
    from twisted.internet import reactor

    configuration = options.configuration
    target: IStreamClientEndpoint
    if configuration.stream is None:
        target = UNIXClientEndpoint(reactor, configuration.path)
    else:
        target = HostnameEndpoint(reactor, configuration.stream.host, configuration.stream.first)
    service = makeServer(reactor, configuration, target, everywhere(configuration.udp.host))
    return together(*supervised(reactor, service), *options.observers)
