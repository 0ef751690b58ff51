"""
How the workers of one port talk: each has an inbox, to which all others write.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping

from twisted.internet.interfaces import IDelayedCall, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.interfaces import Address
from kcptwisted.server.routing import IRouting
from kcptwisted.udp.interfaces import IBatchReactor
from kcptwisted.workers.interfaces import IStrayTaker
from kcptwisted.workers.messages import (
    LARGEST_MESSAGE,
    Begin,
    Message,
    Movable,
    Opened,
    Over,
    Returned,
    Strays,
    decode,
    encode,
)
from kcptwisted.workers.whereabouts import Whereabouts

#: Bytes read in one reactor turn before timers and other descriptors get theirs.
INBOX_READ_BUDGET = 1 << 20

#: Seconds until everything is sent once more to a worker that has missed a message.
CATCH_UP = 1.0


@implementer(IRouting, IReadDescriptor)
class Siblings:
    """
    The other workers of a listener's port, as its routing.
    """

    _taker: IStrayTaker

    def __init__(
        self,
        reactor: IBatchReactor,
        number: int,
        inbox: socket.socket,
        outboxes: Mapping[int, socket.socket],
    ) -> None:
        """
        @param number: of this worker.
        @param inbox: a Unix datagram socket that this worker alone reads; this object's from now
            on.
        @param outboxes: what the others' inboxes are written through, by number; likewise.
        """
        self._reactor = reactor
        self._number = number
        self._inbox: socket.socket | None = inbox
        self._outboxes = dict(outboxes)
        self._whereabouts = Whereabouts()
        # The workers that have missed a message.
        self._behind: set[int] = set()
        self._catchUp: IDelayedCall | None = None
        # Whether another worker has given back the datagrams that the listener asks about.
        self._returning = False

    def start(self, taker: IStrayTaker) -> None:
        """
        Begins to read, and asks the others what they have.

        @param taker: the listener that this is the routing of; it has not read anything before.
        """
        self._taker = taker
        self._stats = taker.stats
        self._reactor.addReader(self)
        self._announce(Begin(self._number))

    def stop(self) -> None:
        """
        See L{IRouting.stop}.
        """
        if self._inbox is None:
            return
        self._reactor.removeReader(self)
        if self._catchUp is not None:
            self._catchUp.cancel()
            self._catchUp = None
        for box in (self._inbox, *self._outboxes.values()):
            box.close()
        self._inbox = None
        self._outboxes.clear()

    # The listener's questions and news.

    def follow(self, datagrams: list[bytes], address: Address) -> bool:
        """
        See L{IRouting.follow}.
        """
        if self._returning:
            return False
        worker = self._whereabouts.ofAddress(address)
        return worker is not None and self._pass(worker, datagrams, address)

    def knows(self, conv: int) -> bool:
        """
        See L{IRouting.knows}.
        """
        return not self._returning and self._whereabouts.ofConversation(conv) is not None

    def claim(self, conv: int, datagrams: list[bytes], address: Address) -> bool:
        """
        See L{IRouting.claim}.
        """
        worker = self._whereabouts.ofConversation(conv)
        if worker is None:
            return False
        self._whereabouts.settle(address, worker)
        return self._pass(worker, datagrams, address)

    def _pass(self, worker: int, datagrams: list[bytes], address: Address) -> bool:
        if self._send(worker, Strays(self._number, address, datagrams)):
            self._stats.StraysPassed += len(datagrams)
        else:
            self._stats.StraysDropped += len(datagrams)
        return True

    def began(self, conv: int) -> None:
        """
        See L{IRouting.began}.
        """
        self._announce(Movable(self._number, (conv,)))

    def ended(self, conv: int) -> None:
        """
        See L{IRouting.ended}.
        """
        self._announce(Over(self._number, (conv,)))

    def opened(self, keys: list[bytes]) -> None:
        """
        See L{IRouting.opened}.
        """
        self._broadcast(Opened(self._number, keys))

    # Sending.

    def _send(self, worker: int, message: Message) -> bool:
        """
        Sends a message to one worker, and returns True if there was room for it.
        """
        outbox = self._outboxes.get(worker)
        if outbox is None:
            return False
        try:
            for data in encode(message):
                outbox.send(data)
        except OSError:
            # The worker is slow, or is being replaced; the master holds its inbox.
            return False
        return True

    def _broadcast(self, message: Message) -> list[int]:
        """
        Sends a message to all workers, and returns those that had no room for it; that is counted.
        """
        missed = [worker for worker in self._outboxes if not self._send(worker, message)]
        self._stats.SiblingErrs += len(missed)
        return missed

    def _announce(self, message: Message) -> None:
        """
        Sends what each has to learn sooner or later.
        """
        self._leaveBehind(self._broadcast(message))

    def _leaveBehind(self, workers: list[int]) -> None:
        self._behind.update(workers)
        if self._behind and self._catchUp is None:
            self._catchUp = self._reactor.callLater(CATCH_UP, self._tellAnew)

    def _tellAnew(self) -> None:
        self._catchUp = None
        behind, self._behind = self._behind, set()
        begin, everything = Begin(self._number), self._everything()
        self._leaveBehind(
            [
                worker
                for worker in behind
                if not (self._send(worker, begin) and self._send(worker, everything))
            ]
        )

    def _everything(self) -> Movable:
        return Movable(self._number, tuple(self._taker.movable()))

    # Receiving.

    def fileno(self) -> int:
        """
        Returns the descriptor of the inbox, or -1.
        """
        return -1 if self._inbox is None else self._inbox.fileno()

    def logPrefix(self) -> str:
        """
        Returns the prefix of log lines.
        """
        return f"{type(self).__name__} (KCP)"

    def doRead(self) -> None:
        """
        Reads what is there, up to L{INBOX_READ_BUDGET}, and deals with it.
        """
        budget = INBOX_READ_BUDGET
        while budget > 0 and self._inbox is not None:
            try:
                data = self._inbox.recv(2 * LARGEST_MESSAGE)
            except BlockingIOError:
                break
            budget -= len(data) or 1
            message = decode(data)
            if message is None or message.sender not in self._outboxes:
                self._stats.SiblingErrs += 1
            else:
                self._take(message)
        self._taker.batchFinished()

    def _take(self, message: Message) -> None:
        sender, known = message.sender, self._whereabouts
        if isinstance(message, Strays):
            self._takeStrays(message)
        elif isinstance(message, Returned):
            known.leave(message.address, sender)
            self._takeBack(message)
        elif isinstance(message, Movable):
            known.add(sender, message.convs)
        elif isinstance(message, Over):
            known.remove(sender, message.convs)
        elif isinstance(message, Opened):
            self._taker.learn(message.keys)
        else:
            known.forget(sender)
            if not self._send(sender, self._everything()):
                self._stats.SiblingErrs += 1
                self._leaveBehind([sender])

    def _takeBack(self, returned: Returned) -> None:
        self._returning = True
        try:
            self._taker.strayReturned(returned.datagrams, returned.address)
        finally:
            self._returning = False

    def _takeStrays(self, strays: Strays) -> None:
        left = self._taker.strayReceived(strays.datagrams, strays.address)
        self._stats.StraysTaken += len(strays.datagrams) - len(left)
        if left and not self._send(strays.sender, Returned(self._number, strays.address, left)):
            self._stats.StraysDropped += len(left)

    def connectionLost(self, reason: Failure) -> None:
        """
        Stops with the reactor.
        """
        self.stop()
