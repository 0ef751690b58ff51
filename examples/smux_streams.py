"""
Two streams of one connection: a download that stands still, and questions that are answered
meanwhile.

Run the server, and then the client, each with the endpoint; the defaults fit each other::

    python examples/smux_streams.py serve "smux:kcp:4000:key=sesame"
    python examples/smux_streams.py fetch "smux:kcp:127.0.0.1:4000:key=sesame"

The peer may be any program that speaks smux version 2 over KCP, such as one written in Go.
"""

from __future__ import annotations

import sys
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.interfaces import IReactorCore
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import react
from twisted.protocols.basic import FileSender, LineReceiver
from twisted.python.failure import Failure

from kcptwisted.smux import SmuxClientEndpoint
from kcptwisted.smux.interfaces import ISmuxTransport

SIZE = 3_000_000


class Zeros:
    """
    A file of C{SIZE} zeros.
    """

    def __init__(self) -> None:
        self._left = SIZE

    def read(self, count: int) -> bytes:
        """
        Returns the next bytes.
        """
        count = min(count, self._left)
        self._left -= count
        return bytes(count)


class Server(LineReceiver):
    """
    Serves one stream: sends the file, or turns a line round.
    """

    transport: ISmuxTransport
    delimiter = b"\n"

    def lineReceived(self, line: bytes) -> None:
        """
        Answers, and closes the stream.
        """
        if line == b"file":
            # Sends no faster than the stream takes it.
            sent = FileSender().beginFileTransfer(Zeros(), self.transport)
            sent.addCallbacks(lambda _: self.transport.loseConnection(), lambda _: None)
        else:
            self.sendLine(line[::-1])
            self.transport.loseConnection()


class Asker(Protocol):
    """
    Asks one thing on a stream of its own.

    @ivar answer: fires with all that came, when the stream is over.
    """

    transport: ISmuxTransport

    def __init__(self, question: bytes) -> None:
        self._question = question
        self._pieces: list[bytes] = []
        self.answer: Deferred[bytes] = Deferred()

    def connectionMade(self) -> None:
        """
        Asks.
        """
        self.transport.write(self._question + b"\n")

    def dataReceived(self, data: bytes) -> None:
        """
        Collects the answer.
        """
        self._pieces.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Passes it on.
        """
        self.answer.callback(b"".join(self._pieces))


async def ask(endpoint: SmuxClientEndpoint, question: bytes) -> Asker:
    """
    Opens a stream and asks.
    """
    asker = Asker(question)
    await endpoint.connect(Factory.forProtocol(lambda: asker))
    return asker


async def serve(reactor: IReactorCore, endpoint: str) -> None:
    """
    Listens until the reactor stops.
    """
    port = await serverFromString(reactor, endpoint).listen(Factory.forProtocol(Server))
    print(f"listening on port {port.getHost().port}", flush=True)
    await Deferred()


async def fetch(reactor: IReactorCore, string: str) -> None:
    """
    Asks for the file, takes none of it, asks other things, and then takes it.
    """
    endpoint = cast(SmuxClientEndpoint, clientFromString(reactor, string))
    download = await ask(endpoint, b"file")
    # With version 1 this would stop the other streams as soon as 4 MiB are there.
    download.transport.pauseProducing()
    for word in (b"stressed", b"drawer"):
        asker = await ask(endpoint, word)
        answer = await asker.answer
        print(f"{word.decode()}: {answer.decode().strip()}", flush=True)
    download.transport.resumeProducing()
    print(f"file: {len(await download.answer)} bytes", flush=True)
    print(f"{endpoint.stats.opened} streams, {endpoint.stats.sessions} connection", flush=True)
    await endpoint.close()


async def main(reactor: IReactorCore, role: str = "fetch", endpoint: str = "") -> None:
    """
    Does as it is told.
    """
    if role == "serve":
        await serve(reactor, endpoint or "smux:kcp:4000:key=sesame")
    elif role == "fetch":
        await fetch(reactor, endpoint or "smux:kcp:127.0.0.1:4000:key=sesame")
    else:
        raise SystemExit(f"serve or fetch, not {role}")


if __name__ == "__main__":
    react(main, sys.argv[1:])
