"""
A smux session over a Twisted transport.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.internet import error
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IProtocol,
    IProtocolFactory,
    IPushProducer,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.smux.addresses import SmuxAddress
from kcptwisted.smux.counters import SmuxStats
from kcptwisted.smux.errors import (
    SmuxIdsExhausted,
    SmuxKeepAliveTimeout,
    SmuxLingerTimeout,
    SmuxProtocolError,
    SmuxSessionClosed,
    SmuxSessionLost,
)
from kcptwisted.smux.interfaces import ISmuxSession, IStreamHolder
from kcptwisted.smux.keepalive import KeepAlive
from kcptwisted.smux.options import SmuxOptions
from kcptwisted.smux.session import NoMoreIds, Session
from kcptwisted.smux.stream import Stream
from kcptwisted.smux.transport import SmuxTransport

#: Bytes for one write to the connection.
BATCH = 65536


def _exception(reason: Failure) -> BaseException:
    assert reason.value is not None
    return reason.value


@implementer(IPushProducer)
class _Pressure:
    """
    The session, as the connection's producer.
    """

    def __init__(self, session: SmuxProtocol) -> None:
        self._session = session
        self.isPaused = False

    def pauseProducing(self) -> None:
        """
        Has the session write nothing.
        """
        self.isPaused = True

    def resumeProducing(self) -> None:
        """
        Has the session write what waits.
        """
        self.isPaused = False
        self._session.run()

    def stopProducing(self) -> None:
        """
        Has the session write nothing: the connection is over.
        """
        self.isPaused = True


@implementer(ISmuxSession)
class SmuxProtocol(Protocol):
    """
    The protocol of a connection, and the session of its streams.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        options: SmuxOptions | None = None,
        *,
        isClient: bool,
        factory: IProtocolFactory | None = None,
        stats: SmuxStats | None = None,
    ) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}.
        @param options: the defaults if None.
        @param isClient: which half of the stream ids is this end's; the other end has the other.
        @param factory: makes the protocols of the streams that the peer opens, and gets
            L{SmuxAddress}es; None if the peer may open none.
        @param stats: counts, if several sessions share them.
        """
        self._reactor = reactor
        self.options = options or SmuxOptions()
        self.isClient = isClient
        self._factory = factory
        self.stats = SmuxStats() if stats is None else stats
        self.engine = Session(self.options, isClient, factory is not None, self.stats)
        self.isConnected = False
        self._isClosing = self._isClosed = self._isRunning = self._isReadPaused = False
        self._since = 0.0
        self._reason: Failure | None = None
        self._pressure = _Pressure(self)
        self._keepAlive: KeepAlive | None = None
        self._soon: list[IStreamHolder] = []
        self._soonCall: IDelayedCall | None = None
        # What streams that are being closed had sent at the last look.
        self._closingProgress: dict[Stream, int] = {}
        self._ended: list[Deferred[BaseException]] = []

    def __repr__(self) -> str:
        role = "client" if self.isClient else "server"
        return f"<SmuxProtocol {role} streams={self.liveStreams} over {self.transport!r}>"

    # What there is to know.

    @property
    def isOpen(self) -> bool:
        """
        See L{ISmuxSession}.
        """
        return self.isConnected and not self._isClosing and self.engine.hasIds

    @property
    def age(self) -> float:
        """
        See L{ISmuxSession}.
        """
        return self._reactor.seconds() - self._since if self.isConnected else 0.0

    @property
    def liveStreams(self) -> int:
        """
        See L{ISmuxSession}.
        """
        return len(self.engine.streams)

    def getPeer(self) -> IAddress:
        """
        Returns the peer's address, of the connection.
        """
        peer: IAddress = self._lower.getPeer()
        return peer

    def getHost(self) -> IAddress:
        """
        Returns the local address, of the connection.
        """
        host: IAddress = self._lower.getHost()
        return host

    @property
    def _lower(self) -> Any:
        return self.transport

    def whenEnded(self) -> Deferred[BaseException]:
        """
        See L{ISmuxSession.whenEnded}.
        """
        if self._reason is not None and not self.isConnected:
            return succeed(_exception(self._reason))
        ended: Deferred[BaseException] = Deferred()
        self._ended.append(ended)
        return ended

    # Streams.

    def openStream(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        See L{ISmuxSession.openStream}.
        """
        if not self.isConnected or self._isClosing:
            return fail(SmuxSessionClosed())
        try:
            stream = self.engine.open()
        except NoMoreIds:
            return fail(SmuxIdsExhausted())
        factory.doStart()
        transport = self._transport(stream, factory)
        try:
            protocol = self._build(factory, stream)
        except Exception:
            transport.end(Failure())
            return fail()
        if protocol is None:
            transport.end(Failure(error.ConnectionAborted()))
            return fail(error.ConnectionAborted())
        self.flush()
        transport.connect(protocol)
        return succeed(protocol)

    def _transport(self, stream: Stream, factory: IProtocolFactory | None) -> SmuxTransport:
        done = (lambda: None) if factory is None else factory.doStop
        transport = SmuxTransport(self, stream, self, done)
        stream.holder = transport
        return transport

    def _build(self, factory: IProtocolFactory, stream: Stream) -> IProtocol | None:
        return factory.buildProtocol(SmuxAddress(self.getPeer(), stream.id))

    def _accept(self, stream: Stream) -> None:
        transport = self._transport(stream, None)
        protocol = None
        assert self._factory is not None
        try:
            protocol = self._build(self._factory, stream)
        except Exception:
            self._log.failure("buildProtocol of {factory!r} failed", factory=self._factory)
        if protocol is None:
            self.stats.refused += 1
            transport.end(Failure(error.ConnectionAborted()))
        else:
            self.stats.accepted += 1
            transport.connect(protocol)

    # Closing.

    def loseConnection(self) -> None:
        """
        See L{ISmuxSession.loseConnection}.
        """
        if self.isConnected and not self._isClosing:
            self._isClosing = True
            for stream in list(self.engine.streams.values()):
                cast(IStreamHolder, stream.holder).loseConnection()
            self._run()

    def abortConnection(self) -> None:
        """
        See L{ISmuxSession.abortConnection}.
        """
        self._fail(error.ConnectionAborted())

    def _fail(self, problem: Exception) -> None:
        """
        Ends the connection, and its streams when the connection is over.
        """
        if self.isConnected and self._reason is None:
            self._isClosing = True
            self._reason = Failure(problem)
            self._stop()
            lower = self._lower
            getattr(lower, "abortConnection", lower.loseConnection)()

    def _stop(self) -> None:
        if self._keepAlive is not None:
            self._keepAlive.stop()
            self._keepAlive = None

    # The connection.

    def connectionMade(self) -> None:
        """
        Begins the session.
        """
        self.isConnected = True
        self._since = self._reactor.seconds()
        self.stats.sessions += 1
        lower = self._lower
        if ITCPTransport.providedBy(lower):
            lower.setTcpNoDelay(True)
        lower.registerProducer(self._pressure, True)
        self._keepAlive = KeepAlive(self._reactor, self.options, self._ping, self._look)

    def dataReceived(self, data: bytes) -> None:
        """
        Takes what came.
        """
        if self._reason is None:
            self.engine.receive(data)
            self._run()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Ends all streams.
        """
        self._stop()
        if self._reason is None:
            self._reason = reason
        if self._soonCall is not None:
            self._soonCall.cancel()
            self._soonCall = None
        self.isConnected = False
        reason = self._reason
        streamsReason = reason
        if reason.check(error.ConnectionDone):
            streamsReason = Failure(SmuxSessionLost())
        self._isRunning = True
        for stream in list(self.engine.streams.values()):
            holder = cast(IStreamHolder, stream.holder)
            holder.finishEnd()
            holder.end(streamsReason)
        for holder in self._soon:
            holder.finishEnd()
        self._soon = []
        ended, self._ended = self._ended, []
        for waiting in ended:
            waiting.callback(_exception(reason))

    # Keepalive.

    def _ping(self) -> None:
        self.engine.ping()
        self.flush()

    def _look(self) -> None:
        engine = self.engine
        if not engine.isHeard and engine.room > 0:
            self.stats.keepAliveTimeouts += 1
            self._fail(SmuxKeepAliveTimeout())
            return
        engine.isHeard = False
        self._endStalled()

    def _endStalled(self) -> None:
        """
        Ends streams that are closed here and whose peer takes nothing.
        """
        closing = {
            stream: stream.progress
            for stream in self.engine.streams.values()
            if stream.finWanted and cast(SmuxTransport, stream.holder).disconnecting
        }
        for stream, progress in closing.items():
            if self._closingProgress.get(stream) == progress:
                cast(IStreamHolder, stream.holder).end(Failure(SmuxLingerTimeout()))
        self._closingProgress = closing
        self._run()

    # What the streams' transports call.

    def flush(self) -> None:
        """
        Writes what there is to send, unless this is done afterwards anyway.
        """
        if not self._isRunning:
            self._flush()
            if self.engine.hasSent:
                self._runSoon()

    def soon(self, holder: IStreamHolder) -> None:
        """
        Has a stream deliver and end when no code of the application runs.
        """
        self._soon.append(holder)
        if not self._isRunning:
            self._runSoon()

    def streamEnded(self) -> None:
        """
        Takes note that a stream is over, whose FIN may wait.
        """
        if not self._isRunning:
            self._runSoon()

    def _runSoon(self) -> None:
        if self._soonCall is None and self.isConnected:
            self._soonCall = self._reactor.callLater(0, self._runNow)

    def _runNow(self) -> None:
        self._soonCall = None
        self.run()

    # The work.

    def run(self) -> None:
        """
        Does what there is to do, unless it is being done.
        """
        if not self._isRunning:
            self._run()

    def _flush(self) -> None:
        engine, pressure = self.engine, self._pressure
        while engine.hasOutput and not pressure.isPaused and self._reason is None:
            self._lower.write(b"".join(engine.dataToSend(BATCH)))

    def _run(self) -> None:
        if self._isRunning or not self.isConnected:
            return
        self._isRunning = True
        engine = self.engine
        try:
            while self._reason is None:
                engine.proceed()
                news = engine.takeNews()
                for stream in news:
                    if stream.holder is None:
                        self._accept(stream)
                    cast(IStreamHolder, stream.holder).deliver()
                soon, self._soon = self._soon, []
                for holder in soon:
                    holder.deliver()
                    holder.sent()
                self._flush()
                sent = engine.takeSent()
                for stream in sent:
                    cast(IStreamHolder, stream.holder).sent()
                if not (news or soon or sent):
                    break
        finally:
            self._isRunning = False
        self._settle()

    def _settle(self) -> None:
        """
        Reads on or not, and ends the session if there is a reason.
        """
        if self._reason is not None or not self.isConnected:
            return
        engine = self.engine
        if engine.error is not None:
            self.stats.protocolErrors += 1
            problem = SmuxProtocolError(str(engine.error))
            self._log.info(
                "The smux session with {peer} ends: {problem}", peer=self.getPeer(), problem=problem
            )
            self._fail(problem)
        elif engine.isFull != self._isReadPaused:
            self._isReadPaused = engine.isFull
            if self._isReadPaused:
                self.stats.readingStopped += 1
                self._lower.pauseProducing()
            else:
                self._lower.resumeProducing()
        if self._isClosing and not (self._isClosed or engine.streams or engine.hasOutput):
            self._isClosed = True
            self._stop()
            self._lower.unregisterProducer()
            self._lower.loseConnection()
