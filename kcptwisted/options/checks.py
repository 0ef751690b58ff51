"""
Whether a value is one that an option may have.
"""

from __future__ import annotations

from kcptwisted.options.names import hint
from kcptwisted.options.table import Option


def checkValue(option: Option, value: object, mayBeNone: bool) -> None:
    """
    Checks the kind of a value, and its bounds.

    @param mayBeNone: whether None says that the option is not given.
    @raise ValueError: names the option and what is allowed.
    """
    name = option.name
    if value is None and mayBeNone:
        return
    if isinstance(value, str) and value in option.words:
        return
    kind = (int, float) if option.kind is float else option.kind
    if not isinstance(value, kind) or (isinstance(value, bool) and option.kind is not bool):
        kinds = " or ".join([option.kind.__name__, *option.words])
        raise ValueError(f"{name} must be {kinds}, not {type(value).__name__}")
    if option.choices and value not in option.choices and not option.extensible:
        raise ValueError(
            f"{name} must be one of {option.allowed}, not {value!r}{hint(name, value)}"
        )
    if option.kind is bool or not isinstance(value, (int, float)):
        return
    if not option.low <= value <= option.high:
        raise ValueError(f"{name} must be {option.bounds}, not {value}")
