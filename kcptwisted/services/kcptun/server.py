"""
The server: it connects each stream to the target.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IStreamClientEndpoint

from kcptwisted.endpoints import KCPServerEndpoint
from kcptwisted.services.kcptun.configuration import Configuration
from kcptwisted.services.kcptun.joining import Joining
from kcptwisted.services.kcptun.service import TunnelService
from kcptwisted.services.kcptun.sessions import SessionFactory
from kcptwisted.services.kcptun.settings import kcpOptions, smuxOptions


def makeServer(
    reactor: Any, configuration: Configuration, target: IStreamClientEndpoint, interface: str
) -> TunnelService:
    """
    Makes the server's service.

    @param target: connects to the target.
    @param interface: the address or name to listen at; empty for all of IPv4.
    @raise kcptwisted.services.kcptun.commandline.ConfigurationError: if flags do not go together.
    """
    number = configuration.number
    joining = Joining(target, reactor, number("closewait"), bool(number("quiet")))
    factory = SessionFactory(reactor, smuxOptions(configuration), not number("nocomp"), joining)
    options = kcpOptions(configuration, interface=interface)
    servers = [
        (KCPServerEndpoint(reactor, port, options), factory) for port in configuration.udp.numbers
    ]
    return TunnelService(reactor, configuration, servers, joining, factory)
