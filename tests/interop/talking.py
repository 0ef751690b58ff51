"""
Clients that talk to an echo server, and can be asked how it goes.
"""

from __future__ import annotations

from typing import cast

from twisted.internet.defer import Deferred, DeferredQueue
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from kcptwisted.session import KCPTransport
from tests.interop.roles import WrongBytes


class Talker(Protocol):
    """
    One connection.

    @ivar lost: fires with the reason when it is over.
    """

    def __init__(self) -> None:
        self.lost: Deferred[BaseException | None] = Deferred()
        self._awaited = b""
        self._echoed: Deferred[None] | None = None

    @property
    def session(self) -> KCPTransport:
        """
        The transport, by its type.
        """
        return cast(KCPTransport, self.transport)

    def write(self, data: bytes) -> None:
        """
        Send.
        """
        self._awaited += data
        self.session.write(data)

    def exchange(self, data: bytes) -> Deferred[None]:
        """
        @return: fires when this, and all that was written before, has come back; fails if something
            else does, or the connection is lost.
        """
        self._echoed = Deferred()
        self.write(data)
        return self._echoed

    def connectionMade(self) -> None:
        """
        Tell the factory.
        """
        if isinstance(self.factory, Talkers):
            self.factory.made.put(self)

    def dataReceived(self, data: bytes) -> None:
        """
        Compare.
        """
        right = self._awaited.startswith(data)
        self._awaited = self._awaited[len(data) :]
        if self._echoed is None or (right and self._awaited):
            return
        echoed, self._echoed = self._echoed, None
        if right:
            echoed.callback(None)
        else:
            echoed.errback(WrongBytes(f"{len(data)} bytes"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Tell.
        """
        echoed, self._echoed = self._echoed, None
        if echoed is not None:
            echoed.errback(reason)
        self.lost.callback(reason.value)


class Talkers(Factory):
    """
    Makes them.

    @ivar made: those that are connected, in turn.
    """

    noisy = False
    protocol = Talker

    def __init__(self) -> None:
        self.made: DeferredQueue[Talker] = DeferredQueue()
