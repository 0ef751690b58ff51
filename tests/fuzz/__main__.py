"""
C{python -m tests.fuzz TARGET [SECONDS]}: fuzz one target, guided by coverage where atheris is
installed, else with mutants of seeds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from tests.fuzz.mutants import LONGEST, mutant


def _atheris() -> Any:
    try:
        return import_module("atheris")
    except ImportError:
        return None


def _guided(
    atheris: Any, target: Callable[[bytes], None], known: Sequence[bytes], seconds: int
) -> None:
    with TemporaryDirectory() as corpus:
        for number, seed in enumerate(known):
            (Path(corpus) / str(number)).write_bytes(seed)
        limits = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-len_control=0"]
        atheris.Setup([sys.argv[0], *limits, corpus], target)
        # Ends the process.
        atheris.Fuzz()


def _unguided(target: Callable[[bytes], None], known: Sequence[bytes], seconds: int) -> None:
    random, end, count = Random(), monotonic() + seconds, 0
    while monotonic() < end:
        data = mutant(known, random)
        try:
            target(data)
        except Exception:
            print(f"failed with {data!r}")
            raise
        count += 1
    print(f"{count} runs")


def main(arguments: Sequence[str]) -> None:
    """
    Run a target for so many seconds, a minute unless given.
    """
    atheris = _atheris()
    # What is imported meanwhile tells where it has been.
    with atheris.instrument_imports(include=["kcptwisted"]) if atheris else nullcontext():
        targets = import_module("tests.fuzz.targets")
    if not 1 <= len(arguments) <= 2 or arguments[0] not in targets.TARGETS:
        names = ", ".join(targets.TARGETS)
        sys.exit(f"usage: python -m tests.fuzz TARGET [SECONDS]\ntargets: {names}")
    target, known = targets.TARGETS[arguments[0]], targets.seeds(arguments[0])
    seconds = int(arguments[1]) if len(arguments) > 1 else 60
    if atheris:
        _guided(atheris, target, known, seconds)
    else:
        _unguided(target, known, seconds)
        if arguments[0] in targets.TOTALS:
            print(targets.TOTALS[arguments[0]]())


if __name__ == "__main__":
    main(sys.argv[1:])
