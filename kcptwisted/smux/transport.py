"""
A stream as its application has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet import error
from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.smux.addresses import SmuxAddress
from kcptwisted.smux.driver import SessionDriver
from kcptwisted.smux.errors import SmuxProtocolError
from kcptwisted.smux.interfaces import ISmuxSession, ISmuxTransport
from kcptwisted.smux.producers import StreamProducer
from kcptwisted.smux.stream import Stream


@implementer(ISmuxTransport)
class SmuxTransport:
    """
    Writing, reading, pausing and closing one stream.

    @ivar connected: the application has the stream, and it is not over.
    @ivar disconnecting: loseConnection or abortConnection was called.
    @ivar protocol: the application's; None before there is one, and after the end.
    """

    _log = Logger()

    def __init__(
        self, driver: SessionDriver, stream: Stream, session: ISmuxSession, done: Callable[[], None]
    ) -> None:
        """
        @param driver: what does the session's work.
        @param session: the session, as applications have it.
        @param done: called when the stream is over.
        """
        self._driver = driver
        self._stream = stream
        self.session = session
        self._done = done
        self._producer = StreamProducer(stream)
        self.protocol: IProtocol | None = None
        self.connected = True
        self.disconnecting = False
        self._isPaused = self._isDelivering = False
        self._endTold = self._writeEndTold = False
        self._writeClosed = False
        # Why the stream ends as soon as no code of the application runs.
        self._reason: Failure | None = None
        self._noDelay = self._keepAlive = True

    def __repr__(self) -> str:
        return f"<SmuxTransport {self.streamId} of {self.session!r}>"

    @property
    def streamId(self) -> int:
        """
        The stream's id.
        """
        return self._stream.id

    @property
    def unsent(self) -> int:
        """
        See L{ISmuxTransport}.
        """
        return self._stream.queued

    def getPeer(self) -> SmuxAddress:
        """
        Returns the peer's address.
        """
        return SmuxAddress(self.session.getPeer(), self._stream.id)

    def getHost(self) -> SmuxAddress:
        """
        Returns the local address.
        """
        return SmuxAddress(self.session.getHost(), self._stream.id)

    # Writing.

    def write(self, data: bytes) -> None:
        """
        Sends bytes.
        """
        if type(data) is not bytes:
            if not isinstance(data, (bytes, bytearray, memoryview)):
                raise TypeError(f"Data must be bytes, not {type(data).__name__}")
            data = bytes(data)
        if not self.connected or self._reason is not None:
            return
        if (self.disconnecting or self._writeClosed) and not self._producer.isThere:
            return
        driver = self._driver
        driver.engine.write(self._stream, data)
        driver.flush()
        if self._producer.isThere:
            self._producer.wrote()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """
        Sends several pieces as one write.
        """
        self.write(b"".join(data))

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Has C{producer} paused and resumed as what waits grows and shrinks.

        @raise RuntimeError: if there is one already.
        """
        if not self.connected:
            producer.stopProducing()
            return
        self._producer.register(producer, streaming)
        if not streaming:
            self._driver.soon(self)

    def unregisterProducer(self) -> None:
        """
        Forgets the producer, which is done.
        """
        self._producer.unregister()
        self._finishIfClosing()

    def _finishIfClosing(self) -> None:
        if (self.disconnecting or self._writeClosed) and not self._producer.holdsOpen:
            self._driver.engine.finish(self._stream)
            self._driver.flush()

    # Closing.

    def loseConnection(self) -> None:
        """
        See L{ISmuxTransport.loseConnection}.
        """
        if not self.connected or self.disconnecting:
            return
        self.disconnecting = True
        self._finishIfClosing()
        # What is unread is dropped, and FIN may have left.
        self._driver.soon(self)

    def loseWriteConnection(self) -> None:
        """
        See L{ISmuxTransport.loseWriteConnection}.
        """
        if self.connected and not self.disconnecting and not self._writeClosed:
            self._writeClosed = True
            self._finishIfClosing()

    def abortConnection(self) -> None:
        """
        See L{ISmuxTransport.abortConnection}.
        """
        self.endSoon(Failure(error.ConnectionAborted()))

    def endSoon(self, reason: Failure) -> None:
        """
        Drops the stream, and tells the protocol when no code of the application runs.
        """
        if self.connected and self._reason is None:
            self.disconnecting = True
            self._reason = reason
            self._driver.engine.drop(self._stream)
            self._driver.flush()
            self._driver.soon(self)

    # Reading.

    def pauseProducing(self) -> None:
        """
        Delivers nothing more; with version 2 the peer stops when its window is used up.
        """
        self._isPaused = True

    def resumeProducing(self) -> None:
        """
        Delivers again, from the next turn of the reactor on.
        """
        if self.connected and not self.disconnecting:
            self._isPaused = False
            self._driver.soon(self)

    def stopProducing(self) -> None:
        """
        Closes the stream: the consumer of the received data is gone.
        """
        self.loseConnection()

    # TCP's options.

    def getTcpNoDelay(self) -> bool:
        """
        Returns what was set last.
        """
        return self._noDelay

    def setTcpNoDelay(self, enabled: bool) -> None:
        """
        Notes it: nothing is delayed.
        """
        self._noDelay = bool(enabled)

    def getTcpKeepAlive(self) -> bool:
        """
        Returns what was set last.
        """
        return self._keepAlive

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """
        Notes it: the session has its keepalive.
        """
        self._keepAlive = bool(enabled)

    # What the session calls, while no code of the application runs.

    def connect(self, protocol: IProtocol) -> None:
        """
        Gives the protocol its transport.
        """
        self.protocol = protocol
        self._call("connectionMade", protocol.makeConnection, self)

    def deliver(self) -> None:
        """
        Gives the protocol what there is to read, and then its end.
        """
        stream, protocol = self._stream, self.protocol
        if self._isDelivering or protocol is None:
            return
        if stream.error:
            self.endSoon(Failure(SmuxProtocolError(stream.error)))
            return
        # A protocol may pause and resume from inside dataReceived.
        self._isDelivering = True
        try:
            while stream.unread and (self.disconnecting or not self._isPaused):
                data = self._driver.engine.read(stream)
                if not self.disconnecting:
                    protocol.dataReceived(data)
        except Exception:
            self._failed("dataReceived")
        finally:
            self._isDelivering = False
        if stream.finReceived and not (self._endTold or self._isPaused or self.disconnecting):
            self._endTold = True
            self._inputEnded(protocol)

    def _inputEnded(self, protocol: IProtocol) -> None:
        halfCloseable = IHalfCloseableProtocol(protocol, None)
        if halfCloseable is None:
            self.loseConnection()
            return
        self._call("readConnectionLost", halfCloseable.readConnectionLost)
        if self._stream.finSent:
            self._driver.soon(self)

    def sent(self) -> None:
        """
        Takes note that little enough waits to be sent, or that FIN has left.
        """
        if not self.connected:
            return
        if self._producer.isThere:
            self._call("resumeProducing", self._resume)
            self._finishIfClosing()
        if self._stream.finSent and not self._writeEndTold:
            self._writeEndTold = True
            if not self.disconnecting:
                halfCloseable = IHalfCloseableProtocol(self.protocol, None)
                if halfCloseable is not None:
                    self._call("writeConnectionLost", halfCloseable.writeConnectionLost)
        self.finishEnd()

    def _resume(self) -> None:
        if self._producer.resume():
            self._driver.soon(self)

    def finishEnd(self) -> None:
        """
        Ends the stream if there is nothing left to do: also because the protocol asked for it.
        """
        if not self.connected:
            return
        if self._reason is not None:
            self.end(self._reason)
        elif self._stream.finSent and (self.disconnecting or self._endTold):
            self.end(Failure(error.ConnectionDone()))

    def end(self, reason: Failure) -> None:
        """
        Tells the protocol that the stream is over.
        """
        if not self.connected:
            return
        self.connected = False
        self.disconnecting = True
        self._driver.engine.drop(self._stream)
        self._call("stopProducing", self._producer.stop)
        protocol, self.protocol = self.protocol, None
        if protocol is not None:
            self._call("connectionLost", protocol.connectionLost, reason)
        self._call("stopFactory", self._done)
        # So that neither waits for the garbage collector.
        self._stream.holder = None
        # Its FIN may wait, or the session for its end.
        self._driver.runSoon()

    def _call(self, what: str, function: Callable[..., object], *arguments: object) -> None:
        try:
            function(*arguments)
        except Exception:
            self._failed(what)

    def _failed(self, what: str) -> None:
        failure = Failure()
        self._log.failure(
            "{what} of {protocol!r} failed", failure, what=what, protocol=self.protocol
        )
        self.endSoon(failure)
