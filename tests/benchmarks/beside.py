"""
How long a small echo takes beside connections of the same port that send or receive all they can.

A server process has them all: an echo for one connection, whose client sends 64 bytes at random
moments and waits for them to come back, and bulk for the others.  The client of the echo and that
of the bulk connections are processes of their own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol, serverFromString
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.stdio import StandardIO
from twisted.internet.task import deferLater, react

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.fairness import (
    MESSAGE,
    PAUSE,
    WARM_UP,
    Commands,
    Process,
    Sink,
    Source,
    Tally,
    hear,
    medianAndWorst,
    say,
    tell,
)
from tests.interop.roles import session

ROOT = Path(__file__).resolve().parents[2]

#: Of both ends.
OPTIONS = "crypt=null:mode=fast3:sendWindow=1024:receiveWindow=1024"

#: Connections beside the echo.
CROWD = 10

#: The first byte that a client sends says what it wants.
PING, SEND, RECEIVE = b"p", b"s", b"r"


class Chooser(Protocol):
    """
    The server's end: whatever the client's first byte asks for.
    """

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def dataReceived(self, data: bytes) -> None:
        """
        Begin.
        """
        chosen: Protocol = {PING: Returned, SEND: Source, RECEIVE: Sink}[data[:1]](self._tally)
        session(self).protocol = chosen
        chosen.makeConnection(session(self))
        if data[1:]:
            chosen.dataReceived(data[1:])


class Returned(Sink):
    """
    Writes back.
    """

    def dataReceived(self, data: bytes) -> None:
        """
        Write back.
        """
        session(self).write(data)


class Asking(Sink):
    """
    Has the server send all it can.
    """

    def connectionMade(self) -> None:
        """
        Ask.
        """
        session(self).write(SEND)


class Giving(Source):
    """
    Sends all it can.
    """

    def connectionMade(self) -> None:
        """
        Say so, and begin.
        """
        session(self).write(RECEIVE)
        super().connectionMade()


#: The bulk connections' clients.
LOADS: dict[str, type[Sink]] = {"sending": Asking, "receiving": Giving}


class Pinger(Protocol):
    """
    Sends messages, one after the other.
    """

    def __init__(self) -> None:
        self._left = 0
        self._back: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """
        Ask for an echo.
        """
        session(self).write(PING)

    def ping(self) -> Deferred[None]:
        """
        @return: fires when a message has come back.
        """
        self._left = MESSAGE
        self._back = Deferred()
        session(self).write(bytes(MESSAGE))
        return self._back

    def dataReceived(self, data: bytes) -> None:
        """
        Count.
        """
        self._left -= len(data)
        if not self._left:
            self._back.callback(None)


async def serve(reactor: Any, options: str) -> None:
    """
    Be the server.
    """
    tally = Tally(reactor)
    factory = Factory.forProtocol(lambda: Chooser(tally))
    endpoint = serverFromString(reactor, f"kcp:0:interface=127.0.0.1:{options}")
    port: Any = await endpoint.listen(factory)
    tell({"port": port.getHost().port})
    commands = Commands(tally)
    StandardIO(commands, reactor=reactor)
    await commands.over


async def burden(reactor: Any, load: str, count: str, port: str, options: str) -> None:
    """
    Be the clients of the bulk connections.
    """
    tally = Tally(reactor)
    for _ in range(int(count)):
        endpoint = clientFromString(reactor, f"kcp:127.0.0.1:{port}:{options}")
        await connectProtocol(endpoint, LOADS[load](tally))
    tell({})
    commands = Commands(tally)
    StandardIO(commands, reactor=reactor)
    await commands.over


async def pingPong(reactor: Any, seconds: str, port: str, options: str) -> None:
    """
    Be the client of the echo, and tell how long each took, in seconds.
    """
    endpoint = clientFromString(reactor, f"kcp:127.0.0.1:{port}:{options}")
    pinger = await connectProtocol(endpoint, Pinger())
    pauses = Random(1)
    trips: list[float] = []
    start = perf_counter()
    while perf_counter() < start + WARM_UP + float(seconds):
        await deferLater(reactor, pauses.expovariate(1 / PAUSE), int)
        began = perf_counter()
        await pinger.ping()
        if began >= start + WARM_UP:
            trips.append(perf_counter() - began)
    tell({"trips": trips})


@contextmanager
def started(*arguments: str) -> Iterator[tuple[Process, dict[str, Any]]]:
    """
    Run a process of this script until it is no longer needed.

    @return: it, and what it told first.
    """
    process = subprocess.Popen(
        [sys.executable, __file__, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        yield process, hear(process)
    finally:
        process.kill()
        process.communicate()


@dataclass(frozen=True)
class Beside:
    """
    What was found.

    @ivar median: of the times of the echoes, milliseconds.
    @ivar worst: of 100 echoes 99 took no longer than this, milliseconds.
    @ivar rate: of all bulk connections together, as the receiving application counted it, MB/s.
    """

    median: float
    worst: float
    rate: float = 0


def alone(seconds: float, server: str = "", client: str = "") -> Beside:
    """
    Measure without bulk connections.

    @param server: more options of the server, as in an endpoint string.
    @param client: more options of the clients.
    """
    with (
        started("serve", OPTIONS + server) as (_, told),
        started("ping", str(seconds), str(told["port"]), OPTIONS + client) as (_, found),
    ):
        return Beside(*medianAndWorst(found["trips"]))


def beside(
    load: str, seconds: float, count: int = CROWD, server: str = "", client: str = ""
) -> Beside:
    """
    Measure beside bulk connections.

    @param load: one of L{LOADS}.
    @param count: bulk connections.
    """
    with (
        started("serve", OPTIONS + server) as (serving, told),
        started("burden", load, str(count), str(told["port"]), OPTIONS + client) as (crowd, _),
    ):
        counting = crowd if load == "sending" else serving
        say(counting, "begin")
        with started("ping", str(seconds), str(told["port"]), OPTIONS + client) as (_, found):
            say(counting, "end")
            counted = hear(counting)
    return Beside(*medianAndWorst(found["trips"]), counted["bytes"] / counted["seconds"] / 1e6)


def main() -> None:
    """
    Measure alone and beside each load, and print a table.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="for each load")
    parser.add_argument("--loads", nargs="*", choices=LOADS, default=list(LOADS))
    parser.add_argument("--count", type=int, default=CROWD, help="bulk connections")
    parser.add_argument("--server", default="", help="more options: name=value:name=value")
    parser.add_argument("--client", default="", help="more options of the clients")
    given = parser.parse_args()
    more = [f":{text}" if text else "" for text in (given.server, given.client)]
    print("bulk".ljust(12) + "echo, ms: p50".rjust(14) + "p99".rjust(9) + "bulk, MB/s".rjust(13))
    quiet = alone(given.seconds, *more)
    print(f"{'none':<12}{quiet.median:14.2f}{quiet.worst:9.2f}")
    for load in given.loads:
        found = beside(load, given.seconds, given.count, *more)
        print(f"{load:<12}{found.median:14.2f}{found.worst:9.2f}{found.rate:13.1f}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", *options]:
            react(serve, options)
        case ["burden", *what]:
            react(burden, what)
        case ["ping", *what]:
            react(pingPong, what)
        case _:
            main()
