"""
Describes the accelerator to cffi.  C{setup.py} imports this module to build the accelerator;
nothing imports it at run time.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cffi import FFI

_FOLDER = Path(__file__).parent
_SOURCES = ("gf256.c", "cfb.c", "salsa20.c", "xor.c", "checked.c")

ffibuilder = FFI()
ffibuilder.cdef(_FOLDER.joinpath("accelerator.h").read_text("ascii"))
ffibuilder.set_source(
    "kcptwisted.native._accelerator",
    '#include "accelerator.h"',
    # setuptools takes paths relative to setup.py.
    sources=[f"kcptwisted/native/{name}" for name in _SOURCES],
    include_dirs=["kcptwisted/native"],
    depends=[f"kcptwisted/native/{name}" for name in ("accelerator.h", "gf256_kernel.h")],
    extra_compile_args=[] if sys.platform == "win32" else ["-O3"],
)
