"""
Joins two connections: an incoming one, and an outgoing one that is made for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProtocol, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure

from kcptwisted.services.relay.half import Half
from kcptwisted.services.relay.report import showAddress

#: Why a pair has ended if both of its connections have done so in good order.
CLOSED = "closed"


class _Outgoing(Factory):
    """
    Makes the half of an outgoing connection, without lines in the log.
    """

    noisy = logsEnds = False


class Pair:
    """
    An incoming connection, and the outgoing connection that is made for it.

    @ivar reactor: provides L{twisted.internet.interfaces.IReactorTime}.
    @ivar incoming: the half of the incoming connection.
    @ivar failed: True if the outgoing connection could not be made.
    @ivar source: the address of the incoming connection's peer, as text.
    @ivar target: that of the outgoing connection's peer; empty if there is none.
    """

    _log = Logger()

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        reactor: Any,
        over: Callable[[Pair], object],
        preface: Callable[[Any, Any], bytes] | None = None,
    ) -> None:
        """
        @param endpoint: makes the outgoing connection.
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}.
        @param over: is called when both connections have ended.
        @param preface: is given the transports of both connections, and returns what the outgoing
            one is to carry before anything else.
        """
        self.reactor = reactor
        self.incoming = Half(self)
        self.failed = False
        self.source = self.target = ""
        self._endpoint = endpoint
        self._outgoing: Half | None = None
        self._connecting: Deferred[IProtocol] | None = None
        self._over = over
        self._preface = preface
        self._why = ""
        self._began = reactor.seconds()
        self._stopping = False
        self._aborted = False
        self._isOver = False

    @property
    def why(self) -> str:
        """
        Why it has ended, for the log.
        """
        return self._why.rstrip(".") or CLOSED

    @property
    def seconds(self) -> float:
        """
        How long it has been there.
        """
        return float(self.reactor.seconds() - self._began)

    @property
    def there(self) -> int:
        """
        How many bytes have come from the incoming connection.
        """
        return self.incoming.passed

    @property
    def back(self) -> int:
        """
        How many bytes have come from the outgoing connection.
        """
        return 0 if self._outgoing is None else self._outgoing.passed

    def connected(self, half: Half) -> None:
        """
        Takes note that a half is connected.  For the incoming half, connects the outgoing one.
        """
        transport: Any = half.transport
        address = showAddress(transport.getPeer())
        if half is not self.incoming:
            self.target = address
            return
        self.source = address
        factory = _Outgoing.forProtocol(lambda: Half(self))
        connecting = self._connecting = maybeDeferred(self._endpoint.connect, factory)
        connecting.addCallbacks(self._join, self._failed)

    def lost(self, half: Half, reason: Failure) -> None:
        """
        Takes note that the connection of a half has ended.  The first reason is the pair's.
        """
        if reason.type is not ConnectionDone:
            side = "client" if half is self.incoming else "target"
            self._note(f"{side}: {reason.getErrorMessage()}")

    def deafened(self, half: Half) -> None:
        """
        Takes note that the peer of a half takes nothing more.  As with TCP, the other side learns
        of it when it sends something.
        """
        other = self._outgoing if half is self.incoming else self.incoming
        if other is not None:
            other.refuseInput()

    def _note(self, why: str) -> None:
        self._why = self._why or why

    def _join(self, outgoing: Any) -> None:
        self._connecting = None
        self._outgoing = outgoing
        if self._aborted:
            outgoing.abort()
            return
        if self._preface is not None:
            try:
                first = self._preface(self.incoming.transport, outgoing.transport)
            except Exception:
                self._log.failure("The target cannot be told who the client is")
                self.abort("the target cannot be told who the client is")
                return
            if first:
                outgoing.transport.write(first)
        self.incoming.join(outgoing)
        outgoing.join(self.incoming)
        if self.incoming.deaf:
            outgoing.refuseInput()
        if self._stopping:
            self._discardInput()
        self.update()

    def _failed(self, reason: Failure) -> None:
        self._connecting = None
        if not self._aborted:
            self.failed = True
            self._note(f"cannot connect: {reason.getErrorMessage()}")
            self.incoming.abort()
        self.update()

    def stop(self) -> None:
        """
        Stops reading, delivers what was read, and ends both connections.
        """
        self._note("the relay stops")
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

    def abort(self, why: str = "the relay aborts it") -> None:
        """
        Ends both connections now.

        @param why: for the log.
        """
        self._note(why)
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
