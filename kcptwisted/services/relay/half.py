"""
One of two joined connections.

A connection is half-closed only if the peer of the other has ended its data, and after all that
was read.  Whatever else ends one connection (a reset, a timeout, a stop of the program) aborts the
other one, after what was read has been delivered.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IPushProducer,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.services.relay.drain import Drain
from kcptwisted.services.relay.transports import (
    abort,
    closesItself,
    isOrderlyEnd,
    resetOnClose,
    signalsEnd,
)

#: Seconds without any delivery after which an abort no longer waits for the rest.
DRAIN_TIMEOUT = 30.0


def _drop(data: bytes) -> None:
    """
    Drops data: the other connection takes nothing more, and is not half-closed.
    """


class HalfHolder(typing.Protocol):
    """
    Decides about two joined connections.

    @ivar reactor: provides L{twisted.internet.interfaces.IReactorTime}.
    """

    reactor: Any

    def connected(self, half: Half) -> None:
        """
        Takes note that a half is connected.
        """

    def update(self) -> None:
        """
        Does what follows from the present state of both halves.
        """

    def lost(self, half: Half, reason: Failure) -> None:
        """
        Takes note that the connection of a half has ended.
        """

    def deafened(self, half: Half) -> None:
        """
        Takes note that the peer of a half takes nothing more, though it was to.
        """

    def abort(self, why: str = "") -> None:
        """
        Aborts both connections.

        @param why: for the log.
        """


@implementer(IHalfCloseableProtocol, IPushProducer)
class Half(Protocol):
    """
    One of two joined connections.  It writes what its peer sends to the other one.

    @ivar ended: True if the peer has ended its data, and all of it is passed on.
    @ivar lost: why the connection ended; None until then.
    @ivar done: True if nothing more happens on the connection.
    @ivar deaf: True if the peer takes nothing more, though it was to.
    @ivar passed: how many bytes have arrived, and were not dropped.
    """

    _log = Logger()

    def __init__(self, pair: HalfHolder) -> None:
        """
        @param pair: decides about this half and the other one.
        """
        self.passed = 0
        self._pair = pair
        self._early: list[bytes] = []
        self._take: Callable[[bytes], object] = self._early.append
        self._full = False
        self._endSent = False
        self.deaf = False
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
        True while the connection is open.
        """
        return self.transport is not None and not self.done

    @property
    def hasInput(self) -> bool:
        """
        True if something has arrived that must still be passed on.
        """
        return bool(self._early) or self.ended

    # The protocol.

    def connectionMade(self) -> None:
        """
        Keeps what arrives until the other half is connected.
        """
        transport: Any = self.transport
        resetOnClose(transport, True)
        transport.pauseProducing()
        self._pair.connected(self)

    def dataReceived(self, data: bytes) -> None:
        """
        Passes data on.
        """
        if self._take is not _drop:
            self.passed += len(data)
        self._pass(data)

    def _pass(self, data: bytes) -> None:
        try:
            self._take(data)
        except Exception:
            # The transport would turn this into an orderly close.
            self._log.failure("A connection cannot be passed on")
            self._pair.abort("it cannot be passed on")

    def readConnectionLost(self) -> None:
        """
        Notes that the peer has ended its data.
        """
        if self._take is not _drop:
            self.ended = True
            self._pair.update()

    def writeConnectionLost(self) -> None:
        """
        Notes that all that was written and the end of the data have left.  Without such an end, the
        peer takes nothing more.
        """
        self._flushed = True
        if not self._endSent:
            self.deaf = True
            self._pair.deafened(self)
        self._pair.update()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Notes that the connection has ended.
        """
        self.lost = reason
        self.done = True
        if self._take is not _drop and isOrderlyEnd(self.transport, reason, self._closed):
            self.ended = True
        self._stopWaiting()
        self._pair.lost(self, reason)
        self._pair.update()

    # The producer for the other half's transport.

    def pauseProducing(self) -> None:
        """
        Pauses reading.
        """
        self._full = True
        if self.up:
            transport: Any = self.transport
            transport.pauseProducing()

    def resumeProducing(self) -> None:
        """
        Resumes reading, unless there is nothing more to read.
        """
        self._full = False
        if self._take is not _drop and not self.ended and self.up:
            transport: Any = self.transport
            transport.resumeProducing()

    def stopProducing(self) -> None:
        """
        Drops what arrives from now on: the connection of the other half is over, though it may have
        something that must still be read.  Whoever waits to write may read only after that.
        """
        self._take = _drop
        if self.up:
            transport: Any = self.transport
            transport.resumeProducing()

    # For the pair.

    def join(self, other: Half) -> None:
        """
        Passes data on to C{other} from now on.
        """
        transport: Any = other.transport
        if other.up and self.up:
            transport.registerProducer(self, True)
        early, self._early = self._early, []
        self._take = transport.write
        for data in early:
            self._pass(data)
        if not self._full:
            self.resumeProducing()

    def refuseInput(self) -> None:
        """
        Aborts both connections if anything more arrives.
        """
        if self._take is not _drop:
            self._take = self._refuse
            self.resumeProducing()

    def _refuse(self, data: bytes) -> None:
        self._pair.abort("the other side takes nothing more")

    def discardInput(self) -> None:
        """
        Drops everything that arrives from now on.
        """
        self._take = _drop
        self.pauseProducing()

    def sendEnd(self) -> None:
        """
        Half-closes: tells the peer, after all that was written, that no more data follows.
        """
        if self._endSent or not self.up:
            return
        self._endSent = True
        transport: Any = self.transport
        transport.unregisterProducer()
        if signalsEnd(transport):
            transport.loseWriteConnection()
        else:
            self._close()

    def closeWhenBothEnded(self) -> None:
        """
        Closes the connection if both directions have ended.
        """
        both = self.ended and self._flushed
        if both and self.up and not self._closed and not closesItself(self.transport):
            self._finish()

    def closeLater(self) -> None:
        """
        Closes when all that was written is delivered.  What the peer still sends is dropped.
        """
        if not self.up or self._ending is not None:
            return
        self.discardInput()
        transport: Any = self.transport
        if self._closed:
            # The transport may have to read the peer's answer to the close.
            transport.resumeProducing()
        elif closesItself(transport):
            self._close()
        else:
            # A close with unread data becomes a reset, which overtakes what is queued.
            self._wait(None, self._finishIfFlushed)

    def _finishIfFlushed(self) -> None:
        self._ending = None
        if self._flushed:
            self._finish()

    def abortLater(self) -> None:
        """
        Aborts when all that was written is delivered.
        """
        if self._aborts or not self.up:
            return
        self._aborts = True
        self.discardInput()
        transport: Any = self.transport
        transport.unregisterProducer()
        self._wait(DRAIN_TIMEOUT, self.abort)

    def abort(self) -> None:
        """
        Aborts now.
        """
        self._aborts = True
        self._take = _drop
        self._stopWaiting()
        if self.up and not abort(self.transport):
            self.done = True
            self._pair.update()

    def _finish(self) -> None:
        """
        Closes a connection whose two directions have both ended.
        """
        resetOnClose(self.transport, False)
        self._close()
        if not self.done:
            # StandardIO with both directions closed calls nothing more.
            self.done = True
            if self.deaf:
                self.lost = Failure(ConnectionDone())
            self._pair.update()

    def _close(self) -> None:
        self._closed = True
        transport: Any = self.transport
        transport.loseConnection()

    def _wait(self, timeout: float | None, drained: Callable[[], object]) -> None:
        self._stopWaiting()
        self._ending = Drain(self._pair.reactor, self.transport, timeout, drained)
        self._ending.start()

    def _stopWaiting(self) -> None:
        ending, self._ending = self._ending, None
        if ending is not None:
            ending.stop()
