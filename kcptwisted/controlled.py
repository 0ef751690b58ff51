"""
What a session does by control frames and WASKs: opening, closing, and seeing who is there.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, cast

from twisted.internet import error
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.python.failure import Failure

from kcptwisted.arq.segment import OVERHEAD, WASK, WINS
from kcptwisted.control.channel import ControlChannel, Verdict
from kcptwisted.control.frames import (
    LONGEST_BLOCK,
    Block,
    Challenge,
    Fin,
    FinAck,
    Frame,
    Hello,
    Reset,
    ResetReason,
    Response,
    Retry,
    decodeBlock,
)
from kcptwisted.control.shutdown import Shutdown
from kcptwisted.errors import (
    IdleTimeout,
    LingerTimeout,
    PeerReset,
    PeerRestarted,
    PeerTimeout,
)
from kcptwisted.interfaces import Address
from kcptwisted.liveness import Finding, Liveness
from kcptwisted.options import KCPOptions
from kcptwisted.owner import SessionOwner
from kcptwisted.transport import SessionTransport

if TYPE_CHECKING:
    from kcptwisted.session import KCPSession

#: Asks without an answer after which a client looks for another way to its peer.
ASKS_BEFORE_MOVING = 2

#: Copies of what is said last.  A listener remembers it and says it again; of a client nobody is
#: there to do so, and what the peer makes of its silence is an error.
LAST_WORDS = 2
CLIENTS_LAST_WORDS = 5


class ControlledSession(SessionTransport):
    """
    A session's dealings with its peer beside the data.  L{kcptwisted.session.KCPSession} is the
    rest.

    @ivar epitaph: a datagram that tells a peer which still talks to this session that it is over;
        None if the peer takes no control frames, or the session is not over.
    """

    def __init__(
        self, conv: int, address: Address, options: KCPOptions, owner: SessionOwner
    ) -> None:
        """
        See L{SessionTransport}.
        """
        super().__init__(conv, address, options, owner)
        self._liveness = Liveness(options.keepAlive, options.deadAfter, options.idleTimeout)
        self._channel: ControlChannel | None = None
        self._shutdown: Shutdown | None = None
        # The peer is to get a hello with the first data.
        self._ungreeted = False
        self._inputOver = False
        self._outputOver = False
        # The peer has ended the connection itself.
        self._peerEnded = False
        # What arrived was no answer yet: the peer wants to be asked again.
        self._putOff = False
        # How far both directions were when a close last saw progress.
        self._reached = (0, 0)
        self.epitaph: bytes | None = None

    # For subclasses.

    def connectionLost(self, reason: Failure) -> None:
        """
        The connection is over.
        """
        raise NotImplementedError

    def _deliver(self) -> None:
        raise NotImplementedError

    @property
    def _whole(self) -> KCPSession:
        return cast("KCPSession", self)

    # Asking and being asked.

    @property
    def greeted(self) -> bool:
        """
        Whether the peer takes control frames.
        """
        return self._channel is not None and self._channel.known

    def ask(self) -> None:
        """
        Ask the peer for a sign of life, and tell it about control frames.
        """
        self.askWithData()
        self._greetNow(self._clock.now())
        self._clock.wantFlush(self)

    def askWithData(self) -> None:
        """
        Do so with the first data.
        """
        self._ungreeted = True
        if self._fitsControl:
            self._channel = self._newChannel(initiator=True)

    def _greetNow(self, now: int) -> None:
        self._ungreeted = False
        self._lifecycle.begin(now)
        self._sayHello()

    def askAgain(self) -> None:
        """
        Ask the peer for a sign of life.
        """
        if self._channel is not None and self._channel.known:
            self._conversation.sendControl(WASK, self._channel.block())
        else:
            self._conversation.askWindow()
        self._clock.wantFlush(self)

    def challenge(self, data: bytes) -> bytes:
        """
        @return: a datagram that asks the peer to show that it is where this is sent.
        """
        assert self._channel is not None
        block = self._channel.block(Challenge(data))
        return self._conversation.windowDatagram(self._clock.now(), WASK, block)

    def isPeer(self, block: Block) -> bool:
        """
        Whether a block names both ends as they have named themselves.
        """
        channel = self._channel
        return (
            channel is not None
            and channel.known
            and (block.to, block.source) == (channel.token, channel.peerToken)
        )

    def isOwnHello(self, block: Block) -> bool:
        """
        Whether a block is from the end that said hello to this session.
        """
        return self._channel is not None and block.source == self._channel.peerToken

    @property
    def roams(self) -> bool:
        """
        Whether the peer's address may change.
        """
        return self._channel is not None and self._channel.roams

    @property
    def mayReturn(self) -> bool:
        """
        Whether a peer that begins at sn 0 and una 0 has restarted for certain: it had acknowledged
        something.
        """
        return self._conversation.sender.una > 0

    @property
    def _fitsControl(self) -> bool:
        return self._options.mtu - self._overhead >= OVERHEAD + LONGEST_BLOCK

    @property
    def _overhead(self) -> int:
        return self._transport.overhead

    def _newChannel(self, initiator: bool) -> ControlChannel:
        owner = self._owner
        return ControlChannel(
            owner.newToken(), owner.features, self._options.receiveWindow, initiator
        )

    def _sayHello(self) -> None:
        if self._channel is None:
            self._conversation.askWindow()
        else:
            self._conversation.sendControl(WASK, self._channel.hello())

    def _look(self, now: int) -> None:
        """
        See whether the peer lives, when that is due.
        """
        finding = self._liveness.look(now)
        if finding is Finding.SILENT:
            self.askAgain()
            channel = self._channel
            if (
                self._liveness.unanswered >= ASKS_BEFORE_MOVING
                and channel is not None
                and channel.roams
            ):
                self._owner.pathSilent(self._whole)
        elif finding is Finding.DEAD:
            seconds = self._options.deadAfter
            self.connectionLost(Failure(PeerTimeout(string=f"deadAfter={seconds:g} seconds")))
        elif finding is Finding.IDLE:
            seconds = self._options.idleTimeout
            self.connectionLost(Failure(IdleTimeout(string=f"idleTimeout={seconds:g} seconds")))

    # Control frames that arrived.

    def _takeControls(self) -> None:
        conversation = self._conversation
        controls, conversation.controls = conversation.controls, []
        for data in controls:
            block = decodeBlock(data)
            if block is None or not self._takeBlock(block):
                self.stats.ControlErrs += 1
            if self._closed:
                break

    def _takeBlock(self, block: Block) -> bool:
        """
        @return: whether it makes sense.
        """
        channel = self._channel
        if channel is None:
            if block.find(Hello) is None or not self._fitsControl:
                return False
            channel = self._newChannel(initiator=False)
        verdict = channel.judge(block)
        if verdict is Verdict.STRANGER:
            return False
        if verdict is Verdict.ANOTHER:
            # It would take the answer for its own.
            self._conversation.leaveUnanswered()
            self._owner.anotherGreeted(self._whole, block)
            return True
        self._channel = channel
        return all(self._act(frame, channel) for frame in block.frames if not self._closed)

    def _act(self, frame: Frame, channel: ControlChannel) -> bool:
        send = self._conversation.sendControl
        if isinstance(frame, Hello):
            self._greet(frame, channel)
        elif isinstance(frame, Retry):
            self._putOff = not channel.known
            if channel.retry(frame.cookie):
                self._sayHello()
        elif isinstance(frame, Challenge):
            # What was sent from the new address before is not taken.
            self._conversation.sender.resendAll(self._clock.now())
            send(WINS, channel.block(Response(frame.data)))
        elif isinstance(frame, Fin):
            self._shutdown = self._shutdown or Shutdown()
            return self._shutdown.received(frame, self._conversation.receiver.next)
        elif isinstance(frame, FinAck):
            if self._shutdown is not None:
                self._shutdown.answered(frame)
                self._clock.wantFlush(self)
        elif isinstance(frame, Reset):
            self._reset(frame)
        return True

    def _greet(self, hello: Hello, channel: ControlChannel) -> None:
        self._lifecycle.greeted()
        if hello.receiveWindow:
            self._conversation.sender.peerWindow = hello.receiveWindow
        if not channel.initiator:
            self._conversation.sendControl(WINS, channel.hello())
        self._owner.sessionGreeted(self._whole)

    def _reset(self, frame: Reset) -> None:
        self._deliver()
        self._peerEnded = True
        if self.disconnecting and self._conversation.drained:
            # It has everything; only the end of the close was lost.
            self.connectionLost(Failure(error.ConnectionDone()))
        elif frame.reason == ResetReason.UNKNOWN:
            self.connectionLost(Failure(PeerRestarted("it does not know this connection")))
        else:
            known = frame.reason in list(ResetReason)
            name = ResetReason(frame.reason).name.lower() if known else str(frame.reason)
            self.connectionLost(Failure(PeerReset(name)))

    # The peer's close.

    @property
    def peerFinished(self) -> bool:
        """
        Whether the peer has closed the connection, and all that it sent has arrived.
        """
        shutdown = self._shutdown
        return (
            shutdown is not None
            and not shutdown.peerReads
            and shutdown.complete(self._conversation.receiver.next)
        )

    def _checkPeerFinished(self) -> None:
        """
        See whether all has arrived, and been delivered, that the peer sent before its FIN.
        """
        shutdown, channel = self._shutdown, self._channel
        if shutdown is None or channel is None or self._closed:
            return
        conversation = self._conversation
        if not shutdown.complete(conversation.receiver.next):
            return
        if not shutdown.peerReads:
            if self.disconnecting and not conversation.drained:
                # Both close at once: the peer takes the rest as long as its FIN is not answered.
                return
            self._liveness.stop()
            conversation.sender.discard()
        if shutdown.owesAnswer:
            conversation.sendControl(WINS, channel.block(shutdown.answer()))
            self._clock.wantFlush(self)
        if not conversation.receiver.unread or self.disconnecting:
            self._inputEnded(shutdown)

    def _inputEnded(self, shutdown: Shutdown) -> None:
        halfCloseable = IHalfCloseableProtocol(self.protocol, None)
        if not self._inputOver:
            self._inputOver = True
            if halfCloseable is not None:
                try:
                    halfCloseable.readConnectionLost()
                except Exception:
                    self._fail("readConnectionLost")
        if self._ending is not None:
            return
        if not shutdown.peerReads or self._outputOver:
            self.connectionLost(Failure(error.ConnectionDone()))
        elif halfCloseable is None:
            self.loseConnection()

    # This side's close.

    def _finish(self, now: int) -> None:
        """
        Go on with a close, of the connection or of its output only.
        """
        conversation = self._conversation
        # A peer that closes at the same time answers no FIN before it has sent the rest.
        reached = conversation.sender.una, conversation.receiver.next if self.greeted else 0
        if reached != self._reached:
            self._reached = reached
            self._lifecycle.progress(now, self._options.linger)
            if self._shutdown is not None:
                self._shutdown.tries = 0
        empty = not (conversation.sender.queue or self._gate.holdsOpen)
        if self._channel is not None and self._channel.known:
            delivered = empty and self._finishByFin(now, self._channel)
        else:
            delivered = empty and conversation.drained
        if delivered:
            self._outputEnded()
        elif self._lifecycle.lingerIsOver(now):
            gone = empty and conversation.drained
            self.connectionLost(Failure(error.ConnectionDone() if gone else LingerTimeout()))

    def _finishByFin(self, now: int, channel: ControlChannel) -> bool:
        """
        @return: whether the peer has everything, and knows that there is no more.
        """
        sender = self._conversation.sender
        shutdown = self._shutdown = self._shutdown or Shutdown()
        shutdown.begin(sender.next, self.disconnecting, now, sender.rtt.timeout)
        fin = shutdown.due(now)
        if fin is not None:
            self._conversation.sendControl(WASK, channel.block(fin))
            self._clock.wantFlush(self)
        return shutdown.acknowledged or (shutdown.unheard and self._conversation.drained)

    def _outputEnded(self) -> None:
        if self.disconnecting:
            self.connectionLost(Failure(error.ConnectionDone()))
        elif not self._outputOver:
            self._outputOver = True
            halfCloseable = IHalfCloseableProtocol(self.protocol, None)
            if halfCloseable is not None:
                try:
                    halfCloseable.writeConnectionLost()
                except Exception:
                    self._fail("writeConnectionLost")
            if self._inputOver and self._ending is None:
                self.connectionLost(Failure(error.ConnectionDone()))

    # The end.

    def _sayGoodbye(self, reason: Failure) -> None:
        """
        Tell the peer that the connection is over, if it can be told and does not know.
        """
        channel, shutdown = self._channel, self._shutdown
        if channel is None or not channel.known or reason.check(PeerRestarted):
            return
        now, conversation = self._clock.now(), self._conversation
        word: Frame = Reset(_resetReason(reason))
        told = self._peerEnded
        if shutdown is not None:
            fin, acknowledged = shutdown.sent, shutdown.acknowledged
            told = told or (acknowledged and fin is not None and fin.both)
            # A peer that has only stopped writing waits for more.
            if self.peerFinished or (
                acknowledged and shutdown.complete(conversation.receiver.next)
            ):
                word = shutdown.answer()
        self.epitaph = conversation.windowDatagram(now, WINS, channel.block(word))
        if not told:
            copies = CLIENTS_LAST_WORDS if channel.initiator else LAST_WORDS
            # A layer that fails has been reported before.
            with suppress(Exception):
                self._transport.writeDatagrams([self.epitaph] * copies, self.address)


def _resetReason(reason: Failure) -> ResetReason:
    if reason.check(error.ConnectionAborted):
        return ResetReason.ABORTED
    if reason.check(IdleTimeout):
        return ResetReason.IDLE
    if reason.check(error.ConnectionDone):
        return ResetReason.SHUTDOWN
    return ResetReason.FAILED
