"""
What decodes datagrams, one part at a time.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import Any, cast

from twisted.internet.endpoints import clientFromString, serverFromString

from kcptwisted.arq.conversation import Conversation
from kcptwisted.arq.incoming import MAXIMUM_CONTROLS
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.congestion.registry import CONTROLS
from kcptwisted.crypt.cipher import Cipher
from kcptwisted.crypt.layer import CryptLayer
from kcptwisted.fec.autotune import SAMPLES
from kcptwisted.fec.decoder import HORIZON, FECDecoder
from kcptwisted.fec.encoder import FECEncoder
from kcptwisted.stats import PortStats, SessionStats
from kcptwisted.testing import SimulatedNetwork
from kcptwisted.wire.control import (
    MAGIC,
    MAXIMUM_FRAMES,
    TOKEN,
    VERSION,
    decodeBlock,
    encodeBlock,
)
from kcptwisted.wire.fec import (
    DATA,
    DATA_HEADER,
    MAXIMUM_SHARDS,
    OUT_OF_BAND,
    outOfBandData,
    packetType,
)
from kcptwisted.wire.opening import readOpening
from kcptwisted.wire.segment import OVERHEAD
from tests.crypt.everycipher import everyCipher, madeCiphers
from tests.fuzz.choices import Choices
from tests.recording import ADDRESS, RecordingProtocol

CONV = 0x01020304

#: Segments.
WINDOW = 8

#: Endpoint options that read files.
READING = "keyFile"


#: Congestion controls to choose from.
CONGESTION = [None, CONTROLS["kcp"], CONTROLS["bbr"], None]


def fuzzConversation(data: bytes) -> None:
    """
    A conversation takes what comes, holds no more than its windows, and answers in proportion.
    """
    choices = Choices(data)
    flags = choices.number()
    settings = ARQSettings(
        mtu=OVERHEAD + 100,
        sendWindow=WINDOW,
        receiveWindow=WINDOW,
        stream=bool(flags & 1),
        congestion=CONGESTION[flags >> 1 & 3],
        detectsLossByTime=bool(flags & 8),
    )
    firstSn = choices.near(0) if flags & 4 else 0
    conversation = Conversation(CONV, settings, SessionStats(), firstSn)
    sender, receiver = conversation.sender, conversation.receiver
    now = 0
    while choices.left:
        kind = choices.number()
        if kind % 8 == 0:
            now += choices.number(2)
        elif kind % 8 == 1:
            conversation.write(bytes(choices.number()))
        elif kind % 8 == 2:
            while conversation.read() is not None:
                pass
        else:
            datagrams = [
                choices.piece()
                if kind & 128
                else choices.segment(CONV, receiver.next, sender.next)
                + (choices.segment(CONV, sender.una, sender.next) if kind & 64 else b"")
                for _ in range(kind % 3 + 1)
            ]
            conversation.receive(datagrams, now, recovered=kind % 8 == 7)
        deadline = conversation.deadline()
        if conversation.wantsFlush or (deadline is not None and deadline <= now):
            answers = conversation.datagramsToSend(now)
            assert all(len(answer) <= settings.mtu for answer in answers if len(answer) > OVERHEAD)
            assert len(answers) <= 4 * WINDOW, len(answers)
            deadline = conversation.deadline()
            assert deadline is None or deadline > now
        assert len(conversation.controls) <= MAXIMUM_CONTROLS
        assert 0 <= sender.next - sender.una <= WINDOW
        assert len(sender.inFlight) <= WINDOW
        resends: Any = getattr(sender._recovery, "_resends", None)
        assert len(resends or ()) <= WINDOW
        assert len(receiver._reordered) <= WINDOW
        assert len(receiver._selective or ()) <= 2 * WINDOW
        assert len(receiver._partial or ()) <= 256
        assert 0 <= receiver.window <= WINDOW


def fuzzBlock(data: bytes) -> None:
    """
    Control frames: what can be read can be written, and is then the same.
    """
    for text in (
        data,
        MAGIC + bytes([VERSION]) + data,
        MAGIC + bytes([VERSION, *range(16)]) + data,
    ):
        block = decodeBlock(text)
        if block is not None:
            assert len(block.frames) <= MAXIMUM_FRAMES
            assert len(block.to) == len(block.source) == TOKEN
            assert decodeBlock(encodeBlock(*block)) == block


def fuzzOpening(data: bytes) -> None:
    """
    A first datagram is read or refused, and an out-of-band one alike by all that read it.
    """
    opening = readOpening(data)
    if opening is not None:
        assert 0 <= opening.conv <= 0xFFFFFFFF
    if packetType(data) == OUT_OF_BAND:
        payload = outOfBandData(data)
        assert (payload is None) is (opening is None)
        assert payload is None or payload in data


def fuzzFEC(data: bytes) -> None:
    """
    A decoder of FEC hands on no more than it got, and holds a few groups and samples.
    """
    choices = Choices(data)
    counts = [(0, 0), (1, 1), (3, 1), (10, 3), (128, 128)][choices.number() % 5]
    decoder = FECDecoder(*counts, SessionStats())
    encoder = FECEncoder(*[(1, 1), (3, 1), (2, 3), (10, 3)][choices.number() % 4])
    seqid = choices.near(0)
    for _ in range(2000):
        if not choices.left:
            break
        kind = choices.number()
        if kind < 80:
            packets = encoder.encode([choices.piece()], 0)
            if kind & 1:
                packets = packets[1:]
        elif kind < 100:
            packets = [choices.piece()]
        else:
            seqid = choices.near(seqid + 125) if kind < 110 else (seqid + 1) & 0xFFFFFFFF
            body = choices.piece()
            size = choices.number(2) if kind == 255 else len(body) + 2
            packets = [DATA_HEADER.pack(seqid, DATA + (kind & 1), size) + body]
        if kind & 2:
            packets = [choices.mutated(packet) for packet in packets]
        plain, recovered = decoder.decode(packets)
        assert len(plain) <= len(packets)
        assert len(recovered) <= (HORIZON + 1) * MAXIMUM_SHARDS
        assert len(decoder._groups) <= HORIZON + 1, len(decoder._groups)
        held = sum(len(group.packets) for group in decoder._groups.values())
        assert held <= (HORIZON + 1) * decoder._groupSize
        assert decoder._tuner is None or len(decoder._tuner._isData) <= SAMPLES


@cache
def _ciphers() -> list[tuple[str, Cipher]]:
    return [*everyCipher().items(), *madeCiphers().items()]


def fuzzCiphers(data: bytes) -> None:
    """
    Every cipher opens or refuses each datagram, and opens its own beside it.
    """
    choices = Choices(data)
    count = choices.number() % 3 + 1
    packets = [choices.piece() for _ in range(count)]
    for name, cipher in _ciphers():
        (good,) = cipher.seal([b"good"])
        mixed = [*packets, good, choices.mutated(good)]
        opened, refused = cipher.open(mixed)
        assert len(opened) + refused == len(mixed), name
        assert b"good" in opened, name
        assert sum(map(len, opened)) <= sum(map(len, mixed)), name


def fuzzCryptLayer(data: bytes) -> None:
    """
    The layer counts what it does not hand up.
    """
    choices = Choices(data)
    ciphers = _ciphers()
    cipher = ciphers[choices.number() % len(ciphers)][1]
    stats = PortStats()
    above = RecordingProtocol()
    layer = CryptLayer(above, cipher, stats)
    packets = [choices.piece(), choices.mutated(cipher.seal([choices.piece()])[0])]
    layer.datagramsReceived(packets, ADDRESS)
    layer.datagramsRecovered(packets, ADDRESS)
    handed = sum(len(datagrams) for _, datagrams, _ in cast(list[Any], above.calls))
    assert handed + stats.InCsumErrors + stats.InShortErrs == 2 * len(packets)


def fuzzEndpoints(data: bytes) -> None:
    """
    Any text after C{kcp:} makes an endpoint or a ValueError.
    """
    text = data.decode("utf-8", "surrogateescape" if data[:1] == b"s" else "replace")
    if READING in text or text.endswith("\\"):
        # The first reads files; the second is an error of Twisted's own parser.
        return
    host = SimulatedNetwork().host("192.0.2.1")
    for start in ("kcp:", "kcp:4000:", "kcp:host:4000:"):
        for parse in (clientFromString, serverFromString):
            with suppress(ValueError):
                parse(host, start + text)
