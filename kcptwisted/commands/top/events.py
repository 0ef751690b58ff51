"""
Server-sent events (HTML Living Standard, section 9.2.6), as far as the status page uses them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def events(lines: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """
    Gives the name and the data of each event.

    @param lines: of a stream of events, as they come.
    """
    name, data = "message", ""
    for line in lines:
        field, _, value = line.decode("utf-8", "replace").rstrip("\r\n").partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data = f"{data}\n{value}" if data else value
        elif not field and not value:
            if data:
                yield name, data
            name, data = "message", ""
