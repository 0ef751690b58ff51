"""
Our ends' parts on what kcptun sent; see C{tests/vectors/README.md}.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.internet.protocol import Protocol
from twisted.protocols.policies import WrappingFactory
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.services.kcptun.carrier import Carrier
from kcptwisted.services.kcptun.configuration import configure
from kcptwisted.services.kcptun.flags import SERVER
from kcptwisted.services.kcptun.settings import kcpOptions
from kcptwisted.smux.frames import PSH, FrameParser
from tests.test_captures import (
    CODED,
    DIRECTIONS,
    RECORDINGS,
    Recording,
    loadRecording,
    readStream,
)

_PATHS = sorted((Path(__file__).parents[2] / "vectors" / "tunnels").glob("*.json"))
TUNNELS = [(loadRecording(path), json.loads(path.read_text())["smux"]) for path in _PATHS]


class Session(Protocol):
    """
    Takes frames apart.
    """

    def __init__(self, version: int) -> None:
        self._parser = FrameParser(version)
        self.streams: dict[int, bytes] = {}

    def dataReceived(self, data: bytes) -> None:
        """
        Keep what each stream carries.
        """
        for frame in self._parser.parse(data):
            if frame.command == PSH:
                found = self.streams.get(frame.stream, b"")
                self.streams[frame.stream] = found + frame.payload
        assert self._parser.error is None


class RecordedTests(SynchronousTestCase):
    """
    The application's bytes come out of the recorded datagrams.
    """

    def check(self, recording: Recording, version: int, pieces: int, lossy: bool = False) -> None:
        """
        Take a recording apart.

        @param pieces: how many bytes of the stream come at once.
        """
        for direction in DIRECTIONS:
            stream = readStream(recording, direction, lossy)
            session = Session(version)
            unused: Any = None
            carrier = Carrier(WrappingFactory(unused), session, recording.compressed, version)
            for start in range(0, len(stream), pieces):
                carrier.dataReceived(stream[start : start + pieces])
            expected = dict(zip((3, 5), recording.streams[direction], strict=True))
            self.assertEqual(session.streams, expected, recording.name)

    def test_ciphers(self) -> None:
        """
        With each cipher.
        """
        for recording in RECORDINGS:
            self.check(recording, 1, 1 << 20)

    def test_pieces(self) -> None:
        """
        However the stream is cut.
        """
        for pieces in (1, 7, 1000):
            self.check(RECORDINGS[0], 1, pieces)
            for recording, version in TUNNELS:
                self.check(recording, version, pieces)

    def test_versions(self) -> None:
        """
        Both versions of smux, with and without compression.
        """
        found = []
        for recording, version in TUNNELS:
            self.check(recording, version, 1 << 20)
            found.append((recording.compressed, version))
        self.assertEqual(found, [(True, 2), (False, 1), (False, 1), (False, 2)])

    def test_lossy(self) -> None:
        """
        With as many datagrams lost as parity makes up for.
        """
        for recording in CODED:
            self.check(recording, 1, 1 << 20, lossy=True)

    def test_keys(self) -> None:
        """
        C{--key} and C{--crypt} give the key that was used.
        """
        for recording in RECORDINGS:
            flags = [f"--crypt={recording.cipherName}", "--key=smux-spec-passphrase"]
            options = kcpOptions(configure(flags, SERVER, {}))
            self.assertEqual(options.cipher.name, recording.cipherName)
            self.assertEqual(options.cipherKey, recording.key)
