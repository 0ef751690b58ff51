"""
Two joined connections.

One side is told of an end of data only if the other has said so, after all that was read.  Whatever
else ends one side, a reset, a time-out, a stop of the program, aborts the other one, after what was
read has been delivered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IProtocol,
    IPushProducer,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.services.relay.drain import Drain
from kcptwisted.services.relay.transports import (
    abort,
    endsItself,
    resetOnClose,
    saidEnd,
    tellsEnd,
)

#: Seconds without any delivery after which an abort does not wait for the rest any more.
PATIENCE = 30.0


def _drop(data: bytes) -> None:
    """
    Nobody takes it, and nobody will be told that it was all.
    """


@implementer(IHalfCloseableProtocol, IPushProducer)
class Half(Protocol):
    """
    One of two joined connections: what its peer sends goes out at the other one.

    @ivar ended: the peer has said that it sends no more, and all that it sent is handed over.
    @ivar lost: why the connection is over; None as long as it is not.
    @ivar done: nothing more will happen to it.
    """

    _log = Logger()

    def __init__(self, pair: Pair) -> None:
        """
        @param pair: is told what happens.
        """
        self._pair = pair
        self._early: list[bytes] = []
        self._take: Callable[[bytes], object] = self._early.append
        self._full = False
        self._told = False
        self._flushed = False
        self._closed = False
        self._ending: Drain | None = None
        self._aborts = False
        self.ended = False
        self.lost: Failure | None = None
        self.done = False

    @property
    def up(self) -> bool:
        """
        Whether the connection is there.
        """
        return self.transport is not None and not self.done

    @property
    def hasSaid(self) -> bool:
        """
        Whether anything has come that is still to be passed on.
        """
        return bool(self._early) or self.ended

    # The protocol.

    def connectionMade(self) -> None:
        """
        Hold what comes until the other half is there.
        """
        transport: Any = self.transport
        resetOnClose(transport, True)
        transport.pauseProducing()
        self._pair.connected(self)

    def dataReceived(self, data: bytes) -> None:
        """
        Pass on.
        """
        try:
            self._take(data)
        except Exception:
            # Left to the transport, it would be a close in good order.
            self._log.failure("A connection cannot be passed on")
            self._pair.abort()

    def readConnectionLost(self) -> None:
        """
        The peer sends no more.
        """
        if self._take is not _drop:
            self.ended = True
            self._pair.settle()

    def writeConnectionLost(self) -> None:
        """
        All that was written has left, with the end of data after it; or nobody takes it.
        """
        if self._told:
            self._flushed = True
            self._pair.settle()
        else:
            self._pair.abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Both directions are over.
        """
        self.lost = reason
        self.done = True
        if self._take is not _drop and saidEnd(self.transport, reason, self._closed):
            self.ended = True
        self._stopWaiting()
        self._pair.settle()

    # The producer of what the other half sends.

    def pauseProducing(self) -> None:
        """
        Read no more for now.
        """
        self._full = True
        if self.up:
            transport: Any = self.transport
            transport.pauseProducing()

    def resumeProducing(self) -> None:
        """
        Read on, unless there is nothing more to read.
        """
        self._full = False
        if self._take is not _drop and not self.ended and self.up:
            transport: Any = self.transport
            transport.resumeProducing()

    def stopProducing(self) -> None:
        """
        The other half is over: L{connectionLost} says why.
        """

    # What the pair does with it.

    def join(self, other: Half) -> None:
        """
        Pass on to C{other} from now on.
        """
        transport: Any = other.transport
        if other.up and self.up:
            transport.registerProducer(self, True)
        early, self._early = self._early, []
        self._take = transport.write
        for data in early:
            self.dataReceived(data)
        if not self._full:
            self.resumeProducing()

    def silence(self) -> None:
        """
        Pass nothing more on.
        """
        self._take = _drop
        self.pauseProducing()

    def tell(self) -> None:
        """
        Tell the peer, after all that was written, that no more will come.
        """
        if self._told or not self.up:
            return
        self._told = True
        transport: Any = self.transport
        transport.unregisterProducer()
        if tellsEnd(transport):
            transport.loseWriteConnection()
        else:
            self._close()

    def closeWhenBothEnded(self) -> None:
        """
        Nothing more comes from either end.
        """
        both = self.ended and self._flushed
        if both and self.up and not self._closed and not endsItself(self.transport):
            self._finish()

    def closeLater(self) -> None:
        """
        Close when all that was written is delivered: nobody takes what the peer sends.
        """
        if not self.up or self._ending is not None:
            return
        self.silence()
        transport: Any = self.transport
        if self._closed:
            # It may have to read its peer's answer to that.
            transport.resumeProducing()
        elif endsItself(transport):
            self._close()
        else:
            # A close with something unread becomes a reset, which overtakes what is queued.
            self._wait(None, self._finishIfFlushed)

    def _finishIfFlushed(self) -> None:
        self._ending = None
        if self._flushed:
            self._finish()

    def abortLater(self) -> None:
        """
        Abort when all that was written is delivered.
        """
        if self._aborts or not self.up:
            return
        self._aborts = True
        self.silence()
        transport: Any = self.transport
        transport.unregisterProducer()
        self._wait(PATIENCE, self.abort)

    def abort(self) -> None:
        """
        Abort now.
        """
        self._aborts = True
        self._take = _drop
        self._stopWaiting()
        if self.up and not abort(self.transport):
            self.done = True
            self._pair.settle()

    def _finish(self) -> None:
        """
        Close a connection both of whose directions are over.
        """
        resetOnClose(self.transport, False)
        self._close()
        if not self.done:
            # StandardIO without either direction says no more.
            self.done = True
            self._pair.settle()

    def _close(self) -> None:
        self._closed = True
        transport: Any = self.transport
        transport.loseConnection()

    def _wait(self, patience: float | None, drained: Callable[[], object]) -> None:
        self._stopWaiting()
        self._ending = Drain(self._pair.reactor, self.transport, patience, drained)
        self._ending.start()

    def _stopWaiting(self) -> None:
        ending, self._ending = self._ending, None
        if ending is not None:
            ending.stop()


class Pair:
    """
    An incoming connection, and the outgoing one that is made for it.

    @ivar reactor: tells the time.
    """

    _log = Logger()

    def __init__(
        self, endpoint: IStreamClientEndpoint, reactor: Any, over: Callable[[Pair], object]
    ) -> None:
        """
        @param endpoint: where to pass on to.
        @param over: called when both connections are over.
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
        A half has its connection: connect the other one.
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
            self._silence()
        self.settle()

    def _failed(self, reason: Failure) -> None:
        self._connecting = None
        if not self._aborted:
            self._log.warn("Cannot pass a connection on: {why}", why=reason.getErrorMessage())
            self.incoming.abort()
        self.settle()

    def stop(self) -> None:
        """
        Read no more, deliver what was read, and end both connections.
        """
        self._stopping = True
        if self._connecting is None:
            self._silence()
        elif not self.incoming.hasSaid:
            self.abort()
        self.settle()

    def _silence(self) -> None:
        for half in (self.incoming, self._outgoing):
            if half is not None:
                half.silence()

    def abort(self) -> None:
        """
        End both connections now.
        """
        self._aborted = True
        for half in (self.incoming, self._outgoing):
            if half is not None:
                half.abort()
        if self._connecting is not None:
            self._connecting.cancel()
        self.settle()

    def settle(self) -> None:
        """
        Do what follows from what has happened.  May be called from within itself.
        """
        incoming, outgoing = self.incoming, self._outgoing
        if outgoing is not None:
            self._settle(outgoing, incoming)
            self._settle(incoming, outgoing)
        elif self._connecting is not None and self._isCut(incoming):
            self.abort()
            return
        idle = self._connecting is None and (outgoing is None or outgoing.done)
        if incoming.done and idle and not self._isOver:
            self._isOver = True
            self._over(self)

    def _settle(self, half: Half, source: Half) -> None:
        if source.ended:
            half.tell()
        if self._isCut(source) or (self._stopping and not source.ended):
            half.abortLater()
        elif (self._stopping or source.lost is not None) and not half.ended:
            half.closeLater()
        half.closeWhenBothEnded()

    def _isCut(self, source: Half) -> bool:
        """
        Whether what C{source} received has an end that its peer did not mean.
        """
        if source.lost is None or self._aborted:
            return False
        orderly = self._stopping or source.lost.check(ConnectionDone)
        return not (source.ended and orderly)
