"""
Reading from a socket: one datagram at a time, or a batch sorted by sender.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import ClassVar, Final

from twisted.logger import Logger

from kcptwisted.interfaces import Address
from kcptwisted.stats import PortStats
from kcptwisted.udp.asked import IPPROTO_IP, IPPROTO_IPV6, Ancillary
from kcptwisted.udp.offload import LARGEST_PAYLOAD, coalescedSize, enableCoalescing, split
from kcptwisted.udp.pktinfo import askForOwnAddresses

#: Bytes read in one reactor turn before timers and other descriptors get theirs.  More would gain
#: nothing: what has been read would have left the processor's nearest caches before it is used.
READ_BUDGET = 1 << 17

#: The most turns in a row that read one datagram and do not check for a second one.  An empty read
#: takes half as long as one that finds something.  If there is more, a level-triggered reactor says
#: so at once.
MOST_UNCHECKED: Final = 15

#: An application's own socket may ask for more control messages than a port does: times, the TTL
#: and the like.  Where one does not fit, others may be missing.
_ANCILLARY_BYTES: Final = 400

_NO_LEVEL = -1

#: Datagrams of one sender, in order.
Group = tuple[list[bytes], Address]

# Data, control messages, flags, sender.
_Message = tuple[bytes, Ancillary, int, Address]


class DatagramReader:
    """
    Reads from one socket.

    @ivar problem: what the last L{read} met, if it is the network's answer to an earlier datagram.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self, sock: socket.socket, onePeer: bool, stats: PortStats, longest: int = LARGEST_PAYLOAD
    ) -> None:
        """
        @param onePeer: whether one peer is talked with, whatever address it asks.
        @param longest: bytes; larger datagrams are dropped and counted.
        """
        self._stats = stats
        self._longest = longest
        self._own = None if onePeer else askForOwnAddresses(sock)
        # The level of the message that each datagram has; that of UDP_GRO comes before it.
        ipv6 = sock.family == socket.AF_INET6
        self._usual = _NO_LEVEL if self._own is None else IPPROTO_IPV6 if ipv6 else IPPROTO_IP
        coalesces = enableCoalescing(sock)
        self._receive: Callable[[int, int], _Message] = (
            sock.recvmsg if coalesces or self._own is not None else _withoutAncillary(sock)
        )
        # Turns left that do not check for a second datagram, and how many there were at first.
        self._unchecked = self._pause = 0
        self.problem: OSError | None = None

    def read(self, tries: int = 1) -> list[Group]:
        """
        Reads what is there, up to L{READ_BUDGET}, or only the first datagram if there have been
        single ones only.

        @param tries: how often to try while nothing is there.
        @return: each sender's datagrams, in the order in which the senders were first read.
        """
        self.problem = None
        while True:
            try:
                message = self._receive(LARGEST_PAYLOAD, _ANCILLARY_BYTES)
                break
            except BlockingIOError:
                tries -= 1
                if not tries:
                    return []
            except OSError as problem:
                self._failed(problem)
                return []
        group = self._take(message)
        if not self._unchecked:
            return self._readMore(group, len(message[0]))
        self._unchecked -= 1
        return [group] if group[0] else []

    def _readMore(self, first: Group, length: int) -> list[Group]:
        """
        @param length: bytes of C{first}.
        """
        datagrams, address = first
        groups = {address: datagrams} if datagrams else {}
        # An empty datagram must not make the loop endless.
        budget = READ_BUDGET - (length or 1)
        alone = True
        while budget > 0:
            try:
                message = self._receive(LARGEST_PAYLOAD, _ANCILLARY_BYTES)
            except BlockingIOError:
                break
            except OSError as problem:
                self._failed(problem)
                break
            alone = False
            budget -= len(message[0]) or 1
            datagrams, address = self._take(message)
            known = groups.get(address)
            if known is not None:
                known += datagrams
            elif datagrams:
                groups[address] = datagrams
        alone = alone and len(first[0]) == 1
        self._pause = min(2 * self._pause + 1, MOST_UNCHECKED) if alone else 0
        self._unchecked = self._pause
        return [(datagrams, address) for address, datagrams in groups.items()]

    def _take(self, message: _Message) -> Group:
        """
        Takes a message apart, and counts its datagrams.
        """
        buffer, ancillary, _, address = message
        length = size = len(buffer)
        datagrams = [buffer]
        stats = self._stats
        if ancillary:
            if ancillary[0][0] != self._usual:
                datagrams = split(buffer, coalescedSize(ancillary))
                if len(datagrams) > 1:
                    size = len(datagrams[0])
                    stats.InPkts += len(datagrams) - 1
                    # A batch has begun.
                    self._unchecked = 0
            own = self._own
            if own is not None:
                # Each datagram pays for this: no call for an address that is known.
                noted = own.peers.get(address)
                if noted is None or noted.own.data != ancillary[-1][2]:
                    address = own.note(address, ancillary)
                else:
                    address = noted
        stats.InPkts += 1
        stats.InBytes += length
        if size > self._longest:
            datagrams = self._withoutOversized(datagrams)
        return datagrams, address

    def _withoutOversized(self, datagrams: list[bytes]) -> list[bytes]:
        fitting = [datagram for datagram in datagrams if len(datagram) <= self._longest]
        self._stats.InOversized += len(datagrams) - len(fitting)
        return fitting

    def _failed(self, problem: OSError) -> None:
        # An ICMP error that concerns an earlier datagram; the socket is as good as before.
        self._log.debug("Reading failed: {problem}", problem=problem)
        self.problem = problem


def _withoutAncillary(sock: socket.socket) -> Callable[[int, int], _Message]:
    """
    Returns a C{recvmsg} that reads no control messages.  Windows has no other.
    """

    def receive(size: int, room: int) -> _Message:
        data, address = sock.recvfrom(size)
        return data, [], 0, address

    return receive
