"""
What a port sends, and keeps while the kernel has no room.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence

from twisted.internet.interfaces import IDelayedCall, IWriteDescriptor

from kcptwisted.interfaces import Address
from kcptwisted.stats import PortStats
from kcptwisted.udp.backlog import Backlog
from kcptwisted.udp.fragmentation import Fragments
from kcptwisted.udp.interfaces import IBatchReactor
from kcptwisted.udp.sending import DatagramSender

#: Seconds until the kernel is tried again after it had no memory.  BSD and macOS call its socket
#: writable all the same.
RETRY = 0.01


class DatagramWriter:
    """
    Sends through a sender.  Datagrams that the kernel has no room for wait in the backlog.
    """

    _sender: DatagramSender | None = None

    def __init__(
        self, reactor: IBatchReactor, descriptor: IWriteDescriptor, stats: PortStats
    ) -> None:
        """
        @param descriptor: the port, whose C{doWrite} calls L{doWrite}.
        """
        self._reactor = reactor
        self._descriptor = descriptor
        self._stats = stats
        self._backlog = Backlog()
        self._closing = False
        self._retry: IDelayedCall | None = None

    def use(self, sender: DatagramSender) -> None:
        """
        Sends through C{sender} from now on.
        """
        self._sender = sender

    def useFragments(self, fragments: Fragments) -> None:
        """
        Says which datagrams IP may fragment from now on; at first those that are refused.
        """
        if self._sender is not None:
            self._sender.fragmentation.use(fragments)

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Sends; see L{kcptwisted.interfaces.IDatagramTransport.writeDatagrams}.
        """
        sender = self._sender
        if sender is None:
            return
        left = datagrams
        if not self._backlog.waiting:
            left = sender.send(datagrams, address)
            if not left:
                return
        # Later, a datagram that is not to be fragmented would be.
        drops = self._closing or sender.fragmentation.fragments is Fragments.NONE
        kept = 0 if drops else self._backlog.add(left, address)
        self._stats.OutDeferred += kept
        self._stats.OutDropped += len(left) - kept
        if kept:
            self._wait(sender)

    def doWrite(self) -> None:
        """
        Sends the backlog.
        """
        sender, backlog = self._sender, self._backlog
        while backlog.waiting and sender is not None:
            batch, address = backlog.next()
            left = sender.send(batch, address)
            backlog.remove(len(batch) - len(left))
            if left:
                self._wait(sender)
                return
        self._reactor.removeWriter(self._descriptor)

    def _wait(self, sender: DatagramSender) -> None:
        """
        Goes on with the backlog when the kernel may have room.
        """
        if sender.blocked != errno.ENOBUFS:
            self._reactor.addWriter(self._descriptor)
        elif self._retry is None:
            self._reactor.removeWriter(self._descriptor)
            self._retry = self._reactor.callLater(RETRY, self._tryAgain)

    def _tryAgain(self) -> None:
        self._retry = None
        self.doWrite()

    def pause(self) -> None:
        """
        Leaves the backlog alone until L{resume}.
        """
        self._reactor.removeWriter(self._descriptor)
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def resume(self) -> None:
        """
        Sends the backlog when the socket is writable.
        """
        if self._backlog.waiting:
            self._reactor.addWriter(self._descriptor)

    def close(self) -> None:
        """
        Drops the backlog.  From now on, what the kernel has no room for is dropped.
        """
        self._closing = True
        self.pause()
        self._stats.OutDropped += self._backlog.clear()

    def end(self) -> None:
        """
        Sends nothing any more.
        """
        self._sender = None
