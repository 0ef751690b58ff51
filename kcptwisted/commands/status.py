"""
A status page to try: connections that come and go over a bad link, and the page that shows them.
"""

from __future__ import annotations

import argparse
import secrets
from random import Random
from typing import Any, TextIO

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.protocols.wire import Echo
from twisted.python.failure import Failure

from kcptwisted.interfaces import IKCPTransport
from kcptwisted.status.site import statusService
from kcptwisted.testing.link import Link
from kcptwisted.testing.lossyrelay import LossyRelay

#: Seconds between two pieces that a client sends, and that a connection lasts, on average.
PAUSE, LIFE = 0.1, 60.0

#: Bytes of the largest piece.
LARGEST = 20_000


class Client(Protocol):
    """
    Sends pieces of random sizes at random times, for a random time.
    """

    transport: IKCPTransport

    def __init__(self, reactor: Any, random: Random, ended: Deferred[None]) -> None:
        """
        @param reactor: tells the time.
        @param random: decides.
        @param ended: fires at the end.
        """
        self._reactor = reactor
        self._random = random
        self._ended = ended
        self._next: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """
        Begins.
        """
        self._until = self._reactor.seconds() + self._random.expovariate(1 / LIFE)
        self._send()

    def _send(self) -> None:
        if self._reactor.seconds() > self._until:
            self.transport.loseConnection()
            return
        self.transport.write(self._random.randbytes(self._random.randrange(LARGEST)))
        self._next = self._reactor.callLater(self._random.expovariate(1 / PAUSE), self._send)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Sends no more.
        """
        if self._next is not None and self._next.active():
            self._next.cancel()
        self._ended.callback(None)


async def call(reactor: Any, endpoint: Any, random: Random) -> None:
    """
    Connects again and again.
    """
    while True:
        ended: Deferred[None] = Deferred()
        factory = Factory.forProtocol(lambda ended=ended: Client(reactor, random, ended))  # type: ignore[misc]
        factory.noisy = False
        await endpoint.connect(factory)
        await ended


async def show(reactor: Any, arguments: argparse.Namespace, output: TextIO) -> None:
    """
    Listens, connects, and shows the page.

    @return: never.
    """
    random = Random(arguments.seed)
    options = f"crypt=aes-128-gcm:rawKey={secrets.token_hex(16)}"
    factory = Factory.forProtocol(Echo)
    factory.noisy = False
    server = serverFromString(
        reactor, f"kcp:0:interface=127.0.0.1:{options}:dataShards=10:parityShards=3"
    )
    port = await server.listen(factory)
    link = Link(loss=arguments.loss, delay=arguments.delay)
    relay = LossyRelay(reactor, ("127.0.0.1", port.getHost().port), link, arguments.seed)
    client = clientFromString(
        reactor,
        f"kcp:127.0.0.1:{relay.start()}:{options}:dataShards=10:parityShards=3",
    )
    service = statusService(reactor, arguments.endpoint)
    service.startService()
    print(
        f"{arguments.sessions} connections over a link that loses {link.loss:.0%} and takes"
        f" {link.delay * 1000:g} ms each way; the page is at {arguments.endpoint}, Ctrl-C ends it",
        file=output,
        flush=True,
    )
    for _ in range(arguments.sessions):
        ensureDeferred(call(reactor, client, random)).addErrback(lambda _: None)
    await Deferred()


def run(arguments: argparse.Namespace, output: TextIO) -> int:
    """
    Runs the reactor until a signal ends it.

    @return: the exit status: 1 if nothing could be shown.
    """
    from twisted.internet import reactor

    status = [0]

    def failed(reason: Failure) -> None:
        print(f"failed: {reason.getErrorMessage()}", file=output)
        status[0] = 1
        running.stop()

    running: Any = reactor
    running.callWhenRunning(
        lambda: ensureDeferred(show(reactor, arguments, output)).addErrback(failed)
    )
    running.run()
    return status[0]
