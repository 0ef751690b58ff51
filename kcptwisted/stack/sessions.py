"""
The sessions of one socket: made, found, moved, counted, forgotten.
"""

from __future__ import annotations

from typing import ClassVar

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.logger import Logger
from twisted.python.failure import Failure

from kcptwisted.interfaces import Address, IDatagramProtocol
from kcptwisted.layer import DatagramLayer
from kcptwisted.options import KCPOptions
from kcptwisted.qlog.file import Directory
from kcptwisted.session import KCPTransport
from kcptwisted.session.holder import SessionHolder
from kcptwisted.session.session import KCPSession
from kcptwisted.stack.sessionstack import SessionStack, Wrap
from kcptwisted.stack.socketstack import RandomBytes, SocketStack
from kcptwisted.udp.addresses import toAddress


class SessionTable:
    """
    The sessions of a socket: those that live, by the peer's address, and those that are over, but
    for what their applications have yet to read.  The address of the latter is free again.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        socket: SocketStack,
        options: KCPOptions,
        holder: SessionHolder[KCPSession],
        randomBytes: RandomBytes,
        sessionLayer: Wrap | None = None,
    ) -> None:
        """
        @param socket: has the live ones.
        @param holder: called with what becomes of them.
        @param randomBytes: gives the numbers that sessions' FEC groups begin at.
        @param sessionLayer: puts a layer around each, inside FEC.
        """
        self._socket = socket
        self._options = options
        self._holder = holder
        self._randomBytes = randomBytes
        self._sessionLayer = sessionLayer
        self._live = socket.sessions
        self._unread: dict[KCPSession, SessionStack] = {}
        # Where sessions are recorded, once one is.
        self._records: Directory | None = None

    def __len__(self) -> int:
        return len(self._live)

    @property
    def isEmpty(self) -> bool:
        """
        Whether there is no session, nor any that is over but has something unread.
        """
        return not self._live and not self._unread

    def at(self, address: Address) -> KCPSession | None:
        """
        Returns the live session with the peer at C{address}.
        """
        stack = self._live.get(address)
        return None if stack is None else stack.session

    def stackOf(self, session: KCPSession) -> SessionStack | None:
        """
        Returns the layers of a live session.
        """
        stack = self._live.get(session.address)
        return stack if stack is not None and stack.session is session else None

    def live(self) -> list[KCPSession]:
        """
        Returns the live sessions.
        """
        return [stack.session for stack in self._live.values()]

    def everyone(self) -> list[KCPSession]:
        """
        Returns the live sessions, and those with something unread.
        """
        return [*self.live(), *self._unread]

    def transports(self) -> list[KCPTransport]:
        """
        Returns the transports of the live sessions.
        """
        transports = [session.transport for session in self.live()]
        return [transport for transport in transports if transport is not None]

    def addresses(self) -> list[Address]:
        """
        Returns the addresses of the live sessions' peers.
        """
        return list(self._live)

    def add(self, conv: int, address: Address) -> SessionStack:
        """
        Returns a new session with the peer at C{address}, and its layers.
        """
        socket, live = self._socket, self._live
        holder, wrap = self._holder, self._sessionLayer
        if self._options.qlog:
            holder, wrap = self._record(conv, address)
        session = KCPSession(conv, address, self._options, socket, holder)
        stack = live[address] = SessionStack(
            session,
            self._options,
            socket.transport,
            socket.clock,
            socket.stats,
            self._randomBytes,
            wrap,
        )
        socket.stats.CurrEstab = len(live)
        socket.stats.MaxConn = max(socket.stats.MaxConn, len(live))
        return stack

    def _record(self, conv: int, address: Address) -> tuple[SessionHolder[KCPSession], Wrap]:
        """
        Begins to record a session.

        @return: its holder, and what puts a layer around it.
        """
        from kcptwisted.qlog.layer import QlogLayer, RecordingHolder, beginRecord

        if self._records is None:
            self._records = Directory(self._options.qlog, self._socket.stats)
        recorder = beginRecord(self._records, self._socket, conv, address)
        outer = self._sessionLayer

        def wrap(above: IDatagramProtocol, session: KCPSession) -> DatagramLayer:
            watched = QlogLayer(above, session, recorder)
            return watched if outer is None else outer(watched, session)

        return RecordingHolder(self._holder, recorder), wrap

    def move(self, session: KCPSession, address: Address) -> None:
        """
        Moves a live session: its peer is at C{address} now.
        """
        self._log.info(
            "KCP connection {conv}: the peer moved from {old} to {new}",
            conv=session.conv,
            old=toAddress(session.address),
            new=address,
        )
        self._live[address] = self._live.pop(session.address)
        # An address translator that gives out another port is on the same path (RFC 9000, 9.4).
        isOther = address[0] != session.address[0]
        session.address = address
        session.connection.pathChanged(self._socket.clock.now(), isOther)
        session.schedule()

    def takeForeign(self, session: KCPSession, datagrams: list[bytes]) -> list[bytes]:
        """
        See L{SessionHolder.foreignDatagrams}.

        @return: those of other conversations.
        """
        stack = self.stackOf(session)
        return datagrams if stack is None else stack.sortForeign(datagrams)

    def keepUnread(self, session: KCPSession) -> None:
        """
        Keeps a session that is over until its application has read the rest.
        """
        stack = self._leave(session)
        if stack is not None:
            self._unread[session] = stack

    def forget(self, session: KCPSession, reason: Failure) -> bool:
        """
        Forgets a session that is over.

        @param reason: why.
        @return: whether it was live until now.
        """
        stack = self._unread.pop(session, None)
        wasLive = stack is None
        if wasLive:
            stack = self._leave(session)
        if stack is not None:
            stack.end()
            self._socket.countEnded(session, reason)
        return wasLive

    def _leave(self, session: KCPSession) -> SessionStack | None:
        """
        Takes a session's layers away: its peer is sent nothing any more, and nothing is taken from
        it.
        """
        stack = self.stackOf(session)
        if stack is not None:
            del self._live[session.address]
            stack.leave()
        self._socket.stats.CurrEstab = len(self._live)
        return stack

    def leaveAll(self, reason: Failure) -> None:
        """
        Ends all sessions with the socket.  If there are any, the reactor has stopped.
        """
        lost = Failure(ConnectionLost()) if reason.check(ConnectionDone) else reason
        for session in self.everyone():
            try:
                session.leave(lost)
            except Exception:
                self._log.failure("Leaving {session!r} failed", session=session)
