"""
Tests for L{kcptwisted.wire.control}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.wire.control import (
    COOKIE,
    LONGEST_BLOCK,
    MAXIMUM_FRAMES,
    NO_TOKEN,
    TOKEN,
    Block,
    Challenge,
    Cookie,
    Feature,
    Fin,
    FinAck,
    Frame,
    Hello,
    Probe,
    ProbeAck,
    Reset,
    ResetReason,
    Response,
    Retry,
    decodeBlock,
    encodeBlock,
)
from kcptwisted.wire.segment import WASK, Segment
from tests.properties import given, strategies
from tests.test_docs import DOCS, rows, section

CLIENT = bytes(range(0xA1, 0xA9))
SERVER = bytes(range(0xB1, 0xB9))
EIGHT = bytes(range(8))

#: Each kind of frame, as it is written.
EXAMPLES: list[tuple[Frame, str]] = [
    (Hello(0x0201, 0x0403), "01 04 01 02 03 04"),
    (Retry(EIGHT), "02 08 00 01 02 03 04 05 06 07"),
    (Cookie(EIGHT), "03 08 00 01 02 03 04 05 06 07"),
    (Fin(0x04030201, True), "04 05 01 02 03 04 01"),
    (Fin(0xFFFFFFFF, False), "04 05 ff ff ff ff 00"),
    (FinAck(0x04030201, True), "05 05 01 02 03 04 01"),
    (FinAck(0, False), "05 05 00 00 00 00 00"),
    (Reset(4), "06 01 04"),
    (Challenge(EIGHT), "07 08 00 01 02 03 04 05 06 07"),
    (Response(EIGHT), "08 08 00 01 02 03 04 05 06 07"),
    (Probe(0x04030201), "09 04 01 02 03 04"),
    (ProbeAck(0xFFFFFFFF), "0a 04 ff ff ff ff"),
]

HEAD = b"KT\x01" + CLIENT + SERVER
EMPTY = Block(CLIENT, SERVER)

_tokens = strategies.binary(min_size=TOKEN, max_size=TOKEN)
_uint16 = strategies.integers(0, 0xFFFF)
_uint32 = strategies.integers(0, 0xFFFFFFFF)
_opaque = strategies.binary(min_size=8, max_size=8)
_frames = (
    strategies.builds(Hello, _uint16, _uint16)
    | strategies.builds(Retry, _opaque)
    | strategies.builds(Cookie, _opaque)
    | strategies.builds(Fin, _uint32, strategies.booleans())
    | strategies.builds(FinAck, _uint32, strategies.booleans())
    | strategies.builds(Reset, strategies.integers(0, 0xFF))
    | strategies.builds(Challenge, _opaque)
    | strategies.builds(Response, _opaque)
    | strategies.builds(Probe, _uint32)
    | strategies.builds(ProbeAck, _uint32)
)


def _frame(kind: int, value: bytes) -> bytes:
    return bytes([kind, len(value)]) + value


class BytesTests(SynchronousTestCase):
    """
    What blocks look like.
    """

    def test_head(self) -> None:
        """
        A block begins with magic, version and two tokens, the receiver's first.
        """
        self.assertEqual(encodeBlock(CLIENT, SERVER), HEAD)
        self.assertEqual(decodeBlock(HEAD), EMPTY)

    def test_block(self) -> None:
        """
        A whole block, byte for byte.
        """
        expected = bytes.fromhex(
            "4b54 01 0000000000000000 a1a2a3a4a5a6a7a8"
            "01 04 0100 0002 03 08 0001020304050607"
        )  # fmt: skip
        frames = (Hello(Feature.ROAMING, 512), Cookie(EIGHT))
        self.assertEqual(encodeBlock(NO_TOKEN, CLIENT, frames), expected)
        self.assertEqual(decodeBlock(expected), Block(NO_TOKEN, CLIENT, frames))

    def test_frames(self) -> None:
        """
        Each kind of frame is written as kind, length and value, and read back.
        """
        for frame, expected in EXAMPLES:
            data = HEAD + bytes.fromhex(expected)
            self.assertEqual(encodeBlock(CLIENT, SERVER, [frame]), data)
            block = decodeBlock(data)
            assert block is not None
            self.assertEqual(block.frames, (frame,))
            # Named tuples with the same fields are equal, whatever they are called.
            self.assertIs(type(block.frames[0]), type(frame))

    def test_longest(self) -> None:
        """
        The longest block that is sent is a hello with a cookie.
        """
        longest = encodeBlock(CLIENT, SERVER, [Hello(1, 512), Cookie(EIGHT)])
        self.assertEqual(len(longest), LONGEST_BLOCK)
        for frame, _ in EXAMPLES:
            self.assertLessEqual(len(encodeBlock(CLIENT, SERVER, [frame])), LONGEST_BLOCK)

    def test_numbers(self) -> None:
        """
        Features, reasons and bounds have the numbers that the documentation gives.
        """
        self.assertEqual(
            {feature.name: feature.value for feature in Feature if feature},
            {"ROAMING": 1, "STREAM": 2, "MESSAGES": 4, "PROBES": 8},
        )
        self.assertEqual(
            {reason.name: reason.value for reason in ResetReason},
            {"ABORTED": 1, "UNKNOWN": 2, "IDLE": 3, "SHUTDOWN": 4, "FAILED": 5, "ENDED": 6},
        )
        self.assertEqual((TOKEN, COOKIE, NO_TOKEN), (8, 8, bytes(8)))
        self.assertEqual((MAXIMUM_FRAMES, LONGEST_BLOCK), (8, 35))

    @given(_tokens, _tokens, strategies.lists(_frames, max_size=MAXIMUM_FRAMES))
    def test_roundTrip(self, to: bytes, source: bytes, frames: list[Frame]) -> None:
        """
        Whatever frames a block was made of come out of it.
        """
        block = decodeBlock(encodeBlock(to, source, frames))
        self.assertEqual(block, Block(to, source, tuple(frames)))
        assert block is not None
        self.assertEqual(list(map(type, block.frames)), list(map(type, frames)))


class OtherVersionTests(SynchronousTestCase):
    """
    What is taken of blocks that others may send.
    """

    def test_magic(self) -> None:
        """
        Data with another beginning, or of another version, is no block.
        """
        for position in range(3):
            for change in (1, 0x80, 0xFF):
                data = bytearray(encodeBlock(CLIENT, SERVER, [Reset(1)]))
                data[position] ^= change
                self.assertIs(decodeBlock(bytes(data)), None)

    def test_unknownKinds(self) -> None:
        """
        Frames of other kinds are left out, wherever they stand and however long they are.
        """
        for kind in (11, 255):
            for value in (b"", b"value", bytes(255)):
                data = HEAD + _frame(kind, value) + _frame(6, b"\2") + _frame(kind, value)
                self.assertEqual(decodeBlock(data), Block(CLIENT, SERVER, (Reset(2),)))

    def test_longerValues(self) -> None:
        """
        Of a value that is longer than known the known part is taken.
        """
        for frame, expected in EXAMPLES:
            kind, _, *value = bytes.fromhex(expected)
            data = HEAD + _frame(kind, bytes(value) + b"later") + _frame(6, b"\2")
            self.assertEqual(decodeBlock(data), Block(CLIENT, SERVER, (frame, Reset(2))))

    def test_shorterValues(self) -> None:
        """
        A value that is shorter makes the block malformed.
        """
        for _, expected in EXAMPLES:
            kind, _, *value = bytes.fromhex(expected)
            for length in range(len(value)):
                data = HEAD + _frame(kind, bytes(value[:length])) + _frame(6, b"\2")
                self.assertIs(decodeBlock(data), None)

    def test_flags(self) -> None:
        """
        Other flags are ignored.
        """
        for kind, frame in ((4, Fin), (5, FinAck)):
            for flags, both in ((0xFE, False), (0xFF, True)):
                data = HEAD + _frame(kind, b"\3\0\0\0" + bytes([flags]))
                block = decodeBlock(data)
                self.assertEqual(block, Block(CLIENT, SERVER, (frame(3, both),)))

    def test_numbers(self) -> None:
        """
        Features and reasons that are not known come through.
        """
        for frame in (Hello(0xFFFF, 0), Reset(0), Reset(255)):
            block = decodeBlock(encodeBlock(CLIENT, SERVER, [frame]))
            self.assertEqual(block, Block(CLIENT, SERVER, (frame,)))


class MalformedTests(SynchronousTestCase):
    """
    What is no block.
    """

    def test_truncated(self) -> None:
        """
        A block that was cut within its head or a frame, kinds that are not known included.
        """
        for frame in (*(bytes.fromhex(expected) for _, expected in EXAMPLES), _frame(99, b"value")):
            data = HEAD + frame
            for length in range(len(data)):
                expected = EMPTY if length == len(HEAD) else None
                self.assertEqual(decodeBlock(data[:length]), expected)

    def test_tooMany(self) -> None:
        """
        A block with more frames than a bound, those that are not known included.
        """
        for frame, frames in ((_frame(6, b"\2"), (Reset(2),)), (_frame(99, b""), ())):
            data = HEAD + MAXIMUM_FRAMES * frame
            self.assertEqual(decodeBlock(data), Block(CLIENT, SERVER, MAXIMUM_FRAMES * frames))
            self.assertIs(decodeBlock(data + frame), None)
            self.assertIs(decodeBlock(data + b"\6"), None)

    def test_overlong(self) -> None:
        """
        A length that says more than there is.
        """
        for kind in (1, 6, 99):
            data = bytearray(HEAD + _frame(kind, bytes(20)))
            data[len(HEAD) + 1] += 1
            self.assertIs(decodeBlock(bytes(data)), None)

    @given(strategies.binary(max_size=80))
    def test_anyBytes(self, data: bytes) -> None:
        """
        Whatever the bytes are, nothing is raised, and no more than the bound is found.
        """
        decodeBlock(data)
        block = decodeBlock(HEAD + data)
        if block is not None:
            self.assertEqual(block[:2], EMPTY[:2])
            self.assertLessEqual(len(block.frames), MAXIMUM_FRAMES)
            encodeBlock(*block)


class FindTests(SynchronousTestCase):
    """
    Tests for L{Block.find}.
    """

    def test_first(self) -> None:
        """
        The first frame of a kind is found, though others have the same fields.
        """
        block = Block(CLIENT, SERVER, (Retry(EIGHT), Reset(1), Cookie(CLIENT), Cookie(SERVER)))
        self.assertIs(block.find(Cookie), block.frames[2])
        self.assertIs(block.find(Reset), block.frames[1])

    def test_none(self) -> None:
        """
        Of a kind that is not there, nothing.
        """
        self.assertIs(Block(CLIENT, SERVER, (Retry(EIGHT),)).find(Cookie), None)
        self.assertIs(EMPTY.find(Hello), None)


class DocumentationTests(SynchronousTestCase):
    """
    docs/control.md says the same.
    """

    def test_kinds(self) -> None:
        """
        The table has each kind with its number and length.
        """
        table = rows(section(DOCS / "control.md", "Frames"))[2:]
        examples = {(type(frame).__name__.lower(), text[:5]) for frame, text in EXAMPLES}
        documented = [
            (name.replace("-", ""), f"{int(kind):02x} {int(length):02x}")
            for kind, name, length, *_ in table
        ]
        self.assertEqual(sorted(documented), sorted(examples))
        self.assertEqual(
            [row[0] for row in table], [str(kind) for kind in range(1, len(table) + 1)]
        )

    def test_examples(self) -> None:
        """
        The examples are what is sent.
        """
        text = section(DOCS / "control.md", "Examples")
        written = [
            bytes.fromhex(
                "".join([line.strip().partition(" " * 5)[0] for line in code.splitlines()])
            )
            for code in text.split("\n\n")
            if code.startswith("    ")
        ]
        hello = encodeBlock(NO_TOKEN, CLIENT, [Hello(Feature.ROAMING | Feature.STREAM, 512)])
        self.assertEqual(
            written,
            [
                Segment(0x11223344, WASK, 0, 512, 1000, 0, 0, hello).encode(),
                encodeBlock(CLIENT, SERVER, [Hello(Feature.NONE, 128)]),
                encodeBlock(SERVER, CLIENT, [Fin(3, True)]),
            ],
        )
