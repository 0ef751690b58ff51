"""
One conversation, fed and flushed by hand.
"""

from __future__ import annotations

from kcptwisted.arq.conversation import Conversation
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import ACK, PUSH, WASK, WINS, Segment, decodeSegments
from tests.arq.link import CONV, SETTINGS


def alone(
    settings: ARQSettings = SETTINGS, firstSn: int = 0, stats: SessionStats | None = None
) -> Conversation:
    """
    @return: a conversation without congestion control.
    """
    return Conversation(CONV, settings, stats or SessionStats(), firstSn)


def push(sn: int, data: bytes = b"data", frg: int = 0, una: int = 0, wnd: int = 128) -> bytes:
    """
    @return: an encoded PUSH.
    """
    return Segment(CONV, PUSH, frg, wnd, 0, sn, una, data).encode()


def ack(sn: int, una: int = 0, wnd: int = 128, ts: int = 0) -> bytes:
    """
    @return: an encoded ACK.
    """
    return Segment(CONV, ACK, 0, wnd, ts, sn, una, b"").encode()


def ask(data: bytes = b"") -> bytes:
    """
    @return: an encoded WASK.
    """
    return Segment(CONV, WASK, 0, 128, 0, 0, 0, data).encode()


def tell(una: int = 0, wnd: int = 128, data: bytes = b"") -> bytes:
    """
    @return: an encoded WINS.
    """
    return Segment(CONV, WINS, 0, wnd, 0, 0, una, data).encode()


def sent(conversation: Conversation, now: int = 0) -> list[Segment]:
    """
    Flush.

    @return: the segments, in order.
    """
    datagrams = conversation.datagramsToSend(now)
    return [segment for datagram in datagrams for segment in decodeSegments(datagram)]
