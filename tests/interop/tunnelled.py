"""
A program that runs in a network of its own (see L{tests.interop.live.test_tunnels}): a client of
ours sends to a server through a tunnel, which may change meanwhile.

C{python -m tests.interop.tunnelled CASE}, where CASE is JSON: the fields of L{Case}.  It prints one
line of JSON.  C{python -m tests.interop.tunnelled send ENDPOINT BYTES SIZE} is the client.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.endpoints import clientFromString, quoteStringArgument
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from kcptwisted.commands.bench.loads import COUNT
from tests.interop.roles import session
from tests.interop.router import ADDRESSES, connected, routerCounters, tell

#: The server's port.
PORT = 4000

#: Seconds.
TIMEOUT = 60

#: How often a client sends at most.
MOST_ROUNDS = 100

PATTERN = bytes(range(256)) * 256


@dataclass
class Case:
    """
    One transfer.

    @ivar family: of IP: 4 or 6.
    @ivar mtu: of the tunnel: IP packets of so many bytes pass.
    @ivar isKnown: whether the router tells who sends larger ones.
    @ivar isDeaf: the client's host takes no notice of such a word.
    @ivar ethernet: what the client's network card takes.
    @ivar later: the mtu of the tunnel from the middle of the transfer on; 0 for no change.
    @ivar size: bytes to send.
    @ivar until: they are sent again until datagrams have this size; 0 for once.
    @ivar options: of the client.
    @ivar serverOptions: of a server of ours.
    @ivar server: another server: its command; C{{address}} and C{{port}} are filled in.
    """

    family: int = 4
    mtu: int = 1420
    isKnown: bool = True
    isDeaf: bool = False
    ethernet: int = 1500
    later: int = 0
    size: int = 5_000_000
    until: int = 0
    options: str = "crypt=null"
    serverOptions: str = "crypt=null"
    server: list[str] = field(default_factory=list)


class Sender(Protocol):
    """
    Sends, and tells when half has been acknowledged, and what became of it all.
    """

    def __init__(self, size: int, until: int, done: Deferred[None]) -> None:
        """
        @param size: bytes to send.
        @param until: see L{Case}.
        """
        self._size = size
        self._until = until
        self._rounds = 0
        self._done = done
        self._answer = b""
        self._half = False
        self._sizes: list[int] = []
        self._look = task.LoopingCall(self._note)

    def connectionMade(self) -> None:
        """
        Begin.
        """
        self._began = perf_counter()
        self._look.start(0.01)
        self._send()

    def _send(self) -> None:
        self._rounds += 1
        self._left = self._size
        session(self).write(COUNT.pack(self._size))
        session(self).registerProducer(self, False)

    def resumeProducing(self) -> None:
        """
        Write a piece.
        """
        piece = PATTERN[: self._left]
        self._left -= len(piece)
        session(self).write(piece)
        if self._left <= self._size // 2 and not self._half:
            self._half = True
            tell(half=True)
        if not self._left:
            session(self).unregisterProducer()

    def stopProducing(self) -> None:
        """
        Write no more.
        """

    def _note(self) -> None:
        mtu = session(self).mtu
        if mtu not in self._sizes[-1:]:
            self._sizes.append(mtu)

    def dataReceived(self, data: bytes) -> None:
        """
        Take the server's count.
        """
        self._answer += data
        if len(self._answer) == 2 * COUNT.size:
            self._note()
            if self._until not in (0, self._sizes[-1]) and self._rounds < MOST_ROUNDS:
                self._answer = b""
                self._send()
                return
            self._look.stop()
            transport = session(self)
            tell(
                counted=COUNT.unpack_from(self._answer)[0],
                seconds=perf_counter() - self._began,
                sizes=self._sizes,
                stats=asdict(transport.stats),
                port=asdict(transport.portStats),
            )
            transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        That is all.
        """
        self._done.callback(None)


async def send(reactor: Any, endpoint: str, size: int, until: int) -> None:
    """
    Plays the client.
    """
    done: Deferred[None] = Deferred()
    factory = Factory.forProtocol(lambda: Sender(size, until, done))
    await clientFromString(reactor, endpoint).connect(factory)
    await done


def carry(case: Case) -> dict[str, Any]:
    """
    Runs the case.

    @return: what the client and the counters of IP say.
    """
    client, server = connected()
    address = ADDRESSES[case.family][3]
    try:
        client.carry(case.ethernet)
        if case.isDeaf:
            client.ignoreLimits()
        server.carry(case.mtu, case.isKnown)
        shown = quoteStringArgument(address)
        listening = f"kcp:{PORT}:interface={shown}:{case.serverOptions}"
        bench = [sys.executable, "-m", "kcptwisted.commands.bench.peer", "serve", listening]
        filled = [each.format(address=address, port=PORT) for each in case.server]
        sink = server.start(*(filled or [*bench, "--role=sink"]))
        assert sink.stdout is not None and sink.stdout.readline()
        before = client.counters()
        calling = f"kcp:{shown}:{PORT}:{case.options}"
        sizes = map(str, (case.size, case.until))
        module = ["-m", "tests.interop.tunnelled", "send", calling, *sizes]
        sender = client.start(sys.executable, *module)
        assert sender.stdout is not None
        sender.stdout.readline()
        if case.later:
            server.carry(case.later, case.isKnown)
        said, _ = sender.communicate(timeout=TIMEOUT)
        result: dict[str, Any] = json.loads(said)
        for name, former in before.items():
            result[name] = client.counters().get(name, 0) - former
        result["router"] = routerCounters()
        _, told = sink.communicate(timeout=TIMEOUT)
        result["server"] = json.loads(told) if case.server else told
        return result
    finally:
        client.stop()
        server.stop()


if __name__ == "__main__":
    if sys.argv[1] == "send":
        numbers = int(sys.argv[3]), int(sys.argv[4])
        task.react(lambda reactor: ensureDeferred(send(reactor, sys.argv[2], *numbers)))
    else:
        try:
            print(json.dumps(carry(Case(**json.loads(sys.argv[1])))))
        except subprocess.TimeoutExpired as problem:
            sys.exit(str(problem))
