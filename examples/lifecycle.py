"""
The life of a connection: a client that reconnects when its server is gone, a half close, and the
reasons for the end that each side gets.

Run the server, then the client, and type lines::

    python examples/lifecycle.py count "kcp:4000:retry=yes:maxSessionsPerHost=10:key=sesame"
    python examples/lifecycle.py tell "kcp:127.0.0.1:4000:keepAlive=2:deadAfter=6:key=sesame"

Stop the server and start it again: the client prints why its connection ended, and connects again.
The end of the input (Ctrl-D) closes only the client's direction.  The server then answers how many
lines it received, and closes the other direction.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.application.internet import ClientService
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.stdio import StandardIO
from twisted.internet.task import react
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.interfaces import IKCPTransport

#: Seconds from one attempt to connect to the next.
PAUSE = 0.5


@implementer(IHalfCloseableProtocol)
class Counter(LineOnlyReceiver):
    """
    Counts lines until the client half-closes, and then answers.
    """

    transport: IKCPTransport
    delimiter = b"\n"
    _lines = 0

    def lineReceived(self, line: bytes) -> None:
        """
        Counts a line.
        """
        self._lines += 1
        print(f"told: {line.decode(errors='replace')}", flush=True)

    def readConnectionLost(self) -> None:
        """
        Answers: the client has half-closed.
        """
        self.sendLine(f"{self._lines} lines".encode())
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """
        Does nothing: this end closes both directions at once.
        """

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Prints why the connection ended.
        """
        print(f"lost a client: {explain(reason)}", flush=True)


@implementer(IHalfCloseableProtocol)
class Teller(LineOnlyReceiver):
    """
    Sends to the server what is typed.

    @ivar finished: fires when the server has answered and the connection has ended.
    """

    transport: IKCPTransport
    delimiter = b"\n"

    def __init__(self, finished: Deferred[None]) -> None:
        self.finished = finished
        self._answered = False

    def connectionMade(self) -> None:
        """
        Prints that the connection is established.
        """
        print("connected", flush=True)

    def finish(self) -> None:
        """
        Half-closes: nothing more will be typed.
        """
        self.transport.loseWriteConnection()

    def writeConnectionLost(self) -> None:
        """
        Prints that the server has all lines.
        """
        print("all has arrived", flush=True)

    def lineReceived(self, line: bytes) -> None:
        """
        Prints the server's answer.
        """
        self._answered = True
        print(f"the server counted {line.decode(errors='replace')}", flush=True)

    def readConnectionLost(self) -> None:
        """
        Does nothing: the server closes the connection too.
        """

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Prints why the connection ended.  If there was no answer, the service connects again.
        """
        print(f"lost: {explain(reason)}", flush=True)
        if self._answered:
            self.finished.callback(None)


class Keyboard(LineOnlyReceiver):
    """
    Passes what is typed to the connection, or to the next one if there is none.
    """

    delimiter = b"\n"

    def __init__(self, service: ClientService) -> None:
        self._service = service

    def lineReceived(self, line: bytes) -> None:
        """
        Passes a line on.
        """
        self._teller().addCallback(lambda teller: teller.sendLine(line))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Half-closes the connection at the end of the input.
        """
        self._teller().addCallback(lambda teller: teller.finish())

    def _teller(self) -> Deferred[Any]:
        return self._service.whenConnected()


def explain(reason: Failure) -> str:
    """
    Returns the name of the exception, and its message.
    """
    return f"{type(reason.value).__name__}: {reason.getErrorMessage()}"


async def main(reactor: Any, role: str, endpoint: str) -> None:
    """
    Runs the server or the client.
    """
    if role == "count":
        port = await serverFromString(reactor, endpoint).listen(Factory.forProtocol(Counter))
        print(f"listening on port {port.getHost().port}", flush=True)
        # On SIGTERM and SIGINT.  "finish" would wait for the clients, "abort" would not wait at
        # all.
        reactor.addSystemEventTrigger("before", "shutdown", port.stopListening, "close")
        await Deferred()
    else:
        finished: Deferred[None] = Deferred()
        factory = Factory.forProtocol(lambda: Teller(finished))
        service = ClientService(
            clientFromString(reactor, endpoint),
            factory,
            retryPolicy=lambda attempts: PAUSE,
            clock=reactor,
        )
        service.startService()
        StandardIO(Keyboard(service), reactor=reactor)
        await finished
        await service.stopService()


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("count", "tell"):
        sys.exit(__doc__)
    react(main, sys.argv[1:])
