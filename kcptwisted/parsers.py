"""
Parsers of C{kcp:} endpoint strings.

Twisted imports this with every use of any endpoint string, so what is heavy is imported on use.
"""

from __future__ import annotations

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


def _parsePort(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"port must be a number, not {text!r}")
    return int(text)


@implementer(IPlugin, IStreamClientEndpointStringParserWithReactor)
class KCPClientParser:
    """
    Parses C{kcp:host:port:option=value…}.
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
        from kcptwisted.options import KCPOptions

        if len(args) != 2:
            raise ValueError(
                f"a kcp: client endpoint has two positional parts, host and port, not {len(args)}"
            )
        options = KCPOptions.fromStrings(kwargs, "client")
        return KCPClientEndpoint(reactor, args[0], _parsePort(args[1]), options)


@implementer(IPlugin, IStreamServerEndpointStringParser)
class KCPServerParser:
    """
    Parses C{kcp:port:option=value…}.
    """

    prefix = PREFIX

    def parseStreamServer(  # type: ignore[override]
        self, reactor: Any, /, *args: Any, **kwargs: Any
    ) -> KCPServerEndpoint:
        """
        @raise ValueError: names the part that is wrong and what is allowed.
        """
        from kcptwisted.endpoints import KCPServerEndpoint
        from kcptwisted.options import KCPOptions

        if len(args) != 1:
            raise ValueError(
                f"a kcp: server endpoint has one positional part, the port, not {len(args)}"
            )
        options = KCPOptions.fromStrings(kwargs, "server")
        return KCPServerEndpoint(reactor, _parsePort(args[0]), options)
