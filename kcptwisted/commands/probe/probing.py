"""
One run: connects, measures, closes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from random import Random
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from kcptwisted.commands.probe.findings import Findings, Records, findingsOf
from kcptwisted.commands.probe.layer import ProbeLayer
from kcptwisted.commands.probe.prober import Bounds, Over, Prober
from kcptwisted.commands.probe.records import Ledger
from kcptwisted.endpoints import KCPClientEndpoint
from kcptwisted.interfaces import IDatagramProtocol
from kcptwisted.session.session import KCPSession

#: Seconds for the close.
CLOSING = 1.0


class Quiet(Protocol):
    """
    Drops what the server says.

    @ivar ended: fires when the connection has ended.
    @ivar lost: called with the reason.
    """

    def __init__(self) -> None:
        """
        Not ended yet.
        """
        self.ended: Deferred[None] = Deferred()
        self.lost: Callable[[str], None] = lambda reason: None

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Tells.
        """
        self.lost(reason.getErrorMessage())
        self.ended.callback(None)


class Probing:
    """
    A run.

    @ivar problem: why it ended early; None if it did not.
    @ivar interrupted: whether it was stopped.
    @ivar records: what was done.
    """

    def __init__(
        self,
        reactor: Any,
        endpoint: KCPClientEndpoint,
        bounds: Bounds,
        random: Random,
        randomBytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """
        @param reactor: as of the endpoint.
        @param endpoint: says where, and with which options.
        @param randomBytes: gives so many random bytes.
        """
        self._reactor = reactor
        self._bounds = bounds
        self._random = random
        self._randomBytes = randomBytes
        self._layers: list[ProbeLayer] = []
        self._ledger = Ledger(0, 0, 0, b"", 0)
        self._endpoint = KCPClientEndpoint(
            reactor,
            endpoint.host,
            endpoint.port,
            endpoint.options,
            randomBytes=randomBytes,
            sessionLayer=self._wrap,
        )
        self._running: Deferred[None] | None = None
        self.problem: str | None = None
        self.interrupted = False
        self.records = Records()

    def _wrap(self, above: IDatagramProtocol, session: KCPSession) -> ProbeLayer:
        layer = ProbeLayer(above, session, self._reactor.seconds, self._randomBytes)
        self._layers.append(layer)
        return layer

    def run(self) -> Deferred[None]:
        """
        Connects and measures.

        @return: fires when all is done, and the connection is closed.  It does not fail.
        """
        self._running = Deferred.fromCoroutine(self._run())
        return self._running

    def stop(self) -> None:
        """
        Ends early, and closes the connection.
        """
        self.interrupted = True
        if self._running is not None:
            self._running.cancel()

    async def _run(self) -> None:
        began = self._reactor.seconds()
        try:
            protocol = await self._endpoint.connect(Factory.forProtocol(Quiet))
        except (CancelledError, ConnectingCancelledError):
            return
        except Exception as problem:
            self.problem = Failure(problem).getErrorMessage()
            return
        connected = self._reactor.seconds() - began
        assert isinstance(protocol, Quiet)
        try:
            await self._measure(protocol, connected)
        except Over as problem:
            self.problem = f"the connection ended: {problem}"
        except CancelledError:
            pass
        finally:
            await self._close(protocol)

    async def _measure(self, protocol: Quiet, connected: float) -> None:
        layer = self._layerOf(protocol)
        layer.watch()
        self._ledger = layer.ledger
        prober = Prober(self._reactor, layer, self._bounds, self._random)
        self.records = prober.records
        self.records.connected = connected

        def lost(reason: str) -> None:
            prober.lost = reason

        protocol.lost = lost
        await prober.measure()
        if not self.records.longest():
            self.problem = "no probe was acknowledged"

    def _layerOf(self, protocol: IProtocol) -> ProbeLayer:
        """
        Returns the layer of the attempt that succeeded.
        """
        transport = getattr(protocol, "transport", None)
        return next(layer for layer in self._layers if layer.session.transport is transport)

    async def _close(self, protocol: Quiet) -> None:
        protocol.lost = lambda reason: None
        transport: Any = protocol.transport
        if protocol.ended.called or transport is None:
            return
        transport.loseConnection()
        late = self._reactor.callLater(CLOSING, transport.abortConnection)
        await protocol.ended
        if late.active():
            late.cancel()

    def findings(self) -> Findings:
        """
        Returns what is known now.
        """
        return findingsOf(self.records, self._ledger, self._reactor.seconds())
