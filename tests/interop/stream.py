"""
The test stream: the same bytes that C{gopeer} makes of a seed.
"""

from __future__ import annotations

from hashlib import sha256

from kcptwisted.commands.bench.stream import Pattern

__all__ = ["Pattern", "streamHash"]


def streamHash(count: int) -> str:
    """
    @return: SHA-256 of the beginning of the test stream.
    """
    return sha256(Pattern().take(count)).hexdigest()
