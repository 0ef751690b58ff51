"""
Running C{kcptwisted dump} within the tests.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from io import StringIO
from typing import Any

from kcptwisted.__main__ import buildParser
from kcptwisted.commands.dump.command import Dump, chosenCipher
from kcptwisted.commands.dump.sources import Frame


def dump(frames: Iterable[Frame], *options: str) -> str:
    """
    @param options: of the command.
    @return: what is printed of frames.
    """
    arguments = buildParser().parse_args(["dump", "-", *options])
    output = StringIO()
    run = Dump(arguments, chosenCipher(arguments, {}), output)
    for frame in frames:
        run.take(frame)
    run.finish()
    return output.getvalue()


def objects(frames: Iterable[Frame], *options: str) -> list[dict[str, Any]]:
    """
    @return: the objects that are printed with C{--json}.
    """
    return [json.loads(line) for line in dump(frames, "--json", *options).splitlines()]
