"""
What an object holds that nothing else does.
"""

from __future__ import annotations

import gc
import sys
from types import BuiltinMethodType, FunctionType, MethodType, ModuleType

#: Bytes that the garbage collector adds to each object that it watches.
COLLECTED = 16

#: What belongs to the program.
SHARED = (type, ModuleType, FunctionType, BuiltinMethodType, MethodType)


def held(root: object, *others: object) -> list[object]:
    """
    @param others: what C{root} refers to and does not hold, such as its owner.
    @return: C{root} and all that is reached from it.
    """
    seen = {id(other) for other in others}
    found = [root]
    for each in found:
        seen.add(id(each))
        found += [
            other
            for other in {id(other): other for other in gc.get_referents(each)}.values()
            if id(other) not in seen and not isinstance(other, SHARED)
        ]
    return found


def size(objects: list[object]) -> int:
    """
    @return: bytes.
    """
    return sum(sys.getsizeof(each) + (COLLECTED if gc.is_tracked(each) else 0) for each in objects)
