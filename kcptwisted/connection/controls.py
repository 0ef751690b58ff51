"""
The control frames of a connection but for those that close it: hellos, retries, challenges and
questions (docs/control.md).
"""

from __future__ import annotations

from collections.abc import Callable

from kcptwisted.arq.conversation import Conversation
from kcptwisted.arq.unproven import UnprovenPath
from kcptwisted.connection.channel import ControlChannel, Verdict
from kcptwisted.connection.events import AnotherGreeted, Event, Events, ProbeAnswered
from kcptwisted.connection.opening import Opening, fromAnswer
from kcptwisted.connection.settings import ConnectionSettings
from kcptwisted.connection.timers import TimerTable
from kcptwisted.stats import SessionStats
from kcptwisted.wire.control import (
    LONGEST_BLOCK,
    NO_TOKEN,
    PADDING,
    Block,
    Challenge,
    Fin,
    FinAck,
    Frame,
    Hello,
    Probe,
    ProbeAck,
    Reset,
    ResetReason,
    Response,
    Retry,
    decodeBlock,
    encodeBlock,
)
from kcptwisted.wire.segment import WASK, WINS

#: Milliseconds between two times that something outside the connection makes it ask or send again.
RESEND_INTERVAL = 1000

#: Before anything, milliseconds.
LONG_AGO = -RESEND_INTERVAL


class Controls:
    """
    The control frames of one connection.  Times are milliseconds.

    @ivar channel: who the two ends are; None as long as the peer has not said hello to this end,
        which was called, or if datagrams are too small for control frames.
    @ivar opening: the hellos of the end that calls; None at the other.
    @ivar unproven: limits what is sent as long as the peer's address may be forged; else None.
    """

    __slots__ = (
        "_challenge",
        "_challengedAt",
        "_conversation",
        "_doubtedAt",
        "_events",
        "_modesReported",
        "_newToken",
        "_settings",
        "_stats",
        "_timers",
        "channel",
        "opening",
        "unproven",
    )

    def __init__(
        self,
        conversation: Conversation,
        settings: ConnectionSettings,
        stats: SessionStats,
        newToken: Callable[[], bytes],
        timers: TimerTable,
        events: Events,
    ) -> None:
        """
        @param newToken: gives a random name for one end of a connection.
        @param events: takes what has happened.
        """
        self._conversation = conversation
        self._settings = settings
        self._stats = stats
        self._newToken = newToken
        self._events = events
        self._timers = timers
        self.opening: Opening | None = None
        self.channel: ControlChannel | None = None
        self.unproven: UnprovenPath | None = None
        # What the last challenge was, and when it came; when the peer was last doubted.
        self._challenge = b""
        self._challengedAt = self._doubtedAt = LONG_AGO
        self._modesReported = False

    # Who the peer is.

    @property
    def greeted(self) -> bool:
        """
        Whether the peer takes control frames.
        """
        return self.channel is not None and self.channel.known

    @property
    def roams(self) -> bool:
        """
        Whether the client's address may change.
        """
        return self.channel is not None and self.channel.roams

    @property
    def awaitsHello(self) -> bool:
        """
        Whether the peer may yet say that it takes control frames, though data went before it was
        asked.
        """
        asking = self.opening is not None and self.opening.asking
        return asking and not self._settings.handshake and self.channel is not None

    @property
    def leastRoom(self) -> int:
        """
        Bytes that a datagram must hold beside a header and one byte: frames are not cut.
        """
        return 0 if self.channel is None else LONGEST_BLOCK - 1

    @property
    def calls(self) -> bool:
        """
        Whether this end says hello first.
        """
        return self.channel is not None and self.channel.initiator

    def isPeer(self, block: Block) -> bool:
        """
        Returns True if a block names both ends as they have named themselves.
        """
        channel = self.channel
        return (
            channel is not None
            and channel.known
            and (block.to, block.source) == (channel.token, channel.peerToken)
        )

    def isOwnHello(self, block: Block) -> bool:
        """
        Returns True if a block is from the end that said hello to this connection.
        """
        return self.channel is not None and block.source == self.channel.peerToken

    # Asking.

    def call(self) -> None:
        """
        Begins as the end that says hello first.
        """
        if self._settings.fitsControl:
            self.channel = self._newChannel(initiator=True)

    def configure(self, settings: ConnectionSettings) -> None:
        """
        Uses other settings from now on.
        """
        self._settings = settings

    def _newChannel(self, initiator: bool) -> ControlChannel:
        settings = self._settings
        return ControlChannel(
            self._newToken(), settings.features, settings.arq.receiveWindow, initiator
        )

    def deferHello(self) -> None:
        """
        Says hello together with the first data.
        """
        self._open().deferred = True

    def _open(self) -> Opening:
        if self.opening is None:
            self.opening = Opening(self._timers)
        return self.opening

    def greet(self, now: int) -> None:
        """
        Says hello.
        """
        self._open().sent(now)
        self.sayHello()

    def sayHello(self) -> None:
        """
        Says hello once more.
        """
        if self.channel is None:
            self._conversation.askWindow()
        else:
            self._conversation.sendControl(WASK, self.channel.hello())

    def question(self, now: int) -> None:
        """
        Asks the peer for a sign of life.
        """
        channel = self.channel
        if channel is not None and channel.known:
            block = channel.block() if self.unproven is None else channel.challenge()
            self._conversation.sendControl(WASK, block)
        elif self.opening is not None and self.opening.deferred:
            self.greet(now)
        else:
            self._conversation.askWindow()

    def mayDoubt(self, now: int) -> bool:
        """
        Returns True if the peer has not been doubted a moment ago.
        """
        if now - self._doubtedAt < RESEND_INTERVAL:
            return False
        self._doubtedAt = now
        return True

    def challengeDatagram(self, data: bytes, now: int) -> bytes:
        """
        Returns a datagram that asks the peer to show that it is where this is sent.
        """
        assert self.channel is not None
        return self._conversation.windowDatagram(now, WASK, self.channel.block(Challenge(data)))

    @property
    def knowsPeer(self) -> bool:
        """
        Whether the peer has control frames, and would say that it has restarted.
        """
        return self.channel is not None and self.channel.known

    @property
    def takesProbes(self) -> bool:
        """
        Whether the peer answers probes of the path's MTU by their numbers.
        """
        return self.channel is not None and self.channel.takesProbes

    def sizeProbe(self, number: int) -> bytes:
        """
        Returns control data that a peer which takes such answers by the number; empty for others.
        """
        return self.channel.block(Probe(number)) if self.channel and self.takesProbes else b""

    def sign(self) -> bytes:
        """
        Returns the control data by which the peer shows only that it is there.
        """
        return b"" if self.channel is None else self.channel.sign()

    # What arrived.

    def fromAnswer(self, datagrams: list[bytes]) -> list[bytes]:
        """
        Returns the datagrams from the peer's answer on; see L{fromAnswer}.  Others are counted.
        """
        token = None if self.channel is None else self.channel.token
        taken = fromAnswer(datagrams, self._conversation.conv, token)
        self._stats.KCPInErrors += len(datagrams) - len(taken)
        return taken

    def take(self, now: int) -> list[Fin | FinAck | Reset]:
        """
        Acts on the control frames that have arrived.

        @return: those that concern the close.
        """
        conversation = self._conversation
        controls, conversation.controls = conversation.controls, []
        others: list[Fin | FinAck | Reset] = []
        for data in controls:
            if data[0] == PADDING:
                continue
            block = decodeBlock(data)
            if block is None or not self._takeBlock(block, now, others):
                self._stats.ControlErrs += 1
        return others

    def _takeBlock(self, block: Block, now: int, others: list[Fin | FinAck | Reset]) -> bool:
        """
        Returns True if the block makes sense.
        """
        channel = self.channel
        if channel is None:
            if block.find(Hello) is None or not self._settings.fitsControl:
                self._disown(block)
                return False
            channel = self._newChannel(initiator=False)
        verdict = channel.judge(block)
        if verdict is Verdict.STRANGER:
            return False
        if verdict is Verdict.ANOTHER:
            # It would take the answer for its own.
            self._conversation.leaveUnanswered()
            self._events.append(AnotherGreeted(block))
            return True
        self.channel = channel
        if self.unproven is not None and block.to == channel.token:
            self.unproven.proven = True
        for frame in block.frames:
            if isinstance(frame, Fin | FinAck | Reset):
                others.append(frame)
            else:
                self._act(frame, channel, now)
        return True

    def _disown(self, block: Block) -> None:
        """
        Answers a peer that takes this connection for one that it had before, such as with a server
        that has restarted since.
        """
        if NO_TOKEN not in (block.to, block.source):
            reset = encodeBlock(block.source, NO_TOKEN, [Reset(ResetReason.UNKNOWN)])
            self._conversation.sendControl(WINS, reset)

    def _act(self, frame: Frame, channel: ControlChannel, now: int) -> None:
        if isinstance(frame, Hello):
            self._greeted(channel)
        elif isinstance(frame, Retry):
            if self.opening is not None:
                self.opening.retried = not channel.known
            if channel.retry(frame.cookie):
                self.sayHello()
                if self.opening is not None:
                    # The peer has seen the first.
                    self.opening.sentAt = now
        elif isinstance(frame, Challenge):
            if frame.data != channel.peerToken:
                self._challenged(frame.data, now)
            self._conversation.sendControl(WINS, channel.block(Response(frame.data)))
        elif isinstance(frame, Probe):
            self._conversation.sendControl(WINS, channel.block(ProbeAck(frame.number)))
        elif isinstance(frame, ProbeAck):
            self._events.append(ProbeAnswered(frame.number))

    def _challenged(self, data: bytes, now: int) -> None:
        # The peer does not take what came from a new address before the challenge.
        if data != self._challenge and now - self._challengedAt >= RESEND_INTERVAL:
            self._challenge, self._challengedAt = data, now
            self._conversation.sender.resendAll(now)
            self._events.append(Event.PATH_CHANGED)

    def _greeted(self, channel: ControlChannel) -> None:
        if channel.modesDiffer and not self._modesReported:
            self._modesReported = True
            self._events.append(Event.MODES_DIFFER)
        if self.opening is not None:
            self.opening.stop()
            self.opening.retried = False
        conversation = self._conversation
        if channel.receiveWindow:
            conversation.sender.sendQueue.peerWindow = channel.receiveWindow
        if not channel.initiator:
            conversation.sendControl(WINS, channel.hello(self.unproven is not None))
        self._events.append(Event.GREETED)

    # Showing that the peer is at its address.

    def limitUntilProven(self, received: int, overhead: int, lower: int) -> None:
        """
        Sends no more than may be sent to an address that may be forged.

        @param received: bytes that have come from there, as they came.
        @param overhead: bytes that all layers add to a datagram.
        @param lower: of these, those that the layers below the connection's own add.
        """
        conversation = self._conversation
        conversation.sender.epoch = int.from_bytes(self._newToken()[:4], "little")
        self.unproven = conversation.unproven = UnprovenPath(
            conversation.sender, self._settings.arq, self._stats, received, overhead, lower
        )

    def seeProof(self, now: int) -> bool:
        """
        Lifts the limit if the peer has shown by now that it is at its address.

        @return: whether there may be something to send.
        """
        unproven, conversation = self.unproven, self._conversation
        if unproven is None:
            return False
        if unproven.proven:
            unproven.release()
            self.unproven = conversation.unproven = None
            if unproven.withheld:
                conversation.sender.resendAll(now)
            return True
        if unproven.withheld:
            unproven.withheld = False
            # No more than one leaves, so a forged datagram must not cost a whole window.
            conversation.sender.resendFirst(now)
            return True
        return bool(conversation.sender.queue)
