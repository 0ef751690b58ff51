"""
Parsers of C{kcp:} endpoint strings.

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
    from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint

PREFIX = "kcp"


@implementer(IPlugin, IStreamClientEndpointStringParserWithReactor)
class KCPClientParser:
    """
    Parses C{kcp:host:port:option=value…}; host and port may also be given by name.
    """

    prefix = PREFIX

    # An option may have the name of a parameter, and is then to be refused like any other.
    def parseStreamClient(  # type: ignore[override]
        self, reactor: Any, /, *args: Any, **kwargs: Any
    ) -> KCPClientEndpoint:
        """
        @raise ValueError: names the part that is wrong and what is allowed.
        """
        from kcptwisted.endpoints import KCPClientEndpoint
        from kcptwisted.endpointstrings.parts import checkRepeated, parsePort, takeParts
        from kcptwisted.options import KCPOptions
        from kcptwisted.options.names import holdsSecret

        checkRepeated(sys._getframe(1))
        (host, port), given = takeParts("client", args, kwargs)
        options = KCPOptions.fromStrings(given, "client")
        return KCPClientEndpoint(reactor, host, parsePort(port, holdsSecret(given)), options)


@implementer(IPlugin, IStreamServerEndpointStringParser)
class KCPServerParser:
    """
    Parses C{kcp:port:option=value…}; the port may also be given by name.
    """

    prefix = PREFIX

    def parseStreamServer(  # type: ignore[override]
        self, reactor: Any, /, *args: Any, **kwargs: Any
    ) -> KCPServerEndpoint:
        """
        @raise ValueError: names the part that is wrong and what is allowed.
        """
        from kcptwisted.endpoints import KCPServerEndpoint
        from kcptwisted.endpointstrings.parts import checkRepeated, parsePort, takeParts
        from kcptwisted.options import KCPOptions
        from kcptwisted.options.names import holdsSecret

        checkRepeated(sys._getframe(1))
        (port,), given = takeParts("server", args, kwargs)
        options = KCPOptions.fromStrings(given, "server")
        return KCPServerEndpoint(reactor, parsePort(port, holdsSecret(given)), options)
