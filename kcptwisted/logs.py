"""
The log as JSON, an event a line, for programs that read it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import MutableMapping
from datetime import datetime, timezone
from typing import Any, Final, Protocol

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from twisted.python.failure import Failure
from twisted.python.logfile import LogFile
from zope.interface import implementer

#: What C{--log-format} takes.
FORMATS: Final = ("text", "json")

#: Where L{jsonLog} writes: a path, or C{"-"} for standard output.  It is kept here because
#: C{twistd} takes a function's name, and passes it nothing.
_place = "-"

#: Fields of Twisted's that each event has, and that are told in another way, or not.
_TWISTEDS: Final = ("format", "isError", "message", "system", "time")


class Output(Protocol):
    """
    A file, or what is like one.
    """

    def write(self, text: str) -> object:
        """
        Writes.
        """

    def flush(self) -> object:
        """
        Writes what waits.
        """


@implementer(ILogObserver)
class JSONLog:
    """
    Writes each event as one line: C{time} (RFC 3339), C{level}, C{logger}, C{text}, and the event's
    own fields.  An address is C{host:port}; a failure is C{type}, C{message} and, from the level
    C{error} on, C{traceback}.
    """

    def __init__(self, file: Output) -> None:
        """
        @param file: where to.
        """
        self._file = file

    def __call__(self, event: LogEvent) -> None:
        """
        Writes an event.
        """
        level = event.get("log_level", LogLevel.info)
        isGrave = level >= LogLevel.error
        when = datetime.fromtimestamp(event.get("log_time", 0.0), timezone.utc)
        told = {
            "time": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": level.name,
            "logger": event.get("log_namespace", ""),
            "text": formatEvent(event),
        }
        for name, value in event.items():
            if name == "log_failure":
                told["failure"] = _plain(value, isGrave)
            elif not name.startswith("log_") and name not in _TWISTEDS:
                told[name] = _plain(value, isGrave)
        self._file.write(json.dumps(told, ensure_ascii=False) + "\n")
        self._file.flush()


def _plain(value: Any, isGrave: bool) -> Any:
    """
    Returns what JSON has for a field.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)
    if isinstance(value, IPv4Address):
        return f"{value.host}:{value.port}"
    if isinstance(value, IPv6Address):
        return f"[{value.host}]:{value.port}"
    if isinstance(value, UNIXAddress):
        return repr(value.name)
    if isinstance(value, Failure):
        failure = {"type": type(value.value).__name__, "message": value.getErrorMessage()}
        return {**failure, "traceback": value.getTraceback()} if isGrave else failure
    try:
        return repr(value)
    except Exception:
        return f"<{type(value).__name__}>"


def jsonLog() -> JSONLog:
    """
    Returns one for C{twistd --logger kcptwisted.logs.jsonLog}.  It writes to standard output, or
    where L{useFormat} has said.
    """
    if _place == "-":
        return JSONLog(sys.__stdout__ or sys.stdout)
    return JSONLog(LogFile.fromFullPath(_place))


def useFormat(options: MutableMapping[str, Any], logFormat: str) -> None:
    """
    Has twistd write its log in a format, where it writes it anyway.

    @param options: twistd's own.
    @param logFormat: one of L{FORMATS}.
    @raise ValueError: if there is no such format, or twistd is told to use another observer.
    """
    if logFormat not in FORMATS:
        raise ValueError(f"log-format must be one of {', '.join(FORMATS)}, not {logFormat!r}")
    if logFormat == "text":
        return
    for name in ("logger", "syslog"):
        if options.get(name):
            raise ValueError(f"log-format json and twistd's --{name} exclude each other")
    global _place
    _place = options.get("logfile") or ("-" if options.get("nodaemon") else "twistd.log")
    # twistd imports it by this name when it has read its own options.
    options["logger"] = f"{jsonLog.__module__}.{jsonLog.__name__}"
