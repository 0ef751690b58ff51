"""
Files that records are written to.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from twisted.logger import Logger

from kcptwisted.stats import PortStats

#: Bytes of records that wait to be written, about.
BUFFER = 32 * 1024

#: Files of the same name that are tried.
_TRIES = 100


class Directory:
    """
    Where the files of one port are.

    @ivar path: the directory.
    """

    _log = Logger()

    def __init__(self, path: str, stats: PortStats) -> None:
        """
        @param stats: counts what cannot be written.
        """
        self.path = path
        self._stats = stats
        self._complained = False

    def open(self, name: str) -> RecordFile:
        """
        Returns a new file.

        @param name: without its ending; if there is such a file a number is added.
        """
        return RecordFile(self, os.path.join(self.path, name))

    def failed(self, problem: OSError, records: int) -> None:
        """
        Counts what could not be written, and logs the first time.
        """
        self._stats.QlogErrs += records
        if not self._complained:
            self._complained = True
            self._log.error(
                "qlog={path}: {problem}; connections go on, and what is not written is counted in"
                " QlogErrs",
                path=self.path,
                problem=problem,
            )


class RecordFile:
    """
    A JSON text sequence (RFC 7464) that grows.  It is open only while something is written: there
    may be more connections than descriptors.  What cannot be written is lost, and nothing follows
    it.
    """

    __slots__ = ("_buffer", "_directory", "_made", "_path", "_pid", "_size", "_stopped")

    def __init__(self, directory: Directory, path: str) -> None:
        """
        @param path: without its ending.
        """
        self._directory = directory
        self._path = path
        self._made = False
        self._stopped = False
        self._buffer: list[bytes] = []
        self._size = 0
        # A process that is forked has a copy of the buffer, and is not to write it again.
        self._pid = os.getpid()

    def write(self, record: Mapping[str, Any]) -> None:
        """
        Adds a record.
        """
        text = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
        line = b"\x1e" + text.encode("utf-8", "replace") + b"\n"
        self._buffer.append(line)
        self._size += len(line)
        if self._size >= BUFFER:
            self.flush()

    def flush(self) -> None:
        """
        Writes what waits.
        """
        records, self._buffer, self._size = self._buffer, [], 0
        if not records or os.getpid() != self._pid:
            return
        problem: OSError | None = None
        if not self._stopped:
            try:
                self._append(b"".join(records))
            except OSError as error:
                problem = error
                self._stopped = True
        if self._stopped:
            self._directory.failed(problem or OSError("no more is written"), len(records))

    def _append(self, data: bytes) -> None:
        descriptor = self._open()
        try:
            while data:
                data = data[os.write(descriptor, data) :]
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0)
        if self._made:
            return os.open(self._path, flags)
        stem = self._path
        for number in range(1, _TRIES + 1):
            self._path = f"{stem}.sqlog" if number == 1 else f"{stem}-{number}.sqlog"
            with suppress(FileExistsError):
                descriptor = os.open(self._path, flags | os.O_CREAT | os.O_EXCL, 0o666)
                self._made = True
                return descriptor
        raise FileExistsError(f"{self._path} is there already")
