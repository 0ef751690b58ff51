"""
The states of a connection and of its two directions, and what leads from one to another
(docs/control.md, "States").  The names of the directions' states follow RFC 9000, section 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class State(Enum):
    """
    Where a connection stands.
    """

    #: The peer has not answered yet.
    CONNECTING = "connecting"
    ESTABLISHED = "established"
    #: The application has closed; what it wrote is being delivered.
    CLOSING = "closing"
    #: The peer or the path ended the connection; the application has yet to read what arrived.
    UNREAD = "unread"
    CLOSED = "closed"


class Step(Enum):
    """
    What changes the state of a connection.
    """

    #: The peer answered, or is taken to be there.
    ESTABLISH = "establish"
    #: The application closes.
    CLOSE = "close"
    #: The peer or the path ends the connection before the application has read everything.
    LOSE = "lose"
    #: The connection ends.
    END = "end"


STATES: Mapping[tuple[State, Step], State] = {
    (State.CONNECTING, Step.ESTABLISH): State.ESTABLISHED,
    (State.CONNECTING, Step.CLOSE): State.CLOSING,
    (State.CONNECTING, Step.END): State.CLOSED,
    (State.ESTABLISHED, Step.CLOSE): State.CLOSING,
    (State.ESTABLISHED, Step.LOSE): State.UNREAD,
    (State.ESTABLISHED, Step.END): State.CLOSED,
    (State.CLOSING, Step.END): State.CLOSED,
    (State.UNREAD, Step.END): State.CLOSED,
}


class Sending(Enum):
    """
    Where the direction to the peer stands.
    """

    #: The application may write.
    READY = "ready"
    #: The application writes no more, but for a producer that it has registered.
    FINISHING = "finishing"
    #: A FIN has left: all has been sent.
    DATA_SENT = "data sent"
    #: The peer has everything.
    DATA_RECEIVED = "data received"
    #: The peer takes nothing any more.
    DISCARDED = "discarded"


class SendStep(Enum):
    """
    What changes the state of the direction to the peer.
    """

    #: The application closes this direction, or the connection.
    FINISH = "finish"
    #: A FIN leaves.
    SEND_FIN = "send FIN"
    #: The peer has acknowledged everything.
    ACKNOWLEDGE = "acknowledge"
    #: The peer has closed the connection, or the connection is over.
    DISCARD = "discard"


SENDING: Mapping[tuple[Sending, SendStep], Sending] = {
    (Sending.READY, SendStep.FINISH): Sending.FINISHING,
    (Sending.READY, SendStep.DISCARD): Sending.DISCARDED,
    (Sending.FINISHING, SendStep.SEND_FIN): Sending.DATA_SENT,
    (Sending.FINISHING, SendStep.ACKNOWLEDGE): Sending.DATA_RECEIVED,
    (Sending.FINISHING, SendStep.DISCARD): Sending.DISCARDED,
    (Sending.DATA_SENT, SendStep.ACKNOWLEDGE): Sending.DATA_RECEIVED,
    (Sending.DATA_SENT, SendStep.DISCARD): Sending.DISCARDED,
    (Sending.DISCARDED, SendStep.ACKNOWLEDGE): Sending.DATA_RECEIVED,
}


class Receiving(Enum):
    """
    Where the direction from the peer stands.
    """

    #: Data may come.
    RECEIVING = "receiving"
    #: The peer has said where its data end.
    SIZE_KNOWN = "size known"
    #: The application has been given everything, or wants nothing any more.
    DATA_READ = "data read"


class ReceiveStep(Enum):
    """
    What changes the state of the direction from the peer.
    """

    #: A FIN arrives.
    RECEIVE_FIN = "receive FIN"
    #: The application has read the last byte, or does not read any more.
    READ_ALL = "read all"


RECEIVING: Mapping[tuple[Receiving, ReceiveStep], Receiving] = {
    (Receiving.RECEIVING, ReceiveStep.RECEIVE_FIN): Receiving.SIZE_KNOWN,
    (Receiving.SIZE_KNOWN, ReceiveStep.READ_ALL): Receiving.DATA_READ,
}
