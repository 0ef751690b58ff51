"""
The accelerator: code in C for the few things that C does much faster than Python.  It is compiled
when the package is installed, if there is a C compiler.  Without it Python gives the same bytes.
"""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from typing import Any, NamedTuple

#: The value of C{KCP_INTERFACE} in C{accelerator.h}.
INTERFACE = 3

#: The environment variable that switches the accelerator off if its value is "no".
ACCELERATOR_VARIABLE = "KCPTWISTED_ACCELERATOR"


class Accelerator(NamedTuple):
    """
    The compiled functions that C{accelerator.h} declares.

    @ivar ffi: cffi's interface to memory.
    @ivar lib: the functions.
    """

    ffi: Any
    lib: Any

    @property
    def kernels(self) -> dict[str, int]:
        """
        The vector kernels that this processor can run: their numbers by name, the fastest last.
        """
        names = ("PORTABLE", "SSSE3", "AVX2", "GFNI", "NEON")
        numbers = {name: getattr(self.lib, f"KCP_{name}") for name in names}
        return {
            name: number for name, number in numbers.items() if self.lib.kcp_gf_available(number)
        }


class Scratch:
    """
    Memory for results that is kept from call to call.  To get large pieces of memory from the
    operating system again and again costs more than to fill them.  Only one thread may use it, such
    as the reactor's.
    """

    def __init__(self, native: Accelerator) -> None:
        self._ffi = native.ffi
        self._size = -1

    def reserve(self, size: int) -> tuple[Any, Any]:
        """
        Reserves memory.  It is valid until the next call.

        @param size: bytes.
        @return: a pointer to the memory, and a buffer whose slices are copies of it as C{bytes}.
        """
        if size > self._size:
            self._memory = self._ffi.new("uint8_t[]", size)
            self._bytes = self._ffi.buffer(self._memory)
            # Last, because there may not be enough memory.
            self._size = size
        return self._memory, self._bytes


@cache
def accelerator() -> Accelerator | None:
    """
    Returns the accelerator.  Returns None if it was not built, was built from other sources, or is
    switched off by L{ACCELERATOR_VARIABLE}.
    """
    if os.environ.get(ACCELERATOR_VARIABLE) == "no":
        return None
    try:
        from kcptwisted.native._accelerator import ffi, lib
    except ImportError:
        return None
    return Accelerator(ffi, lib) if getattr(lib, "KCP_INTERFACE", None) == INTERFACE else None


def isCompiled() -> bool:
    """
    Returns True if the modules that a message passes through are compiled (docs/architecture.md).
    """
    spec = find_spec("kcptwisted.arq.conversation")
    return spec is not None and not str(spec.origin).endswith(".py")


def describe() -> str:
    """
    Says for people whether the accelerator is in use, with which kernel, and whether the package is
    compiled.
    """
    found = accelerator()
    parts = [] if found is None else ["accelerated", list(found.kernels)[-1]]
    if isCompiled():
        parts.append("compiled")
    return ", ".join(parts) or "pure Python"
