"""
A relay of one connection, that of the program's standard input and output: it ends with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TextIO

from twisted.application.service import MultiService
from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    Logger,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
)
from zope.interface import implementer

from kcptwisted.services.exiting import stop, stopWithFailure
from kcptwisted.services.relay.pairs import CLOSED, Pair
from kcptwisted.services.relay.service import RelayService
from kcptwisted.services.relay.signals import onHangUp
from kcptwisted.services.relay.stream import StreamRelay

#: Seconds for which the program goes on after SIGHUP if its input has not ended.
HANG_UP = 1.0


@implementer(ILogObserver)
class _Lines:
    """
    Writes what the log says, without times and names.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: LogEvent) -> None:
        failure = event.get("log_failure")
        text = formatEvent(event) or (failure is not None and failure.getErrorMessage())
        if text:
            self._stream.write(f"kcp-relay: {text}\n")
            self._stream.flush()


def problemsOnly(stream: TextIO) -> ILogObserver:
    """
    Returns an observer that writes warnings and what is worse.  Twisted's own goes to standard
    output, which carries the connection.
    """
    predicate = LogLevelFilterPredicate(defaultLogLevel=LogLevel.warn)
    return FilteringLogObserver(_Lines(stream), [predicate])


class StdioService(MultiService):
    """
    Serves one connection, and ends the program with it: with status 0 if both directions have ended
    in good order, else with 1 and a line that says why.
    """

    _log = Logger(namespace="kcptwisted.services.relay")

    def __init__(self, reactor: Any, relay: StreamRelay, observer: ILogObserver | None) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorCore}.
        @param relay: listens at standard input.
        @param observer: gets the log; None means what C{twistd} has for it.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self._reactor = reactor
        self._observer = observer
        self._stops = False
        self._forget: Callable[[], object] | None = None
        relay.factory.ended = self._ended
        service = RelayService(reactor, [relay.route], lambda _: relay)
        service.setServiceParent(self)  # type: ignore[no-untyped-call]

    def setServiceParent(self, parent: Any) -> None:
        """
        Has the log written where it is no part of the connection.
        """
        if self._observer is not None and hasattr(parent, "setComponent"):
            parent.setComponent(ILogObserver, self._observer)
        super().setServiceParent(parent)  # type: ignore[no-untyped-call]

    def startService(self) -> None:
        """
        Starts.  C{ssh} ends such a program with SIGHUP, just before the end of its input.
        """
        super().startService()  # type: ignore[no-untyped-call]
        self._forget = onHangUp(self._reactor, self._hangUp)

    def _hangUp(self) -> None:
        self._reactor.callLater(HANG_UP, stop, self._reactor)

    def stopService(self) -> Any:
        """
        Stops.
        """
        self._stops = True
        forget, self._forget = self._forget, None
        if forget is not None:
            forget()
        return super().stopService()  # type: ignore[no-untyped-call]

    def _ended(self, pair: Pair) -> None:
        if pair.why == CLOSED or self._stops:
            stop(self._reactor)
        else:
            self._log.error("{why}", why=pair.why)
            stopWithFailure(self._reactor)
