"""
Limits on sessions: whether there is room for a newcomer, and whose session is ended for it.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum
from ipaddress import IPv6Address

from kcptwisted.interfaces import Address

#: Milliseconds without a datagram after which an unproven session may have to go.
UNPROVEN_AGE = 3000

#: An IPv4 address, or the first 64 bits of an IPv6 address.
Host = str | int


def hostOf(address: Address) -> Host:
    """
    Returns what counts as one host: an IPv4 address, or an IPv6 network of 64 bits, since a host
    can have as many addresses of that as it likes.
    """
    host = address[0]
    if ":" not in host:
        return host
    parsed = IPv6Address(host)
    mapped = parsed.ipv4_mapped
    return int(parsed) >> 64 if mapped is None else str(mapped)


class Admittance(Enum):
    """
    What becomes of a newcomer.
    """

    ADMIT = "admit"
    #: There are as many sessions as there may be.
    FULL = "full"
    #: Its host has as many sessions as a host may have.
    HOST_FULL = "host full"
    #: Too many have come lately.
    TOO_FAST = "too fast"


class TokenBucket:
    """
    Holds up to a second's tokens, at least one; full at first.
    """

    __slots__ = ("_capacity", "_fullAt", "_rate")

    def __init__(self, rate: float) -> None:
        """
        @param rate: tokens that are added per second, above 0.
        """
        self._rate = rate
        self._capacity = max(1, rate)
        # In tokens, not milliseconds: how many are added from 0 ms until the bucket is full.
        self._fullAt = 0.0

    def ready(self, now: int) -> bool:
        """
        Returns True if there is a token.

        @param now: milliseconds.
        """
        return self._fullAt - now * self._rate / 1000 <= self._capacity - 1

    def take(self, now: int) -> None:
        """
        Takes a token.  If there is none, takes the next one in advance.

        @param now: milliseconds.
        """
        self._fullAt = max(self._fullAt, now * self._rate / 1000) + 1


class Admission:
    """
    Counts sessions, in all and by host, and says whether there is room for another one.

    A session is unproven, since its address may be forged, until its peer shows that it receives
    what is sent there.  When a limit is reached, the unproven session that has been silent for the
    longest time may be ended for a newcomer.  A proven session never is.

    All methods take the same time however many sessions there are.  Nothing is kept of a host
    without sessions.
    """

    def __init__(self, maxSessions: int, maxSessionsPerHost: int, acceptRate: float) -> None:
        """
        @param maxSessions: sessions at most.
        @param maxSessionsPerHost: sessions of a host (see L{hostOf}) at most.
        @param acceptRate: newcomers per second in the long run, above 0; as many may come at once.
        """
        self._maxSessions = maxSessions
        self._maxSessionsPerHost = maxSessionsPerHost
        self._bucket = TokenBucket(acceptRate)
        self._hosts: dict[Address, Host] = {}
        self._counts: dict[Host, int] = {}
        # When each was last heard, the oldest first; of each host that has any, the same order.
        self._unproven: OrderedDict[Address, int] = OrderedDict()
        self._unprovenOf: dict[Host, OrderedDict[Address, None]] = {}

    def __len__(self) -> int:
        return len(self._hosts)

    def verdict(self, address: Address, now: int) -> Admittance:
        """
        Returns whether there is room for a newcomer.  If it is L{Admittance.FULL} or
        L{Admittance.HOST_FULL}, there is as soon as L{candidate} has ended.

        @param now: milliseconds.
        """
        # First, so that no session ends for a newcomer who is not taken after all.
        if not self._bucket.ready(now):
            return Admittance.TOO_FAST
        if self._hostIsFull(hostOf(address)):
            return Admittance.HOST_FULL
        return Admittance.FULL if len(self._hosts) >= self._maxSessions else Admittance.ADMIT

    def candidate(self, address: Address, now: int) -> Address | None:
        """
        Returns whose session may be ended for a newcomer that there is no room for: of the unproven
        ones (of the same host, if that is full) the one that has been silent for the longest time,
        if that is at least L{UNPROVEN_AGE}.

        @param address: the newcomer's.
        @param now: milliseconds.
        """
        host = hostOf(address)
        unproven: OrderedDict[Address, int] | OrderedDict[Address, None] | None = self._unproven
        if self._hostIsFull(host):
            unproven = self._unprovenOf.get(host)
        oldest = next(iter(unproven or ()), None)
        if oldest is None or now - self._unproven[oldest] < UNPROVEN_AGE:
            return None
        return oldest

    def _hostIsFull(self, host: Host) -> bool:
        return self._counts.get(host, 0) >= self._maxSessionsPerHost

    def opened(self, address: Address, now: int, unproven: bool) -> None:
        """
        Counts a session with C{address}, in place of any that was there.  It takes a token of the
        accept rate.

        @param now: milliseconds.
        @param unproven: whether its address may be forged.
        """
        self._bucket.take(now)
        self.closed(address)
        host = self._enter(address)
        if unproven:
            self._unproven[address] = now
            self._unprovenOf.setdefault(host, OrderedDict())[address] = None

    def proven(self, address: Address) -> None:
        """
        Takes note that the peer has shown that it is at C{address}.
        """
        if self._unproven.pop(address, None) is not None:
            host = self._hosts[address]
            unproven = self._unprovenOf[host]
            del unproven[address]
            if not unproven:
                del self._unprovenOf[host]

    def heard(self, address: Address, now: int) -> None:
        """
        Takes note of a datagram from C{address}, which proves nothing.

        @param now: milliseconds.
        """
        if address in self._unproven:
            self._unproven[address] = now
            self._unproven.move_to_end(address)
            self._unprovenOf[self._hosts[address]].move_to_end(address)

    def closed(self, address: Address) -> None:
        """
        Counts the session with C{address} no more; does nothing if there is none.
        """
        if address not in self._hosts:
            return
        self.proven(address)
        host = self._hosts.pop(address)
        self._counts[host] -= 1
        if not self._counts[host]:
            del self._counts[host]

    def moved(self, old: Address, new: Address) -> None:
        """
        Counts a session at another address, where it has proven that it receives.  No limit
        applies.
        """
        self.closed(old)
        self.closed(new)
        self._enter(new)

    def _enter(self, address: Address) -> Host:
        host = self._hosts[address] = hostOf(address)
        self._counts[host] = self._counts.get(host, 0) + 1
        return host
