"""
The work of a session: who is called when, and what is written to the connection.
"""

from __future__ import annotations

from typing import Any, Protocol, cast

from twisted.internet.interfaces import IDelayedCall, IPushProducer
from zope.interface import implementer

from kcptwisted.smux.interfaces import IStreamHolder
from kcptwisted.smux.session import Session
from kcptwisted.smux.stream import Stream

#: Bytes for one write to the connection.
BATCH = 65536

#: Steps in one turn of the reactor.
STEPS = 64


class IDriven(Protocol):
    """
    What a driver says to its session.
    """

    def accept(self, stream: Stream) -> None: ...

    def refuse(self, problem: str) -> None: ...

    def settled(self) -> None: ...


@implementer(IPushProducer)
class SessionDriver:
    """
    Joins a session without I/O, the transports of its streams, and the connection, whose producer
    it is.  No protocol is called from inside a call that it makes itself, but later.

    @ivar engine: the session without I/O.
    @ivar isStopped: nothing is read and nothing is written any more.
    """

    def __init__(self, reactor: Any, engine: Session, driven: IDriven) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}.
        """
        self._reactor = reactor
        self.engine = engine
        self._driven = driven
        self._lower: Any = None
        self.isStopped = True
        self._isPressed = self._isReadPaused = False
        self._isRunning = self._isGathering = False
        self._soon: list[IStreamHolder] = []
        self._soonCall: IDelayedCall | None = None

    def start(self, lower: Any) -> None:
        """
        Begins to work.

        @param lower: the connection's transport.
        """
        self._lower = lower
        self.isStopped = False
        lower.registerProducer(self, True)

    def stop(self) -> None:
        """
        Ends the work.
        """
        self.isStopped = True
        if self._soonCall is not None:
            self._soonCall.cancel()
            self._soonCall = None

    def takeSoon(self) -> list[IStreamHolder]:
        """
        Returns the transports of streams that are to be called.
        """
        soon, self._soon = self._soon, []
        return soon

    # As the connection's producer.

    def pauseProducing(self) -> None:
        """
        Writes nothing: the connection is full.
        """
        self._isPressed = True

    def resumeProducing(self) -> None:
        """
        Writes what waits.
        """
        self._isPressed = False
        self.run()

    def stopProducing(self) -> None:
        """
        Writes nothing: the connection is over.
        """
        self._isPressed = True

    # What the streams' transports call.

    def flush(self) -> None:
        """
        Writes what there is to send, unless this is done afterwards anyway.
        """
        if not self._isGathering:
            self._flush()
            if self.engine.hasSent:
                self.runSoon()

    def soon(self, holder: IStreamHolder) -> None:
        """
        Has a stream deliver and end when no code of the application runs.
        """
        self._soon.append(holder)
        self.runSoon()

    def runSoon(self) -> None:
        """
        Does what there is to do when no code of the application runs.
        """
        if not (self._isRunning or self.isStopped) and self._soonCall is None:
            self._soonCall = self._reactor.callLater(0, self._runNow)

    def _runNow(self) -> None:
        self._soonCall = None
        self.run()

    # The work.

    def receive(self, data: bytes) -> None:
        """
        Takes what came.
        """
        if not self.isStopped:
            self.engine.receive(data)
            self.run()

    def run(self) -> None:
        """
        Does what there is to do, unless it is being done.
        """
        if self._isRunning or self.isStopped:
            return
        self._isRunning = True
        isLong = False
        engine = self.engine
        try:
            for _ in range(STEPS):
                self._step()
                if self.isStopped or not (self._soon or engine.hasWork or self._canWrite):
                    break
            else:
                isLong = True
        finally:
            self._isRunning = self._isGathering = False
        if isLong:
            # Others of the reactor have their turn.
            self.runSoon()
        if not self.isStopped:
            self._settle()

    def _step(self) -> None:
        engine = self.engine
        # What is written meanwhile leaves together.
        self._isGathering = True
        engine.proceed()
        for stream in engine.takeNews():
            if stream.holder is None and stream.isOpen:
                self._driven.accept(stream)
            if stream.holder is not None:
                cast(IStreamHolder, stream.holder).deliver()
        for holder in self.takeSoon():
            holder.deliver()
            holder.sent()
        self._isGathering = False
        self._flush()
        for stream in engine.takeSent():
            if stream.holder is not None:
                cast(IStreamHolder, stream.holder).sent()

    @property
    def _canWrite(self) -> bool:
        return self.engine.hasOutput and not (self._isPressed or self.isStopped)

    def _flush(self) -> None:
        engine = self.engine
        while self._canWrite:
            self._lower.write(b"".join(engine.dataToSend(BATCH)))

    def _settle(self) -> None:
        """
        Reads on or not.
        """
        engine = self.engine
        if engine.error is not None:
            self._driven.refuse(str(engine.error))
            return
        isFull = engine.isFull
        if isFull != self._isReadPaused:
            self._isReadPaused = isFull
            if isFull:
                engine.stats.readingStopped += 1
                self._lower.pauseProducing()
            else:
                self._lower.resumeProducing()
        self._driven.settled()
