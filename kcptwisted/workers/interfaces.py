"""
The contract between a listener and the other workers of its port;
L{kcptwisted.server.routing.IRouting} is what the listener asks about them.
"""

from __future__ import annotations

from collections.abc import Iterable

from zope.interface import Attribute, Interface

from kcptwisted.interfaces import Address
from kcptwisted.stats import PortStats


class IStrayTaker(Interface):
    """
    A listener, as the other workers see it.
    """

    stats: PortStats = Attribute("Counts of the listener's port.")

    def strayReceived(datagrams: list[bytes], address: Address) -> list[bytes]:
        """
        Takes datagrams that reached another worker.

        @return: those that belong to no session here, without those that make no sense.
        """

    def strayReturned(datagrams: list[bytes], address: Address) -> None:
        """
        Deals with datagrams that were handed over, and belong to no session there either.
        """

    def learn(keys: list[bytes]) -> None:
        """
        Remembers what opened sessions elsewhere, so that it opens none here.
        """

    def movable() -> Iterable[int]:
        """
        Returns the conversations of sessions whose peers may move.
        """

    def batchFinished() -> None:
        """
        Lets the sessions answer: that was all for now.
        """
