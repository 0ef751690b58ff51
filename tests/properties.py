"""
Hypothesis, the same for all tests: repeatable and without deadlines.  Where it is not installed,
tests that need it are skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from unittest import SkipTest

if TYPE_CHECKING:
    from hypothesis import example, given, settings, strategies
else:
    try:
        from hypothesis import example, given, settings, strategies
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

        settings = example
        strategies = _Absent()
    else:
        settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
        settings.load_profile("repeatable")

__all__ = ["example", "given", "settings", "strategies"]
