"""
Messages to the service manager: datagrams of lines NAME=VALUE to the Unix socket that the
environment names.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, MutableMapping

from twisted.logger import Logger

#: What systemd tells its services.  It is taken out of the environment, because it is not meant for
#: the programs that a service starts, such as workers.
_SOCKET, _WATCHDOG, _PROCESS = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"


def monotonicMicroseconds() -> int:
    """
    Returns the time of CLOCK_MONOTONIC, as C{RELOADING=1} must say it.
    """
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


class Notifier:
    """
    Sends messages, or none if nobody has asked for them.

    @ivar watchdog: seconds within which systemd wants a sign of life, again and again; 0 if it does
        not.
    """

    _log = Logger()

    def __init__(
        self,
        path: str,
        watchdog: float = 0.0,
        now: Callable[[], int] = monotonicMicroseconds,
    ) -> None:
        """
        @param path: of a Unix socket; with C{@} at its beginning it is an abstract one.  Empty if
            nobody listens.
        @param now: gives the monotonic time, microseconds.
        """
        self._path = path
        self._now = now
        self.watchdog = watchdog if path else 0.0

    @property
    def isWanted(self) -> bool:
        """
        Whether anybody has asked for messages.
        """
        return bool(self._path)

    @classmethod
    def fromEnvironment(cls, environ: MutableMapping[str, str] | None = None) -> Notifier:
        """
        Makes one that does what the environment asks for, once: the variables are taken out.

        @param environ: the variables; None means the process's.
        """
        variables = os.environ if environ is None else environ
        path, period, process = (variables.pop(name, "") for name in (_SOCKET, _WATCHDOG, _PROCESS))
        if path and path[0] not in "@/":
            cls._log.warn("{name}={path} is no Unix socket: not notified", name=_SOCKET, path=path)
            path = ""
        isOurs = period.isascii() and period.isdigit() and process in ("", str(os.getpid()))
        return cls(path, int(period) / 1e6 if isOurs else 0.0)

    def notify(self, *lines: str) -> bool:
        """
        Sends one message.

        @param lines: NAME=VALUE, as sd_notify(3) lists them.
        @return: whether it was sent.
        """
        if not self._path:
            return False
        address = "\0" + self._path[1:] if self._path[0] == "@" else self._path
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                sock.sendto("\n".join(lines).encode(), address)
        except OSError as problem:
            self._log.warn("Cannot notify systemd: {problem}", problem=problem)
            return False
        return True

    def ready(self, status: str = "") -> bool:
        """
        Says that the service has started, or has read its configuration again.

        @param status: a line for people, which C{systemctl status} shows.
        @return: see L{notify}.
        """
        return self.notify("READY=1", *([f"STATUS={status}"] if status else []))

    def reloading(self) -> bool:
        """
        Says that the service begins to read its configuration again.  L{ready} must follow.

        @return: see L{notify}.
        """
        return self.notify("RELOADING=1", f"MONOTONIC_USEC={self._now()}")

    def stopping(self) -> bool:
        """
        Says that the service begins to stop.

        @return: see L{notify}.
        """
        return self.notify("STOPPING=1")

    def alive(self) -> bool:
        """
        Gives the watchdog its sign of life.

        @return: see L{notify}.
        """
        return self.notify("WATCHDOG=1")
