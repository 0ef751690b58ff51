"""
A smux session over a Twisted transport.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.internet import error
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import (
    IAddress,
    IProtocol,
    IProtocolFactory,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.smux.addresses import SmuxAddress
from kcptwisted.smux.counters import SmuxStats
from kcptwisted.smux.driver import SessionDriver
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


def _exception(reason: Failure) -> BaseException:
    assert reason.value is not None
    return reason.value


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
        self._isClosing = False
        self._since = 0.0
        self._reason: Failure | None = None
        self._driver = SessionDriver(reactor, self.engine, self)
        self._keepAlive: KeepAlive | None = None
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
        try:
            factory.doStart()
        except Exception:
            self._transport(stream, None).end(Failure())
            return fail()
        transport = self._transport(stream, factory)
        try:
            protocol = self._build(factory, stream)
        except Exception:
            transport.end(Failure())
            return fail()
        if protocol is None:
            transport.end(Failure(error.ConnectionAborted()))
            return fail(error.ConnectionAborted())
        # What it writes then leaves together with SYN.
        transport.connect(protocol)
        self._driver.flush()
        return succeed(protocol)

    def _transport(self, stream: Stream, factory: IProtocolFactory | None) -> SmuxTransport:
        done = (lambda: None) if factory is None else factory.doStop
        transport = SmuxTransport(self._driver, stream, self, done)
        stream.holder = transport
        return transport

    def _holders(self) -> list[IStreamHolder]:
        """
        @return: the transports of all streams; one that has just come may have none yet.
        """
        holders = [stream.holder for stream in self.engine.streams.values()]
        return [cast(IStreamHolder, holder) for holder in holders if holder is not None]

    def _build(self, factory: IProtocolFactory, stream: Stream) -> IProtocol | None:
        return factory.buildProtocol(SmuxAddress(self.getPeer(), stream.id))

    # Closing.

    def finish(self) -> None:
        """
        See L{ISmuxSession.finish}.
        """
        self._isClosing = True
        self.engine.acceptsStreams = False
        self._driver.run()

    def loseConnection(self) -> None:
        """
        See L{ISmuxSession.loseConnection}.
        """
        if self.isConnected and self._reason is None:
            for holder in self._holders():
                holder.loseConnection()
            self.finish()

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
            (getattr(lower, "abortConnection", None) or lower.loseConnection)()

    def _stop(self) -> None:
        self._driver.stop()
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
        self._driver.start(lower)
        self._keepAlive = KeepAlive(self._reactor, self.options, self._ping, self._look)

    def dataReceived(self, data: bytes) -> None:
        """
        Takes what came.
        """
        self._driver.receive(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Ends all streams.
        """
        self._stop()
        if self._reason is None:
            self._reason = reason
        self.isConnected = False
        reason = self._reason
        streamsReason = reason
        if reason.check(error.ConnectionDone):
            streamsReason = Failure(SmuxSessionLost())
        for holder in self._holders():
            holder.finishEnd()
            holder.end(streamsReason)
        for holder in self._driver.takeSoon():
            holder.finishEnd()
        for stream in list(self.engine.streams.values()):
            # Nobody has seen it yet, and nobody shall.
            self.engine.drop(stream)
        ended, self._ended = self._ended, []
        for one in ended:
            one.callback(_exception(reason))

    # Keepalive.

    def _ping(self) -> None:
        self.engine.ping()
        self._driver.flush()

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
            # A producer that has yet to give the rest holds FIN back, but not what waits.
            if (stream.finWanted or stream.queued)
            and cast(SmuxTransport, stream.holder).disconnecting
        }
        for stream, progress in closing.items():
            if self._closingProgress.get(stream) == progress:
                cast(IStreamHolder, stream.holder).end(Failure(SmuxLingerTimeout()))
        self._closingProgress = closing
        self._driver.run()

    # What the driver calls.

    def accept(self, stream: Stream) -> None:
        """
        Takes a stream that the peer has opened.
        """
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

    def refuse(self, problem: str) -> None:
        """
        Ends the session: the peer sent what no peer may.
        """
        self.stats.protocolErrors += 1
        self._log.info(
            "The smux session with {peer} ends: {problem}", peer=self.getPeer(), problem=problem
        )
        self._fail(SmuxProtocolError(problem))

    def settled(self) -> None:
        """
        Closes the connection if it is to be closed, and nothing is left to be sent.
        """
        engine = self.engine
        if self._isClosing and not (engine.streams or engine.hasOutput):
            self._stop()
            self._lower.unregisterProducer()
            self._lower.loseConnection()
