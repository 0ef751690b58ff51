"""
C{kcptwisted dump} of what kcptun sent; see C{tests/vectors/README.md}.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.dump.names import endpoint
from tests.commands.dump.captures import CLIENT
from tests.commands.dump.recordings import RECORDINGS, Recording
from tests.commands.dump.running import objects

DIRECTIONS = ("c2s", "s2c")


class RecordingTests(SynchronousTestCase):
    """
    The summary says what is known of a recording.
    """

    def summary(self, recording: Recording, *options: str) -> dict[str, Any]:
        """
        @return: that of the only conversation.
        """
        found = objects(recording.frames(), *recording.options, *options)
        summaries = [one for one in found if one["type"] != "datagram"]
        self.assertEqual([one["type"] for one in summaries], ["conversation"], recording.name)
        return summaries[0]

    def test_summary(self) -> None:
        """
        Cipher, datagrams, bytes, and the shards of FEC are those of the recording; nothing was
        lost, nothing malformed.
        """
        for recording in RECORDINGS:
            summary = self.summary(recording)
            self.assertEqual((summary["crypt"], summary["guess"]), (recording.crypt, False))
            for way, direction in zip(DIRECTIONS, summary["directions"], strict=True):
                payloads = [payload for given, payload, _ in recording.payloads if given == way]
                self.assertEqual(direction["datagrams"], len(payloads), recording.name)
                self.assertEqual(direction["bytes"], sum(map(len, payloads)), recording.name)
                for count in ("malformed", "lost", "overtaken", "missing", "outOfBand"):
                    self.assertEqual(direction[count], 0, (recording.name, count))
                self.checkFEC(recording, direction, len(payloads))

    def checkFEC(self, recording: Recording, direction: dict[str, Any], count: int) -> None:
        """
        @param count: datagrams.
        """
        fec = direction["fec"]
        if not recording.dataShards:
            self.assertIsNone(fec)
            return
        data, parity = recording.dataShards, recording.parityShards
        groups, rest = divmod(count, data + parity)
        self.assertEqual(fec["data"], groups * data + min(rest, data), recording.name)
        self.assertEqual(fec["parity"], groups * parity + max(rest - data, 0), recording.name)
        self.assertEqual(fec["recovered"], 0)
        if groups:
            self.assertEqual((fec["dataShards"], fec["parityShards"]), (data, parity))
            self.assertEqual(fec["missing"], 0)

    def test_smux(self) -> None:
        """
        The smux of both versions has the connections and the bytes of the recording; what snappy
        has compressed is said to be that.
        """
        versions = []
        for recording in RECORDINGS:
            summary = self.summary(recording)
            for way, direction in zip(DIRECTIONS, summary["directions"], strict=True):
                smux = direction["smux"]
                if recording.compressed:
                    self.assertEqual(smux, {"compressed": True})
                    continue
                versions.append(smux["version"])
                self.assertEqual(smux["version"], recording.smux, recording.name)
                carried = sum(len(stream[way]) for stream in recording.streams)
                self.assertEqual((smux["data"], smux["problem"]), (carried, None))
                count = len(recording.streams)
                opened = count if way == "c2s" else 0
                self.assertEqual(smux["frames"].get("SYN", 0), opened, recording.name)
                self.assertEqual(smux["frames"]["FIN"], count, recording.name)
        self.assertEqual(set(versions), {1, 2})

    def test_streams(self) -> None:
        """
        Each stream's frames have the bytes of its connection.
        """
        for recording in RECORDINGS:
            if recording.compressed:
                continue
            found = objects(recording.frames(), *recording.options)
            sizes: dict[tuple[str, int], int] = {}
            for datagram in found:
                for segment in datagram.get("segments", ()):
                    for one in segment.get("smux", ()):
                        way = "c2s" if datagram["source"] == endpoint(CLIENT) else "s2c"
                        key = way, one["stream"]
                        sizes[key] = sizes.get(key, 0) + one.get("bytes", 0)
            # kcptun numbers its streams from 3 on, leaving out every other number.
            expected = {
                (way, 3 + 2 * number): len(stream[way])
                for number, stream in enumerate(recording.streams)
                for way in DIRECTIONS
            }
            self.assertEqual(sizes, expected, recording.name)

    def test_roundTrips(self) -> None:
        """
        Round trips are as long as the recording's times say.
        """
        (recording,) = [one for one in RECORDINGS if one.name == "smux2"]
        first = next(time for way, _, time in recording.payloads if way == "s2c")
        last = recording.payloads[-1][2]
        summary = self.summary(recording)
        for direction in summary["directions"]:
            times = direction["roundTrip"]
            self.assertTrue(0 < times["least"] <= times["average"] <= times["most"] < last)
        self.assertLessEqual(summary["directions"][0]["roundTrip"]["least"], first)

    def test_lost(self) -> None:
        """
        If a capture lacks two data shards of each whole group they are rebuilt and counted.
        """
        for recording in RECORDINGS:
            sent = [entry for entry in recording.payloads if entry[0] == "c2s"]
            if recording.dataShards == 0 or len(sent) < 26:
                continue
            # In the first group, which tells of the counts, nothing is lost.
            lost = [id(sent[place]) for place in (14, 17)]
            kept = [entry for entry in recording.payloads if id(entry) not in lost]
            recording = Recording(**{**vars(recording), "payloads": kept})
            client = self.summary(recording)["directions"][0]
            self.assertEqual(client["fec"]["missing"], 2, recording.name)
            self.assertEqual(client["fec"]["recovered"], 2, recording.name)
            self.assertEqual(client["missing"], 0, recording.name)

    def test_guess(self) -> None:
        """
        Without C{--crypt} it is seen which are not encrypted, and of the others nothing.
        """
        for recording in RECORDINGS:
            found = [one for one in objects(recording.frames()) if one["type"] != "datagram"]
            if recording.crypt == "none":
                (summary,) = found
                self.assertEqual((summary["crypt"], summary["guess"]), ("none", True))
            else:
                (unopened,) = found
                self.assertEqual(unopened["type"], "unopened")
                self.assertEqual(unopened["refused"], len(recording.payloads))

    def test_otherKey(self) -> None:
        """
        With another key nothing opens.
        """
        for recording in RECORDINGS:
            if recording.crypt != "none":
                (unopened,) = objects(
                    recording.frames(), "--crypt", recording.crypt, "--key", "other"
                )
                self.assertEqual(
                    (unopened["crypt"], unopened["opened"], unopened["refused"]),
                    (recording.crypt, 0, len(recording.payloads)),
                )
