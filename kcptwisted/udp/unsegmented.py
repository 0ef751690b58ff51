"""
Remembering where the kernel does not segment.
"""

from __future__ import annotations

#: Seconds until segmentation is tried again for a destination.
SINGLY = 30.0

#: The most destinations that are remembered; beyond that the oldest are forgotten, and tried again.
MAXIMUM_UNSEGMENTED = 1024


class Unsegmented:
    """
    The hosts to which the kernel does not segment, each for L{SINGLY} seconds.
    """

    __slots__ = ("_until",)

    def __init__(self) -> None:
        # The oldest first.
        self._until: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._until)

    def add(self, host: str, now: float) -> None:
        """
        The kernel has just refused to segment for C{host}.

        @param now: seconds.
        """
        until = self._until
        until.pop(host, None)
        until[host] = now + SINGLY
        if len(until) > MAXIMUM_UNSEGMENTED:
            del until[next(iter(until))]

    def holds(self, host: str, now: float) -> bool:
        """
        Returns True if datagrams to C{host} are to be sent singly.

        @param now: seconds.
        """
        until = self._until.get(host)
        if until is None:
            return False
        if now < until:
            return True
        del self._until[host]
        return False
