"""
What a session asks of the socket that it is on, and of the listener or connector that made it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.python.failure import Failure

from kcptwisted.interfaces import Address
from kcptwisted.stats import PortStats
from kcptwisted.timing.clock import FlushClock
from kcptwisted.timing.interfaces import IFlushed
from kcptwisted.timing.portlimit import PortLimit
from kcptwisted.udp.fragmentation import Fragments
from kcptwisted.wire.control import Block

#: The session that a holder holds.
_Session = TypeVar("_Session", contravariant=True)


class SessionSocket(Protocol):
    """
    What sessions on one socket share.

    @ivar clock: flushes the session.
    @ivar stats: counts of the port.
    @ivar limit: what its sessions may send together; None if that is not limited.
    @ivar calls: whether its sessions begin the connections (a client's socket), and not the peers.
    @ivar reactor: the reactor of the program.
    @ivar forbidsFragments: whether datagrams are not fragmented on their way, unless that is
        allowed.
    """

    clock: FlushClock
    stats: PortStats
    limit: PortLimit | None
    calls: bool

    @property
    def reactor(self) -> Any: ...

    @property
    def forbidsFragments(self) -> bool: ...

    def useFragments(self, fragments: Fragments) -> None:
        """
        Says which datagrams IP may fragment from now on; at first those that are refused.
        """

    def forget(self, session: IFlushed) -> None:
        """
        Flushes a session no more: it is over.
        """

    def newToken(self) -> bytes:
        """
        Returns a random name for one end of a connection.
        """

    @property
    def overhead(self) -> int:
        """
        Bytes that the layers on the socket add.
        """

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        Returns the local address.
        """

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Sends datagrams as they are, past the session's own layers.
        """


class SessionHolder(Protocol[_Session]):
    """
    The listener or connector that made a session, as the session calls it.

    @ivar logsEnds: whether the log has a line about a connection's end, as the factory's attribute
        of this name says; True if it has none.
    """

    logsEnds: bool

    def sessionEstablished(self, session: _Session) -> None:
        """
        Gives the session a protocol: the peer is there.
        """

    def sessionGreeted(self, session: _Session) -> None:
        """
        Takes note that the peer has announced that it takes control frames.
        """

    def anotherGreeted(self, session: _Session, block: Block) -> None:
        """
        Deals with a hello that has the address and conversation of the session's peer, but is from
        somebody else.
        """

    def pathSilent(self, session: _Session) -> None:
        """
        Deals with a peer that does not answer, but could have this end's address changed.
        """

    def networkChanged(self, session: _Session) -> None:
        """
        Finds another way to the peer, if it is for this end to do so, and asks the peer for a sign
        of life.
        """

    def sessionUnread(self, session: _Session, reason: Failure) -> None:
        """
        Takes note that the session is over, though its protocol has paused and has yet to read the
        rest.
        """

    def sessionEnded(self, session: _Session, reason: Failure) -> None:
        """
        Takes note that the session is over, and that its protocol knows.
        """

    def foreignDatagrams(self, session: _Session, datagrams: list[bytes]) -> None:
        """
        Takes datagrams of the session's peer that are not of its conversation.
        """
