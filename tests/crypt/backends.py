"""
The two ways in which our own ciphers are done.
"""

from __future__ import annotations

from kcptwisted.native import Accelerator, accelerator

#: Why tests of the accelerator are left out; None where there is one.
NO_ACCELERATOR = None if accelerator() else "the accelerator is not built, or is switched off"


def native() -> Accelerator:
    """
    @return: the accelerator.
    """
    found = accelerator()
    assert found is not None
    return found
