"""
The server's end: which session a datagram is for.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.logger import Logger
from twisted.python.failure import Failure

from kcptwisted.errors import Evicted, PeerRestarted
from kcptwisted.interfaces import Address
from kcptwisted.options import KCPOptions
from kcptwisted.options.checks import checkPortChanges
from kcptwisted.server.ended import EndedSessions
from kcptwisted.server.newcomers import Newcomers, helloOf
from kcptwisted.server.paths import PathChecks
from kcptwisted.server.restarts import Restarts
from kcptwisted.server.routing import IRouting, SingleProcess
from kcptwisted.server.secondsignal import onSecondSignal
from kcptwisted.server.stopping import Ending, Stop
from kcptwisted.server.strangers import Strangers
from kcptwisted.session.session import KCPSession
from kcptwisted.stack.sessions import SessionTable
from kcptwisted.stack.sessionstack import SessionStack
from kcptwisted.stack.socketstack import RandomBytes, SocketLayer, SocketStack
from kcptwisted.stack.unreadable import PLAIN, UnreadableLog
from kcptwisted.timing.portlimit import PortLimit
from kcptwisted.udp.addresses import toAddress
from kcptwisted.wire.control import Block
from kcptwisted.wire.fec import PARITY, packetType
from kcptwisted.wire.opening import Opening, readOpening


class KCPListener:
    """
    Opens a session for each address that a conversation begins from.  It is its sessions'
    L{kcptwisted.session.holder.SessionHolder}, and its socket's
    L{kcptwisted.stack.socketstack.SocketUser}.

    @ivar factory: makes the protocols.
    @ivar noisy: whether the log has a line when the port is opened and closed.
    @ivar logsEnds: whether it has one when a connection ends.
    @ivar stack: the socket.
    @ivar sessions: the sessions on it.
    @ivar newcomers: which newcomers are taken.
    @ivar ended: the conversations that have ended lately.
    @ivar paths: the sessions whose peers may move.
    @ivar strangers: what is done about datagrams of no session.
    @ivar onClosed: called when the socket closes.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        reactor: Any,
        options: KCPOptions,
        factory: IProtocolFactory,
        randomBytes: RandomBytes = os.urandom,
        routing: IRouting | None = None,
    ) -> None:
        """
        @param factory: makes a protocol for each session.
        @param randomBytes: gives tokens, cookies and challenges.
        @param routing: knows the other processes that serve the port; None if there are none.
        """
        self.factory = factory
        self.noisy = bool(getattr(factory, "noisy", True))
        self.logsEnds = bool(getattr(factory, "logsEnds", True))
        self.onClosed: Callable[[], object] = lambda: None
        self.stack = stack = SocketStack(reactor, options, self, False, randomBytes)
        self.sessions = SessionTable(stack, options, self, randomBytes)
        self._options = options
        self.configure(portRateLimit=options.portRateLimit)
        self._routing = routing or SingleProcess()
        self.newcomers = Newcomers(options, stack.stats, randomBytes, self._routing.opened)
        self.ended = EndedSessions()
        self.paths = PathChecks(
            self.newcomers.cookies, randomBytes, stack.stats, stack.sendStateless
        )
        self.strangers = Strangers(options, stack, self.newcomers, self.ended)
        self._restarts = Restarts(self.newcomers, self.strangers, stack.stats)
        self._stop = Stop(reactor, options.stopLimit, self.sessions, factory, stack.closePort)
        # One object for all sessions, which a bound method would not be; None once it is closed.
        self._watching: Callable[[SessionStack, list[bytes], Address], None] | None = self._watch
        self._forgetSignal: Callable[[], None] = lambda: None
        # With a cipher, a wrong key shows in datagrams that do not open, which the cipher reports.
        plain = options.cipher.name == "null"
        self._garbage = UnreadableLog(PLAIN, stack.clock.now) if plain else None

    # The socket.

    def openPort(
        self,
        bind: Address,
        layers: Sequence[SocketLayer] = (),
        sock: socket.socket | None = None,
    ) -> None:
        """
        See L{SocketStack.openPort}.  Whoever stops the reactor may be in a hurry.
        """
        self.stack.openPort(bind, None, layers, sock)
        self._forgetSignal = onSecondSignal(self.stack.reactor, lambda: self.stop(Ending.ABORT))

    def configure(self, **changes: Any) -> None:
        """
        See L{kcptwisted.interfaces.IKCPListeningPort.configure}.
        """
        checkPortChanges(changes)
        rate = changes.get("portRateLimit")
        if rate is None:
            return
        stack = self.stack
        # Each process that serves the port has an equal part.
        part = max(rate // self._options.workers, 1)
        if not rate:
            stack.limitRate(None)
        elif stack.limit is None:
            stack.limitRate(PortLimit(stack.clock, part))
        else:
            stack.limit.setRate(part)

    def connectionRefused(self) -> None:
        """
        Does nothing: the socket has many peers.
        """

    def peerUnreachable(self, problem: OSError) -> None:
        """
        Does nothing: the socket has many peers.
        """

    def sendingFailed(self, problem: OSError) -> None:
        """
        Does nothing: the socket has many peers.
        """

    def socketClosed(self, reason: Failure) -> None:
        """
        Ends the sessions, and all else, with the socket.
        """
        self._forgetSignal()
        self._watching = None
        try:
            self.sessions.leaveAll(reason)
            self.onClosed()
        finally:
            self._routing.stop()

    def stop(self, ending: Ending) -> Deferred[None]:
        """
        Takes no newcomers, has the sessions end, and then closes the port.  May be called again to
        end the sessions sooner.  What has not closed after C{stopTimeout} is aborted.

        @return: fires when the socket is closed.
        """
        self.strangers.accepting = False
        return self._stop.begin(ending)

    # Datagrams from addresses without a session.

    def strangeDatagrams(self, datagrams: list[bytes], address: Address) -> None:
        """
        Opens a session for the first datagram that may open one, unless they are of a session that
        has moved, or of another process.
        """
        if self._routing.follow(datagrams, address):
            return
        now = self.stack.clock.now()
        for position, datagram in enumerate(datagrams):
            opening = readOpening(datagram)
            mover = None if opening is None else self.paths.sessionOf(opening)
            if opening is None:
                self.stack.stats.InErrs += 1
                if self._garbage is not None and packetType(datagram) != PARITY:
                    self._garbage.add(1, address)
            elif mover is not None:
                if self.paths.hasMoved(mover, opening, address, now):
                    self.move(mover, datagrams[position:], address)
                    return
            elif self._isElsewhere(opening, datagrams[position:], address):
                return
            elif self.strangers.mayOpen(opening, datagram, address, now, self._evict):
                self._accept(opening, address, datagrams[position:], now)
                return

    def _isElsewhere(self, opening: Opening, datagrams: list[bytes], address: Address) -> bool:
        """
        Returns True if another process has been given them.

        @param datagrams: from that with C{opening} on.
        """
        if not self._routing.knows(opening.conv):
            return False
        hello = helloOf(opening)
        if hello is not None and not self.newcomers.knowsToken(hello):
            return False
        return self._routing.claim(opening.conv, datagrams, address)

    def _evict(self, address: Address) -> None:
        session = self.sessions.at(address)
        assert session is not None
        session.connectionLost(Failure(Evicted()))

    def _accept(self, opening: Opening, address: Address, datagrams: list[bytes], now: int) -> None:
        # Behind a cipher that authenticates, nobody makes up addresses by the thousand.
        hello = helloOf(opening)
        unproven = not self._options.authenticated and not (
            hello is not None and self.newcomers.hasCookie(hello, opening.conv, address, now)
        )
        size = sum(map(len, datagrams))
        received = size + len(datagrams) * self.stack.overhead
        stack = self.sessions.add(opening.conv, address)
        session = stack.session
        self.stack.stats.PassiveOpens += 1
        self.newcomers.opened(opening, session, now, unproven)
        stack.afterBatch = self._watching
        session.accept(unproven, received)
        if self.sessions.at(address) is session:
            stack.receive(datagrams, size, address)

    def _watch(self, stack: SessionStack, datagrams: list[bytes], address: Address) -> None:
        """
        Remembers what a new session has been given: not before, or it would be taken for a replay
        of itself.
        """
        if not self.newcomers.watch(stack.session, datagrams, self.stack.clock.now()):
            stack.afterBatch = None

    # Peers that move.

    def sessionGreeted(self, session: KCPSession) -> None:
        """
        Recognises the session's datagrams from any address, if its peer may move.
        """
        if session.connection.controls.roams and self.paths.add(session):
            self._routing.began(session.conv)

    def move(self, session: KCPSession, datagrams: list[bytes], address: Address) -> None:
        """
        Moves a session: its peer is at C{address} now.

        @param datagrams: what has come from there.
        """
        self.newcomers.moved(session.address, address)
        self.ended.forget(address)
        self.stack.stats.SessionsMoved += 1
        self.sessions.move(session, address)
        self.stack.datagramsReceived(datagrams, address)

    # Peers that restart.

    def foreignDatagrams(self, session: KCPSession, datagrams: list[bytes]) -> None:
        """
        See whether another conversation has begun.
        """
        others = self.sessions.takeForeign(session, datagrams)
        if not others:
            return
        address, now = session.address, self.stack.clock.now()
        position = self._restarts.find(session, others, now)
        if position is not None:
            session.connectionLost(Failure(PeerRestarted()))
            self.ended.add(
                address, session.conv, now, mayBeNew=session.connection.lifecycle.mayReturn
            )
            self.strangeDatagrams(others[position:], address)

    def anotherGreeted(self, session: KCPSession, block: Block) -> None:
        """
        Ends the session if the peer has restarted with the same conversation id.  The batch that
        the hello came in is then of the next session.
        """
        if self._restarts.isAnother(session, block, self.stack.clock.now()):
            stack = self.sessions.stackOf(session)
            session.connectionLost(Failure(PeerRestarted()))
            if stack is not None:
                stack.afterBatch = partial(self._beginAnew, stack.afterBatch)

    def _beginAnew(
        self,
        watch: Callable[[SessionStack, list[bytes], Address], None] | None,
        stack: SessionStack,
        datagrams: list[bytes],
        address: Address,
    ) -> None:
        self.strangeDatagrams(datagrams, address)
        if watch is not None:
            watch(stack, datagrams, address)

    # What becomes of sessions.

    def sessionEstablished(self, session: KCPSession) -> None:
        """
        Gives the session its protocol, if the factory makes one.
        """
        try:
            protocol = self.factory.buildProtocol(toAddress(session.address))
        except Exception:
            failure = Failure()
            self._log.failure("buildProtocol of {factory!r} failed", failure, factory=self.factory)
            session.connectionLost(failure)
            return
        if protocol is None:
            session.stream.abortConnection()
        else:
            session.startProtocol(protocol)

    def pathSilent(self, session: KCPSession) -> None:
        """
        Does nothing: it is the client that looks for another way.
        """

    def networkChanged(self, session: KCPSession) -> None:
        """
        Asks the client: it knows the server by its address, so there is no other way to it.
        """
        session.askAgain()

    def sessionUnread(self, session: KCPSession, reason: Failure) -> None:
        """
        Keeps the session's place until its application has read the rest.
        """
        self.sessions.keepUnread(session)
        self._left(session, reason)
        self.newcomers.parked(session)

    def sessionEnded(self, session: KCPSession, reason: Failure) -> None:
        """
        Forgets the session but for its conversation id; after L{stop} the last one takes the port
        with it.
        """
        if self.sessions.forget(session, reason):
            self._left(session, reason)
        self.newcomers.closed(session)
        self._stop.check()

    def _left(self, session: KCPSession, reason: Failure) -> None:
        address = session.address
        if self.paths.remove(session):
            self._routing.ended(session.conv)
        if reason.check(PeerRestarted):
            # The same conversation may begin anew.
            self.ended.forget(address)
        else:
            self.ended.add(
                address,
                session.conv,
                self.stack.clock.now(),
                session.connection.lifecycle.lastWord,
                session.connection.lifecycle.mayReturn,
            )
