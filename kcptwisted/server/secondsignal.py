"""
What a second SIGINT or SIGTERM does while the reactor stops: Twisted has nothing for it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

from twisted.internet.interfaces import IReactorCore
from twisted.logger import Logger

_SIGNALS = ("SIGINT", "SIGTERM", "SIGBREAK")

_log = Logger()


def onSecondSignal(reactor: Any, callback: Callable[[], object]) -> Callable[[], None]:
    """
    Has C{callback} called when SIGINT, SIGTERM or SIGBREAK comes after the reactor has begun to
    stop, each time, by the reactor.  Nothing is done for a reactor that is no L{IReactorCore}, that
    does not run in the main thread, or whose signals somebody else handles.

    @param callback: ends at once what the reactor waits for.
    @return: takes it back.
    """
    if not IReactorCore.providedBy(reactor):
        return lambda: None
    watch = _watches.get(reactor)
    if watch is None:
        watch = _watches[reactor] = _Watch()
    return watch.add(reactor, callback)


class _Watch:
    """
    What one reactor's second signal calls.
    """

    def __init__(self) -> None:
        self._callbacks: dict[object, Callable[[], object]] = {}
        # What is added first, and taken back last, sees the reactor stop.
        self._trigger: object = None

    def add(self, reactor: Any, callback: Callable[[], object]) -> Callable[[], None]:
        key = object()
        if not self._callbacks:
            self._trigger = reactor.addSystemEventTrigger("before", "shutdown", self._arm, reactor)
        self._callbacks[key] = callback

        def remove() -> None:
            self._callbacks.pop(key, None)
            trigger = self._trigger
            if not self._callbacks and trigger is not None:
                self._trigger = None
                reactor.removeSystemEventTrigger(trigger)

        return remove

    def _arm(self, reactor: Any) -> None:
        """
        Takes over the signals: the reactor begins to stop.
        """
        self._trigger = None
        if threading.current_thread() is not threading.main_thread():
            return

        def again(number: int, frame: FrameType | None) -> None:
            reactor.callFromThread(self._call, signal.Signals(number).name)

        for name in _SIGNALS:
            number = getattr(signal, name, None)
            if number is not None:
                known = signal.getsignal(number)
                if getattr(known, "__self__", None) is reactor:
                    signal.signal(number, again)

    def _call(self, name: str) -> None:
        _log.warn("Received {name} while stopping: aborting the connections", name=name)
        for callback in list(self._callbacks.values()):
            try:
                callback()
            except Exception:
                _log.failure("{callback!r} failed", callback=callback)


_watches: WeakKeyDictionary[Any, _Watch] = WeakKeyDictionary()
