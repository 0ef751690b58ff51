"""
Who the two ends of a connection are to each other, as far as control frames go.
"""

from __future__ import annotations

from enum import Enum

from kcptwisted.wire.control import (
    NO_TOKEN,
    Block,
    Challenge,
    Cookie,
    Feature,
    Frame,
    Hello,
    Reset,
    ResetReason,
    Retry,
    encodeBlock,
)

_MODES = Feature.STREAM | Feature.MESSAGES
_KNOWN = Feature.ROAMING | Feature.PROBES | _MODES


class Verdict(Enum):
    """
    Whom a block is from.
    """

    #: The peer: act on the frames.
    PEER = "peer"
    #: Another one that has the peer's address and conversation: the peer may have restarted.
    ANOTHER = "another"
    #: Nobody who knows this connection.
    STRANGER = "stranger"


class ControlChannel:
    """
    One end's view.  Without clock and I/O.

    Each end names itself by a random token and puts the other's on what it sends.  So nobody
    who cannot read its datagrams can end a connection, with or without a cipher.  Neither can late
    datagrams of an earlier connection with the same conversation id.

    @ivar token: this end's.
    @ivar initiator: whether this end says hello first.
    @ivar peerToken: the peer's; L{NO_TOKEN} until it has announced itself.
    @ivar receiveWindow: the peer's, segments; 0 until it has announced itself.
    """

    __slots__ = (
        "_cookie",
        "_features",
        "_peerFeatures",
        "_window",
        "initiator",
        "peerToken",
        "receiveWindow",
        "token",
    )

    def __init__(
        self, token: bytes, features: Feature, receiveWindow: int, initiator: bool
    ) -> None:
        """
        @param token: random.
        @param features: what this end can do.
        @param receiveWindow: this end's, segments.
        @param initiator: whether this end says hello first.
        """
        self.token = token
        self.peerToken = NO_TOKEN
        self.receiveWindow = 0
        self._features = features
        self.initiator = initiator
        self._peerFeatures = Feature.NONE
        self._window = receiveWindow
        self._cookie: bytes | None = None

    @property
    def known(self) -> bool:
        """
        Whether the peer has announced that it takes control frames.
        """
        return self.peerToken != NO_TOKEN

    @property
    def roams(self) -> bool:
        """
        Whether both ends can have the client's address changed.
        """
        return bool(self._features & self._peerFeatures & Feature.ROAMING)

    @property
    def takesProbes(self) -> bool:
        """
        Whether the peer answers probes of the path's MTU.
        """
        return bool(self._peerFeatures & Feature.PROBES)

    @property
    def modesDiffer(self) -> bool:
        """
        Whether one end is in stream mode and the other in message mode, as far as they say.
        """
        mine, its = self._features & _MODES, self._peerFeatures & _MODES
        return bool(mine and its and mine != its)

    def hello(self, challenging: bool = False) -> bytes:
        """
        Returns a block that announces this end.

        @param challenging: whether the peer is to show that it gets this.
        """
        frames: list[Frame] = [Hello(self._features, self._window)]
        if challenging:
            frames.append(Challenge(self.token))
        if self._cookie is not None:
            frames.append(Cookie(self._cookie))
        return self.block(*frames)

    def challenge(self) -> bytes:
        """
        Returns a block that asks the peer to show that it gets this.  The proof is this end's
        token, which is in each of the peer's blocks.
        """
        return self.block(Challenge(self.token))

    def withdrawal(self) -> bytes:
        """
        Returns a block that takes back a hello which has not been answered.
        """
        # By its hello the peer knows whom it is from; the token to reset it by is not known yet.
        return self.block(Hello(self._features, self._window), Reset(ResetReason.ABORTED))

    def block(self, *frames: Frame) -> bytes:
        """
        Returns the frames, from this end to the peer.
        """
        return encodeBlock(self.peerToken, self.token, frames)

    def sign(self) -> bytes:
        """
        Returns the block by which the peer shows only that it is there; empty if it takes none.
        """
        return encodeBlock(self.token, self.peerToken) if self.known else b""

    def judge(self, block: Block) -> Verdict:
        """
        Says whom a block is from, and takes note of what it says about its sender.
        """
        hello = block.find(Hello)
        greets = hello is not None and block.to == NO_TOKEN and not self.initiator
        if block.to != self.token and not greets:
            return Verdict.STRANGER
        if block.source == NO_TOKEN:
            # From a listener that has no connection.
            stateless = all(isinstance(frame, Reset | Retry) for frame in block.frames)
            return Verdict.PEER if stateless else Verdict.STRANGER
        if self.known and block.source != self.peerToken:
            return Verdict.STRANGER if hello is None else Verdict.ANOTHER
        self.peerToken = block.source
        if isinstance(hello, Hello):
            self._peerFeatures = Feature(hello.features & _KNOWN)
            self.receiveWindow = hello.receiveWindow
        return Verdict.PEER

    def retry(self, cookie: bytes) -> bool:
        """
        Takes a cookie that the peer wants to see in the next hello.

        @return: whether that is news.
        """
        if self.known or cookie == self._cookie:
            return False
        self._cookie = cookie
        return True
