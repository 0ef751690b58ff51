"""
The server's end: which session a datagram is for, and which newcomers are taken.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.python.failure import Failure

from kcptwisted.errors import Evicted, PeerRestarted
from kcptwisted.interfaces import Address
from kcptwisted.options import KCPOptions
from kcptwisted.server.ended import DepartedSessions
from kcptwisted.server.newcomers import Doorkeeper, helloOf
from kcptwisted.server.paths import PathChecks
from kcptwisted.server.secondsignal import onSecondSignal
from kcptwisted.server.stopping import Ending, Stop
from kcptwisted.session.session import KCPSession
from kcptwisted.stack.hub import RandomBytes, SessionHub, SocketLayer
from kcptwisted.stack.unreadable import PLAIN, UnreadableLog
from kcptwisted.udp.asked import AskedAddress, ownAddressOf
from kcptwisted.wire.control import (
    NO_TOKEN,
    Block,
    Frame,
    Reset,
    ResetReason,
    Response,
    Retry,
    encodeBlock,
)
from kcptwisted.wire.fec import PARITY, packetType
from kcptwisted.wire.opening import Opening, readOpening
from kcptwisted.wire.segment import PUSH, WINS, controlSegment


class KCPListener(SessionHub):
    """
    Opens a session for each address that a conversation begins from.

    @ivar factory: makes the protocols.
    """

    def __init__(
        self,
        reactor: Any,
        options: KCPOptions,
        factory: IProtocolFactory,
        randomBytes: RandomBytes = os.urandom,
    ) -> None:
        """
        @param factory: makes a protocol for each session.
        """
        super().__init__(reactor, options, randomBytes)
        self.factory = factory
        self._accepting = True
        self._doorkeeper = Doorkeeper(options, self.stats, randomBytes)
        self._departed = DepartedSessions()
        self._stop = Stop(reactor, options.stopLimit, self._hurry, self.closePort)
        self._forgetSignal: Callable[[], None] = lambda: None
        self._paths = PathChecks(self._doorkeeper.cookies, randomBytes)
        # A session that ended while it was given a batch with its successor's hello.
        self._superseded: KCPSession | None = None
        # With a cipher, what makes no sense is not a wrong key.
        plain = options.cipher.name == "null"
        self._garbage = UnreadableLog(PLAIN, self.clock.now) if plain else None

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Hand datagrams to the session at the address.
        """
        session = self.sessions.get(address)
        if (
            isinstance(address, AskedAddress)
            and session is not None
            and session.address is not address
            and ownAddressOf(session.address) is not address.own
        ):
            # The peer asks at another address of this host, and expects the answer from there.
            session.address = address
        watched = session is not None and self._doorkeeper.watches(session)
        self._superseded = None
        super().datagramsReceived(datagrams, address)
        if self._superseded is not None:
            self._superseded = None
            self.strangeDatagrams(datagrams, address)
        if watched and session is not None:
            # Not before, or it would be taken for a replay of itself.
            self._doorkeeper.watch(session, datagrams, self.clock.now())

    # Newcomers.

    def strangeDatagrams(self, datagrams: list[bytes], address: Address) -> None:
        """
        Open a session for the first datagram that may open one.
        """
        now = self.clock.now()
        for position, datagram in enumerate(datagrams):
            opening = readOpening(datagram)
            mover = None if opening is None else self._moverOf(opening)
            if opening is None:
                self.stats.InErrs += 1
                if self._garbage is not None and packetType(datagram) != PARITY:
                    self._garbage.add(1, address)
            elif mover is not None:
                if self._proves(mover, opening, address, now):
                    self._move(mover, address)
                    self.datagramsReceived(datagrams[position:], address)
                    return
            elif self._isElsewhere(opening, datagrams[position:], address):
                return
            elif self._mayOpen(opening, datagram, address, now):
                self._accept(opening, address, datagrams[position:], now)
                return

    def _isElsewhere(self, opening: Opening, datagrams: list[bytes], address: Address) -> bool:
        """
        Of concern to one of several workers.

        @param datagrams: from that with C{opening} on.
        @return: whether somebody else has taken care of them.
        """
        return False

    def _mayOpen(self, opening: Opening, datagram: bytes, address: Address, now: int) -> bool:
        """
        Whether a datagram opens a session.  If not, it is counted, and answered if that helps.
        """
        hello = helloOf(opening)
        late = self._isLate(opening, address, now)
        # A WINS answers what was asked in a session.
        mayBegin = opening.opens and opening.cmd != WINS
        if late or not mayBegin or not self._accepting:
            self.stats.InErrs += 1
            self._answerLate(opening, address, now)
        elif self._doorkeeper.isReplayed(opening, datagram):
            self.stats.InReplayed += 1
            self._answerLate(opening, address, now)
        elif (
            hello is None
            or not self._options.retry
            or self._isThere(hello, opening.conv, address, now)
        ):
            # An evicted session's protocol may stop the port.
            return self._doorkeeper.admits(address, now, self._evict) and self._accepting
        return False

    def _isLate(self, opening: Opening, address: Address, now: int) -> bool:
        if helloOf(opening) is None:
            return self._departed.isLate(address, opening.conv, now)
        return self._departed.endedPlain(address, opening.conv, now)

    def _evict(self, address: Address) -> None:
        self.sessions[address].connectionLost(Failure(Evicted()))

    def _accept(self, opening: Opening, address: Address, datagrams: list[bytes], now: int) -> None:
        # Behind a cipher that authenticates, nobody makes up addresses by the thousand.
        hello = helloOf(opening)
        unproven = not self._options.authenticated and not (
            hello is not None and self._doorkeeper.hasCookie(hello, opening.conv, address, now)
        )
        received = sum(map(len, datagrams)) + len(datagrams) * self.overhead
        session = self.addSession(opening.conv, address)
        self.stats.PassiveOpens += 1
        self._doorkeeper.opened(opening, session, now, unproven)
        session.accept(unproven, received)
        if self.sessions.get(address) is session:
            self.datagramsReceived(datagrams, address)

    # Answers without a session.

    def _answerLate(self, opening: Opening, address: Address, now: int) -> None:
        """
        Tell a peer which takes control frames that its session is no more.
        """
        if opening.cmd in (WINS, None):
            # An answer itself, or smaller than what would be the answer.
            return
        answer = self._departed.answerFor(address, opening.conv, now)
        block = opening.block
        if answer is not None:
            self._sendStateless([answer], address)
        elif (
            block is not None
            and block.to != NO_TOKEN
            and not self._departed.remembers(address, opening.conv, now)
        ):
            self._reply(block, opening.conv, address, now, Reset(ResetReason.UNKNOWN))

    def _isThere(self, hello: Block, conv: int, address: Address, now: int) -> bool:
        """
        Whether who says hello has shown to be at C{address}.  If not, that is demanded.
        """
        if self._doorkeeper.hasCookie(hello, conv, address, now):
            return True
        self.stats.RetriesSent += 1
        cookie = self._doorkeeper.cookieFor(hello, conv, address, now)
        self._reply(hello, conv, address, now, Retry(cookie))
        return False

    def _reply(self, block: Block, conv: int, address: Address, now: int, frame: Frame) -> None:
        data = encodeBlock(block.source, NO_TOKEN, [frame])
        window = self._options.receiveWindow
        self._sendStateless([controlSegment(conv, WINS, window, now, 0, data)], address)

    # Clients that move.

    def sessionGreeted(self, session: KCPSession) -> None:
        """
        If its peer may move, its datagrams are looked out for everywhere.
        """
        if session.roams:
            self._paths.add(session)

    def _moverOf(self, opening: Opening) -> KCPSession | None:
        """
        @return: the session whose peer may have sent a datagram from a new address.
        """
        session = self._paths.find(opening.conv)
        hello = helloOf(opening)
        if session is None or (hello is not None and not session.isOwnHello(hello)):
            return None
        return session

    def _proves(self, session: KCPSession, opening: Opening, address: Address, now: int) -> bool:
        """
        Whether a datagram proves that a session's peer is at C{address} now.  If not, it is dropped
        and counted, and proof is asked for.
        """
        block = opening.block
        response = None if block is None or not session.isPeer(block) else block.find(Response)
        if isinstance(response, Response) and self._paths.isProof(
            session, address, response.data, now
        ):
            return True
        self.stats.InErrs += 1
        challenge = self._paths.challenge(session, address, now)
        if challenge is not None:
            self.stats.PathsChallenged += 1
            self._sendStateless([challenge], address)
        return False

    def _move(self, session: KCPSession, address: Address) -> None:
        old = session.address
        del self.sessions[old]
        self.sessions[address] = session
        self._doorkeeper.moved(old, address)
        self._departed.forget(address)
        self.stats.SessionsMoved += 1
        session.moved(address)

    # Peers that restart.

    def otherConversation(self, session: KCPSession, datagrams: list[bytes]) -> None:
        """
        A peer that begins another conversation at its first segment, or with a hello, has
        restarted; all else is a leftover.
        """
        address, now = session.address, self.clock.now()
        for position, datagram in enumerate(datagrams):
            opening = readOpening(datagram)
            if opening is not None and self._replaces(session, opening, datagram, now):
                session.connectionLost(Failure(PeerRestarted()))
                self._departed.add(address, session.conv, now, mayBeNew=session.mayReturn)
                self.strangeDatagrams(datagrams[position:], address)
                return
            self.stats.InErrs += 1

    def _replaces(self, session: KCPSession, opening: Opening, datagram: bytes, now: int) -> bool:
        hello = helloOf(opening)
        if (
            opening.conv == session.conv
            or not opening.opens
            or (hello is None and opening.cmd != PUSH)
            or self._doorkeeper.isReplayed(opening, datagram)
            or self._isLate(opening, session.address, now)
        ):
            return False
        if hello is not None:
            return self._isThere(hello, opening.conv, session.address, now)
        if session.greeted:
            # Not the program that it was.  If that is gone, it will not answer.
            session.doubt()
        return not session.greeted

    def anotherGreeted(self, session: KCPSession, block: Block) -> None:
        """
        A peer that has restarted with the same conversation id.
        """
        if self._doorkeeper.knowsToken(block):
            self.stats.InReplayed += 1
        elif self._isThere(block, session.conv, session.address, self.clock.now()):
            session.connectionLost(Failure(PeerRestarted()))
            self._superseded = session

    # Sessions.

    def sessionEstablished(self, session: KCPSession) -> None:
        """
        Give the session its protocol, if the factory makes one.
        """
        try:
            protocol = self.factory.buildProtocol(session.getPeer())
        except Exception:
            failure = Failure()
            self._log.failure("buildProtocol of {factory!r} failed", failure, factory=self.factory)
            session.connectionLost(failure)
            return
        if protocol is None:
            session.abortConnection()
        else:
            session.startProtocol(protocol)

    def sessionUnread(self, session: KCPSession, reason: Failure) -> None:
        """
        It keeps its place until its application has read the rest.
        """
        super().sessionUnread(session, reason)
        self._doorkeeper.parked(session)

    def sessionEnded(self, session: KCPSession, reason: Failure) -> None:
        """
        Forget the session but for its name; after L{stop} the last one takes the port with it.
        """
        super().sessionEnded(session, reason)
        self._doorkeeper.closed(session)
        self._seeWhetherEmpty()

    def _left(self, session: KCPSession, reason: Failure) -> None:
        super()._left(session, reason)
        address = session.address
        self._paths.remove(session)
        if reason.check(PeerRestarted):
            # The same conversation may begin anew.
            self._departed.forget(address)
        else:
            self._departed.add(
                address, session.conv, self.clock.now(), session.epitaph, session.mayReturn
            )

    def _seeWhetherEmpty(self) -> None:
        if not self.sessions and not self.unread:
            self._stop.emptied()

    def stop(self, ending: Ending) -> Deferred[None]:
        """
        Take no newcomers, have the sessions end, and then close the port.  May be called again to
        end the sessions sooner.  What has not closed after C{stopTimeout} is aborted.

        @return: fires when the socket is closed.
        """
        self._accepting = False
        ending = self._stop.begin(ending)
        for session in [*self.sessions.values(), *self.unread]:
            if ending is Ending.CLOSE:
                session.loseConnection()
            elif ending is Ending.ABORT:
                session.abortConnection()
        self._seeWhetherEmpty()
        return self._stop.whenClosed()

    def _hurry(self) -> None:
        """
        They have had their time.
        """
        self._log.warn(
            "{factory}: {count} connections did not close within stopTimeout={limit:g} seconds:"
            " aborting them",
            factory=self.factory,
            count=len(self.sessions) + len(self.unread),
            limit=self._options.stopLimit,
        )
        self.stop(Ending.ABORT)

    # The socket.

    def openPort(
        self,
        bind: Address,
        peer: Address | None,
        layers: Sequence[SocketLayer] = (),
        sock: socket.socket | None = None,
    ) -> None:
        """
        See L{SessionHub.openPort}.  Whoever stops the reactor may be in a hurry.
        """
        super().openPort(bind, peer, layers, sock)
        self._forgetSignal = onSecondSignal(self._reactor, lambda: self.stop(Ending.ABORT))

    def connectionLost(self, reason: Failure) -> None:
        """
        The socket is closed.
        """
        self._forgetSignal()
        super().connectionLost(reason)
