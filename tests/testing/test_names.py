"""
Tests for L{kcptwisted.testing.names}.
"""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IResolutionReceiver,
)
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from kcptwisted.testing.names import KnownNames


@implementer(IResolutionReceiver)
class Receiver:
    """
    Notes what is resolved.
    """

    def __init__(self) -> None:
        self.resolved: list[IAddress] = []
        self.steps: list[str] = []

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        """
        Note.
        """
        verifyObject(IHostResolution, resolutionInProgress)
        self.steps.append(f"began {resolutionInProgress.name}")

    def addressResolved(self, address: IAddress) -> None:
        """
        Note.
        """
        self.resolved.append(address)

    def resolutionComplete(self) -> None:
        """
        Note.
        """
        self.steps.append("complete")


class KnownNamesTests(SynchronousTestCase):
    """
    Tests for L{KnownNames}.
    """

    def resolve(self, name: str) -> list[IAddress]:
        """
        @return: what the name resolves to.
        """
        names = {"both.example": ["10.0.0.1", "fd00::1"]}
        resolver = KnownNames(lambda name: names.get(name, []))
        verifyObject(IHostnameResolver, resolver)
        receiver = Receiver()
        verifyObject(IResolutionReceiver, receiver)
        resolver.resolveHostName(receiver, name, 53).cancel()
        self.assertEqual(receiver.steps, [f"began {name}", "complete"])
        return receiver.resolved

    def test_known(self) -> None:
        """
        A name has addresses of both kinds, in order, with the port.
        """
        self.assertEqual(
            self.resolve("both.example"),
            [IPv4Address("UDP", "10.0.0.1", 53), IPv6Address("UDP", "fd00::1", 53)],
        )

    def test_unknown(self) -> None:
        """
        A name may have none.
        """
        self.assertEqual(self.resolve("none.example"), [])
