"""
Whether a value is one that an option takes, and whether the option can be changed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from kcptwisted.options.names import hint
from kcptwisted.options.table import OPTIONS, Option

#: The options that can be changed on a live connection.
LIVE = (
    "mode",
    "nodelay",
    "interval",
    "resend",
    "congestion",
    "nc",
    "mtu",
    "sendWindow",
    "receiveWindow",
    "ackNoDelay",
    "writeDelay",
    "rateLimit",
    "pacing",
)

#: The options that can be changed on a port that listens.
LIVE_PORT = ("portRateLimit",)

_BY_NAME = {option.name: option for option in OPTIONS}


def checkChange(name: str, what: str, changeable: tuple[str, ...]) -> Option:
    """
    Returns the option of a name.

    @param what: what it is changed on.
    @param changeable: the options that can be changed there.
    @raise ValueError: if it is none of these; it says which are.
    """
    if name not in changeable:
        raise ValueError(f"{name} cannot be changed on {what}, only {', '.join(changeable)}")
    return _BY_NAME[name]


def checkPortChanges(changes: Mapping[str, object]) -> None:
    """
    @param changes: name and value of options of a port that listens.
    @raise ValueError: if one cannot be changed there, or does not take the value.
    """
    for name, value in changes.items():
        checkValue(checkChange(name, "a port that listens", LIVE_PORT), value)


def checkDirectory(path: str, name: str) -> None:
    """
    @param name: of the option.
    @raise ValueError: if it is no directory that can be written to.
    """
    problem = ""
    if "\0" in path or not os.path.isdir(path):
        problem = "there is none"
    elif not os.access(path, os.W_OK | os.X_OK):
        problem = "this one cannot be"
    if problem:
        raise ValueError(f"{name} must be a directory that can be written to; {problem}: {path!r}")


def checkValue(option: Option, value: object) -> None:
    """
    @raise ValueError: if the option does not take the value; it names the option and says what is
        allowed.
    """
    name = option.name
    kind = (int, float) if option.kind is float else option.kind
    if not isinstance(value, kind) or (isinstance(value, bool) and option.kind is not bool):
        kinds = option.kind.__name__ + (f", or None for {option.word}" if option.word else "")
        raise ValueError(f"{name} must be {kinds}, not {type(value).__name__}")
    if option.choices and value not in option.choices and not option.extensible:
        raise ValueError(
            f"{name} must be one of {option.allowed}, not {value!r}{hint(name, value)}"
        )
    if (
        isinstance(value, (int, float))
        and option.kind is not bool
        and not (option.low <= value <= option.high)
    ):
        raise ValueError(f"{name} must be {option.bounds}, not {value}")
