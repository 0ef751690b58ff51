"""
Tests for L{kcptwisted.commands.dump.sources}.
"""

from __future__ import annotations

import gzip
import sys
from importlib.util import find_spec
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.dump.sources import Frame, SourceError, readFile
from tests.commands.dump.captures import ETHERNET, RAW, START, pcap, pcapng, write
from tests.properties import given, settings, strategies

FRAMES = [(START, b"first"), (START + 1_234_567_891, b"the second")]

#: What a clock of microseconds leaves of these.
ROUGH = [(START, b"first"), (START + 1_234_567_000, b"the second")]


class FileTests(SynchronousTestCase):
    """
    Captures in files.
    """

    skip = None if find_spec("scapy") else "scapy is not installed"

    def read(self, data: bytes) -> list[Frame]:
        """
        @return: the frames in a file.
        """
        return list(readFile(write(self.mktemp(), data)))

    def expected(self, frames: list[tuple[int, bytes]], linkType: int = ETHERNET) -> list[Frame]:
        """
        @return: what is to be read.
        """
        return [Frame(time, linkType, data) for time, data in frames]

    def test_pcap(self) -> None:
        """
        pcap in both byte orders, with microseconds and with nanoseconds.
        """
        for order in "<>":
            for nano, frames in ((False, ROUGH), (True, FRAMES)):
                data = pcap(FRAMES, RAW, order, nano)
                self.assertEqual(self.read(data), self.expected(frames, RAW))

    def test_checkSequence(self) -> None:
        """
        What the header says of the frame check sequence is no part of the link type.
        """
        self.assertEqual(self.read(pcap(ROUGH, 0x24000001)), self.expected(ROUGH))

    def test_cut(self) -> None:
        """
        Of a frame that the capture has cut there is what it kept.
        """
        found = self.read(pcap(ROUGH, snaplen=4))
        self.assertEqual([frame.data for frame in found], [b"firs", b"the "])

    def test_pcapng(self) -> None:
        """
        pcapng in both byte orders, with interfaces of several link types.
        """
        for order in "<>":
            places = [(time, number, data) for number, (time, data) in enumerate(FRAMES)]
            found = self.read(pcapng(places, (ETHERNET, RAW), order))
            self.assertEqual([frame.linkType for frame in found], [ETHERNET, RAW])
            self.assertEqual([(frame.time, frame.data) for frame in found], FRAMES)

    def test_gzip(self) -> None:
        """
        A compressed file is read as it is.
        """
        self.assertEqual(self.read(gzip.compress(pcap(ROUGH))), self.expected(ROUGH))

    def test_empty(self) -> None:
        """
        A capture may have no frames.
        """
        self.assertEqual(self.read(pcap([])), [])
        self.assertEqual(self.read(pcapng([])), [])

    def test_wrong(self) -> None:
        """
        What is no capture, or not there, is said with the file's name.
        """
        for data in (b"", b"abc", b"what is this, then?" * 9, pcap([])[:10]):
            path = write(self.mktemp(), data)
            problem = self.assertRaises(SourceError, list, readFile(path))
            self.assertIn(path, str(problem))
            self.assertIn("no pcap or pcapng file", str(problem))
        problem = self.assertRaises(SourceError, list, readFile("/nowhere"))
        self.assertEqual(str(problem), "/nowhere: No such file or directory")
        directory = self.mktemp()
        Path(directory).mkdir()
        problem = self.assertRaises(SourceError, list, readFile(directory))
        self.assertEqual(str(problem), f"{directory}: Is a directory")

    def test_truncated(self) -> None:
        """
        Of a file that ends in the middle of a packet the packets before are read.
        """
        for data in (pcap(ROUGH), pcapng([(time, 0, frame) for time, frame in ROUGH])):
            found = []
            source = readFile(write(self.mktemp(), data[:-7]))
            problem = None
            try:
                while True:
                    found.append(next(source).data)
            except SourceError as error:
                problem = str(error)
            self.assertEqual(found[0], b"first")
            self.assertIn("is damaged, and not read to its end", str(problem))

    @settings(max_examples=60)
    @given(strategies.booleans(), strategies.binary(max_size=120), strategies.integers(0, 200))
    def test_garbage(self, isNew: bool, garbage: bytes, place: int) -> None:
        """
        Whatever the file holds, frames come or the error of this module.
        """
        frames = [(time, 0, data) for time, data in FRAMES]
        data = pcapng(frames) if isNew else pcap(FRAMES)
        path = write(self.mktemp(), data[:place] + garbage + data[place + len(garbage) :])
        try:
            for _ in readFile(path):
                pass
        except SourceError:
            pass


class MissingTests(SynchronousTestCase):
    """
    Without scapy.
    """

    def test_missing(self) -> None:
        """
        The extra is named.
        """
        for name in ("scapy", "scapy.utils"):
            known = sys.modules.get(name)
            if known is None:
                self.addCleanup(sys.modules.pop, name, None)
            else:
                self.addCleanup(sys.modules.__setitem__, name, known)
            sys.modules[name] = None  # type: ignore[assignment]
        problem = self.assertRaises(SourceError, list, readFile("file"))
        self.assertEqual(str(problem), "scapy is missing: pip install 'kcptwisted[dump]'")
