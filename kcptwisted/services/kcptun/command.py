"""
What the entry points C{kcptun-client} and C{kcptun-server} have in common.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from typing import Any

from twisted.application.service import IService
from twisted.python import usage

from kcptwisted.logs import useFormat
from kcptwisted.services.exiting import misconfigured
from kcptwisted.services.kcptun.commandline import (
    HELP,
    VERSION,
    parseArguments,
)
from kcptwisted.services.kcptun.configuration import Configuration, configure
from kcptwisted.services.kcptun.flags import flagsOf
from kcptwisted.services.kcptun.service import TunnelService
from kcptwisted.services.kcptun.settings import kcpOptions
from kcptwisted.services.kcptun.snappy import CompressionMissing, findLibrary
from kcptwisted.services.observing import observers
from kcptwisted.services.systemd import Notifier, SystemdService


class TunnelOptions(usage.Options):
    """
    A command line in kcptun's notation, in place of C{twistd}'s.

    @cvar end: which end it is of.
    @ivar configuration: what was made of it.
    @ivar observers: tell what the program does.
    """

    end = ""
    configuration: Configuration
    observers: Sequence[IService] = ()

    def parseOptions(self, options: Any = None) -> None:
        """
        Reads the command line.  Ends the program if something is wrong, or help is asked for.
        """
        arguments = sys.argv[1:] if options is None else list(options)
        try:
            asked = parseArguments(arguments, self.end)
            if HELP in asked or VERSION in asked:
                print(describe(self.end) if HELP in asked else version())
                raise SystemExit(0)
            self.configuration = configure(arguments, self.end, os.environ)
            if not self.configuration.number("nocomp"):
                findLibrary()
            kcpOptions(self.configuration)
            self._observe()
        except (ValueError, CompressionMissing) as problem:
            misconfigured(f"kcptun-{self.end}", problem)

    def _observe(self) -> None:
        """
        Does what the flags say of the log, of metrics and of the status page.
        """
        from twisted.internet import reactor

        text = self.configuration.text
        parent = {} if self.parent is None else self.parent
        if text("log"):
            try:
                with open(text("log"), "ab"):
                    parent["logfile"] = text("log")
            except OSError as problem:
                raise ValueError(f"--log: the file cannot be written: {problem}") from None
        useFormat(parent, text("logformat"))
        names = [name for name in text("statushost").split(",") if name]
        try:
            self.observers = observers(
                reactor, text("metrics"), text("status"), names, text("statustoken")
            )
        except ValueError as problem:
            raise ValueError(f"--{problem}") from None

    def getSynopsis(self) -> str:
        """
        Returns the first line of the help.
        """
        return f"Usage: kcptun-{self.end} [flags]"

    def getUsage(self, width: int | None = None) -> str:
        """
        Returns the help.
        """
        return describe(self.end)


def supervised(reactor: Any, service: TunnelService) -> list[IService]:
    """
    Returns a service, and what tells systemd of it, if that has asked.
    """
    notifier = Notifier.fromEnvironment()
    if not notifier.isWanted:
        return [service]
    return [service, SystemdService(reactor, service.whenListening, notifier)]


def version() -> str:
    """
    Returns what C{--version} prints.
    """
    from kcptwisted import __version__

    return f"kcptwisted {__version__}, for kcptun"


def describe(end: str) -> str:
    """
    Returns the help of an end.
    """
    lines = [f"Usage: kcptun-{end} [flags]", ""]
    for flag in flagsOf(end).values():
        names = ", ".join(f"{'-' if len(name) < 3 else '--'}{name}" for name in
                          (flag.name, *flag.short))  # fmt: skip
        default = flag.default(end)
        shown = f" ({default})" if flag.kind is not bool and default != "" else ""
        lines += [f"  {names}", f"      {flag.description}{shown}"]
    return "\n".join(lines)


def run(name: str, arguments: Sequence[str]) -> int:
    """
    Runs a service in the foreground, until a signal ends it.

    @param name: C{"kcptun-client"} or C{"kcptun-server"}.
    @param arguments: its flags.
    @return: the exit status.
    """
    from twisted.scripts import twistd

    sys.argv = ["kcptwisted", "--nodaemon", "--pidfile=", name, *arguments]
    twistd.run()
    return 0


def everywhere(host: str) -> str:
    """
    Returns the address to listen at: for an empty one all addresses of this host, IPv6 included if
    there is any.
    """
    if host:
        return host
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as trial:
            trial.bind(("::1", 0))
    except OSError:
        return ""
    return "::"
