"""
A line in the log when datagrams arrive that do not open, or are no KCP.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from twisted.logger import Logger

from kcptwisted.interfaces import Address
from kcptwisted.udp.addresses import toAddress

#: Milliseconds between two lines at least.
LOG_INTERVAL = 60_000

#: Why a datagram does not open.
SEALED = (
    "Datagrams that did not open: {count}, the last one from {peer}; the peer has another key or"
    " crypt, or they were damaged, or are not KCP"
)

#: Why a datagram makes no sense where nothing is encrypted.
PLAIN = (
    "Datagrams that were no KCP: {count}, the last one from {peer}; the peer has another crypt (it"
    " is null here), or is another program"
)


class UnreadableLog:
    """
    Leaves a line at the first datagram, and then one a minute at most, with the number since the
    line before.  There is no line without a datagram, so no timer either.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(self, line: str, now: Callable[[], int]) -> None:
        """
        @param line: L{SEALED} or L{PLAIN}.
        @param now: tells the time in milliseconds.
        """
        self._line = line
        self._now = now
        self._count = 0
        self._next: int | None = None

    def add(self, count: int, address: Address) -> None:
        """
        Datagrams have come.

        @param count: how many, at least one.
        @param address: where from.
        """
        self._count += count
        now = self._now()
        if self._next is None or now >= self._next:
            self._next = now + LOG_INTERVAL
            self._log.warn(self._line, count=self._count, peer=toAddress(address))
            self._count = 0
