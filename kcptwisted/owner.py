"""
What a session asks of the listener or connector that made it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.python.failure import Failure

from kcptwisted.clock import FlushClock
from kcptwisted.interfaces import Address
from kcptwisted.stats import PortStats

if TYPE_CHECKING:
    from kcptwisted.session import KCPSession


class SessionOwner(Protocol):
    """
    Whoever made a session.

    @ivar clock: flushes the session.
    @ivar stats: counts of the port.
    """

    clock: FlushClock
    stats: PortStats

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        @return: the local address.
        """

    def sessionEstablished(self, session: KCPSession) -> None:
        """
        The peer is there: time to give the session a protocol.
        """

    def sessionEnded(self, session: KCPSession, reason: Failure) -> None:
        """
        The session is over; its protocol has been told.
        """

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Send datagrams as they are, past the session's own layers.
        """

    def foreignDatagrams(self, session: KCPSession, datagrams: list[bytes]) -> None:
        """
        The session's peer sent datagrams that are not of its conversation.
        """
