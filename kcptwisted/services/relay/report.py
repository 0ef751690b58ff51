"""
What the log says about routes and connections.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from twisted.internet.address import UNIXAddress
from twisted.logger import Logger

from kcptwisted.smux.addresses import SmuxAddress

#: Seconds between two lines about connections that are refused.
REFUSED_PAUSE = 60.0

_log = Logger(namespace="kcptwisted.services.relay")

_SECRET = re.compile(r"(?<=:)(key|rawKey)=(?:\\.|[^:\\])*")


def withoutSecrets(endpoint: str) -> str:
    """
    Returns an endpoint string as it may be shown.
    """
    return _SECRET.sub(r"\1=***", endpoint)


def showAddress(address: Any) -> str:
    """
    Returns an address as people write it.

    @param address: what C{getPeer} or C{getHost} gives.
    """
    if isinstance(address, SmuxAddress):
        return f"{showAddress(address.carrier)} stream {address.stream}"
    if isinstance(address, UNIXAddress):
        name = address.name or b""
        return f"unix:{name.decode(errors='replace')}"
    host, port = getattr(address, "host", None), getattr(address, "port", None)
    if host is None:
        return "stdio" if type(address).__name__ == "PipeAddress" else str(address)
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


@dataclass
class Counts:
    """
    What a route has seen.

    @ivar taken: connections that were accepted.
    @ivar refused: connections that were refused because of C{--max-connections}.
    @ivar failed: connections whose target could not be reached.
    @ivar there: bytes passed from the sources to the targets.
    @ivar back: bytes passed from the targets to the sources.
    """

    taken: int = 0
    refused: int = 0
    failed: int = 0
    there: int = 0
    back: int = 0


def reportConnection(
    source: str, target: str, seconds: float, why: str, there: int, back: int
) -> None:
    """
    Logs the line of a connection that has ended.

    @param source: who has connected.
    @param target: to whom it was connected.
    @param seconds: how long the connection was there.
    @param why: why it has ended.
    @param there: bytes passed from the source to the target.
    @param back: bytes passed from the target to the source.
    """
    _log.info(
        "{source} to {target} ended after {seconds:.1f} s: {why}; {there} bytes there, {back} back",
        source=source,
        target=target,
        seconds=seconds,
        why=why,
        there=there,
        back=back,
    )


class Refusals:
    """
    Logs refused connections: the first one, and then how many there were each minute.
    """

    def __init__(self, reactor: Any) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}.
        """
        self._reactor = reactor
        self._number = 0
        self._last: float | None = None

    def add(self, source: str, limit: int) -> None:
        """
        Takes note of another one.
        """
        self._number += 1
        now = self._reactor.seconds()
        if self._last is None or now - self._last >= REFUSED_PAUSE:
            _log.warn(
                "{number} more connections to {source} refused: max-connections={limit} are open",
                number=self._number,
                source=withoutSecrets(source),
                limit=limit,
            )
            self._last, self._number = now, 0
