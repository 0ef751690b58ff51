"""
Which worker has the session that a datagram belongs to.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from kcptwisted.interfaces import Address

#: Addresses that are kept at most; beyond that those that were used longest ago are forgotten.
#: What comes from there is then assigned by its conversation again.
MAXIMUM_ADDRESSES = 16_384


class Whereabouts:
    """
    What one worker knows of the others' sessions: their conversations, as the others have announced
    them, and the addresses that their clients have moved to.
    """

    def __init__(self) -> None:
        self._byConv: dict[int, int] = {}
        self._byAddress: OrderedDict[Address, int] = OrderedDict()

    def add(self, worker: int, convs: Iterable[int]) -> None:
        """
        Takes note that C{worker} has sessions of these conversations.  Of several workers with one
        of the same conversation only the first counts.
        """
        for conv in convs:
            self._byConv.setdefault(conv, worker)

    def remove(self, worker: int, convs: Iterable[int]) -> None:
        """
        Takes note that C{worker} has no session of these conversations any more.
        """
        for conv in convs:
            if self._byConv.get(conv) == worker:
                del self._byConv[conv]

    def forget(self, worker: int) -> None:
        """
        Forgets all sessions of C{worker}.
        """
        self._byConv = {conv: other for conv, other in self._byConv.items() if other != worker}
        for address in [known for known, other in self._byAddress.items() if other == worker]:
            del self._byAddress[address]

    def ofConversation(self, conv: int) -> int | None:
        """
        Returns the worker with a session of that conversation.
        """
        return self._byConv.get(conv)

    def settle(self, address: Address, worker: int) -> None:
        """
        Datagrams from C{address} go to C{worker}.
        """
        self._byAddress[address] = worker
        self._byAddress.move_to_end(address)
        if len(self._byAddress) > MAXIMUM_ADDRESSES:
            self._byAddress.popitem(last=False)

    def leave(self, address: Address, worker: int) -> None:
        """
        Datagrams from C{address} do not go to C{worker} any more.
        """
        if self._byAddress.get(address) == worker:
            del self._byAddress[address]

    def ofAddress(self, address: Address) -> int | None:
        """
        Returns the worker that datagrams from C{address} go to; the address counts as used.
        """
        worker = self._byAddress.get(address)
        if worker is not None:
            self._byAddress.move_to_end(address)
        return worker
