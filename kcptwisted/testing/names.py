"""
A host name resolver for L{kcptwisted.testing}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.abstract import isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IHostnameResolver, IHostResolution, IResolutionReceiver
from zope.interface import implementer


@implementer(IHostResolution)
class FinishedResolution:
    """
    A look-up that is already finished.
    """

    def __init__(self, name: str) -> None:
        """
        @param name: the host name.
        """
        self.name = name

    def cancel(self) -> None:
        """
        Does nothing: the look-up is finished.
        """


@implementer(IHostnameResolver)
class KnownNames:
    """
    Resolves host names at once.
    """

    def __init__(self, lookUp: Callable[[str], list[str]]) -> None:
        """
        @param lookUp: returns the addresses of a host name.
        """
        self._lookUp = lookUp

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Any = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """
        Resolves a host name at once.  See L{IHostnameResolver}.
        """
        resolution = FinishedResolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)
        for address in self._lookUp(hostName):
            kind = IPv6Address if isIPv6Address(address) else IPv4Address
            resolutionReceiver.addressResolved(kind("UDP", address, portNumber))
        resolutionReceiver.resolutionComplete()
        return resolution
