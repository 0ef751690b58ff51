"""
From an option's text to its value, and from the table of options to a page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from kcptwisted.options.names import hint, holdsSecret, suggestion
from kcptwisted.options.table import OPTIONS, Option

_TRUTH = {"yes": True, "no": False, "1": True, "0": False}

# Python's own notation has more: spaces, underscores, other scripts' digits.
_NUMBERS = {
    int: re.compile(r"-?[0-9]{1,20}"),
    float: re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"),
}

_BY_NAME = {option.name: option for option in OPTIONS}


def parseOptions(given: Mapping[str, str], end: str) -> dict[str, object]:
    """
    Returns option name to value; not yet checked against its bounds.

    @param given: option name to text.
    @param end: "client" or "server".
    @raise ValueError: if C{end} has no such option, or a text is no value of its kind.
    """
    allowed = [option.name for option in OPTIONS if option.ends in ("both", end)]
    values: dict[str, object] = {}
    for name, text in given.items():
        if name not in allowed:
            meant = suggestion(name, end, allowed)
            # What follows a key may be the rest of it, behind a colon.
            shown = f" {name!r}" if meant or not holdsSecret(given) else r" (or a : for \:)"
            more = f": {meant}" if meant else f"; allowed are {', '.join(allowed)}"
            raise ValueError(f"unknown {end} option{shown}{more}")
        values[name] = _parse(_BY_NAME[name], text)
    return values


def _parse(option: Option, text: str) -> object:
    if option.kind is str:
        if option.name == "key" and text != text.strip():
            # Nobody sees it there, and a wrong key is silence.
            raise ValueError(
                "key must have no space at its ends; a passphrase that has one goes in keyFile"
            )
        return text
    if option.kind is bool:
        truth = _TRUTH.get(text)
        if truth is None:
            raise ValueError(
                f"{option.name} must be {option.allowed}, not {text!r}{hint(option.name, text)}"
            )
        return truth
    if option.word and text == option.word:
        return None
    if not _NUMBERS[option.kind].fullmatch(text):
        raise ValueError(f"{option.name} must be a number, {option.bounds}, not {text!r}")
    return option.kind(text)


def markdownTable(defaults: Mapping[str, object]) -> str:
    """
    Returns the options as a Markdown table.

    @param defaults: option name to default.
    """
    rows = ["| option | end | default | allowed | meaning |", "| --- | --- | --- | --- | --- |"]
    for option in OPTIONS:
        default = defaults[option.name]
        if isinstance(default, bool):
            default = "yes" if default else "no"
        elif isinstance(default, float):
            default = f"{default:g}"
        shown = option.default or str(default)
        rows.append(
            f"| `{option.name}` | {option.ends} | {shown} | {option.bounds} | {option.meaning} |"
        )
    return "\n".join(rows) + "\n"
