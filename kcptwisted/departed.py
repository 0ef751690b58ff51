"""
Remembering sessions that have ended, so that their late datagrams open no new ones.
"""

from __future__ import annotations

from kcptwisted.interfaces import Address

#: Milliseconds without a late datagram after which a session is forgotten.
REMEMBERED = 60_000

#: Sessions that are remembered at most; beyond that the oldest are forgotten.
MAXIMUM_REMEMBERED = 4096


class DepartedSessions:
    """
    The last conversation of each address that had one and has none now.
    """

    def __init__(self) -> None:
        # By when they were last heard of, the oldest first.
        self._conversations: dict[Address, tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._conversations)

    def add(self, address: Address, conv: int, now: int) -> None:
        """
        The session with C{address} ended.

        @param now: milliseconds.
        """
        known = self._conversations
        known.pop(address, None)
        known[address] = (conv, now + REMEMBERED)
        while known:
            oldest, (_, forgotten) = next(iter(known.items()))
            if now < forgotten and len(known) <= MAXIMUM_REMEMBERED:
                break
            del known[oldest]

    def isLate(self, address: Address, conv: int, now: int) -> bool:
        """
        Whether a datagram belongs to a session that has ended; if so, it is remembered anew.

        @param now: milliseconds.
        """
        known = self._conversations.get(address)
        if known is None or known[0] != conv or now >= known[1]:
            return False
        self.add(address, conv, now)
        return True
