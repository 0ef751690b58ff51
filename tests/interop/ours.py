"""
One end of ours in a process of its own, which can be killed or suspended; run by
L{tests.interop.peers.OurProcess}.

C{listen} serves echoes, C{connect} sends the lines of its input.  Both tell what happens as lines
of JSON, and end with their input.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.stdio import StandardIO
from twisted.internet.task import react
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure


def tell(event: str, **items: object) -> None:
    """
    Print an event.
    """
    print(json.dumps({"event": event, **items}), flush=True)


class _Telling(Protocol):
    """
    Tells when it is connected, and when no more.
    """

    transport: Any

    def connectionMade(self) -> None:
        """
        Tell.
        """
        tell("connected", conv=self.transport.conv, peer=self.transport.getPeer().port)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Tell.
        """
        tell("lost", conv=self.transport.conv, reason=type(reason.value).__name__)


class Echo(_Telling):
    """
    Writes back what it receives.
    """

    def dataReceived(self, data: bytes) -> None:
        """
        Write back.
        """
        self.transport.write(data)


class Lines(LineOnlyReceiver, _Telling):
    """
    Tells each line that comes back.
    """

    delimiter = b"\n"

    def lineReceived(self, line: bytes) -> None:
        """
        Tell.
        """
        tell("received", text=line.decode())


class Input(Protocol):
    """
    Standard input.

    @ivar over: fires when there is no more.
    """

    def __init__(self, client: Lines | None = None) -> None:
        """
        @param client: what its data goes to.
        """
        self._client = client
        self.over: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        """
        Send.
        """
        if self._client is not None:
            self._client.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Tell.
        """
        self.over.callback(None)


async def listen(reactor: Any, endpoint: str) -> None:
    """
    Be a server.
    """
    listening = serverFromString(reactor, endpoint).listen(Factory.forProtocol(Echo))
    port: Any = await listening
    tell("listening", port=port.getHost().port)
    end = Input()
    StandardIO(end)
    await end.over
    tell("counted", **port.stats.asDict())


async def connect(reactor: Any, endpoint: str) -> None:
    """
    Be a client.
    """
    connecting = clientFromString(reactor, endpoint).connect(Factory.forProtocol(Lines))
    end = Input(await connecting)
    StandardIO(end)
    await end.over


if __name__ == "__main__":
    react({"listen": listen, "connect": connect}[sys.argv[1]], sys.argv[2:])
