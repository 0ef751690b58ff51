"""
What a session does by control frames and WASKs: opening, resetting, and seeing who is there.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, cast

from twisted.internet import error
from twisted.python.failure import Failure

from kcptwisted.arq.unproven import UnprovenPath
from kcptwisted.connection.channel import ControlChannel, Verdict
from kcptwisted.connection.liveness import Finding
from kcptwisted.connection.shutdown import Shutdown
from kcptwisted.errors import (
    IdleTimeout,
    PeerReset,
    PeerRestarted,
    PeerTimeout,
)
from kcptwisted.interfaces import Address
from kcptwisted.options import KCPOptions
from kcptwisted.session.closing import LAST_WORDS, ClosingSession
from kcptwisted.session.holder import SessionHolder, SessionSocket
from kcptwisted.wire.control import (
    LONGEST_BLOCK,
    NO_TOKEN,
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
    encodeBlock,
)
from kcptwisted.wire.segment import OVERHEAD, WASK, WINS

if TYPE_CHECKING:
    from kcptwisted.session.session import KCPSession

#: Asks without an answer after which a client looks for another way to its peer.
ASKS_BEFORE_MOVING = 2

#: Milliseconds without a sign of life after which the path, not the peer, may be what is dead.
SILENCE = 5000

#: Milliseconds between two times that something outside the session makes it ask or send again.
PAUSE = 1000


class ControlledSession(ClosingSession):
    """
    A session's dealings with its peer beside the data, but for the close.
    L{kcptwisted.session.session.KCPSession} is the whole.
    """

    __slots__ = ("_challenged", "_doubted", "_modesTold", "_putOff", "_ungreeted")

    def __init__(
        self,
        conv: int,
        address: Address,
        options: KCPOptions,
        socket: SessionSocket,
        holder: SessionHolder,
    ) -> None:
        """
        See L{SessionTransport}.
        """
        super().__init__(conv, address, options, socket, holder)
        # The peer is to get a hello with the first data.
        self._ungreeted = False
        # What the last challenge was, and when it came; when the peer was last doubted.
        self._challenged = (b"", -PAUSE)
        self._doubted = -PAUSE
        # What arrived was no answer yet: the peer wants to be asked again.
        self._putOff = False
        self._modesTold = False

    # For subclasses.

    def _deliver(self) -> None:
        raise NotImplementedError

    @property
    def _whole(self) -> KCPSession:
        return cast("KCPSession", self)

    # Asking and being asked.

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

    def _sayGoodbye(self, reason: Failure) -> None:
        """
        A peer whose answer has not come may have a session all the same, and would wait for it.
        """
        channel = self._channel
        asked = channel is not None and channel.initiator and not self._ungreeted
        if channel is None or channel.known or self.connected or not asked:
            super()._sayGoodbye(reason)
        elif not reason.check(error.ConnectionRefusedError):
            # A WINS opens no session where there is none.
            conversation = self._conversation
            word = conversation.windowDatagram(self._clock.now(), WINS, channel.withdrawal())
            with suppress(Exception):
                self._transport.writeDatagrams([word] * LAST_WORDS, self.address)

    def askAgain(self) -> None:
        """
        Ask the peer for a sign of life.
        """
        self._question()
        self._clock.wantFlush(self)

    def _question(self) -> None:
        channel = self._channel
        if channel is not None and channel.known:
            block = channel.block() if self.unproven is None else channel.challenge()
            self._conversation.sendControl(WASK, block)
        elif self._ungreeted:
            self._greetNow(self._clock.now())
        else:
            self._conversation.askWindow()

    def doubt(self) -> None:
        """
        Ask the peer for a sign of life, unless that was done a moment ago.
        """
        now = self._clock.now()
        if now - self._doubted >= PAUSE:
            self._doubted = now
            self.askAgain()

    @property
    def heard(self) -> int:
        """
        When the peer was last heard, milliseconds.
        """
        return self._liveness.heard

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
        socket = self._socket
        return ControlChannel(
            socket.newToken(), socket.features, self._options.receiveWindow, initiator
        )

    def _sayHello(self) -> None:
        if self._channel is None:
            self._conversation.askWindow()
        else:
            self._conversation.sendControl(WASK, self._channel.hello())

    @property
    def _mayMove(self) -> bool:
        """
        Whether another way to the peer is still to be tried.
        """
        channel = self._channel
        return (
            channel is not None
            and channel.initiator
            and channel.roams
            and self._options.keepAlive > 0
            and self._liveness.unanswered <= ASKS_BEFORE_MOVING
            and self._clock.now() - self._liveness.heard >= SILENCE
        )

    def _look(self, now: int) -> None:
        """
        See whether the peer lives, when that is due, during a flush.
        """
        finding = self._liveness.look(now)
        if finding is Finding.SILENT:
            self._question()
            channel = self._channel
            if (
                self._liveness.unanswered >= ASKS_BEFORE_MOVING
                and channel is not None
                and channel.roams
            ):
                self._holder.pathSilent(self._whole)
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
                self._disown(block)
                return False
            channel = self._newChannel(initiator=False)
        verdict = channel.judge(block)
        if verdict is Verdict.STRANGER:
            return False
        if verdict is Verdict.ANOTHER:
            # It would take the answer for its own.
            self._conversation.leaveUnanswered()
            self._holder.anotherGreeted(self._whole, block)
            return True
        self._channel = channel
        if self.unproven is not None and block.to == channel.token:
            self.unproven.proven = True
        return all(self._act(frame, channel) for frame in block.frames if not self._closed)

    def _limitUntilProven(self, received: int) -> None:
        """
        Send no more than a forged address may be sent.

        @param received: bytes that have come from there, as they came.
        """
        conversation, overhead = self._conversation, self._overhead
        conversation.sender.epoch = int.from_bytes(self._socket.newToken()[:4], "little")
        self.unproven = conversation.unproven = UnprovenPath(
            conversation.sender,
            self._options.arqSettings(overhead),
            self.stats,
            received,
            overhead,
            self._socket.overhead,
        )

    def _seeProof(self, unproven: UnprovenPath) -> None:
        """
        See whether the peer has shown by now that it is at its address.
        """
        conversation = self._conversation
        if unproven.proven:
            unproven.release()
            self.unproven = conversation.unproven = None
            if unproven.withheld:
                conversation.sender.resendAll(self._clock.now())
            self._clock.wantFlush(self)
        elif unproven.withheld or conversation.sender.queue:
            # What came allows more.
            if unproven.withheld:
                unproven.withheld = False
                # No more than one leaves, so a forged datagram must not cost a whole window.
                conversation.sender.resendFirst(self._clock.now())
            self._clock.wantFlush(self)

    def _disown(self, block: Block) -> None:
        """
        Answer who takes this session for one that it had before, such as with a server that has
        restarted since.
        """
        if NO_TOKEN not in (block.to, block.source):
            reset = encodeBlock(block.source, NO_TOKEN, [Reset(ResetReason.UNKNOWN)])
            self._conversation.sendControl(WINS, reset)

    def _act(self, frame: Frame, channel: ControlChannel) -> bool:
        send = self._conversation.sendControl
        if isinstance(frame, Hello):
            self._greet(frame, channel)
        elif isinstance(frame, Retry):
            self._putOff = not channel.known
            if channel.retry(frame.cookie):
                self._sayHello()
        elif isinstance(frame, Challenge):
            if frame.data != channel.peerToken:
                self._challenge(frame.data)
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

    def _challenge(self, data: bytes) -> None:
        """
        What was sent from a new address before the challenge is not taken: send it again.
        """
        known, when = self._challenged
        now = self._clock.now()
        if data != known and now - when >= PAUSE:
            self._challenged = data, now
            self._conversation.sender.resendAll(now)

    def _greet(self, hello: Hello, channel: ControlChannel) -> None:
        if channel.modesDiffer and not self._modesTold:
            self._modesTold = True
            self._log.warn(
                "KCP connection {conv} with {peer}: one end has stream=yes and the other stream=no;"
                " messages are not kept apart",
                conv=self.conv,
                peer=self.getPeer(),
            )
        self._lifecycle.greeted()
        self._putOff = False
        if channel.receiveWindow:
            self._conversation.sender.peerWindow = channel.receiveWindow
        if not channel.initiator:
            self._conversation.sendControl(WINS, channel.hello(self.unproven is not None))
        self._holder.sessionGreeted(self._whole)

    def _reset(self, frame: Reset) -> None:
        if self.peerFinished and not (self.disconnecting and not self._conversation.drained):
            # It has closed, and forgotten this connection; its data wait for the application.
            self._peerEnded = True
            return
        self._deliver()
        self._peerEnded = True
        if self.delivered:
            # It has everything; only the end of the close was lost.
            self.connectionLost(Failure(error.ConnectionDone()))
        elif frame.reason == ResetReason.UNKNOWN:
            self.connectionLost(Failure(PeerRestarted("it does not know this connection")))
        else:
            self.connectionLost(Failure(PeerReset(_nameOf(frame.reason))))


def _nameOf(reason: int) -> str:
    """
    @return: for people.
    """
    if reason == ResetReason.ENDED:
        return "its program ended"
    return ResetReason(reason).name.lower() if reason in list(ResetReason) else str(reason)
