"""
Ending a program that C{twistd} runs, with a status that tells its supervisor of a failure.
"""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress
from typing import Any

from twisted.internet.error import ReactorNotRunning

#: What a program exits with that has failed.
FAILURE = 1


def stopWithFailure(reactor: Any) -> None:
    """
    Stop the reactor, and have the process exit with status 1 after all that follows: C{twistd}
    itself knows no status but 0 for a reactor that has stopped without a signal.
    """
    atexit.register(_exit)
    with suppress(ReactorNotRunning):
        reactor.stop()


def _exit() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(FAILURE)
