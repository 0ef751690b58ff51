"""
Twisted's own protocols on two hosts of a simulated network, for the tests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.options import KCPOptions
from kcptwisted.testing import SimulatedNetwork
from kcptwisted.testing.link import Link
from tests.connections import CLIENT, PORT, SERVER

#: 20 ms one way, and one datagram in twenty lost.
LINK = Link(loss=0.05, delay=0.02, jitter=0.005)


class CarryingTestCase(SynchronousTestCase):
    """
    A server host that serves a factory, and a client host.

    @ivar client: the client's endpoint.
    """

    def setUp(self) -> None:
        """
        Make the network.
        """
        self.network = SimulatedNetwork(seed=3, link=LINK)
        # Pull producers over TLS, and others, go by Twisted's own cooperator.
        cooperator = task.Cooperator(lambda: lambda: True, self.schedule)
        self.patch(task, "_theCooperator", cooperator)
        self.clientHost = self.network.host(CLIENT)
        self.serverHost = self.network.host(SERVER)
        options = KCPOptions(crypt="aes-128-gcm", key="sesame")
        self.client = KCPClientEndpoint(self.clientHost, SERVER, PORT, options)
        self._server = KCPServerEndpoint(self.serverHost, PORT, options)

    def schedule(self, work: Callable[[], None]) -> Any:
        """
        Call C{work} in the next turn of the simulated reactor.
        """
        return self.network.clock.callLater(1e-6, work)

    def serve(self, factory: Any) -> Any:
        """
        @return: the port.
        """
        factory.noisy = False
        return self.successResultOf(self._server.listen(factory))

    def wait(self, pending: Any, limit: float = 120.0) -> Any:
        """
        @param pending: a Deferred or a coroutine.
        @return: its result.
        """
        result: Deferred[Any] = ensureDeferred(pending)
        outcome: list[Any] = []
        result.addBoth(outcome.append)
        self.network.runUntil(lambda: bool(outcome), limit)
        result.addCallback(lambda _: outcome[0])
        return self.successResultOf(result)

    def close(self, port: Any) -> None:
        """
        End what is there, and see that nothing of it stays behind.
        """
        stopped = port.stopListening(sessions="abort")
        self.network.run(300)
        self.successResultOf(stopped)
        self.assertEqual(self.network.clock.getDelayedCalls(), [])
