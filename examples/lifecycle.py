"""
A connection's life: a client that reconnects when its server is gone, half close, and what each end
is told.

Run the server, then the client, and type lines::

    python examples/lifecycle.py count "kcp:4000:retry=yes:maxSessionsPerHost=10:key=sesame"
    python examples/lifecycle.py tell "kcp:127.0.0.1:4000:keepAlive=2:deadAfter=6:key=sesame"

Stop the server and start it again: the client says why its connection ended, and connects anew.
The end of the input (Ctrl-D) closes the client's direction only; the server then answers how many
lines it was told, and closes the other one.
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

from kcptwisted.session import KCPTransport

#: Seconds from one attempt to connect to the next.
PAUSE = 0.5


@implementer(IHalfCloseableProtocol)
class Counter(LineOnlyReceiver):
    """
    Counts lines until the client stops writing, and answers then.
    """

    transport: KCPTransport
    delimiter = b"\n"
    _lines = 0

    def lineReceived(self, line: bytes) -> None:
        """
        Count.
        """
        self._lines += 1
        print(f"told: {line.decode(errors='replace')}", flush=True)

    def readConnectionLost(self) -> None:
        """
        The client has said everything.
        """
        self.sendLine(f"{self._lines} lines".encode())
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """
        Not called before the connection is over: this end closes both directions at once.
        """

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Say why.
        """
        print(f"lost a client: {explain(reason)}", flush=True)


@implementer(IHalfCloseableProtocol)
class Teller(LineOnlyReceiver):
    """
    Tells the server what is typed.

    @ivar finished: fires when the server has answered and the connection is over.
    """

    transport: KCPTransport
    delimiter = b"\n"

    def __init__(self, finished: Deferred[None]) -> None:
        self.finished = finished
        self._answered = False

    def connectionMade(self) -> None:
        """
        Say so.
        """
        print("connected", flush=True)

    def finish(self) -> None:
        """
        Nothing more will be typed.
        """
        self.transport.loseWriteConnection()

    def writeConnectionLost(self) -> None:
        """
        The server has all lines.
        """
        print("all has arrived", flush=True)

    def lineReceived(self, line: bytes) -> None:
        """
        The server's answer.
        """
        self._answered = True
        print(f"the server counted {line.decode(errors='replace')}", flush=True)

    def readConnectionLost(self) -> None:
        """
        The server has said everything, too.
        """

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Say why.  If there was no answer, the service connects again.
        """
        print(f"lost: {explain(reason)}", flush=True)
        if self._answered:
            self.finished.callback(None)


class Keyboard(LineOnlyReceiver):
    """
    Gives what is typed to the connection, or to the next one while there is none.
    """

    delimiter = b"\n"

    def __init__(self, service: ClientService) -> None:
        self._service = service

    def lineReceived(self, line: bytes) -> None:
        """
        One line.
        """
        self._teller().addCallback(lambda teller: teller.sendLine(line))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The input is at its end.
        """
        self._teller().addCallback(lambda teller: teller.finish())

    def _teller(self) -> Deferred[Any]:
        return self._service.whenConnected()


def explain(reason: Failure) -> str:
    """
    @return: the exception's name, and what it says.
    """
    return f"{type(reason.value).__name__}: {reason.getErrorMessage()}"


async def main(reactor: Any, role: str, endpoint: str) -> None:
    """
    Count for others, or tell.
    """
    if role == "count":
        port = await serverFromString(reactor, endpoint).listen(Factory.forProtocol(Counter))
        print(f"listening on port {port.getHost().port}", flush=True)
        # On SIGTERM and SIGINT.  "finish" would wait for the clients, "abort" for nothing.
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
