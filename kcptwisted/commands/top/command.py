"""
Asking a program's status page, and showing what it tells.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from http.client import HTTPException
from typing import Any, TextIO
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

from kcptwisted.commands.top.events import events

#: Seconds without a word after which the program is asked again.
SILENCE = 30.0

#: Seconds between two attempts.
PAUSE = 2.0

#: Columns of the table in a pipe or a file, where it is never cut.
FILE_WIDTH = 1000

#: Lines that are no rows of sessions, beside one for each port.
_OTHER_LINES = 6


def run(
    arguments: argparse.Namespace,
    output: TextIO,
    errors: TextIO,
    sleep: Callable[[float], object] = time.sleep,
) -> int:
    """
    Runs the command.

    @return: the exit status: 0, or 1 if the program did not answer, or refused.
    """
    try:
        from rich.console import Console
        from rich.live import Live

        from kcptwisted.commands.top.table import screen
    except ImportError:
        print("kcptwisted top needs rich: pip install 'kcptwisted[top]'", file=errors)
        return 1
    if urlsplit(arguments.url).scheme not in ("http", "https"):
        print(f"the URL must begin with http:// or https://, not {arguments.url!r}", file=errors)
        return 1
    console = Console(file=output)
    if not console.is_terminal:
        console.width = FILE_WIDTH
    rows = 500 if arguments.once else max(1, console.height - _OTHER_LINES)
    sort, isDown = arguments.sort, arguments.order == "down"
    if arguments.once:
        for problem, columns, state in told(arguments, rows, 2):
            if problem:
                print(problem, file=errors)
                return 1
            console.print(screen(state, columns, sort, isDown), soft_wrap=True)
        return 0
    try:
        with Live(console=console, screen=console.is_terminal, auto_refresh=False) as live:
            while True:
                for problem, columns, state in told(arguments, rows):
                    what = problem or screen(state, columns, sort, isDown)
                    if console.is_terminal:
                        live.update(what, refresh=True)
                    else:
                        console.print(what, soft_wrap=True)
                sleep(PAUSE)
    except KeyboardInterrupt:
        return 0


def told(
    arguments: argparse.Namespace, rows: int, looks: int = 0
) -> Iterator[tuple[str, list[dict[str, str]], dict[str, Any]]]:
    """
    Gives what the program tells: a problem, which is the last then, or columns and state.

    @param looks: give only the state of this look, the first being 1, and end; all if 0.
    """
    query = {name: getattr(arguments, name) for name in ("sort", "order", "find")}
    url = f"{arguments.url.rstrip('/')}/events?{urlencode({**query, 'rows': rows})}"
    headers = {"Authorization": f"Bearer {arguments.token}"} if arguments.token else {}
    columns: list[dict[str, str]] = []
    look = 0
    try:
        with urlopen(Request(url, headers=headers), timeout=SILENCE) as stream:
            for kind, data in events(stream):
                if kind == "columns":
                    columns = json.loads(data)
                elif kind == "state":
                    look += 1
                    if look >= looks:
                        yield "", columns, json.loads(data)
                    if look == looks:
                        return
        problem = "the connection ended"
    except HTTPError as refusal:
        problem = refusal.read(1000).decode("utf-8", "replace").strip() or str(refusal)
    except (OSError, HTTPException, ValueError) as failure:
        problem = str(failure)
    yield f"{arguments.url}: {problem}", [], {}
