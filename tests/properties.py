"""
Hypothesis, the same for all tests: repeatable and without deadlines.  Where it is not installed,
tests that need it are skipped.

With C{KCPTWISTED_FUZZ} in the environment, machines and fuzzers try so many times as much, and
something else in each run (docs/testing.md, "Fuzzing").
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from unittest import SkipTest

#: How much more machines and fuzzers try; 0 for the usual, repeatable run.
FACTOR = int(os.environ.get("KCPTWISTED_FUZZ", "0"))

if TYPE_CHECKING:
    from hypothesis import HealthCheck, example, given, settings, stateful, strategies
else:
    try:
        from hypothesis import HealthCheck, example, given, settings, stateful, strategies
    except ImportError:

        class _Absent:
            """
            Stands for any strategy, so that modules that build some can be imported.
            """

            def __getattr__(self, name: str) -> _Absent:
                return self

            def __call__(self, *args: Any, **kwargs: Any) -> _Absent:
                return self

            def __or__(self, other: object) -> _Absent:
                return self

        def given(*_: Any, **__: Any) -> Callable[[Callable[..., None]], Callable[[Any], None]]:
            """
            Replace a test by one that is skipped.
            """

            def replace(test: Callable[..., None]) -> Callable[[Any], None]:
                def skipped(self: Any) -> None:
                    raise SkipTest("hypothesis is not installed")

                skipped.__name__ = test.__name__
                skipped.__doc__ = test.__doc__
                return skipped

            return replace

        def example(*_: Any, **__: Any) -> Callable[[Any], Any]:
            """
            Leave a test as it is.
            """
            return lambda test: test

        class _AbsentStateful(_Absent):
            """
            Stands for the module, so that machines can be defined.
            """

            RuleBasedStateMachine = object

            def __getattr__(self, name: str) -> Any:
                return example

            def run_state_machine_as_test(self, *_: Any, **__: Any) -> None:
                raise SkipTest("hypothesis is not installed")

        settings = example
        strategies = _Absent()
        HealthCheck = ()
        stateful = _AbsentStateful()
    else:
        settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
        settings.register_profile("wide", deadline=None, database=None, print_blob=True)
        settings.load_profile("wide" if FACTOR else "repeatable")


def effort(examples: int, **others: Any) -> settings:
    """
    @param examples: how many are tried in the usual run.
    @param others: more settings.
    @return: settings for a machine or a fuzzer.
    """
    return settings(max_examples=examples * max(FACTOR, 1), **others)


def blocks(count: int, length: int) -> strategies.SearchStrategy[list[bytes]]:
    """
    @param length: bytes of each.
    @return: a strategy for so many strings of bytes, which are drawn as one: that is much quicker.
    """
    together = strategies.binary(min_size=count * length, max_size=count * length)
    return together.map(lambda data: [data[at * length : (at + 1) * length] for at in range(count)])


def runMachine(machine: type[stateful.RuleBasedStateMachine], examples: int, steps: int) -> None:
    """
    Run a state machine as a test.

    @param examples: how many runs there are.
    @param steps: how many rules a run applies at most.
    """
    try:
        stateful.run_state_machine_as_test(
            machine,
            settings=effort(
                examples, stateful_step_count=steps, suppress_health_check=list(HealthCheck)
            ),
        )
    except AssertionError as problem:
        # trial leaves out the notes, which are the steps.
        notes = getattr(problem, "__notes__", [])
        raise AssertionError("\n".join([str(problem), *notes])) from problem


__all__ = [
    "FACTOR",
    "blocks",
    "effort",
    "example",
    "given",
    "runMachine",
    "settings",
    "stateful",
    "strategies",
]
