"""
C{twistd kcp-relay}: joins any server endpoint to any client endpoint.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.python import usage

from kcptwisted.services.relay.service import RelayFactory, RelayService

__all__ = ["Options", "RelayFactory", "RelayService", "makeService"]

#: The default of C{--stop-timeout}, in seconds.
STOP_TIMEOUT = 30.0


class Options(usage.Options):
    """
    Command line of C{twistd kcp-relay}.
    """

    synopsis = "[options]"
    longdesc = (
        "Takes connections at one endpoint and passes each on to another, with backpressure both"
        " ways. For example --from tcp:8080 --to kcp:example.com:4000:crypt=aes here and"
        " --from kcp:4000:crypt=aes --to tcp:127.0.0.1:80 there, with the passphrase in KCP_KEY"
        " at both ends."
    )
    optParameters = [
        ["from", "f", None, "Server endpoint to listen at, such as tcp:8080."],
        ["to", "t", None, "Client endpoint to connect to, such as kcp:example.com:4000:crypt=aes."],
        [
            "stop-timeout",
            None,
            STOP_TIMEOUT,
            "Seconds that a stop may take to deliver what was read; then connections are aborted.",
        ],
    ]

    def postOptions(self) -> None:
        """
        Checks the options.

        @raise usage.UsageError: if an endpoint or a number is missing or wrong.
        """
        from twisted.internet import reactor

        parsers: dict[str, Callable[[Any, str], object]] = {
            "from": serverFromString,
            "to": clientFromString,
        }
        for name, parse in parsers.items():
            if not self[name]:
                raise usage.UsageError(f"--{name} is needed: an endpoint string")
            try:
                parse(reactor, self[name])
            except (ValueError, TypeError) as problem:
                raise usage.UsageError(f"--{name}: {problem}") from None
        self["stop-timeout"] = _seconds("stop-timeout", self["stop-timeout"])


def _seconds(name: str, given: str | float) -> float:
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise usage.UsageError(f"--{name} must be seconds, 0 or more, not {given!r}")
    return seconds


def makeService(options: Options) -> Service:
    """
    Makes the service for C{twistd}.
    """
    from twisted.internet import reactor

    return RelayService(
        reactor,
        serverFromString(reactor, options["from"]),
        clientFromString(reactor, options["to"]),
        options["stop-timeout"],
    )
