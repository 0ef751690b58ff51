"""
Joins a TCP connection and a stream: an incoming one, and an outgoing one that is made for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall, IProtocol, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from kcptwisted.services.relay.half import Half
from kcptwisted.smux.interfaces import ISmuxTransport


class CountingHalf(Half):
    """
    One of two joined connections, with a count of what it has received.

    @ivar received: bytes.
    """

    received = 0

    def dataReceived(self, data: bytes) -> None:
        """
        Counts, and passes data on.
        """
        self.received += len(data)
        super().dataReceived(data)

    def abortLater(self) -> None:
        """
        Aborts when all that was written is delivered.  For a stream that is a close: smux ends it
        in no other way, and delivers before.
        """
        transport: Any = self.transport
        if self.up and ISmuxTransport.providedBy(transport):
            self.discardInput()
            transport.unregisterProducer()
            transport.loseConnection()
        else:
            super().abortLater()


class Tunnel:
    """
    An incoming connection, and the outgoing connection that is made for it.  Each direction ends by
    itself, with its data delivered.  A failure of one connection ends the other one.

    @ivar reactor: provides L{twisted.internet.interfaces.IReactorTime}.
    @ivar incoming: the half of the incoming connection.
    @ivar outgoing: the half of the outgoing one; None until it is connected.
    @ivar problem: why it came to an end; empty if both directions have ended.
    @ivar began: when the incoming connection was made, seconds.
    """

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        reactor: Any,
        closeWait: float,
        over: Callable[[Tunnel], object],
    ) -> None:
        """
        @param endpoint: makes the outgoing connection.
        @param closeWait: when one direction has ended, and for so many seconds no data came in the
            other one, both connections are closed; 0 means never.
        @param over: is called when both connections have ended.
        """
        self.reactor = reactor
        self.incoming = CountingHalf(self)
        self.outgoing: CountingHalf | None = None
        self.problem = ""
        self.began = 0.0
        self._endpoint = endpoint
        self._closeWait = closeWait
        self._over = over
        self._connecting: Deferred[IProtocol] | None = None
        self._waiting: IDelayedCall | None = None
        self._counted = -1
        self._stopping = False
        self._aborted = False
        self._isOver = False

    def connected(self, half: Half) -> None:
        """
        Takes note that a half is connected.  For the incoming half, connects the outgoing one.
        """
        if half is not self.incoming:
            return
        self.began = self.reactor.seconds()
        factory = Factory.forProtocol(lambda: CountingHalf(self))
        factory.noisy = False
        connecting = self._connecting = self._endpoint.connect(factory)
        connecting.addCallbacks(self._join, self._failed)

    def lost(self, half: Half, reason: Failure) -> None:
        """
        Takes note that the connection of a half has ended.  The first failure is what is told.
        """
        if not reason.check(ConnectionDone):
            self._note(reason.getErrorMessage())

    def deafened(self, half: Half) -> None:
        """
        Takes note that the peer of a half takes nothing more, though it was to: ends both.
        """
        self.abort("the other side takes nothing more")

    def _join(self, outgoing: Any) -> None:
        self._connecting = None
        self.outgoing = outgoing
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
            self._note(f"cannot connect: {reason.getErrorMessage()}")
            self.incoming.abort()
        self.update()

    def _note(self, problem: str) -> None:
        self.problem = self.problem or problem

    def stop(self, why: str) -> None:
        """
        Stops reading, delivers what was read, and ends both connections.
        """
        self._note(why)
        self._stopping = True
        if self._connecting is None:
            self._discardInput()
        elif not self.incoming.hasInput:
            self.abort(why)
        self.update()

    def _discardInput(self) -> None:
        for half in (self.incoming, self.outgoing):
            if half is not None:
                half.discardInput()

    def abort(self, why: str = "it cannot be passed on") -> None:
        """
        Ends both connections now.
        """
        self._note(why)
        self._aborted = True
        for half in (self.incoming, self.outgoing):
            if half is not None:
                half.abort()
        if self._connecting is not None:
            self._connecting.cancel()
        self.update()

    def update(self) -> None:
        """
        Does what follows from the present state of both halves.  May be called from within itself.
        """
        incoming, outgoing = self.incoming, self.outgoing
        if outgoing is not None:
            self._update(outgoing, incoming)
            self._update(incoming, outgoing)
            self._watchHalfClosed(incoming, outgoing)
        elif self._connecting is not None and self._isCutOff(incoming):
            self.abort(str(incoming.lost and incoming.lost.getErrorMessage()))
            return
        idle = self._connecting is None and (outgoing is None or outgoing.done)
        if incoming.done and idle and not self._isOver:
            self._isOver = True
            self._stopWatching()
            self._over(self)

    def _update(self, half: Half, source: Half) -> None:
        if source.ended:
            half.sendEnd()
        if self._isCutOff(source):
            assert source.lost is not None
            self._note(source.lost.getErrorMessage())
            half.abortLater()
        elif self._stopping and not source.ended:
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

    # Connections that are half-closed.

    def _watchHalfClosed(self, incoming: CountingHalf, outgoing: CountingHalf) -> None:
        halfClosed = incoming.ended != outgoing.ended
        if not halfClosed:
            self._stopWatching()
        elif self._closeWait and self._waiting is None and not self._stopping:
            self._look()

    def _look(self) -> None:
        """
        Looks whether there was data since the last look, and looks again later.
        """
        self._waiting = None
        assert self.outgoing is not None
        count = self.incoming.received + self.outgoing.received
        if count == self._counted:
            self.stop(f"half-closed, and without data for {self._closeWait:g} s")
        else:
            self._counted = count
            self._waiting = self.reactor.callLater(self._closeWait, self._look)

    def _stopWatching(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.cancel()
