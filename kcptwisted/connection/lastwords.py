"""
What an end says when its connection is over (docs/control.md, "Closing" and "Resetting").
"""

from __future__ import annotations

from typing import NamedTuple

from kcptwisted.arq.conversation import Conversation
from kcptwisted.connection.closing import Closing
from kcptwisted.connection.controls import Controls
from kcptwisted.connection.events import RESET_REASONS, Cause
from kcptwisted.connection.shutdown import Shutdown
from kcptwisted.wire.control import Frame, Reset, ResetReason
from kcptwisted.wire.segment import WINS

#: Copies of the last word of a listener, which remembers it and can send it again, and of a client,
#: which cannot: its socket closes.  At a server that gets none, the connection ends with an error.
COPIES = 2
CLIENTS_COPIES = 5


class LastWord(NamedTuple):
    """
    The last datagram of a connection.

    @ivar copies: how often it leaves; 0 if the peer knows.
    @ivar answers: it is also the answer to whatever the peer still sends.
    """

    datagram: bytes
    copies: int
    answers: bool


def lastWord(
    conversation: Conversation,
    controls: Controls,
    closing: Closing | None,
    cause: Cause,
    now: int,
    attached: bool,
) -> LastWord | None:
    """
    Returns what tells the peer that the connection is over; None if nothing can tell it.

    @param closing: None if neither end has closed anything.
    @param now: milliseconds.
    @param attached: the application has been given the connection.
    """
    channel = controls.channel
    if channel is None:
        return None
    if not channel.known:
        hasAsked = controls.opening is not None and controls.opening.hasAsked
        if attached or not hasAsked or cause is Cause.REFUSED:
            return None
        # A peer whose answer has not come may have a session all the same, and would wait for this
        # end.  A WINS opens no session where there is none.
        withdrawal = conversation.windowDatagram(now, WINS, channel.withdrawal())
        return LastWord(withdrawal, COPIES, False)
    if cause is Cause.PEER_RESTARTED:
        return None
    answer = None if closing is None else closing.answer()
    frame: Frame = answer or Reset(RESET_REASONS.get(cause, ResetReason.FAILED))
    datagram = conversation.windowDatagram(now, WINS, channel.block(frame))
    copies = CLIENTS_COPIES if channel.initiator else COPIES
    return LastWord(datagram, copies, True)


def farewell(
    conversation: Conversation, controls: Controls, complete: bool, now: int
) -> LastWord | None:
    """
    Returns the last word of an end whose program ends, so that nobody answers the peer after this.
    A peer that has received everything takes it for a close, and any other peer for a reset.

    @param complete: whether all that was written has left.
    @param now: milliseconds.
    """
    channel = controls.channel
    if channel is None or not channel.known:
        return None
    frames: list[Frame] = [Reset(ResetReason.ENDED)]
    if complete:
        frames.insert(0, Shutdown.farewell(conversation.sender.next))
    datagram = conversation.windowDatagram(now, WINS, channel.block(*frames))
    return LastWord(datagram, CLIENTS_COPIES, True)
