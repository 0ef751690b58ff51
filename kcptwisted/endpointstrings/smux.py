"""
Parsers of C{smux:} endpoint strings, which wrap another endpoint's:
C{smux:option=value…:kcp:host:port:option=value…}.

Twisted imports this module for every endpoint string, so the parsers import what they need.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import (
    IStreamClientEndpointStringParserWithReactor,
    IStreamServerEndpointStringParser,
)
from twisted.plugin import IPlugin
from zope.interface import implementer

if TYPE_CHECKING:
    from kcptwisted.smux.client import SmuxClientEndpoint
    from kcptwisted.smux.server import SmuxServerEndpoint

PREFIX = "smux"


@implementer(IPlugin, IStreamClientEndpointStringParserWithReactor)
class SmuxClientParser:
    """
    Parses C{smux:conn=4:kcp:host:port}.  Options of smux's own names are smux's, wherever they
    stand; all else is the wrapped endpoint's.
    """

    prefix = PREFIX

    # An option may have the name of a parameter.
    def parseStreamClient(  # type: ignore[override]
        self, reactor: Any, /, *args: Any, **kwargs: Any
    ) -> SmuxClientEndpoint:
        """
        @raise ValueError: names the option that is wrong and what is allowed.
        """
        from twisted.internet.endpoints import clientFromString

        from kcptwisted.endpointstrings.wrapped import takeOptions, wrappedDescription
        from kcptwisted.smux.client import SmuxClientEndpoint

        description = wrappedDescription(sys._getframe(1), "client", args, kwargs)
        options, connections = takeOptions(kwargs, "client")
        wrapped = clientFromString(reactor, description)
        return SmuxClientEndpoint(reactor, wrapped, options, connections)


@implementer(IPlugin, IStreamServerEndpointStringParser)
class SmuxServerParser:
    """
    Parses C{smux:kcp:port}, as L{SmuxClientParser} does for clients.
    """

    prefix = PREFIX

    def parseStreamServer(  # type: ignore[override]
        self, reactor: Any, /, *args: Any, **kwargs: Any
    ) -> SmuxServerEndpoint:
        """
        @raise ValueError: names the option that is wrong and what is allowed.
        """
        from twisted.internet.endpoints import serverFromString

        from kcptwisted.endpointstrings.wrapped import takeOptions, wrappedDescription
        from kcptwisted.smux.server import SmuxServerEndpoint

        description = wrappedDescription(sys._getframe(1), "server", args, kwargs)
        options, _ = takeOptions(kwargs, "server")
        return SmuxServerEndpoint(reactor, serverFromString(reactor, description), options)
