"""
Reads flags as Go's programs do, and kcptun's JSON file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kcptwisted.services.kcptun.flags import Flag, Value, flagsOf

_TRUE = {"1", "t", "T", "TRUE", "true", "True"}
_FALSE = {"0", "f", "F", "FALSE", "false", "False"}

HELP, VERSION = "help", "version"


class ConfigurationError(ValueError):
    """
    A flag or a key of the JSON file is wrong.  The message names it and says what is allowed; it
    never holds the passphrase.
    """


def parseArguments(arguments: Sequence[str], end: str) -> dict[str, Value]:
    """
    Reads a command line: C{-flag}, C{--flag}, C{--flag=value} and C{--flag value}.

    @param arguments: without the program's name.
    @param end: C{"client"} or C{"server"}.
    @return: what is given, by the flags' long names.  L{HELP} or L{VERSION} alone is True if that
        is asked for.
    @raise ConfigurationError: if there is no such flag, or the value is none that it takes.
    """
    flags = flagsOf(end)
    names = {name: flag for flag in flags.values() for name in (flag.name, *flag.short)}
    given: dict[str, Value] = {}
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        name, equals, text = argument.removeprefix("-").removeprefix("-").partition("=")
        if not argument.startswith("-") or not name:
            raise ConfigurationError(f"there is nothing to do with {argument!r}: it is no flag")
        for asked in (HELP, VERSION):
            if name in (asked, asked[0]):
                return {asked: True}
        flag = names.get(name)
        if flag is None:
            raise ConfigurationError(f"--{name} is no flag of kcptun's {end}")
        if flag.kind is bool and not equals:
            text = "true"
        elif not equals:
            if not rest:
                raise ConfigurationError(f"--{name} needs a value: {flag.allowed}")
            text = rest.pop(0)
        given[flag.name] = _convert(flag, f"--{name}", text)
    return given


def _convert(flag: Flag, shown: str, text: str) -> Value:
    if flag.kind is str:
        return text
    try:
        if flag.kind is int:
            return int(text, 0)
    except ValueError:
        raise _wrong(flag, shown, text) from None
    if text not in _TRUE | _FALSE:
        raise _wrong(flag, shown, text)
    return text in _TRUE


def _wrong(flag: Flag, shown: str, value: object) -> ConfigurationError:
    return ConfigurationError(f"{shown} must be {flag.allowed}, not {value!r}")


def parseJSON(text: str, end: str) -> tuple[dict[str, Value], list[str]]:
    """
    Reads the JSON file.

    @param text: its text.
    @param end: C{"client"} or C{"server"}.
    @return: what is given, by the flags' long names; and the keys that are no flags, which kcptun
        ignores as well.
    @raise ConfigurationError: if it is no JSON object, or a value is none that its flag takes.
    """
    try:
        document: Any = json.loads(text)
    except ValueError as problem:
        raise ConfigurationError(f"-c: the file is not JSON: {problem}") from None
    except RecursionError:
        raise ConfigurationError("-c: the file must hold one JSON object, not so deep") from None
    if not isinstance(document, dict):
        raise ConfigurationError("-c: the file must hold one JSON object")
    flags = {name.lower(): flag for name, flag in flagsOf(end).items()}
    given: dict[str, Value] = {}
    unknown = []
    for key, value in document.items():
        flag = flags.get(key.lower())
        if flag is None or flag.name == "c":
            unknown.append(key)
            continue
        # In Python, but not in JSON, True is a number.
        if not isinstance(value, (str, int, bool)) or type(value) is not flag.kind:
            told = f'"{key}" in the file of -c must be {flag.allowed}'
            shown = "" if flag.name == "key" else f", not {json.dumps(value)}"
            raise ConfigurationError(told + shown)
        if isinstance(value, str) and not _isText(value):
            raise ConfigurationError(f'"{flag.name}" in the file of -c must be text, without NUL')
        given[flag.name] = value
    return given, unknown


def _isText(value: str) -> bool:
    """
    Returns whether a command line could have it: JSON can have what is no text at all.
    """
    return "\0" not in value and not any("\ud800" <= char <= "\udfff" for char in value)


def checkBounds(values: Mapping[str, Value], flags: Iterable[Flag]) -> None:
    """
    Checks that each value is one that its flag allows.

    @raise ConfigurationError: if one is not.
    """
    for flag in flags:
        value = values[flag.name]
        if flag.choices and value not in flag.choices:
            raise _wrong(flag, f"--{flag.name}", value)
        if flag.kind is int and not flag.low <= int(value) <= flag.high:
            raise _wrong(flag, f"--{flag.name}", value)
