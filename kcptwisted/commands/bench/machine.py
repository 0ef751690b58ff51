"""
Describes the machine and the software of a measurement, so that measurements can be compared.
"""

from __future__ import annotations

import os
import platform
from typing import Any

import cryptography

import twisted
from kcptwisted import __version__
from kcptwisted.native import describe


def machine(reactor: Any) -> dict[str, str]:
    """
    Describes this machine and its software.

    @param reactor: the reactor in use.
    @return: versions and properties by name, for people.
    """
    return {
        "kcptwisted": f"{__version__} ({describe()})",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "Twisted": twisted.__version__,
        "cryptography": cryptography.__version__,
        "reactor": type(reactor).__name__,
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "CPUs": str(_processors()),
    }


def _processors() -> int:
    """
    Returns how many CPUs this process may run on.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
