"""
Fetches a file over HTTP through a kcptun server, without a local port in between, and prints its
size and SHA-256::

    kcptun-server -t 127.0.0.1:8080 --key sesame
    python examples/kcptun_endpoint.py /file -r 127.0.0.1:29900 --key sesame --compat 20210922

The first argument is the path; the others are the flags of kcptun's client.
"""

import sys
from hashlib import sha256
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import react
from twisted.python.failure import Failure

from kcptwisted.services.kcptun.client import clientPool


class Fetch(Protocol):
    """
    Asks for one file, in HTTP/1.0, so that the server closes the connection after it.
    """

    transport: Any

    def __init__(self, path: str) -> None:
        self.path = path
        self.received: list[bytes] = []
        self.done: Deferred[bytes] = Deferred()

    def connectionMade(self) -> None:
        """
        Ask.
        """
        self.transport.write(f"GET {self.path} HTTP/1.0\r\n\r\n".encode())

    def dataReceived(self, data: bytes) -> None:
        """
        Take the answer.
        """
        self.received.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Take the end of the answer.
        """
        self.done.callback(b"".join(self.received))


async def main(reactor: Any, path: str, *flags: str) -> None:
    """
    Fetch and print.
    """
    fetch = await connectProtocol(clientPool(reactor, flags), Fetch(path))
    head, _, body = (await fetch.done).partition(b"\r\n\r\n")
    print(head.splitlines()[0].decode())
    print(f"{len(body)} bytes, SHA-256 {sha256(body).hexdigest()}")


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(main(reactor, *sys.argv[1:])))
