"""
What an end says when its connection is over (docs/control.md, "Closing" and "Resetting").
"""

from __future__ import annotations

from kcptwisted.arq.conversation import Conversation
from kcptwisted.connection.channel import ControlChannel
from kcptwisted.connection.events import RESET_REASONS, Cause
from kcptwisted.connection.shutdown import Shutdown
from kcptwisted.wire.control import Frame, Reset, ResetReason
from kcptwisted.wire.segment import WINS

#: Copies of the last word.  A listener remembers it and says it again; of a client nobody is there
#: to do so, and what the peer makes of its silence is an error.
COPIES = 2
CLIENTS_COPIES = 5


def resetFor(cause: Cause) -> Reset:
    """
    Returns what tells the peer about an end.
    """
    return Reset(RESET_REASONS.get(cause, ResetReason.FAILED))


def farewell(conversation: Conversation, complete: bool) -> list[Frame]:
    """
    Returns the frames that tell a peer which gets all that was written that this was all, and any
    other that there is no more.

    @param complete: whether all that was written has left.
    """
    reset: Frame = Reset(ResetReason.ENDED)
    return [Shutdown.farewell(conversation.sender.next), reset] if complete else [reset]


def lastWord(
    conversation: Conversation, channel: ControlChannel, frames: list[Frame], now: int
) -> bytes:
    """
    Returns the datagram with the last frames.

    @param now: milliseconds.
    """
    return conversation.windowDatagram(now, WINS, channel.block(*frames))


def withdrawal(conversation: Conversation, channel: ControlChannel, now: int) -> bytes:
    """
    Returns a datagram that takes back a hello which has not been answered.  The peer may have a
    session all the same, and would wait for this end.

    @param now: milliseconds.
    """
    # A WINS opens no session where there is none.
    return conversation.windowDatagram(now, WINS, channel.withdrawal())
