"""
Keeping memory from going to the system and back with every batch.
"""

from __future__ import annotations

#: Bytes.  Glibc keeps twice as much free memory at hand as the largest piece that it ever took from
#: the system by itself and was given back (mallopt(3), M_MMAP_THRESHOLD).
LARGEST_PIECE = 4 << 20


def keepFreedMemory() -> None:
    """
    Have glibc keep up to 8 MiB of freed memory, about what a window's worth of datagrams takes on
    its way through the layers.  By its default it gives back all beyond 128 KiB at once, and the
    system clears each page that is asked for again.  With other allocators nothing changes.
    """
    # Never written to, it takes no memory.
    bytes(LARGEST_PIECE)
