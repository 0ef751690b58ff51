"""
What a TCP echo and a timer get of the reactor beside a KCP session that takes all it can.

One process has them all: Twisted's own TCP echo, a timer of 10 ms, and the session, whose peer is a
process of its own.  This process sends 64 bytes by TCP at random moments and waits for them to come
back: without the pauses, most would be sent in those rare moments in which the session has nothing
to do.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import quantiles
from time import perf_counter, sleep
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import connectProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.stdio import StandardIO
from twisted.internet.task import react
from twisted.protocols.basic import LineOnlyReceiver
from twisted.protocols.wire import Echo
from twisted.python.failure import Failure

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kcptwisted.commands.bench.loads import Writer
from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.options import KCPOptions
from kcptwisted.udp import reading
from tests.interop.roles import session
from tests.interop.stream import Pattern

ROOT = Path(__file__).resolve().parents[2]

#: The session's, as in the other comparisons.
OPTIONS = KCPOptions(
    crypt="null",
    mtu=1400,
    mode="fast3",
    sendWindow=1024,
    receiveWindow=1024,
    interface="127.0.0.1",
    environ={},
)

#: Bytes of a TCP message, and the average of the seconds between one's return and the next.
MESSAGE = 64
PAUSE = 0.002

#: Seconds between two ticks of the timer.
INTERVAL = 0.01

#: Seconds of load before anything counts, and that one TCP echo may take.
WARM_UP = 0.5
PATIENCE = 30

#: More bytes than a measurement moves.
ENDLESS = 1 << 50

Process = subprocess.Popen[str]


class Tally:
    """
    What one process counts.

    @ivar bytes: given to the session's protocol.
    @ivar late: seconds that each tick of the timer came late.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.begin()
        self._plan()

    def begin(self) -> None:
        """
        Count from now on.
        """
        self.bytes = 0
        self.late: list[float] = []
        self._began = perf_counter()

    def result(self) -> dict[str, Any]:
        """
        @return: what was counted, and in how many seconds.
        """
        return {"bytes": self.bytes, "seconds": perf_counter() - self._began, "late": self.late}

    def _plan(self) -> None:
        self._call = self._reactor.callLater(INTERVAL, self._tick)

    def _tick(self) -> None:
        self.late.append(self._reactor.seconds() - self._call.getTime())
        self._plan()


class Sink(Protocol):
    """
    Counts what arrives.
    """

    def __init__(self, tally: Tally) -> None:
        self.tally = tally

    def dataReceived(self, data: bytes) -> None:
        """
        Count.
        """
        self.tally.bytes += len(data)


class Returner(Sink):
    """
    Writes it back as well, and reads no faster than it can write.
    """

    def connectionMade(self) -> None:
        """
        Let the transport pause itself.
        """
        session(self).registerProducer(session(self), True)

    def dataReceived(self, data: bytes) -> None:
        """
        Count, and write back.
        """
        super().dataReceived(data)
        session(self).write(data)


class Source(Sink):
    """
    Writes without end.
    """

    def connectionMade(self) -> None:
        """
        Begin.
        """
        Writer(session(self), Pattern(), ENDLESS).start()


class PromptEcho(Echo):
    """
    Twisted's, without Nagle's delay.
    """

    def connectionMade(self) -> None:
        """
        Turn it off.
        """
        cast(Any, self.transport).setTcpNoDelay(True)


#: What the measured process and its peer do under each load, and whether the peer counts the rate.
LOADS: dict[str, tuple[type[Sink], type[Sink], bool]] = {
    "idle": (Sink, Sink, False),
    "receiving": (Sink, Source, False),
    "sending": (Source, Sink, True),
    "echo": (Returner, Source, True),
}


class Commands(LineOnlyReceiver):
    """
    Standard input, whose lines are C{begin} and C{end}.

    @ivar over: fires when there is no more.
    """

    delimiter = b"\n"

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self.over: Deferred[None] = Deferred()

    def lineReceived(self, line: bytes) -> None:
        """
        Begin to count, or tell what was counted.
        """
        if line == b"begin":
            self._tally.begin()
        else:
            tell(self._tally.result())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        That was it.
        """
        self.over.callback(None)


def tell(what: dict[str, Any]) -> None:
    """
    Print a line of JSON.
    """
    print(json.dumps(what), flush=True)


async def serve(reactor: Any, load: str, budget: str) -> None:
    """
    Be the measured process.

    @param budget: the reader's C{READ_BUDGET}, bytes.
    """
    reading.READ_BUDGET = int(budget)
    tally = Tally(reactor)
    factory = Factory.forProtocol(lambda: LOADS[load][0](tally))
    kcp: Any = await KCPServerEndpoint(reactor, 0, OPTIONS).listen(factory)
    tcp = reactor.listenTCP(0, Factory.forProtocol(PromptEcho), interface="127.0.0.1")
    tell({"kcp": kcp.getHost().port, "tcp": tcp.getHost().port})
    commands = Commands(tally)
    StandardIO(commands, reactor=reactor)
    await commands.over


async def burden(reactor: Any, load: str, server: str) -> None:
    """
    Be its session's peer.

    @param server: the session's port.
    """
    tally = Tally(reactor)
    endpoint = KCPClientEndpoint(reactor, "127.0.0.1", int(server), OPTIONS)
    await connectProtocol(endpoint, LOADS[load][1](tally))
    tell({})
    commands = Commands(tally)
    StandardIO(commands, reactor=reactor)
    await commands.over


@contextmanager
def started(*arguments: str) -> Iterator[tuple[Process, dict[str, Any]]]:
    """
    Run a process of this script until it is no longer needed.

    @return: it, and what it told when it was ready.
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


def say(process: Process, command: str) -> None:
    """
    Give a process a command.
    """
    assert process.stdin is not None
    process.stdin.write(f"{command}\n")
    process.stdin.flush()


def hear(process: Process) -> dict[str, Any]:
    """
    @return: what a process tells next.
    """
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"ended early: {process.args!r}")
    told: dict[str, Any] = json.loads(line)
    return told


def pingPong(sock: socket.socket, seconds: float) -> list[float]:
    """
    @return: how long each echo took, seconds.
    """
    message = bytes(MESSAGE)
    pauses = Random(1)
    trips: list[float] = []
    end = perf_counter() + seconds
    while perf_counter() < end:
        sleep(pauses.expovariate(1 / PAUSE))
        began = perf_counter()
        sock.sendall(message)
        left = MESSAGE
        while left:
            received = sock.recv(left)
            if not received:
                raise RuntimeError("the TCP echo has closed")
            left -= len(received)
        trips.append(perf_counter() - began)
    return trips


@dataclass(frozen=True)
class Fairness:
    """
    What was found under one load.

    @ivar rate: of the session, as the receiving application counted it, MB/s.
    @ivar echoMedian: of the TCP echoes' times, milliseconds.
    @ivar echoWorst: of 100 TCP echoes 99 took no longer than this, milliseconds.
    @ivar timerMedian: how late the timer of 10 ms ticked, milliseconds.
    @ivar timerWorst: of 100 ticks 99 were no later than this, milliseconds.
    """

    rate: float
    echoMedian: float
    echoWorst: float
    timerMedian: float
    timerWorst: float


def medianAndWorst(seconds: list[float]) -> tuple[float, float]:
    """
    @return: the 50th and the 99th percentile, milliseconds.
    """
    cuts = quantiles(seconds, n=100)
    return cuts[49] * 1000, cuts[98] * 1000


def measure(seconds: float, load: str, budget: int = reading.READ_BUDGET) -> Fairness:
    """
    Measure under one load.

    @param load: one of L{LOADS}.
    @param budget: bytes that the port reads in one reactor turn.
    """
    peerCounts = LOADS[load][2]
    with (
        started("serve", load, str(budget)) as (server, ports),
        started("burden", load, str(ports["kcp"])) as (peer, _),
        socket.create_connection(("127.0.0.1", ports["tcp"]), PATIENCE) as sock,
    ):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pingPong(sock, WARM_UP)
        say(server, "begin")
        say(peer, "begin")
        trips = pingPong(sock, seconds)
        say(server, "end")
        say(peer, "end")
        served, carried = hear(server), hear(peer)
    counted = carried if peerCounts else served
    rate = counted["bytes"] / counted["seconds"] / 1e6
    return Fairness(rate, *medianAndWorst(trips), *medianAndWorst(served["late"]))


def main() -> None:
    """
    Measure under each load, and print a table.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="for each load")
    parser.add_argument("--loads", nargs="*", choices=LOADS, default=list(LOADS))
    budget = reading.READ_BUDGET
    parser.add_argument("--budget", type=int, default=budget, help="READ_BUDGET, bytes")
    arguments = parser.parse_args()
    print(
        "load".ljust(12) + "KCP".rjust(10) + "TCP echo, ms".rjust(20) + "timer late, ms".rjust(20)
    )
    print(" " * 12 + "MB/s".rjust(10) + ("p50".rjust(11) + "p99".rjust(9)) * 2)
    for load in arguments.loads:
        found = measure(arguments.seconds, load, arguments.budget)
        print(
            f"{load:<12}{found.rate:10.0f}{found.echoMedian:11.2f}{found.echoWorst:9.2f}"
            f"{found.timerMedian:11.2f}{found.timerWorst:9.2f}"
        )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", load, budget]:
            react(serve, (load, budget))
        case ["burden", load, server]:
            react(burden, (load, server))
        case _:
            main()
