"""
C{twistd kcp-relay}: joins server endpoints to client endpoints.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from twisted.application.service import IService
from twisted.python import usage

from kcptwisted.logs import useFormat
from kcptwisted.services.exiting import misconfigured
from kcptwisted.services.observing import observers, together
from kcptwisted.services.relay.config import readConfig
from kcptwisted.services.relay.factory import RelayFactory
from kcptwisted.services.relay.kinds import (
    checkRoute,
    checkRoutes,
    makeRelay,
    placeOf,
    routesHere,
    usesStdio,
)
from kcptwisted.services.relay.options import OPTIONS, parseOptions
from kcptwisted.services.relay.routes import Route
from kcptwisted.services.relay.service import RelayService
from kcptwisted.services.relay.stdio import StdioService, problemsOnly
from kcptwisted.services.relay.supervision import SystemdSupervisor
from kcptwisted.services.systemd import Notifier

__all__ = ["Options", "RelayFactory", "RelayService", "makeService"]


class Options(usage.Options):
    """
    Command line of C{twistd kcp-relay}.

    @ivar routes: what is to be served.
    @ivar reread: returns the routes that the configuration file has now; None if there is none.
    @ivar observers: tell what the relay does.
    """

    synopsis = "[options] --from ENDPOINT --to ENDPOINT [--from ENDPOINT --to ENDPOINT ...]"
    longdesc = (
        "Takes connections at one endpoint and passes each on to another, with backpressure both"
        " ways. For example --from tcp:8080 --to kcp:example.com:4000:crypt=aes here and"
        " --from kcp:4000:crypt=aes --to tcp:127.0.0.1:80 there, with the passphrase in KCP_KEY"
        " at both ends. Options hold for all routes; a file may have others for each route."
    )
    optParameters = [
        ["config", "c", None, "TOML file with the routes and their options; see docs/relay.md."],
        ["log-format", None, "text", "How the log is written: text or json."],
        ["metrics", None, None, "Server endpoint where Prometheus is told the counters."],
        ["status", None, None, "Server endpoint of the status page."],
        ["status-token", None, None, "A token that the page wants."],
        *(
            [option.name, None, None, f"{option.meaning} [default: {option.shownDefault}]"]
            for option in OPTIONS
            if option.default is not False
        ),
    ]
    optFlags = [
        [option.name, None, option.meaning] for option in OPTIONS if option.default is False
    ]

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._sources: list[str] = []
        self._targets: list[str] = []
        self._names: list[str] = []
        self.routes: Sequence[Route] = ()
        self.reread: Callable[[], Sequence[Route]] | None = None
        self.observers: Sequence[IService] = ()

    def opt_from(self, endpoint: str) -> None:
        """
        Server endpoint to listen at, such as tcp:8080.
        """
        self._sources.append(endpoint)

    def opt_to(self, endpoint: str) -> None:
        """
        Client endpoint to connect to, such as kcp:example.com:4000:crypt=aes.
        """
        self._targets.append(endpoint)

    def opt_status_host(self, name: str) -> None:
        """
        Host name by which the status page may be asked for; addresses and localhost always may.
        """
        self._names.append(name)

    opt_f = opt_from
    opt_t = opt_to

    def parseArgs(self, *arguments: str) -> None:
        """
        Takes what is no option.

        @raise ValueError: if there is anything.
        """
        if arguments:
            raise ValueError(f"there is nothing to do with {arguments[0]!r}: it is no option")

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        Parses the command line.  If something is wrong, ends the program with one line.

        @raise SystemExit: if something is wrong.
        """
        try:
            super().parseOptions(options)  # type: ignore[no-untyped-call]
        except (usage.UsageError, ValueError) as problem:
            misconfigured("kcp-relay", problem)

    def postOptions(self) -> None:
        """
        Checks the options.

        @raise ValueError: if something is missing or wrong.
        """
        from twisted.internet import reactor

        given = {
            option.name: self[option.name]
            for option in OPTIONS
            if self[option.name] not in (None, 0)
        }
        if self["config"] is not None:
            self._readConfig(reactor, given)
        else:
            self._readArguments(reactor, given)
        if usesStdio(self.routes) and not self._twistd("nodaemon", True):
            raise ValueError("--from stdio: needs twistd -n")
        try:
            useFormat({} if self.parent is None else self.parent, self["log-format"])
            self.observers = observers(
                reactor,
                self["metrics"] or "",
                self["status"] or "",
                self._names,
                self["status-token"] or "",
            )
        except ValueError as problem:
            raise ValueError(f"--{problem}") from None
        if (
            usesStdio(self.routes)
            and self["log-format"] != "text"
            and not self._twistd("logfile", "")
        ):
            raise ValueError(
                "--log-format json with --from stdio: needs twistd's --logfile, as standard output"
                " carries the connection"
            )

    def _readConfig(self, reactor: Any, given: dict[str, Any]) -> None:
        others = [*(["from"] if self._sources else []), *(["to"] if self._targets else []), *given]
        if others:
            raise ValueError(f"--config has all options: give no --{others[0]} with it")
        # The program may change its directory.
        self.reread = partial(_readFile, reactor, os.path.abspath(self["config"]))
        self.routes = self.reread()

    def _readArguments(self, reactor: Any, given: dict[str, Any]) -> None:
        sources, targets = self._sources, self._targets
        if not sources and not targets:
            raise ValueError("--from and --to are needed, or --config")
        if len(sources) != len(targets):
            raise ValueError(
                f"{len(sources)} --from and {len(targets)} --to: each --from needs one --to"
            )
        try:
            attributes = parseOptions(given)
            self.routes = [
                Route(source, target, **attributes)
                for source, target in zip(sources, targets, strict=True)
            ]
            for route in self.routes:
                checkRoute(reactor, route)
            checkRoutes(self.routes)
        except ValueError as problem:
            raise ValueError(f"--{problem}") from None

    def _twistd(self, name: str, default: object) -> Any:
        """
        Returns one of C{twistd}'s own options.
        """
        return default if self.parent is None else self.parent.get(name, default)

    @property
    def stdioLogs(self) -> bool:
        """
        True if the log would go to standard output.
        """
        return not any(self._twistd(name, None) for name in ("logfile", "syslog", "logger"))


def _readFile(reactor: Any, path: str) -> Sequence[Route]:
    routes = readConfig(path, partial(checkRoute, reactor))
    try:
        checkRoutes(routes)
    except ValueError as problem:
        raise ValueError(f"{path}: {problem}") from None
    return routes


def makeService(options: Options) -> IService:
    """
    Makes the service for C{twistd}.
    """
    from twisted.internet import reactor

    routes, reread = options.routes, options.reread
    make = partial(makeRelay, reactor)
    if usesStdio(routes):
        observer = problemsOnly(sys.stderr) if options.stdioLogs else None
        return together(StdioService(reactor, make(routes[0]), observer), *options.observers)
    notifier = Notifier.fromEnvironment()
    supervisor = SystemdSupervisor(reactor, notifier) if notifier.isWanted else None
    relays = RelayService(
        reactor,
        routesHere(reactor, routes),
        make,
        partial(placeOf, reactor),
        reread and (lambda: routesHere(reactor, reread())),
        supervisor,
    )
    supervision = [] if supervisor is None else [supervisor.service]
    return together(relays, *supervision, *options.observers)
