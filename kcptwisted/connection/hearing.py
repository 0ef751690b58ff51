"""
What a connection does when it hears its peer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kcptwisted.arq.conversation import Conversation
from kcptwisted.connection.controls import Controls
from kcptwisted.connection.events import Events
from kcptwisted.connection.lifecycle import Lifecycle
from kcptwisted.connection.liveness import Liveness
from kcptwisted.connection.path import PathWatch
from kcptwisted.connection.settings import ConnectionSettings
from kcptwisted.connection.states import State
from kcptwisted.wire.control import EMPTY_BLOCK
from kcptwisted.wire.segment import OVERHEAD, WASK

#: Bytes of the longest datagram that shows only that the peer is there.
LONGEST_SIGN = OVERHEAD + EMPTY_BLOCK


class HearingConnection(Protocol):
    """
    A connection, as far as it concerns this.
    """

    controls: Controls
    conversation: Conversation
    events: Events
    lifecycle: Lifecycle
    liveness: Liveness
    outbox: Sequence[bytes]
    settings: ConnectionSettings
    wantsFlush: bool

    def establish(self, now: int) -> None: ...


def pathWatch(connection: HearingConnection) -> PathWatch:
    """
    Returns the watch over a connection's path.
    """
    return PathWatch(
        connection.conversation,
        connection.controls,
        connection.liveness,
        connection.settings,
        connection.events,
    )


def takeSign(connection: HearingConnection, datagram: bytes, now: int) -> bool:
    """
    Takes a datagram that shows that the peer is there, and nothing else, while nothing else
    happens: there is nothing to read then, and nothing to send but the answer.

    @return: whether it was one.
    """
    controls, conversation = connection.controls, connection.conversation
    if connection.lifecycle.state is not State.ESTABLISHED or controls.unproven is not None:
        return False
    data = b"" if len(datagram) == OVERHEAD else controls.sign()
    cmd = conversation.repeats(datagram, data)
    if not cmd:
        return False
    heard(connection, now)
    if conversation.sender.limits.governor is not None:
        conversation.sender.rest(now)
    if cmd == WASK:
        connection.outbox = [*connection.outbox, conversation.windowDatagram(now)]
    return True


def heard(connection: HearingConnection, now: int) -> None:
    """
    Takes note that the peer is there.
    """
    liveness = connection.liveness
    liveness.heard = now
    connection.conversation.sender.deadLink = False
    if now >= liveness.refreshAt:
        liveness.setTimer()
    elif liveness.unanswered and pathWatch(connection).revived(now):
        connection.wantsFlush = True
    if connection.lifecycle.state is State.CONNECTING and connection.conversation.answered:
        opening = connection.controls.opening
        if opening is not None:
            connection.conversation.sender.rtt.expect(opening.patience(now))
        connection.establish(now)
