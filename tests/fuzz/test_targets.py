"""
Each target, in a bounded run; L{tests.fuzz.__main__} runs one for longer.
"""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz.mutants import mutant
from tests.fuzz.targets import TARGETS, seeds
from tests.properties import FACTOR, effort, given, strategies

#: Mutants of seeds, and runs with any bytes, in the usual run.
MUTANTS = 40
EXAMPLES = 25


def _anyBytes(target: str) -> Any:
    @effort(EXAMPLES)
    @given(strategies.binary(max_size=500))
    def test(self: SynchronousTestCase, data: bytes) -> None:
        TARGETS[target](data)

    test.__doc__ = f"Whatever the bytes are, {target} stands it."
    return test


class AnyBytesTests(SynchronousTestCase):
    """
    A target raises if there is something wrong.
    """

    def test_mutants(self) -> None:
        """
        All targets stand their seeds, and mutants of them.
        """
        random = Random() if FACTOR else Random(1)
        for name, target in TARGETS.items():
            known = seeds(name)
            for seed in known:
                target(seed)
            for _ in range(MUTANTS * max(FACTOR, 1)):
                target(mutant(known, random))


for _name in TARGETS:
    setattr(AnyBytesTests, f"test_{_name}", _anyBytes(_name))
