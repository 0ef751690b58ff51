"""
The client's end: one socket, one peer, one session.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IProtocol, IProtocolFactory
from twisted.logger import Logger
from twisted.python.failure import Failure

from kcptwisted.client.rebinding import ADDRESS_GONE, Questions, Rebinding
from kcptwisted.client.suspicion import Suspicion
from kcptwisted.errors import PeerRefused, PeerUnreachable
from kcptwisted.interfaces import Address
from kcptwisted.options import KCPOptions
from kcptwisted.session.session import KCPSession
from kcptwisted.stack.sessions import SessionTable
from kcptwisted.stack.sessionstack import Wrap
from kcptwisted.stack.socketstack import RandomBytes, SocketLayer, SocketStack
from kcptwisted.timing.portlimit import PortLimit
from kcptwisted.udp.addresses import toAddress
from kcptwisted.wire.control import Block

#: Why a session ends whose C{connect} was cancelled.
_CANCELLED = "Connecting was cancelled."


class KCPConnector:
    """
    Connects to one address, and closes the socket when the connection is over.  It is its session's
    L{kcptwisted.session.holder.SessionHolder}, and its socket's
    L{kcptwisted.stack.socketstack.SocketUser}.

    @ivar stack: the socket.
    @ivar sessions: the session on it, if there is one.
    @ivar logsEnds: whether the log has a line about the connection's end.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        reactor: Any,
        options: KCPOptions,
        factory: IProtocolFactory,
        randomConv: Callable[[], int],
        randomBytes: RandomBytes = os.urandom,
        sock: socket.socket | None = None,
        limit: PortLimit | None = None,
        sessionLayer: Wrap | None = None,
    ) -> None:
        """
        @param factory: makes the protocol.
        @param randomConv: gives a conversation id.
        @param randomBytes: gives tokens.
        @param sock: the application's, instead of a new one.
        @param limit: what the endpoint's connections may send together.
        @param sessionLayer: puts a layer around the session, inside FEC.
        """
        self.stack = SocketStack(reactor, options, self, True, randomBytes, limit)
        self.sessions = SessionTable(self.stack, options, self, randomBytes, sessionLayer)
        self._reactor = reactor
        self._options = options
        self._factory = factory
        self.logsEnds = bool(getattr(factory, "logsEnds", True))
        self._randomConv = randomConv
        self._socket = sock
        self._timeout: IDelayedCall | None = None
        self._result: Deferred[IProtocol] | None = None
        self._session: KCPSession | None = None
        # Once there is a session.
        self._suspicion: Suspicion | None = None
        self._rebinding: Rebinding | None = None
        self._questions: Questions | None = None

    def __repr__(self) -> str:
        return f"<KCPConnector {self._session!r}>"

    def connect(
        self,
        bind: Address,
        peer: Address,
        layers: Sequence[SocketLayer] = (),
        patience: float | None = None,
    ) -> Deferred[IProtocol]:
        """
        Opens a socket, and begins a connection.

        @param patience: what is left of C{timeout=}, seconds; all of it if None.
        @return: fires with the protocol when the peer has answered; fails with
            L{PeerRefused}, L{error.TimeoutError}, L{error.CannotListenError} or whatever
            C{buildProtocol} raised.  Cancelling it closes the socket.
        """
        result: Deferred[IProtocol] = Deferred(self._cancel)
        self._result = result
        self._bind = bind
        self._peer = peer
        conv = self._randomConv()
        try:
            self.stack.openPort(bind, peer, layers, self._socket)
        except OSError as problem:
            self._fail(Failure(_connectError(problem)))
            return result
        except error.CannotListenError:
            self._fail(Failure())
            return result
        except ValueError:
            if self._socket is not None:
                self._socket.close()
            raise
        self._factory.doStart()
        self.stack.stats.ActiveOpens += 1
        session = self._session = self.sessions.add(conv, peer).session
        self._suspicion = Suspicion(self._reactor, session, self._options.deadAfter)
        self._rebinding = Rebinding(
            self._reactor, self._rebind, lambda: session.connection.liveness.heard
        )
        if self._options.handshake:
            seconds = self._options.timeout if patience is None else patience
            self._timeout = self._reactor.callLater(seconds, self._timedOut)
        session.call()
        return result

    # What becomes of the session.

    def sessionEstablished(self, session: KCPSession) -> None:
        """
        Gives the session its protocol, and the caller the result.
        """
        self._stopTimeout()
        try:
            protocol = self._factory.buildProtocol(toAddress(session.address))
            if protocol is None:
                raise error.NoProtocol()
        except Exception:
            session.connectionLost(Failure())
            return
        # The application may cancel in buildProtocol and in connectionMade.
        if self._result is not None:
            session.startProtocol(protocol)
        result, self._result = self._result, None
        if result is not None:
            result.callback(protocol)

    def sessionEnded(self, session: KCPSession, reason: Failure) -> None:
        """
        Closes the socket; if the caller still waits, that is the answer.
        """
        self.sessions.forget(session, reason)
        self._session = None
        self._stopTimeout()
        for calls in (self._suspicion, self._rebinding, self._questions):
            if calls is not None:
                calls.stop()
        self._suspicion = self._rebinding = self._questions = None
        self.stack.closePort().addCallback(lambda _: self._closed())
        self._fail(reason)

    def _closed(self) -> None:
        if self.logsEnds:
            host = self.stack.getHost()
            self._log.debug("{factory}: closed {host}", factory=self._factory, host=host)
        self._factory.doStop()

    def sessionGreeted(self, session: KCPSession) -> None:
        """
        Does nothing: only a listener needs this.
        """

    def anotherGreeted(self, session: KCPSession, block: Block) -> None:
        """
        Counts a hello, which nobody is to say to a connector.
        """
        session.stats.ControlErrs += 1

    def foreignDatagrams(self, session: KCPSession, datagrams: list[bytes]) -> None:
        """
        Drops and counts datagrams of other conversations.
        """
        self.stack.stats.InErrs += len(self.sessions.takeForeign(session, datagrams))

    def sessionUnread(self, session: KCPSession, reason: Failure) -> None:
        """
        Keeps the session until its application has read the rest.
        """
        self.sessions.keepUnread(session)

    def pathSilent(self, session: KCPSession) -> None:
        """
        Looks for another way: the host may have another address by now, which only a new socket
        sends from.
        """
        if self._rebinding is not None and not self._rebinding.running and self._reopen():
            self._log.info(
                "KCP connection {conv}: no answer from {peer}, trying from {host}",
                conv=session.conv,
                peer=toAddress(session.address),
                host=self.stack.getHost(),
            )
            # The question that was due has left through the former socket.
            self._ask()

    def networkChanged(self, session: KCPSession) -> None:
        """
        Opens another socket, if the server would follow, and goes on trying while there is none to
        be had.  Asks the server in either case.
        """
        rebinding = self._rebinding
        if rebinding is None or not session.connection.controls.roams:
            session.askAgain()
            return
        rebinding.stop()
        if not self._reopen():
            rebinding.begin()
        # A socket that is bound to all addresses, as the application's may be, can move as well.
        self._ask()

    def _reopen(self) -> bool:
        return self.stack.rebind(self._bind, self._peer)

    def _rebind(self) -> None:
        """
        Opens another socket: the host has lost the address that this one sends from.
        """
        session = self._session
        if session is not None and self._reopen():
            self._log.info(
                "KCP connection {conv}: the address is gone, trying from {host}",
                conv=session.conv,
                host=self.stack.getHost(),
            )
            self._ask()

    def _ask(self) -> None:
        """
        Asks the server, which is to follow to a new socket.
        """
        if self._questions is None and self._session is not None:
            self._questions = Questions(self._reactor, self._session.askAgain)
        if self._questions is not None:
            self._questions.begin()

    # The socket.

    def strangeDatagrams(self, datagrams: list[bytes], address: Address) -> None:
        """
        Drops and counts datagrams: the connection is over.
        """
        self.stack.stats.InErrs += len(datagrams)

    def socketClosed(self, reason: Failure) -> None:
        """
        Ends the session with the socket.
        """
        self.sessions.leaveAll(reason)

    def connectionRefused(self) -> None:
        """
        Takes a report that nothing listens there, which is no wonder if the peer has closed the
        connection.
        """
        self._peerGone(PeerRefused())

    def peerUnreachable(self, problem: OSError) -> None:
        """
        Takes a report that the network does not carry datagrams there.
        """
        self._peerGone(PeerUnreachable(problem.errno, problem.strerror or ""))

    def _peerGone(self, reason: Exception) -> None:
        session = self._session
        if session is None or session.connection.lifecycle.peerFinished:
            return
        if session.connection.lifecycle.isDelivered:
            session.end(Failure(error.ConnectionDone()))
        elif self._isConnecting(session):
            session.end(Failure(reason))
        elif self._suspicion is not None:
            self._suspicion.raiseBy(Failure(reason))

    def sendingFailed(self, problem: OSError) -> None:
        """
        Opens another socket if this one's address is gone.  Whatever else keeps this host from
        sending may pass, before the peer is taken for dead.
        """
        session = self._session
        if session is None or session.connection.lifecycle.peerFinished:
            return
        if self._isConnecting(session):
            session.end(Failure(_connectError(problem)))
        elif (
            problem.errno in ADDRESS_GONE
            and session.connection.controls.roams
            and self._rebinding is not None
        ):
            self._rebinding.begin()

    @staticmethod
    def _isConnecting(session: KCPSession) -> bool:
        """
        Returns True if the peer has yet to show that it is there; without a handshake, too.
        """
        return session.application.protocol is None or not session.stats.InPkts

    def _fail(self, reason: Failure) -> None:
        result, self._result = self._result, None
        if result is not None:
            result.errback(reason)

    def _timedOut(self) -> None:
        self._timeout = None
        if self._session is not None:
            why = f"no answer within timeout={self._options.timeout:g} seconds"
            unopened = self.stack.stats.InCsumErrors + self.stack.stats.InShortErrs
            if unopened:
                why += (
                    f"; {unopened} datagrams came that did not open: is it the same key and crypt?"
                )
            self._session.connectionLost(Failure(error.TimeoutError(string=why)))

    def _stopTimeout(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None

    def _cancel(self, result: Deferred[IProtocol]) -> None:
        self._result = None
        session = self._session
        if session is None:
            return
        if session.application.protocol is None:
            session.connectionLost(Failure(CancelledError(_CANCELLED)))
        else:
            session.end(Failure(CancelledError(_CANCELLED)))


def _connectError(problem: OSError) -> error.ConnectError:
    found: error.ConnectError = error.getConnectError((problem.errno, problem.strerror or ""))
    return found
