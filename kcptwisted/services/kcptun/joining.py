"""
The factory of incoming connections: each is joined to an outgoing one.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from kcptwisted.services.kcptun.showing import showPeer
from kcptwisted.services.kcptun.tunnel import CountingHalf, Tunnel

#: Why connections end when the program is stopped.
STOPPED = "the program is stopped"


class Joining(Factory):
    """
    Makes an outgoing connection for each incoming one, and joins them.
    """

    noisy = False
    _log = Logger()

    def __init__(
        self, endpoint: IStreamClientEndpoint, reactor: Any, closeWait: float, isQuiet: bool
    ) -> None:
        """
        @param endpoint: makes the outgoing connections.
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}.
        @param closeWait: see L{Tunnel}.
        @param isQuiet: whether the ends of connections are not logged.
        """
        self._endpoint = endpoint
        self._reactor = reactor
        self._closeWait = closeWait
        self._isQuiet = isQuiet
        self._tunnels: dict[Tunnel, IAddress | None] = {}
        self._stopped: Deferred[None] | None = None

    def logPrefix(self) -> str:
        """
        Returns how ports name it in the log.
        """
        return "kcptun"

    def buildProtocol(self, addr: IAddress | None) -> CountingHalf | None:
        """
        Makes the two halves, and returns that of the incoming connection.
        """
        if self._stopped is not None:
            return None
        tunnel = Tunnel(self._endpoint, self._reactor, self._closeWait, self._over)
        self._tunnels[tunnel] = addr
        return tunnel.incoming

    def __len__(self) -> int:
        return len(self._tunnels)

    def _over(self, tunnel: Tunnel) -> None:
        source = self._tunnels.pop(tunnel)
        if not self._isQuiet:
            self._log.info(
                "{source} ended after {seconds:.1f} s: {sent} bytes sent, {received} received,"
                " {why}",
                source=showPeer(source),
                seconds=self._reactor.seconds() - tunnel.began,
                sent=tunnel.incoming.received,
                received=tunnel.outgoing.received if tunnel.outgoing else 0,
                why=tunnel.problem or "both directions ended",
            )
        if self._stopped is not None and not self._tunnels and not self._stopped.called:
            self._stopped.callback(None)

    def stop(self) -> Deferred[None]:
        """
        Makes all connections deliver what was read, and end.  Takes no other ones.

        @return: fires when all have ended.
        """
        if self._stopped is None:
            self._stopped = Deferred()
        if not self._tunnels:
            return succeed(None)
        for tunnel in list(self._tunnels):
            tunnel.stop(STOPPED)
        return self._stopped

    def abort(self) -> None:
        """
        Aborts all connections.
        """
        for tunnel in list(self._tunnels):
            tunnel.abort(STOPPED)
