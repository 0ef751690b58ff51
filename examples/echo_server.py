"""
A server that sends back what it receives.

Run it with the endpoint to listen at, by default C{kcp:4000:key=sesame}::

    python examples/echo_server.py "kcp:4000:key=sesame"

It prints its port, which you need with C{kcp:0:...} (any free port), and runs until it is
interrupted.  The option C{keepAlive}, which is on, ends connections whose client is gone; add
C{idleTimeout=60} to end idle ones as well.  C{examples/echo_client.py} is the client.
"""

from __future__ import annotations

import sys

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IReactorCore
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import react
from twisted.python.failure import Failure

from kcptwisted.interfaces import IKCPTransport


class Echo(Protocol):
    """
    Sends back what it receives, no faster than the peer takes it.
    """

    transport: IKCPTransport

    def connectionMade(self) -> None:
        """
        Makes the transport pause reading while too much waits to be sent.
        """
        self.transport.registerProducer(self.transport, streaming=True)

    def dataReceived(self, data: bytes) -> None:
        """
        Sends the data back.
        """
        self.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Prints why the connection ended, and its counters.
        """
        peer = self.transport.getPeer()
        print(f"{peer.host}:{peer.port}: {reason.getErrorMessage()}", flush=True)
        print(self.transport.stats, flush=True)


async def main(reactor: IReactorCore, endpoint: str = "kcp:4000:key=sesame") -> None:
    """
    Listens until the reactor stops.
    """
    port = await serverFromString(reactor, endpoint).listen(Factory.forProtocol(Echo))
    print(f"listening on port {port.getHost().port}", flush=True)
    await Deferred()


if __name__ == "__main__":
    react(main, sys.argv[1:])
