"""
Keeping freed memory in the process.
"""

from __future__ import annotations

#: Bytes.  Glibc keeps twice as much free memory at hand as the largest piece that it ever took from
#: the system by itself and was given back (mallopt(3), M_MMAP_THRESHOLD).
LARGEST_PIECE = 4 << 20


def keepFreedMemory() -> None:
    """
    Lets glibc keep up to 8 MiB of freed memory, which is about what a window of datagrams takes on
    its way through the layers.  By default it returns all beyond 128 KiB to the system at once, and
    the system clears each page again before it is used.  Nothing changes with other allocators.
    """
    # Never written to, it takes no memory.
    bytes(LARGEST_PIECE)
