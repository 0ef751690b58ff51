"""
Tests for L{kcptwisted.commands.dump.lines} and L{kcptwisted.commands.dump.names}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.dump.names import endpoint
from kcptwisted.commands.dump.sources import Frame
from kcptwisted.fec.encoder import FECEncoder
from kcptwisted.wire.control import (
    NO_TOKEN,
    Challenge,
    Fin,
    FinAck,
    Hello,
    Probe,
    ProbeAck,
    Reset,
    encodeBlock,
)
from kcptwisted.wire.fec import outOfBandPacket
from kcptwisted.wire.segment import WASK, WINS, Segment
from tests.commands.dump.captures import CLIENT, MILLISECOND, RAW, SERVER, START, packet
from tests.commands.dump.running import dump, objects
from tests.commands.dump.test_flows import CONV, ack, push
from tests.properties import given, settings, strategies

TOKEN = b"ABCDEFGH"


def frame(datagram: bytes, fromClient: bool = True, milliseconds: float = 0) -> Frame:
    """
    @return: a frame with a datagram of the two ends.
    """
    ends = (CLIENT, SERVER) if fromClient else (SERVER, CLIENT)
    time = START + int(milliseconds * MILLISECOND)
    return Frame(time, RAW, packet(*ends, datagram))


def control(*frames: object, cmd: int = WASK) -> bytes:
    """
    @return: a segment with control frames.
    """
    data = encodeBlock(NO_TOKEN, TOKEN, frames)  # type: ignore[arg-type]
    return Segment(CONV, cmd, 0, 128, 1, 0, 0, data).encode()


CONTROL = [
    (Hello(5, 9), "hello features=roaming+messages window=9"),
    (Fin(3, True), "fin final=3 both=True"),
    (FinAck(3, False), "fin-ack final=3 both=False"),
    (Reset(1), "reset (aborted)"),
    (Reset(99), "reset (99)"),
    (Challenge(b"\1" * 8), "challenge value=0101010101010101"),
    (Probe(7), "probe value=7"),
    (ProbeAck(7), "probe-ack value=7"),
]


class LineTests(SynchronousTestCase):
    """
    The lines of datagrams.
    """

    def lines(self, *frames: Frame, options: tuple[str, ...] = ()) -> list[str]:
        """
        @return: those of datagrams.
        """
        return [line for line in dump(frames, *options).splitlines() if line[0].isdigit()]

    def test_segments(self) -> None:
        """
        A line says when, from whom to whom, how long, and all fields of the segments.
        """
        (first, second) = self.lines(
            frame(push(0, 5)), frame(ack(0, 5) + push(0, 9), False, milliseconds=1.5)
        )
        self.assertEqual(
            first,
            "0.000000 10.0.0.2:40000 > 10.0.0.1:4000 27 bytes null?:"
            " conv 00c0ffee PUSH sn=0 una=0 wnd=128 ts=5 3 bytes",
        )
        self.assertEqual(
            second,
            "0.001500 10.0.0.1:4000 > 10.0.0.2:40000 51 bytes null?:"
            " conv 00c0ffee ACK sn=0 una=1 wnd=128 ts=5 (after 1.500 ms);"
            " PUSH sn=0 una=0 wnd=128 ts=9 3 bytes",
        )

    def test_copies(self) -> None:
        """
        What is sent again, or was overtaken, is said.
        """
        lines = self.lines(*(frame(push(*one)) for one in ((0, 1), (0, 2), (3, 3), (1, 3), (2, 4))))
        self.assertEqual(
            [line.partition("3 bytes")[2] for line in lines],
            ["", " (sent again)", "", " (overtaken)", " (sent again, the first was not captured)"],
        )

    def test_control(self) -> None:
        """
        Control frames are named with their fields and the tokens.
        """
        for sent, text in CONTROL:
            (line,) = self.lines(frame(control(sent)))
            self.assertIn(f"WASK sn=0 una=0 wnd=128 ts=1 [41424344 to 00000000, {text}]", line)
        (line,) = self.lines(frame(Segment(1, WINS, 0, 1, 1, 0, 0, bytes(70)).encode()))
        self.assertIn("WINS sn=0 una=0 wnd=1 ts=1 70 bytes", line)

    def test_fec(self) -> None:
        """
        Shards have their numbers, and what FEC rebuilds is said.
        """
        packets = FECEncoder(10, 3).encode([push(sn, sn) for sn in range(20)], 0)
        del packets[14]
        lines = self.lines(*map(frame, packets))
        self.assertIn("null?: FEC data 0; conv 00c0ffee PUSH sn=0", lines[0])
        self.assertTrue(lines[10].endswith(" null?: FEC parity 10"), lines[10])
        (rebuilt,) = [line for line in lines if "rebuilds" in line]
        self.assertIn(" FEC rebuilds null?: conv 00c0ffee PUSH sn=11 ", rebuilt)

    def test_others(self) -> None:
        """
        Out-of-band packets; malformed ones; and with C{--all} what is no KCP.
        """
        (line,) = self.lines(frame(outOfBandPacket(3, b"abc")))
        self.assertTrue(line.endswith("null?: conv 00000003 out-of-band, 3 bytes"), line)
        (line,) = self.lines(frame(push(0) + b"ab"), options=("--crypt", "null"))
        self.assertTrue(line.endswith("; malformed: 2 bytes that are no segment"), line)
        self.assertEqual(self.lines(frame(b"what is this")), [])
        (line,) = self.lines(frame(b"what is this"), options=("--all",))
        self.assertTrue(line.endswith("12 bytes: encrypted, or no KCP"), line)

    def test_port(self) -> None:
        """
        With C{--port} other ports are left out.
        """
        self.assertEqual(len(self.lines(frame(push(0)), options=("--port", "4000"))), 1)
        self.assertEqual(len(self.lines(frame(push(0)), options=("--port", "40000"))), 1)
        self.assertEqual(self.lines(frame(push(0)), options=("--port", "4001")), [])

    def test_endpoint(self) -> None:
        """
        Addresses of IPv6 are in brackets.
        """
        self.assertEqual(endpoint(("::1", 5)), "[::1]:5")


class SummaryTests(SynchronousTestCase):
    """
    The summary of a conversation.
    """

    def test_text(self) -> None:
        """
        It has the figures of both directions.
        """
        packets = FECEncoder(10, 3).encode([push(sn, sn) for sn in range(20)], 0)
        del packets[14]
        frames = [frame(one, milliseconds=place) for place, one in enumerate(packets)]
        text = dump([*frames, frame(ack(3, 3), False, 100)], "--summary")
        self.assertEqual(
            text.splitlines(),
            [
                "conversation 00c0ffee of 10.0.0.2:40000 and 10.0.0.1:4000, crypt=null, a guess",
                "  10.0.0.2:40000 > 10.0.0.1:4000",
                "    datagrams     25, 875 bytes in 0.024 s, 0.292 Mbit/s",
                "    data          60 bytes in 0.024 s, 0.020 Mbit/s",
                "    segments      19 PUSH, 0 ACK, 0 WASK and WINS",
                "    sent again    0 of 19 PUSH (0.0%)",
                "    losses        1 PUSH lost before the capture, 0 overtaken, 0 missing",
                "    FEC           groups of 10+3, 19 data, 6 parity, 1 data missing, 1 rebuilt",
                "    round trip    from here 97.000 ms at least, 97.000 on average,"
                " 97.000 at most (ACKs: 1)",
                "  10.0.0.1:4000 > 10.0.0.2:40000",
                "    datagrams     1, 24 bytes",
                "    data          0 bytes",
                "    segments      0 PUSH, 1 ACK, 0 WASK and WINS",
                "    losses        0 PUSH lost before the capture, 0 overtaken, 0 missing",
            ],
        )

    def test_oneWay(self) -> None:
        """
        If the capture has one direction only, that is said.
        """
        text = dump([frame(push(0))], "--summary")
        self.assertTrue(text.endswith("  10.0.0.1:4000 > 10.0.0.2:40000\n    datagrams     none\n"))

    def test_wrongKey(self) -> None:
        """
        A wrong key, and a cipher where there is none, are said.
        """
        for payload, problem in (
            (bytes(range(200)), "the key or the cipher is wrong, or it is no KCP"),
            (push(0), "they look like crypt=null"),
        ):
            text = dump([frame(payload)], "--crypt", "aes", "--key", "k")
            self.assertEqual(
                text,
                "not opened with crypt=aes and this key: 1 of 1 datagrams between"
                f" 10.0.0.2:40000 and 10.0.0.1:4000; {problem}\n",
            )
        text = dump([frame(bytes(range(200)))])
        self.assertTrue(text.startswith("encrypted, or no KCP: 1 of 1 datagrams between "), text)

    def test_manyOthers(self) -> None:
        """
        Where there is much other traffic, the most of it is named, and the rest counted.
        """
        frames = [
            Frame(START, RAW, packet(("10.0.0.3", port), SERVER, b"what is this"))
            for port in (*range(1, 20), 7)
        ]
        lines = dump(frames).splitlines()
        self.assertEqual(len(lines), 11)
        self.assertIn(": 2 of 2 datagrams between 10.0.0.3:7 ", lines[0])
        self.assertEqual(lines[-1], "the same of more pairs of addresses: 9")
        self.assertEqual(len(objects(frames)), 19)


class GarbageTests(SynchronousTestCase):
    """
    Captures of anything.
    """

    @settings(max_examples=40)
    @given(
        strategies.sampled_from(["null", "none", "aes", ""]),
        strategies.lists(
            strategies.tuples(
                strategies.sampled_from(
                    [b"", push(0), push(1)[:20], ack(0), bytes(4) + b"\xf1\0", control(Hello(1, 2))]
                ),
                strategies.binary(max_size=60),
            ),
            max_size=5,
        ),
        strategies.binary(max_size=60),
    )
    def test_shown(self, crypt: str, parts: list[tuple[bytes, bytes]], other: bytes) -> None:
        """
        Whatever a capture holds, it is shown, as text and as JSON.
        """
        options = ["--all", *(["--crypt", crypt] if crypt else [])]
        if crypt == "aes":
            options += ["--key", "k"]
        frames = [frame(head + rest) for head, rest in parts]
        frames += [Frame(START, linkType, other) for linkType in (0, 1, RAW, 105, 113, 276)]
        found = objects(frames, *options)
        datagrams = [one for one in found if one["type"] == "datagram" and not one.get("recovered")]
        self.assertGreaterEqual(len(datagrams), len(parts))
        self.assertGreaterEqual(len(dump(frames, *options).splitlines()), len(parts))
