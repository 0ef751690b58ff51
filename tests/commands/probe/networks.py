"""
A measurement in the simulated network.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.probe.findings import Findings
from kcptwisted.commands.probe.prober import Bounds
from kcptwisted.commands.probe.probing import Probing
from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.options import KCPOptions
from kcptwisted.testing.link import Link
from kcptwisted.testing.network import SimulatedNetwork

CLIENT, SERVER = "10.0.0.1", "10.0.0.2"
PORT = 4000

#: No cipher.
PLAIN = KCPOptions(crypt="null", environ={})

#: Of most measurements.
BOUNDS = Bounds(10, 2_000_000)


class Witness(Protocol):
    """
    The application at the server.

    @ivar received: what it was given.
    @ivar reason: why the connection ended.
    """

    def __init__(self) -> None:
        """
        Nothing yet.
        """
        self.received = b""
        self.reason: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        """
        Note.
        """
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Note.
        """
        self.reason = reason


class ProbingTestCase(SynchronousTestCase):
    """
    Probes a server.

    @ivar witness: the application at the server.
    @ivar sent: bytes of all that the client sent, headers included.
    """

    def listen(self, options: KCPOptions = PLAIN, seed: int = 1) -> None:
        """
        Make the network, and a server.
        """
        self.network = SimulatedNetwork(seed=seed)
        self.client, self.server = self.network.host(CLIENT), self.network.host(SERVER)
        self.witness = Witness()
        self.sent = 0
        self.network.taps.append(self._count)
        factory = Factory.forProtocol(lambda: self.witness)
        factory.noisy = False
        KCPServerEndpoint(self.server, PORT, options).listen(factory)

    def _count(self, source: tuple[str, int], _: tuple[str, int], datagram: bytes) -> None:
        if source[0] == CLIENT:
            self.sent += len(datagram) + 28

    def begin(
        self, options: KCPOptions = PLAIN, bounds: Bounds = BOUNDS, port: int = PORT
    ) -> Probing:
        """
        @return: a run that has begun.
        """
        endpoint = KCPClientEndpoint(self.client, SERVER, port, options)
        probing = Probing(self.client, endpoint, bounds, Random(7), Random(9).randbytes)
        self.done: list[Any] = []
        probing.run().addBoth(self.done.append)
        return probing

    def measure(
        self,
        there: Link,
        back: Link | None = None,
        options: KCPOptions = PLAIN,
        server: KCPOptions = PLAIN,
        bounds: Bounds = BOUNDS,
        prepare: Callable[[], object] = lambda: None,
    ) -> Findings:
        """
        @param back: the same as C{there} if None.
        @param prepare: called when there is a network.
        @return: what a whole run finds.
        """
        self.listen(server)
        self.network.setLink(CLIENT, SERVER, there)
        self.network.setLink(SERVER, CLIENT, there if back is None else back)
        prepare()
        self.probing = self.begin(options, bounds)
        self.network.runUntil(lambda: bool(self.done))
        self.assertEqual(self.done, [None])
        found = self.probing.findings()
        # Whatever the path is like, no more is sent than was said.
        self.assertLessEqual(found.spent, bounds.size)
        return found
