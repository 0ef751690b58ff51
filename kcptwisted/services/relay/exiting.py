"""
Ends a program that C{twistd} runs, with an exit status that tells its supervisor of a failure.
"""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress
from typing import Any

from twisted.internet.error import ReactorNotRunning

#: The exit status of a program that has failed.
FAILURE = 1


def stopWithFailure(reactor: Any) -> None:
    """
    Stops the reactor, and makes the process exit with status 1 at its very end.  C{twistd} itself
    exits with 0 whenever the reactor stops without a signal.

    @param reactor: provides L{twisted.internet.interfaces.IReactorCore}.
    """
    atexit.register(_exit)
    with suppress(ReactorNotRunning):
        reactor.stop()


def _exit() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(FAILURE)
