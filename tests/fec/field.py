"""
The field of the Reed-Solomon code by the book, and all arithmetics that there are in it, for the
tests.
"""

from __future__ import annotations

from collections.abc import Sequence

import reedsolo

from kcptwisted.fec.arithmetic import AcceleratedArithmetic, PythonArithmetic, ShardArithmetic
from kcptwisted.native import accelerator


def byTheBook(a: int, b: int) -> int:
    """
    Multiply by long multiplication, as reedsolo does it.
    """
    result: int = reedsolo.gf_mult_noLUT(a, b, 0x11D, 256)
    return result


_PRODUCTS = [bytes([byTheBook(a, b) for b in range(256)]) for a in range(256)]


def combineByTheBook(factors: Sequence[bytes], shards: Sequence[bytes]) -> list[bytes]:
    """
    What L{ShardArithmetic.combine} gives, byte by byte.
    """
    sums = []
    for row in factors:
        total = bytearray(len(shards[0]))
        for factor, shard in zip(row, shards, strict=True):
            table = _PRODUCTS[factor]
            for at, value in enumerate(shard):
                total[at] ^= table[value]
        sums.append(bytes(total))
    return sums


def arithmetics() -> dict[str, ShardArithmetic]:
    """
    @return: by name, the one in Python, and one for each kernel that this machine can run.
    """
    found: dict[str, ShardArithmetic] = {"Python": PythonArithmetic()}
    native = accelerator()
    if native is not None:
        for name, kernel in native.kernels.items():
            found[name] = AcceleratedArithmetic(native, kernel)
    return found
