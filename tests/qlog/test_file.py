"""
Tests for L{kcptwisted.qlog.file}.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.qlog.file import BUFFER, Directory
from kcptwisted.stats import PortStats
from tests.qlog.records import read


class FileTests(SynchronousTestCase):
    """
    Tests for L{Directory} and L{RecordFile<kcptwisted.qlog.file.RecordFile>}.
    """

    def setUp(self) -> None:
        """
        A directory, and what is logged.
        """
        self.path = Path(self.mktemp())
        self.path.mkdir()
        self.stats = PortStats()
        self.directory = Directory(str(self.path), self.stats)
        self.logged: list[str] = []

        def observe(event: dict[str, Any]) -> None:
            if event.get("log_namespace") == "kcptwisted.qlog.file.Directory":
                self.logged.append(event["log_format"].format(**event))

        observer: Any = observe
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def test_records(self) -> None:
        """
        Records are read as they were written, each between a record separator and a newline.
        """
        file = self.directory.open("one")
        for record in ({"a": 1}, {"b": "ü"}):
            file.write(record)
        self.assertEqual(list(self.path.iterdir()), [])
        file.flush()
        file.write({"c": [None, True]})
        file.flush()
        self.assertEqual(
            (self.path / "one.sqlog").read_bytes(),
            '\x1e{"a":1}\n\x1e{"b":"ü"}\n\x1e{"c":[null,true]}\n'.encode(),
        )

    def test_bounded(self) -> None:
        """
        No more than L{BUFFER} waits to be written.
        """
        file = self.directory.open("one")
        for _ in range(100):
            file.write({"text": "x" * (BUFFER // 10)})
            self.assertLess(file._size, BUFFER)
        file.flush()
        self.assertEqual(len(read(self.path / "one.sqlog")), 100)

    def test_names(self) -> None:
        """
        A file that is there is not written to.
        """
        for number in range(3):
            file = self.directory.open("one")
            file.write({"number": number})
            file.flush()
        found = {path.name: read(path) for path in self.path.iterdir()}
        self.assertEqual(
            found,
            {
                "one.sqlog": [{"number": 0}],
                "one-2.sqlog": [{"number": 1}],
                "one-3.sqlog": [{"number": 2}],
            },
        )

    def test_noDescriptor(self) -> None:
        """
        No descriptor stays open: there may be more connections than that.
        """
        before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
        files = [self.directory.open(str(number)) for number in range(5)]
        for file in files:
            file.write({})
            file.flush()
        if before:
            self.assertEqual(len(os.listdir("/proc/self/fd")), before)

    def test_full(self) -> None:
        """
        When the disk is full the records are counted, the first time is logged, and nothing is
        raised.  What follows in that file would have a gap, and is not written.
        """
        one, other = self.directory.open("one"), self.directory.open("other")
        one.write({"first": 1})
        one.flush()

        def full(descriptor: int, data: bytes) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with self.patched(full):
            for file in (one, other):
                file.write({"second": 2})
                file.write({"third": 3})
                file.flush()
        self.assertEqual(self.stats.QlogErrs, 4)
        one.write({"fourth": 4})
        one.flush()
        self.assertEqual(self.stats.QlogErrs, 5)
        self.assertEqual(read(self.path / "one.sqlog"), [{"first": 1}])
        (line,) = self.logged
        self.assertEqual(
            line,
            f"qlog={self.path}: [Errno {errno.ENOSPC}] {os.strerror(errno.ENOSPC)}; connections go"
            " on, and what is not written is counted in QlogErrs",
        )

    def patched(self, write: object) -> Patched:
        """
        @return: a context in which the system writes otherwise.
        """
        return Patched(write)

    def test_short(self) -> None:
        """
        A write that takes a part is gone on with.
        """
        whole = os.write
        with self.patched(lambda descriptor, data: whole(descriptor, data[:3])):
            file = self.directory.open("one")
            file.write({"text": "more than three bytes"})
            file.flush()
        self.assertEqual(read(self.path / "one.sqlog"), [{"text": "more than three bytes"}])

    def test_gone(self) -> None:
        """
        So it is when the directory is gone.
        """
        self.path.rmdir()
        file = self.directory.open("one")
        file.write({})
        file.flush()
        self.assertEqual((self.stats.QlogErrs, len(self.logged)), (1, 1))

    def test_forked(self) -> None:
        """
        A process that was forked does not write what its parent will write.
        """
        file = self.directory.open("one")
        file.write({"parent": 1})
        parent = os.getpid()
        self.patch(os, "getpid", lambda: parent + 1)
        file.flush()
        self.assertEqual(list(self.path.iterdir()), [])
        self.assertEqual(self.stats.QlogErrs, 0)


class Patched:
    """
    A context in which L{os.write} is another function.
    """

    def __init__(self, write: object) -> None:
        self._write = write
        self._before: object = None

    def __enter__(self) -> None:
        self._before = os.write
        os.write = self._write  # type: ignore[assignment]

    def __exit__(self, *_: object) -> None:
        os.write = self._before  # type: ignore[assignment]
