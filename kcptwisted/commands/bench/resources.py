"""
Measures what a process has used, and raises the number of files that it may open.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from time import process_time

_STATM = Path("/proc/self/statm")

#: Descriptors for other things than sessions: standard streams, the reactor, loading of libraries.
SPARE = 64


def usage() -> dict[str, float]:
    """
    Returns C{cpu}, the CPU seconds of this process so far, and C{rss}, its resident memory in
    bytes.  Where the operating system does not say its present memory, C{rss} is the maximum so
    far, or 0.
    """
    return {"cpu": process_time(), "rss": _memory()}


def _memory() -> int:
    try:
        pages = int(_STATM.read_text().split()[1])
    except OSError:
        return _peak()
    return pages * os.sysconf("SC_PAGE_SIZE")


if sys.platform == "win32":

    def _peak() -> int:
        return 0

    def allowDescriptors(count: int) -> None:
        """
        Does nothing: there is no such limit.
        """

else:
    import resource

    def _peak() -> int:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024

    def allowDescriptors(count: int) -> None:
        """
        Raises the limit of open files to the hard limit.

        @param count: how many sessions need a file each; 0 if that is not known.
        @raise ValueError: if the hard limit is too low for so many sessions.
        """
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != hard:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        if hard != resource.RLIM_INFINITY and count + SPARE > hard:
            raise ValueError(
                f"{count} sessions need a socket each, and this process may have only {hard}"
                f" open files: at most {max(hard - SPARE, 0)} sessions, or raise the hard limit"
                " (ulimit -Hn)"
            )
