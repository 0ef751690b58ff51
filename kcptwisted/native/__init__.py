"""
The accelerator: the few things that C does much faster than Python can, compiled where the package
was installed with a C compiler at hand.  Everything works without it, and gives the same bytes.
"""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from typing import Any, NamedTuple

#: C{KCP_INTERFACE} of C{accelerator.h}.
INTERFACE = 3

#: Set to "no" in the environment, the accelerator is left alone even if it is there.
VARIABLE = "KCPTWISTED_ACCELERATOR"


class Accelerator(NamedTuple):
    """
    The compiled functions, as C{accelerator.h} declares them.

    @ivar ffi: cffi's means to hand memory to them.
    @ivar lib: the functions.
    """

    ffi: Any
    lib: Any

    @property
    def kernels(self) -> dict[str, int]:
        """
        What this processor can run of the vector kernels: the number of each by its name, the
        fastest last.
        """
        names = ("PORTABLE", "SSSE3", "AVX2", "GFNI", "NEON")
        numbers = {name: getattr(self.lib, f"KCP_{name}") for name in names}
        return {
            name: number for name, number in numbers.items() if self.lib.kcp_gf_available(number)
        }


class Scratch:
    """
    Memory for results, kept from call to call: to get large pieces from the system again and again
    costs more than to fill them.  For one thread, as the reactor's.
    """

    def __init__(self, native: Accelerator) -> None:
        self._ffi = native.ffi
        self._size = -1

    def reserve(self, size: int) -> tuple[Any, Any]:
        """
        @param size: bytes.
        @return: a pointer to so many, and what gives them as C{bytes} when it is sliced.
        """
        if size > self._size:
            self._memory = self._ffi.new("uint8_t[]", size)
            self._bytes = self._ffi.buffer(self._memory)
            # Last: there may be no memory left.
            self._size = size
        return self._memory, self._bytes


@cache
def accelerator() -> Accelerator | None:
    """
    @return: the accelerator; None if it was not built, was built from other sources, or is
        switched off by L{VARIABLE}.
    """
    if os.environ.get(VARIABLE) == "no":
        return None
    try:
        from kcptwisted.native._accelerator import ffi, lib
    except ImportError:
        return None
    return Accelerator(ffi, lib) if getattr(lib, "KCP_INTERFACE", None) == INTERFACE else None


def isCompiled() -> bool:
    """
    @return: whether the package was built with C{KCPTWISTED_COMPILE=yes}.
    """
    spec = find_spec("kcptwisted.arq.conversation")
    return spec is not None and not str(spec.origin).endswith(".py")


def describe() -> str:
    """
    @return: what is active, for people.
    """
    found = accelerator()
    parts = [] if found is None else ["accelerated", list(found.kernels)[-1]]
    if isCompiled():
        parts.append("compiled")
    return ", ".join(parts) or "pure Python"
