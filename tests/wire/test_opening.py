"""
Tests for L{kcptwisted.wire.opening}.
"""

from __future__ import annotations

import struct

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.wire.control import (
    NO_TOKEN,
    Block,
    Cookie,
    Fin,
    Frame,
    Hello,
    Reset,
    encodeBlock,
)
from kcptwisted.wire.fec import DATA, PARITY, outOfBandPacket
from kcptwisted.wire.opening import Opening, opensNone, readOpening
from kcptwisted.wire.segment import ACK, PUSH, SEGMENT_HEADER, WASK, WINS, Segment
from tests.properties import given, strategies

CONV = 0xDEADBEEF
TOKEN = b"tokentok"
COMMANDS = (PUSH, ACK, WASK, WINS)


def _segment(cmd: int, sn: int = 0, una: int = 0, data: bytes = b"") -> bytes:
    return Segment(CONV, cmd, 0, 32, 99, sn, una, data).encode()


def _shard(datagram: bytes, kind: int = DATA) -> bytes:
    return struct.pack("<IHH", 7, kind, len(datagram) + 2) + datagram


def _read(datagram: bytes) -> Opening:
    """
    @return: what is in it, the same with and without FEC.
    """
    opening = readOpening(datagram)
    assert opening is not None
    assert readOpening(_shard(datagram)) == opening
    return opening


def _opens(datagram: bytes) -> bool:
    return _read(datagram).opens


class FieldTests(SynchronousTestCase):
    """
    What L{readOpening} reads.
    """

    def test_segment(self) -> None:
        """
        The fields are the first segment's, with and without FEC.
        """
        for cmd in COMMANDS:
            first = _segment(cmd, 3, 4)
            for datagram in (first, first + _segment(PUSH, 8, 9), first + b"rest"):
                self.assertEqual(_read(datagram), (CONV, cmd, 3, 4, None))

    def test_block(self) -> None:
        """
        The control frames in a WASK or WINS are read, and only its own data.
        """
        block = Block(NO_TOKEN, TOKEN, (Hello(1, 512),))
        for cmd in (WASK, WINS):
            segment = _segment(cmd, data=encodeBlock(*block))
            self.assertEqual(_read(segment + _segment(PUSH)).block, block)

    def test_noBlock(self) -> None:
        """
        What a PUSH or ACK carries is none, nor is what is no block.
        """
        block = encodeBlock(NO_TOKEN, TOKEN, [Hello(1, 512)])
        for segment in (
            _segment(PUSH, data=block),
            _segment(ACK, data=block),
            _segment(WASK, data=b"KT of another kind"),
            _segment(WASK),
        ):
            self.assertIs(_read(segment).block, None)

    def test_outOfBand(self) -> None:
        """
        An out-of-band packet has a conversation only.
        """
        for data in (b"", b"data"):
            opening = readOpening(outOfBandPacket(CONV, data))
            self.assertEqual(opening, (CONV, None, 0, 0, None))

    def test_dataShardPadded(self) -> None:
        """
        What is behind a data shard's size is not of its segments.
        """
        segment = SEGMENT_HEADER.pack(CONV, PUSH, 0, 32, 99, 0, 0, 4)
        self.assertIs(readOpening(_shard(segment) + b"data"), None)
        self.assertIsNot(readOpening(_shard(segment + b"data") + b"more"), None)


class FirstSightTests(SynchronousTestCase):
    """
    Tests for L{opensNone}.
    """

    def test_numbers(self) -> None:
        """
        A segment that acknowledges, or a PUSH that is not the first, opens nothing.
        """
        for cmd in (PUSH, ACK, WASK, WINS):
            self.assertFalse(opensNone(_segment(cmd)))
            self.assertTrue(opensNone(_segment(cmd, una=1)))
            self.assertEqual(opensNone(_segment(cmd, sn=1)), cmd == PUSH)

    def test_others(self) -> None:
        """
        Nothing is said of FEC packets, and of what is malformed.
        """
        segment = _segment(PUSH, una=1)
        for datagram in (_shard(segment), segment[:-1], _segment(WINS + 1, una=1), b""):
            self.assertFalse(opensNone(datagram))

    @given(strategies.binary(max_size=60))
    def test_agrees(self, datagram: bytes) -> None:
        """
        What is refused at first sight is refused at the second.
        """
        for each in (datagram, _segment(PUSH)[:4] + datagram):
            if opensNone(each):
                opening = readOpening(each)
                self.assertTrue(opening is None or not opening.opens)


class MalformedTests(SynchronousTestCase):
    """
    What says nothing.
    """

    def test_parity(self) -> None:
        """
        Parity, whatever its bytes look like.
        """
        self.assertIs(readOpening(_shard(_segment(PUSH), PARITY)), None)

    def test_unknownCommand(self) -> None:
        """
        An unknown command.
        """
        for cmd in (0, PUSH - 1, WINS + 1, 255):
            self.assertIs(readOpening(_segment(cmd)), None)
            self.assertIs(readOpening(_shard(_segment(cmd))), None)

    def test_tooShort(self) -> None:
        """
        What is cut short, in the header or in the data.
        """
        segment = _segment(PUSH, data=b"data")
        for whole in (segment, _shard(segment), outOfBandPacket(CONV, b"data")):
            self.assertIsNot(readOpening(whole), None)
            for length in range(len(whole)):
                self.assertIs(readOpening(whole[:length]), None)

    def test_shardSize(self) -> None:
        """
        A data shard with a size below or beyond what it has.
        """
        shard = _shard(_segment(PUSH))
        for size in (0, 1, 25, 27, 0xFFFF):
            self.assertIs(readOpening(shard[:6] + struct.pack("<H", size) + shard[8:]), None)

    def test_badOutOfBand(self) -> None:
        """
        An out-of-band packet with the number of a shard.
        """
        self.assertIs(readOpening(b"\0" * 4 + outOfBandPacket(CONV, b"data")[4:]), None)

    @given(
        strategies.binary(max_size=60),
        strategies.binary(max_size=4),
        strategies.sampled_from(COMMANDS),
    )
    def test_anyBytes(self, rest: bytes, start: bytes, cmd: int) -> None:
        """
        Whatever the bytes are, nothing is raised.
        """
        segment = start + bytes([cmd]) + rest
        for datagram in (rest, segment, _shard(rest), _shard(segment), start + b"\xf3\0" + rest):
            opening = readOpening(datagram)
            if opening is not None:
                self.assertIn(opening.opens, (True, False))
                self.assertTrue(0 <= opening.conv <= 0xFFFFFFFF)

    @given(strategies.sampled_from([WASK, WINS]), strategies.binary(max_size=30))
    def test_anyData(self, cmd: int, data: bytes) -> None:
        """
        So it is with whatever a WASK or WINS carries, also behind a block's first bytes.
        """
        for carried in (data, encodeBlock(NO_TOKEN, TOKEN) + data):
            self.assertEqual(_read(_segment(cmd, data=carried)).conv, CONV)


class OpensTests(SynchronousTestCase):
    """
    Tests for L{Opening.opens}.
    """

    def test_push(self) -> None:
        """
        Data opens at its first segment, by a peer that has received nothing.
        """
        self.assertTrue(_opens(_segment(PUSH, data=b"data")))
        for sn, una in ((1, 0), (0xFFFFFFFF, 0), (0, 1), (0, 0xFFFFFFFF), (1, 1)):
            self.assertFalse(_opens(_segment(PUSH, sn, una, b"data")))

    def test_first(self) -> None:
        """
        Segments behind the first one do not count.
        """
        self.assertTrue(_opens(_segment(PUSH) + _segment(PUSH, 1)))
        self.assertFalse(_opens(_segment(PUSH, 1) + _segment(PUSH)))
        self.assertFalse(_opens(_segment(ACK) + _segment(PUSH)))

    def test_ack(self) -> None:
        """
        A peer that begins has nothing to acknowledge.
        """
        for una in (0, 1):
            self.assertFalse(_opens(_segment(ACK, una=una)))

    def test_window(self) -> None:
        """
        Asking for the window and telling it open, by a peer that has received nothing; the sn does
        not matter, as other implementations leave anything there.
        """
        for cmd in (WASK, WINS):
            self.assertTrue(_opens(_segment(cmd)))
            self.assertTrue(_opens(_segment(cmd, sn=7)))
            self.assertFalse(_opens(_segment(cmd, una=1)))

    def test_hello(self) -> None:
        """
        Control frames open if a hello is among them.
        """
        opening: list[tuple[Frame, ...]] = [(Hello(0, 32),), (Cookie(b"cookie!!"), Hello(0, 32))]
        for cmd in (WASK, WINS):
            for frames in opening:
                segment = _segment(cmd, data=encodeBlock(NO_TOKEN, TOKEN, frames))
                self.assertTrue(_opens(segment))
            segment = _segment(cmd, una=1, data=encodeBlock(NO_TOKEN, TOKEN, [Hello(0, 32)]))
            self.assertFalse(_opens(segment))

    def test_otherFrames(self) -> None:
        """
        Without one they are of a session that is not known here.
        """
        others: list[tuple[Frame, ...]] = [(), (Fin(0, True),), (Reset(1),), (Cookie(b"cookie!!"),)]
        for frames in others:
            self.assertFalse(_opens(_segment(WASK, data=encodeBlock(TOKEN, TOKEN, frames))))

    def test_otherData(self) -> None:
        """
        Data of some other kind, such as a later version's, does not keep a WASK from opening.
        """
        later = bytearray(encodeBlock(NO_TOKEN, TOKEN, [Reset(1)]))
        later[2] += 1
        for data in (b"data", bytes(later)):
            self.assertTrue(_opens(_segment(WASK, data=data)))

    def test_outOfBand(self) -> None:
        """
        An out-of-band packet opens.
        """
        opening = readOpening(outOfBandPacket(CONV, b""))
        assert opening is not None
        self.assertTrue(opening.opens)
