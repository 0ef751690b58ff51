"""
What a worker does with datagrams that reached another one.
"""

from __future__ import annotations

from zope.interface import implementer

from kcptwisted.interfaces import Address
from kcptwisted.server.listener import KCPListener
from kcptwisted.stats import PortStats
from kcptwisted.wire.opening import readOpening
from kcptwisted.workers.interfaces import IStrayTaker


@implementer(IStrayTaker)
class StrayTaker:
    """
    Gives a listener what other workers hand over or give back.
    """

    def __init__(self, listener: KCPListener) -> None:
        """
        @param listener: of this worker.
        """
        self._listener = listener

    @property
    def stats(self) -> PortStats:
        """
        Counts of the listener's port.
        """
        return self._listener.stack.stats

    def strayReceived(self, datagrams: list[bytes], address: Address) -> list[bytes]:
        """
        See L{IStrayTaker.strayReceived}.
        """
        listener = self._listener
        stack, paths = listener.stack, listener.paths
        if listener.sessions.at(address) is not None:
            stack.datagramsReceived(datagrams, address)
            return []
        now = stack.clock.now()
        left = []
        for position, datagram in enumerate(datagrams):
            opening = readOpening(datagram)
            mover = None if opening is None else paths.sessionOf(opening)
            if opening is None:
                stack.stats.InErrs += 1
            elif mover is not None:
                if paths.hasMoved(mover, opening, address, now):
                    listener.move(mover, datagrams[position:], address)
                    break
            elif not opening.opens and listener.ended.remembers(address, opening.conv, now):
                stack.stats.InErrs += 1
                listener.strangers.answerLate(opening, address, now)
            else:
                left.append(datagram)
        return left

    def strayReturned(self, datagrams: list[bytes], address: Address) -> None:
        """
        See L{IStrayTaker.strayReturned}.
        """
        self._listener.stack.datagramsReceived(datagrams, address)

    def learn(self, keys: list[bytes]) -> None:
        """
        See L{IStrayTaker.learn}.
        """
        self._listener.newcomers.learn(keys)

    def movable(self) -> list[int]:
        """
        See L{IStrayTaker.movable}.
        """
        return self._listener.paths.conversations()

    def batchFinished(self) -> None:
        """
        See L{IStrayTaker.batchFinished}.
        """
        self._listener.stack.batchFinished()
