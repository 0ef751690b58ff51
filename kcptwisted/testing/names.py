"""
A name resolver that knows all answers, for L{kcptwisted.testing}.
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
    A look-up that is over at once.
    """

    def __init__(self, name: str) -> None:
        """
        @param name: what is looked up.
        """
        self.name = name

    def cancel(self) -> None:
        """
        Nothing to cancel.
        """


@implementer(IHostnameResolver)
class KnownNames:
    """
    Answers at once.
    """

    def __init__(self, lookUp: Callable[[str], list[str]]) -> None:
        """
        @param lookUp: gives a name's addresses.
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
        As L{IHostnameResolver} says.
        """
        resolution = FinishedResolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)
        for address in self._lookUp(hostName):
            kind = IPv6Address if isIPv6Address(address) else IPv4Address
            resolutionReceiver.addressResolved(kind("UDP", address, portNumber))
        resolutionReceiver.resolutionComplete()
        return resolution
