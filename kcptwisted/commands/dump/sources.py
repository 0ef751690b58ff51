"""
Captured frames from files, by scapy.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any, NamedTuple

#: The extra that brings scapy.
EXTRA = "pip install 'kcptwisted[dump]'"

_SECOND = 1_000_000_000

#: Bytes of a frame that are read, at most: what segmentation offload joins, with its headers.
_MOST = 0x10000 + 256


class Frame(NamedTuple):
    """
    A captured frame.

    @ivar time: nanoseconds since the epoch.
    @ivar linkType: what it begins with (https://www.tcpdump.org/linktypes.html).
    @ivar data: as much as was captured.
    """

    time: int
    linkType: int
    data: bytes


class SourceError(Exception):
    """
    Frames cannot be had, or no more of them.  The message says why.
    """


class _Complaints(logging.Handler):
    """
    Keeps what scapy complains of.

    @ivar last: the last complaint; empty if there is none.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        """
        Takes one.
        """
        self.last = record.getMessage()


def _load() -> tuple[Any, _Complaints]:
    """
    Returns scapy's module for captures, and its complaints from now on.

    @raise SourceError: if it is not installed.
    """
    log = logging.getLogger("scapy")
    complaints = _Complaints()
    # What it does not find on this host does not matter here.
    log.setLevel(logging.CRITICAL)
    try:
        import scapy.utils
    except ImportError as problem:
        raise SourceError(f"scapy is missing: {EXTRA}") from problem
    log.setLevel(logging.WARNING)
    log.handlers = [complaints]
    runtime = logging.getLogger("scapy.runtime")
    runtime.handlers = []
    # It would leave out what has been said twice within some seconds.
    runtime.filters = []
    return scapy.utils, complaints


def readFile(path: str) -> Iterator[Frame]:
    """
    Reads a capture: pcap or pcapng, also compressed by gzip.

    @param path: C{-} is standard input.
    @raise SourceError: if it cannot be read, or ends in the middle of a packet.
    """
    utils, complaints = _load()
    source: Any = sys.stdin.buffer if path == "-" else path
    try:
        reader = utils.RawPcapNgReader(source)
    except OSError as problem:
        raise SourceError(f"{path}: {problem.strerror}") from problem
    except Exception as problem:
        raise SourceError(f"{path} is no pcap or pcapng file: {problem}") from problem
    with closing(reader):
        make = _fromPcapNg if isinstance(reader, utils.RawPcapNgReader) else _fromPcap
        while True:
            complaints.last = ""
            try:
                data, about = reader._read_packet(_MOST)
            except EOFError as problem:
                if str(problem) or complaints.last:
                    raise _damage(path, str(problem) or complaints.last) from problem
                return
            except Exception as problem:
                raise _damage(path, str(problem)) from problem
            frame = make(reader, data, about)
            if frame is not None:
                yield frame
            if len(data) < getattr(about, "caplen", 0):
                raise _damage(path, "it ends in the middle of a packet")


def _damage(path: str, problem: str) -> SourceError:
    return SourceError(f"{path} is damaged, and not read to its end: {problem}")


def _fromPcap(reader: Any, data: bytes, about: Any) -> Frame:
    fraction = about.usec if reader.nano else about.usec * 1000
    # The upper bits say how long the frame check sequence is.
    return Frame(about.sec * _SECOND + fraction, reader.linktype & 0xFFFF, data)


def _fromPcapNg(reader: Any, data: bytes, about: Any) -> Frame | None:
    if about.linktype is None:
        return None
    ticks = ((about.tshigh or 0) << 32) + (about.tslow or 0)
    return Frame(ticks * _SECOND // about.tsresol, about.linktype, data)
