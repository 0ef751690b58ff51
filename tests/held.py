"""
What an object holds, and how much memory that is.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from enum import Enum
from types import BuiltinMethodType, FunctionType, MethodType, ModuleType

#: Bytes that the garbage collector adds to each object that it watches.
COLLECTED = 16

#: What belongs to the program.
SHARED = (type, ModuleType, FunctionType, BuiltinMethodType, MethodType, Enum, type(None))


def held(root: object, others: Sequence[object]) -> list[object]:
    """
    @param others: what is reached from C{root} and belongs to somebody else.
    @return: C{root} and all else that is reached from it.
    """
    seen = {id(other) for other in (root, *others)}
    found = [root]
    for each in found:
        for other in gc.get_referents(each):
            if id(other) not in seen and not isinstance(other, SHARED):
                seen.add(id(other))
                found.append(other)
    return found


def size(objects: Sequence[object]) -> int:
    """
    @return: bytes.
    """
    return sum(sys.getsizeof(each) + (COLLECTED if gc.is_tracked(each) else 0) for each in objects)
