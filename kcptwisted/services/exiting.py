"""
Ends a program that C{twistd} runs, with an exit status that tells its supervisor of a failure.
"""

from __future__ import annotations

import atexit
import os
import re
import sys
from contextlib import suppress
from typing import Any, NoReturn

from twisted.internet.error import ReactorNotRunning

#: The exit status of a program that has failed.
FAILURE = 1

#: The exit status of a program that was started with something wrong.
MISCONFIGURED = 2


class CannotStart(SystemExit, Exception):
    """
    The program ends with status 1 and no traceback, since the log has the reason.  It is an
    C{Exception} as well, so that a C{twistd} in the background takes back what it has begun, and
    tells the process that waits for it.
    """

    def __init__(self, why: str) -> None:
        super().__init__(FAILURE)
        self._why = why

    def __str__(self) -> str:
        return self._why


def wrongString(problem: Exception) -> str:
    """
    Says what is wrong with an endpoint string.

    @param problem: what reading it has raised.  Twisted raises C{TypeError}, with the name of a
        function of its own, if there are too few parts or too many.
    """
    return re.sub(r"^[\w.]+\(\) ", "", str(problem)) or type(problem).__name__


def misconfigured(program: str, problem: object) -> NoReturn:
    """
    Ends the program with status 2 and one line at standard error.  C{twistd} itself prints all its
    help to standard output.
    """
    sys.stderr.write(f"{program}: {problem}\n")
    raise SystemExit(MISCONFIGURED)


def stopWithFailure(reactor: Any) -> None:
    """
    Stops the reactor, and makes the process exit with status 1 at its very end.  C{twistd} itself
    exits with 0 whenever the reactor stops without a signal.

    @param reactor: provides L{twisted.internet.interfaces.IReactorCore}.
    """
    atexit.register(_exit)
    stop(reactor)


def stop(reactor: Any) -> None:
    """
    Stops the reactor, also if it is about to run only.
    """
    try:
        reactor.stop()
    except ReactorNotRunning:
        reactor.callWhenRunning(_stopIfRunning, reactor)


def _stopIfRunning(reactor: Any) -> None:
    with suppress(ReactorNotRunning):
        reactor.stop()


def _exit() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(FAILURE)
