"""
Calls for a signal that Twisted does not handle.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any


def onHangUp(reactor: Any, callback: Callable[[], object]) -> Callable[[], None]:
    """
    Has C{callback} called by the reactor for each SIGHUP.  Does nothing where there is no such
    signal, and outside of the main thread.

    @return: takes it back.
    """
    number = getattr(signal, "SIGHUP", None)
    if number is None or threading.current_thread() is not threading.main_thread():
        return lambda: None
    former = signal.signal(number, lambda *_: reactor.callFromThread(callback))

    def forget() -> None:
        signal.signal(number, former)

    return forget
