"""
Tests for L{kcptwisted.commands.dump.document}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.fec.encoder import FECEncoder
from kcptwisted.smux.frames import PSH, SYN, header, update
from kcptwisted.wire.control import Hello
from kcptwisted.wire.fec import outOfBandPacket
from tests.commands.dump.captures import START
from tests.commands.dump.running import objects
from tests.commands.dump.test_flows import CONV, ack, push
from tests.commands.dump.test_lines import control, frame
from tests.test_docs import DOCS, rows, section

PAGE = DOCS / "dump.md"


class DocumentTests(SynchronousTestCase):
    """
    C{--json}.
    """

    def test_datagram(self) -> None:
        """
        A datagram has all that its line says.
        """
        first, second, *_ = objects([frame(push(0, 5)), frame(ack(0, 5), False, 1.5)])
        self.assertEqual(
            first,
            {
                "type": "datagram",
                "time": START / 1e9,
                "source": "10.0.0.2:40000",
                "destination": "10.0.0.1:4000",
                "bytes": 27,
                "crypt": "null",
                "guess": True,
                "recovered": False,
                "segments": [
                    {
                        "conv": CONV,
                        "cmd": "PUSH",
                        "frg": 0,
                        "wnd": 128,
                        "ts": 5,
                        "sn": 0,
                        "una": 0,
                        "length": 3,
                        "copy": "new",
                    }
                ],
            },
        )
        self.assertEqual(second["segments"][0]["roundTrip"], 1.5)

    def test_others(self) -> None:
        """
        FEC, out-of-band packets, control frames and what is malformed.
        """
        shards = [frame(one) for one in FECEncoder(2, 1).encode([push(0), push(1)], 0)]
        *found, _ = objects(shards)
        self.assertEqual(
            [one["fec"] for one in found],
            [
                {"seqid": 0, "kind": "data"},
                {"seqid": 1, "kind": "data"},
                {"seqid": 2, "kind": "parity"},
            ],
        )
        (one, _) = objects([frame(outOfBandPacket(3, b"abc"))])
        self.assertEqual(one["outOfBand"], {"conv": 3, "length": 3})
        (one, _) = objects([frame(control(Hello(2, 9)))])
        self.assertEqual(
            one["segments"][0]["control"],
            {
                "to": "00" * 8,
                "source": "4142434445464748",
                "frames": [{"frame": "hello", "features": "stream", "window": 9}],
            },
        )
        (one, _) = objects([frame(push(0) + b"a")], "--crypt", "null")
        self.assertEqual(one["problem"], "1 bytes that are no segment")
        one, unopened = objects([frame(b"what is this")], "--all")
        self.assertEqual(one["problem"], "encrypted, or no KCP")
        self.assertEqual(
            unopened,
            {
                "type": "unopened",
                "ends": ["10.0.0.2:40000", "10.0.0.1:4000"],
                "crypt": None,
                "refused": 1,
                "opened": 0,
                "looksLike": None,
            },
        )

    def test_documented(self) -> None:
        """
        docs/dump.md has every field.
        """
        smux = header(2, SYN, 0, 3) + update(3, 1, 2) + header(2, PSH, 1, 3) + b"a"
        data = [smux, *[b"abc"] * 9]
        packets = FECEncoder(10, 3).encode([push(sn, sn, data[sn]) for sn in range(10)], 0)
        found = objects(
            [
                *map(frame, packets),
                frame(ack(0), False, 1),
                frame(outOfBandPacket(CONV, b"")),
                frame(control(Hello(2, 9))),
                frame(b"what is this"),
            ],
            "--all",
        )
        fields: set[str] = set()
        waiting: list[object] = list(found)
        while waiting:
            one = waiting.pop()
            if isinstance(one, dict):
                fields.update(one)
                waiting += one.values()
            elif isinstance(one, list):
                waiting += one
        named = {
            name
            for row in rows(section(PAGE, "JSON"))[2:]
            for name in row[0].replace("`", "").split(", ")
        }
        # Those are a field of a control frame, and names of smux frames.
        self.assertEqual(fields - {"features", "SYN", "UPD"} - named, set())
