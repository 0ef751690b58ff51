"""
How a session's application is told of the end: not before it has been given what arrived.
"""

from __future__ import annotations

from twisted.internet import error
from twisted.python.failure import Failure

from kcptwisted.errors import DeadLink, PeerRefused, PeerReset, PeerRestarted, PeerTimeout
from kcptwisted.interfaces import Address
from kcptwisted.options import KCPOptions
from kcptwisted.session.controlled import ControlledSession
from kcptwisted.session.gone import Gone
from kcptwisted.session.holder import SessionHolder, SessionSocket

#: Ends that the peer or the path causes.  What arrived before was acknowledged, so an application
#: that has paused is given it when it resumes, and told of the end then.
PEERS_ENDS = (DeadLink, PeerRefused, PeerReset, PeerRestarted, PeerTimeout)


class EndingSession(ControlledSession):
    """
    A session's data and its end, as the application sees them.
    L{kcptwisted.session.session.KCPSession} is the whole.
    """

    __slots__ = ("_began", "_delivering", "_unread")

    def __init__(
        self,
        conv: int,
        address: Address,
        options: KCPOptions,
        socket: SessionSocket,
        holder: SessionHolder,
    ) -> None:
        """
        See L{SessionTransport<kcptwisted.session.transport.SessionTransport>}.
        """
        super().__init__(conv, address, options, socket, holder)
        self._began = self._clock.now()
        self._delivering = False
        # Why the connection is over, while the application has yet to read what came before.
        self._unread: Failure | None = None

    def loseConnection(self) -> None:
        """
        See L{SessionTransport<kcptwisted.session.transport.SessionTransport>}; where it is over
        and only the application does not know, that is told at the end of the turn, and what it has
        not read is dropped.
        """
        if self._unread is None:
            super().loseConnection()
        else:
            self.disconnecting = True
            self.end(self._unread)

    def end(self, reason: Failure) -> None:
        """
        See L{SessionTransport<kcptwisted.session.transport.SessionTransport>}.  It ends
        but once for the peer, or by the path.
        """
        unread = self._unread
        if unread is None or reason is unread or not reason.check(*PEERS_ENDS):
            super().end(reason)

    def connectionLost(self, reason: Failure) -> None:
        """
        The connection is over, for whatever reason.  Tells the protocol, once, and not before it
        has read what arrived if it was not this end that gave up.
        """
        unread = self._unread
        if unread is not None:
            # What was closed has not ended well if it cannot be read any more.
            self._over(reason if unread.check(error.ConnectionDone) else unread)
            return
        if self._closed:
            return
        isPeers = reason.check(*PEERS_ENDS) is not None
        if isPeers:
            if self._ending is reason:
                self._ending = None
            self._deliver()
        if not self._lifecycle.end():
            return
        self._clock.forget(self)
        try:
            self._sayGoodbye(reason)
        except Exception:
            self._log.failure("The last word of {session!r} failed", session=self)
        if isPeers and self._isAwaited():
            self._awaitReader(reason)
        else:
            self._over(reason)

    def leave(self, reason: Failure) -> None:
        """
        The program ends, and the socket with it.  What can be sent is; as over TCP, the connection
        is closed if the peer gets all that was written.
        """
        self._leaving = True
        if self.connected and not self._closed:
            datagrams = self._conversation.datagramsToSend(self._clock.now())
            if datagrams:
                self._send(self._transport, datagrams)
        self.connectionLost(reason)

    def _isAwaited(self) -> bool:
        """
        Whether the application has yet to read something, and wants to.
        """
        return (
            self._ending is None
            and not self.disconnecting
            and self.protocol is not None
            and self._conversation.receiver.unread
        )

    def _awaitReader(self, reason: Failure) -> None:
        # Of a peer that had closed, all has arrived, whatever became of it later.
        done = self.peerFinished
        self._unread = Failure(error.ConnectionDone()) if done else reason
        self._silence()
        self._conversation.sender.discard()
        self._holder.sessionUnread(self._whole, reason)
        if not self._readPaused:
            self._clock.wantFlush(self)

    def _readOn(self) -> None:
        """
        Deliver what an application has left unread, if it wants to have it by now; when that is
        all, tell it of the end.
        """
        if self._unread is None:
            return
        self._deliver()
        if self._ending is not None:
            self._over(self._ending)
        elif not self._conversation.receiver.unread:
            self._over(self._unread)

    def _over(self, reason: Failure) -> None:
        self.connected = False
        self._unread = self._ending = None
        self._clock.forget(self)
        self._report(reason)
        protocol, self.protocol = self.protocol, None
        self._conversation.discard()
        try:
            if self._gate is not None:
                self._gate.stop()
        except Exception:
            self._log.failure(
                "stopProducing of a producer of {protocol!r} failed", protocol=protocol
            )
        try:
            if protocol is not None:
                protocol.connectionLost(reason)
        except Exception:
            self._log.failure("connectionLost of {protocol!r} failed", protocol=protocol)
        self._holder.sessionEnded(self._whole, reason)
        # A program may run without garbage collection, so nothing may hold itself.
        self._transport = Gone(self._transport.overhead)

    def _report(self, reason: Failure) -> None:
        """
        Leave one line about the connection in the log.
        """
        stats = self.stats
        # By the class, or whoever keeps the event keeps the session.
        type(self)._log.info(
            "KCP connection {conv} with {peer} ended after {duration:.1f} s: {why}"
            " {sent} bytes sent, {received} received, round trip {rtt:.0f} ms,"
            " {retransmitted:.1%} sent again",
            conv=self.conv,
            peer=self.getPeer(),
            duration=(self._clock.now() - self._began) / 1000,
            why=reason.getErrorMessage(),
            sent=stats.BytesSent,
            received=stats.BytesReceived,
            rtt=self._conversation.sender.rtt.smoothed,
            retransmitted=stats.RetransSegs / max(stats.OutSegs, 1),
            reason=reason,
        )

    def _deliver(self) -> None:
        if self._delivering or self.protocol is None:
            return
        # A protocol may pause and resume from inside dataReceived.
        self._delivering = True
        try:
            while self._ending is None and (self.disconnecting or not self._readPaused):
                data = self._conversation.read()
                protocol = self.protocol
                if data is None or protocol is None:
                    break
                if self.disconnecting:
                    # TCP reads no more after loseConnection.  Here the peer's FIN is behind it.
                    continue
                self.stats.BytesReceived += len(data)
                protocol.dataReceived(data)
        except Exception:
            self._fail("dataReceived")
        finally:
            self._delivering = False
