"""
Joins two connections: an incoming one, and an outgoing one that is made for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProtocol, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure

from kcptwisted.services.relay.half import Half


class Pair:
    """
    An incoming connection, and the outgoing connection that is made for it.

    @ivar reactor: provides L{twisted.internet.interfaces.IReactorTime}.
    @ivar incoming: the half of the incoming connection.
    """

    _log = Logger()

    def __init__(
        self, endpoint: IStreamClientEndpoint, reactor: Any, over: Callable[[Pair], object]
    ) -> None:
        """
        @param endpoint: makes the outgoing connection.
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}.
        @param over: is called when both connections have ended.
        """
        self.reactor = reactor
        self.incoming = Half(self)
        self._endpoint = endpoint
        self._outgoing: Half | None = None
        self._connecting: Deferred[IProtocol] | None = None
        self._over = over
        self._stopping = False
        self._aborted = False
        self._isOver = False

    def connected(self, half: Half) -> None:
        """
        Takes note that a half is connected.  For the incoming half, connects the outgoing one.
        """
        if half is not self.incoming:
            return
        factory = Factory.forProtocol(lambda: Half(self))
        factory.noisy = False
        connecting = self._connecting = self._endpoint.connect(factory)
        connecting.addCallbacks(self._join, self._failed)

    def _join(self, outgoing: Any) -> None:
        self._connecting = None
        self._outgoing = outgoing
        if self._aborted:
            outgoing.abort()
            return
        self.incoming.join(outgoing)
        outgoing.join(self.incoming)
        if self._stopping:
            self._discardInput()
        self.update()

    def _failed(self, reason: Failure) -> None:
        self._connecting = None
        if not self._aborted:
            self._log.warn("Cannot pass a connection on: {why}", why=reason.getErrorMessage())
            self.incoming.abort()
        self.update()

    def stop(self) -> None:
        """
        Stops reading, delivers what was read, and ends both connections.
        """
        self._stopping = True
        if self._connecting is None:
            self._discardInput()
        elif not self.incoming.hasInput:
            self.abort()
        self.update()

    def _discardInput(self) -> None:
        for half in (self.incoming, self._outgoing):
            if half is not None:
                half.discardInput()

    def abort(self) -> None:
        """
        Ends both connections now.
        """
        self._aborted = True
        for half in (self.incoming, self._outgoing):
            if half is not None:
                half.abort()
        if self._connecting is not None:
            self._connecting.cancel()
        self.update()

    def update(self) -> None:
        """
        Does what follows from the present state of both halves.  May be called from within itself.
        """
        incoming, outgoing = self.incoming, self._outgoing
        if outgoing is not None:
            self._update(outgoing, incoming)
            self._update(incoming, outgoing)
        elif self._connecting is not None and self._isCutOff(incoming):
            self.abort()
            return
        idle = self._connecting is None and (outgoing is None or outgoing.done)
        if incoming.done and idle and not self._isOver:
            self._isOver = True
            self._over(self)

    def _update(self, half: Half, source: Half) -> None:
        if source.ended:
            half.sendEnd()
        if self._isCutOff(source) or (self._stopping and not source.ended):
            half.abortLater()
        elif (self._stopping or source.lost is not None) and not half.ended:
            half.closeLater()
        half.closeWhenBothEnded()

    def _isCutOff(self, source: Half) -> bool:
        """
        Returns True if the input of C{source} was cut off, not ended by its peer.
        """
        if source.lost is None or self._aborted:
            return False
        orderly = self._stopping or source.lost.check(ConnectionDone)
        return not (source.ended and orderly)
