"""
What a process has used, and how many files it may open.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from time import process_time

_STATM = Path("/proc/self/statm")

#: Descriptors beside the sessions' own: standard streams, the reactor's, libraries while they load.
SPARE = 64


def usage() -> dict[str, float]:
    """
    @return: C{cpu}, the CPU seconds of this process so far, and C{rss}, its memory in bytes.  Where
        the system does not tell the present memory it is the most so far, or 0.
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
        There is no limit to change.
        """

else:
    import resource

    def _peak() -> int:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024

    def allowDescriptors(count: int) -> None:
        """
        Raise the limit of open files as far as this process may.

        @param count: how many sessions need one each; 0 if that is not known.
        @raise ValueError: if even then there are too few.
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
