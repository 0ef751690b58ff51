"""
The tunables of a connection.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kcptwisted.arq.settings import ARQSettings
from kcptwisted.wire.control import LONGEST_BLOCK, Feature
from kcptwisted.wire.segment import OVERHEAD


@dataclass(frozen=True)
class ConnectionSettings:
    """
    The tunables of one connection; L{kcptwisted.options} checks their bounds.

    @ivar arq: those of its conversation.
    @ivar keepAlive: seconds of silence after which the peer is asked for a sign of life; 0 for
        never.
    @ivar deadAfter: seconds without an answer after which the peer is dead.
    @ivar idleTimeout: seconds without data of the application; 0 for no limit.
    @ivar linger: seconds that a close waits without progress.
    @ivar handshake: whether a client waits for the peer's answer before it sends data.
    @ivar features: what this end can do.
    @ivar overhead: bytes that the layers below add to a datagram.
    @ivar searchesMtu: whether datagrams become as large as the path carries.
    @ivar fragments: whether datagrams may be fragmented though those of other connections on the
        socket may not.
    """

    arq: ARQSettings = field(default_factory=ARQSettings)
    keepAlive: float = 0.0
    deadAfter: float = 30.0
    idleTimeout: float = 0.0
    linger: float = 30.0
    handshake: bool = True
    features: Feature = Feature.NONE
    overhead: int = 0
    searchesMtu: bool = False
    fragments: bool = False

    @property
    def fitsControl(self) -> bool:
        """
        Whether a datagram has room for the longest control frames.
        """
        return self.arq.mtu >= OVERHEAD + LONGEST_BLOCK
