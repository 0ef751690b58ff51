"""
Bytes made of others.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

#: Bytes of the longest.
LONGEST = 2000


def mutant(known: Sequence[bytes], random: Random) -> bytes:
    """
    @return: one of C{known} with some changes, two of them joined, or other bytes.
    """
    data = bytearray(random.choice(known))
    for _ in range(random.randrange(1, 8)):
        at = random.randrange(len(data) + 1)
        kind = random.randrange(5)
        if kind == 0:
            data[at : at + 1] = random.randbytes(1)
        elif kind == 1:
            del data[at : at + random.randrange(20)]
        elif kind == 2:
            data[at:at] = random.randbytes(random.randrange(60))
        elif kind == 3:
            data[at:] = random.choice(known)
        else:
            start = random.randrange(len(data) + 1)
            data[at:at] = data[start : start + random.randrange(60)]
    return bytes(data[:LONGEST])
