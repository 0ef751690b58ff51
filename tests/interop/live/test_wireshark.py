"""
The dissector of docs/wireshark, in tshark.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random

from kcptwisted.commands.dump.sources import Frame
from kcptwisted.crypt.checksummed import NoneCipher
from kcptwisted.fec.encoder import FECEncoder
from kcptwisted.options import KCPOptions
from kcptwisted.testing import Link
from kcptwisted.wire.control import Reset
from kcptwisted.wire.fec import outOfBandPacket
from kcptwisted.wire.segment import WINS
from tests.commands.dump.captures import CLIENT, RAW, SERVER, START, packet, pcap
from tests.commands.dump.conversing import CaptureTestCase
from tests.commands.dump.recordings import RECORDINGS
from tests.commands.dump.running import objects
from tests.commands.dump.test_flows import CONV, push
from tests.commands.dump.test_lines import CONTROL, control, frame
from tests.interop.peers import skipReason
from tests.test_docs import DOCS

DISSECTOR = DOCS / "wireshark" / "kcptwisted.lua"

_TSHARK = shutil.which("tshark")


class DissectorTests(CaptureTestCase):
    """
    What tshark says with the dissector.
    """

    skip = skipReason(None if _TSHARK else "tshark is not installed")

    def tshark(self, frames: Iterable[Frame], *arguments: str) -> list[str]:
        """
        @return: what tshark prints of frames, line by line.
        """
        frames = list(frames)
        path = Path(self.mktemp())
        places = [(one.time, one.data) for one in frames]
        path.write_bytes(pcap(places, frames[0].linkType, nano=True))
        home = self.mktemp()
        os.mkdir(home)
        # Two passes, as when somebody clicks on a packet after the first one.
        done = subprocess.run(
            [
                *(str(_TSHARK), "-X", f"lua_script:{DISSECTOR}", "-n", "-2"),
                *("-r", str(path), *arguments),
            ],
            capture_output=True,
            text=True,
            env={**os.environ, "HOME": os.path.abspath(home)},
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("Lua", done.stderr + done.stdout)
        return done.stdout.splitlines()

    def fields(
        self, frames: Iterable[Frame], *names: str, options: Sequence[str] = ()
    ) -> list[list[str]]:
        """
        @return: the values of fields in each frame.
        """
        wanted = [word for name in names for word in ("-e", name)]
        lines = self.tshark(frames, *options, "-T", "fields", *wanted)
        return [line.split("\t") for line in lines]

    def compare(self, frames: Sequence[Frame], *arguments: str) -> None:
        """
        Compare each segment's fields with what C{kcptwisted dump} says.
        """
        names = ("cmd", "frg", "wnd", "ts", "sn", "una", "len")
        found = self.fields(frames, "kcp.conv", *(f"kcp.{name}" for name in names))
        datagrams = [
            one
            for one in objects(frames, *arguments)
            if one["type"] == "datagram" and not one["recovered"]
        ]
        commands = {"PUSH": 81, "ACK": 82, "WASK": 83, "WINS": 84}
        for values, datagram in zip(found, datagrams, strict=True):
            segments = [
                {**one, "cmd": commands[one["cmd"]], "len": one["length"]}
                for one in datagram["segments"]
            ]
            expected = [",".join(f"{one['conv']:#010x}" for one in segments)]
            expected += [",".join(str(one[name]) for one in segments) for name in names]
            self.assertEqual(values, expected)

    def test_kcptun(self) -> None:
        """
        All of kcptun's segments are dissected where they are not encrypted, with FEC and without.
        """
        plain = [one for one in RECORDINGS if one.crypt == "none"]
        self.assertEqual(len(plain), 3)
        for recording in plain:
            self.compare(list(recording.frames()), "--crypt", "none")

    def test_own(self) -> None:
        """
        So are ours, with losses; those that were sent again have a note, and refer to the first.
        """
        options = KCPOptions(crypt="null", mode="fast3", dataShards=10, parityShards=3)
        self.converse(options, Link(delay=0.02, loss=0.05))
        self.compare(self.frames)
        again = self.fields(self.frames, "kcp.sent_again", "kcp.first_in", "frame.number")
        counted = [number for flags, *number in again if flags]
        self.assertEqual(
            sum(flags.count("True") + flags.count("1") for flags, *_ in again),
            self.client.session.stats.RetransSegs + self.server.session.stats.RetransSegs,
        )
        self.assertTrue(counted)
        for firsts, number in counted:
            for first in firsts.split(","):
                self.assertLess(int(first), int(number))
        notes = "\n".join(self.tshark(self.frames, "-q", "-z", "expert"))
        self.assertIn("This segment was sent before", notes)

    def test_answers(self) -> None:
        """
        An ACK refers to the frame that it acknowledges, and says how long that took.
        """
        recording = next(one for one in RECORDINGS if one.name == "plain-smux1")
        (first, second, third, *_) = self.fields(
            recording.frames(), "kcp.cmd", "kcp.acks", "kcp.ack_rtt", "kcp.stream"
        )
        self.assertEqual((first[0], third[0], third[1]), ("81", "82", "2"))
        self.assertAlmostEqual(
            float(third[2]), (recording.payloads[2][2] - recording.payloads[1][2]) / 1000, 6
        )
        self.assertEqual((first[3], second[3]), ("0", "0"))

    def test_control(self) -> None:
        """
        Control frames are in the tree and in the column.
        """
        frames = [frame(control(one)) for one, _ in CONTROL]
        found = self.fields(frames, "kcp.control.kind", "kcp.control.source", "_ws.col.Info")
        for values, kind, (_, text) in zip(found, (1, 4, 5, 6, 6, 7, 9, 10), CONTROL, strict=True):
            self.assertEqual(values[:2], [str(kind), b"ABCDEFGH".hex()])
            self.assertIn(f"conv=00c0ffee WASK sn=0 una=0 [{text.split()[0]}]", values[2])
        found = self.fields(
            frames,
            *("kcp.control.features", "kcp.control.window", "kcp.control.final"),
            *("kcp.control.reason", "kcp.control.number"),
        )
        hello, fin, _, reset, _, _, probe, _ = found
        self.assertEqual(hello, ["0x0005", "9", "", "", ""])
        self.assertEqual((fin[2], reset[3], probe[4]), ("3", "1", "7"))
        notes = "\n".join(self.tshark([frame(control(Reset(1), cmd=WINS))], "-q", "-z", "expert"))
        self.assertIn("The connection is reset", notes)

    def test_others(self) -> None:
        """
        FEC packets, out-of-band packets, and several that segmentation offload joined.
        """
        shards = FECEncoder(2, 1).encode([push(0), push(1)], 0)
        found = self.fields(
            [*map(frame, shards), frame(b"".join(shards)), frame(outOfBandPacket(CONV, b"abc"))],
            *("kcp.fec.seqid", "kcp.fec.type", "kcp.sn", "kcp.oob"),
        )
        self.assertEqual(
            found,
            [
                ["0", "0x00f1", "0", ""],
                ["1", "0x00f1", "1", ""],
                ["2", "0x00f2", "", ""],
                ["0,1,2", "0x00f1,0x00f1,0x00f2", "0,1", ""],
                ["4294967295", "0x00f3", "", "616263"],
            ],
        )

    def test_columns(self) -> None:
        """
        The columns name the protocol and what is in the datagram.
        """
        (line,) = self.fields([frame(push(0) + push(1))], "_ws.col.Protocol", "_ws.col.Info")
        self.assertEqual(
            line, ["KCP", "conv=00c0ffee PUSH sn=0 una=0 len=3; PUSH sn=1 una=0 len=3"]
        )
        (line,) = self.fields(
            [frame(b"".join(push(sn, data=b"") for sn in range(20)))], "_ws.col.Info"
        )
        self.assertTrue(line[0].endswith("PUSH sn=7 una=0; 12 more"), line)

    def test_encrypted(self) -> None:
        """
        What is encrypted is passed over, or, on a port of the preferences, named as that.
        """
        recording = next(one for one in RECORDINGS if one.name == "aes")
        frames = list(recording.frames())
        protocols = self.fields(frames, "_ws.col.Protocol")
        self.assertEqual({one for (one,) in protocols}, {"UDP"})
        given = ("-o", f"kcp.ports:{SERVER[1]}")
        found = self.fields(frames, "_ws.col.Protocol", "_ws.col.Info", options=given)
        self.assertEqual({one for one, _ in found}, {"KCP"})
        self.assertTrue(all("encrypted, or no KCP" in one for _, one in found))
        shown = "\n".join(self.tshark(frames[:1], *given, "-V"))
        self.assertIn("no key is used here", shown)

    def test_checksum(self) -> None:
        """
        With a checksum that is wrong, a datagram is no KCP.
        """
        (sealed,) = NoneCipher().seal([push(0)])
        wrong = sealed[:-1] + bytes([sealed[-1] ^ 1])
        for datagram, expected in ((wrong, "UDP"), (sealed, "KCP")):
            found = self.fields([frame(datagram)], "_ws.col.Protocol")
            self.assertEqual(found, [[expected]])

    def test_preferences(self) -> None:
        """
        Without the heuristics only the ports of the preferences are looked at.
        """
        off = ("-o", "kcp.heuristics:FALSE")
        for options, expected in ((off, "UDP"), ((*off, "-o", "kcp.ports:4000"), "KCP")):
            found = self.fields([frame(push(0))], "_ws.col.Protocol", options=options)
            self.assertEqual(found, [[expected]])

    def test_cut(self) -> None:
        """
        What the capture has cut is shown as far as it goes.
        """
        whole = packet(CLIENT, SERVER, push(0, data=bytes(90)) + push(1, data=bytes(90)))
        frames = [Frame(START, RAW, whole[:kept]) for kept in range(28, len(whole))]
        self.assertEqual(len(self.tshark(frames, "-V", "-O", "kcp")) > 100, True)

    def test_garbage(self) -> None:
        """
        Whatever is on the port, the dissector raises nothing.
        """
        random = Random(5)
        heads = [
            *(b"", push(0)[:20], push(0), push(0, data=bytes(30))),
            *(bytes(4) + bytes([kind, 0]) for kind in (0xF1, 0xF2, 0xF3)),
            *(control(one)[:-2] for one, _ in CONTROL),
            b"\xff\xff\xff\xff\xf3\0",
        ]
        frames = [
            frame(random.choice(heads) + random.randbytes(random.randrange(40))) for _ in range(600)
        ]
        shown = self.tshark(frames, "-o", "kcp.ports:4000", "-V", "-O", "kcp")
        self.assertGreater(len(shown), 1000)
