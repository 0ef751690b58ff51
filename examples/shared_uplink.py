"""
A server of files for a line that others use as well: all its connections together send no more than
the line can spare, and share that fairly.

Run the server with the bytes a second that it may send and a file, then fetch it with::

    python examples/shared_uplink.py serve "kcp:4000:key=sesame" 100000 FILE
    python examples/shared_uplink.py fetch "kcp:127.0.0.1:4000:key=sesame"

C{portRateLimit} may stand in the endpoint string as well.  Here it is set on the port that listens,
as a program does that learns the rate of its line, or changes it by the time of day.
"""

from __future__ import annotations

import sys
from time import monotonic
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol, serverFromString
from twisted.internet.interfaces import IReactorCore
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import react
from twisted.python.failure import Failure

from kcptwisted.interfaces import IKCPListeningPort


class Files(Protocol):
    """
    Sends a file, and says good-bye.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content

    def connectionMade(self) -> None:
        """
        Writes all of it: the port lets it leave as its rate allows.
        """
        assert self.transport is not None
        self.transport.write(self._content)
        self.transport.loseConnection()


class Fetching(Protocol):
    """
    Takes what comes.

    @ivar size: bytes that came.
    @ivar ended: fires at the end.
    """

    def __init__(self) -> None:
        self.size = 0
        self.ended: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        """
        Counts.
        """
        self.size += len(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Says that all is there.
        """
        self.ended.callback(None)


async def serve(reactor: IReactorCore, endpoint: str, rate: int, path: str) -> None:
    """
    Serves a file until the program is stopped.

    @param rate: bytes a second for all connections together.
    """
    with open(path, "rb") as file:
        content = file.read()
    factory = Factory.forProtocol(lambda: Files(content))
    port = await serverFromString(reactor, endpoint).listen(factory)
    cast(IKCPListeningPort, port).configure(portRateLimit=rate)
    print(f"listening on port {port.getHost().port}", flush=True)
    await Deferred()


async def fetch(reactor: IReactorCore, endpoint: str) -> None:
    """
    Fetches it, and says how fast that was.
    """
    fetching = Fetching()
    began = monotonic()
    await connectProtocol(clientFromString(reactor, endpoint), fetching)
    await fetching.ended
    print(f"{fetching.size} bytes, {fetching.size / (monotonic() - began):.0f} bytes/s", flush=True)


def main(reactor: IReactorCore, *words: str) -> Deferred[None]:
    """
    Does what the command line says.
    """
    match words:
        case "serve", endpoint, rate, path:
            return Deferred.fromCoroutine(serve(reactor, endpoint, int(rate), path))
        case "fetch", endpoint:
            return Deferred.fromCoroutine(fetch(reactor, endpoint))
    raise SystemExit(__doc__)


if __name__ == "__main__":
    react(main, sys.argv[1:])
