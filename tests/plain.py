"""
What only plain Python allows.
"""

from __future__ import annotations

from unittest import SkipTest

from kcptwisted.native import isCompiled


def needsPlain() -> None:
    """
    Skips a test that replaces methods of inner classes, or counts their calls.
    """
    if isCompiled():
        raise SkipTest("compiled methods can be neither replaced nor counted")
