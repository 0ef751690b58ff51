"""
One connection, whatever it is sent and asked.
"""

from __future__ import annotations

from contextlib import suppress

from kcptwisted.arq.incoming import MAXIMUM_CONTROLS
from kcptwisted.arq.sendqueue import MessageTooLong
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.congestion.registry import CONTROLS
from kcptwisted.connection.events import Cause, End
from kcptwisted.connection.settings import ConnectionSettings
from kcptwisted.wire.control import NO_TOKEN, Feature, encodeBlock
from kcptwisted.wire.segment import WASK
from tests.connection.datagrams import CONV, segment
from tests.connection.driving import Party
from tests.connection.peers import Peer
from tests.fuzz.choices import Choices

#: Segments.
WINDOW = 8

#: Bytes that an application may have written.
LARGEST = 100_000

_CAUSES = list(Cause)


def _settings(flags: int) -> ConnectionSettings:
    arq = ARQSettings(
        mtu=124,
        sendWindow=WINDOW,
        receiveWindow=WINDOW,
        stream=bool(flags & 1),
        nodelay=True,
        congestion=CONTROLS["bbr"] if flags & 2 else None,
        detectsLossByTime=bool(flags & 32),
    )
    return ConnectionSettings(
        arq=arq,
        keepAlive=1.0 if flags & 4 else 0.0,
        deadAfter=3.0,
        idleTimeout=30.0 if flags & 8 else 0.0,
        linger=2.0,
        handshake=bool(flags & 16),
        features=Feature.ROAMING,
    )


def _control(choices: Choices, party: Party) -> bytes:
    """
    @return: a control block, most often with the right tokens, with any frames.
    """
    channel = party.connection.controls.channel
    kind = choices.number()
    to = source = NO_TOKEN
    if channel is not None:
        to = channel.token if kind & 3 else NO_TOKEN
        source = channel.peerToken if kind & 12 else choices.take(8).ljust(8, b"\0")
    conversation = party.connection.conversation
    frames = bytearray()
    for _ in range(kind // 16 % 4):
        value = choices.piece()
        what = choices.number()
        if what & 3:
            # Of the length that is due, and with a number that makes sense, most often.
            final = conversation.receiver.next if what & 4 else conversation.sender.next
            value = (final & 0xFFFFFFFF).to_bytes(4, "little") + value[:4].ljust(4, b"\1")
        frames += bytes([choices.number() % 10, len(value)]) + value
    una = conversation.sender.una if kind & 16 else conversation.sender.next
    data = encodeBlock(to, source) + bytes(frames)
    return segment(WASK + kind % 2, 0, una & 0xFFFFFFFF, data, window=WINDOW)


def _datagram(choices: Choices, party: Party) -> bytes:
    kind = choices.number() % 4
    if kind == 0:
        return choices.piece()
    if kind == 1:
        conversation = party.connection.conversation
        return choices.segment(CONV, conversation.receiver.next, conversation.sender.next)
    return _control(choices, party)


def _ask(choices: Choices, party: Party, kind: int) -> None:
    """
    Asks something of the connection.
    """
    connection = party.connection
    if kind < 90:
        if len(party.data) + connection.conversation.sender.queuedBytes < LARGEST:
            with suppress(MessageTooLong):
                party.write(bytes(choices.number(2) % 2000))
    elif kind < 110:
        party.pause()
    elif kind < 140:
        party.resume()
    elif kind < 150:
        party.close()
    elif kind < 160:
        party.closeOutput()
    elif kind < 170:
        party.producing = not party.producing
    elif kind < 175:
        party.abort()
    elif kind < 180:
        party.leave()
    elif kind < 190:
        party.end(End(_CAUSES[choices.number() % len(_CAUSES)]))
    elif kind < 200:
        connection.question(party.now)
        connection.pathChanged(party.now, True)
        connection.liveness.setKeepAlive(choices.number() % 3)
    else:
        party.now += choices.number() * (1 if kind < 240 else 50)


def fuzzConnection(data: bytes) -> None:
    """
    Whatever a connection is sent and asked, it answers in proportion, holds no more than its
    windows, is never due in the past, and ends once.
    """
    choices = Choices(data)
    flags = choices.number()
    party = Party(_settings(flags))
    if flags & 32:
        party.accept(bool(flags & 64), 100)
    else:
        party.call()
    if flags & 128:
        party.receive([Peer(party).hello(WINDOW)])
    while choices.left:
        kind = choices.number()
        if kind < 160:
            party.receive([_datagram(choices, party) for _ in range(kind % 4 + 1)])
        else:
            _ask(choices, party, choices.number())
        due = party.deadline()
        if due is not None and due <= party.now:
            party.flush()
        _check(party)
    # Whatever has happened, it can be closed.
    party.resume()
    party.close()
    party.passTo(party.now + 200_000)
    assert party.ended is not None, "it does not end"


def _check(party: Party) -> None:
    assert len(party.take()) <= 16 * WINDOW
    connection = party.connection
    conversation = connection.conversation
    sender, receiver = conversation.sender, conversation.receiver
    assert not (connection.events or connection.outbox or conversation.controls)
    assert len(conversation._controlsToSend or ()) <= 4 * MAXIMUM_CONTROLS
    assert 0 <= sender.next - sender.una <= WINDOW
    assert len(sender.inFlight) <= WINDOW
    assert len(receiver._reordered) <= WINDOW
    assert len(receiver._selective or ()) <= 2 * WINDOW
    assert len(receiver._partial or ()) <= 256
