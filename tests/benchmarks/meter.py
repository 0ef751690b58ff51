"""
One end of a measurement over time: counts what arrives on each session, or sends as fast as it may,
and keeps samples.  The roles and what is printed are those of C{gopeer}'s C{meter} and C{flood}.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from time import time
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol, serverFromString
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import LoopingCall, react

from kcptwisted.commands.bench.loads import Writer
from kcptwisted.commands.bench.peer import inputEnds, printResult
from kcptwisted.commands.bench.stream import Pattern

#: Seconds between two samples.
INTERVAL = 0.05


class Counter(Protocol):
    """
    Counts what arrives.
    """

    def __init__(self, enough: int) -> None:
        self.bytes = 0
        self._enough = enough

    def dataReceived(self, data: bytes) -> None:
        """
        Counts the data.
        """
        before = self.bytes
        self.bytes += len(data)
        if before < self._enough <= self.bytes:
            print(f"complete {time():f}", flush=True)


async def serve(reactor: Any, endpoint: str, enough: int) -> None:
    """
    Counts until standard input ends.

    @param enough: bytes of a session that it tells of at once.
    """
    sessions: list[Counter] = []
    samples: list[list[float]] = []

    def made() -> Counter:
        sessions.append(Counter(enough))
        return sessions[-1]

    def sample() -> None:
        samples.append([time(), *[one.bytes for one in sessions]])

    port = await serverFromString(reactor, endpoint).listen(Factory.forProtocol(made))
    address: Any = port.getHost()
    print(f"listening {address.host}:{address.port}", flush=True)
    LoopingCall(sample).start(INTERVAL)
    await inputEnds(reactor)
    sample()
    printResult({"samples": samples})


async def flood(reactor: Any, endpoint: str, count: int) -> None:
    """
    Sends from the first line of standard input on until all bytes have been taken, and samples
    until that ends: the smoothed round trip, ms; the segments in flight; the congestion window,
    segments, and the pacing rate, bytes a second, or 0 if there is no congestion control.
    """
    samples: list[list[float]] = []
    client = await connectProtocol(clientFromString(reactor, endpoint), Protocol())
    transport: Any = client.transport

    def sample() -> None:
        window = transport.congestionWindow / transport.mtu
        flight, pacing = transport.segmentsInFlight, transport.pacingRate
        samples.append([time(), transport.smoothedRTT, flight, window, pacing])

    print("ready", flush=True)
    LoopingCall(sample).start(INTERVAL)
    await inputEnds(reactor, Writer(transport, Pattern(1), count).start)
    printResult({"samples": samples})


def main(words: Sequence[str]) -> None:
    """
    Runs one end.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=["meter", "flood"])
    parser.add_argument("endpoint", help="an endpoint string")
    parser.add_argument("--bytes", type=int, default=1 << 40, help="of a session")
    given = parser.parse_args(words)

    def begin(reactor: Any) -> Deferred[None]:
        if given.role == "meter":
            return Deferred.fromCoroutine(serve(reactor, given.endpoint, given.bytes))
        return Deferred.fromCoroutine(flood(reactor, given.endpoint, given.bytes))

    react(begin)


if __name__ == "__main__":
    main(sys.argv[1:])
