"""
What a TCP echo gets from a process that is busy with something else on the same reactor.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, sleep

from tests.benchmarks.children import ROOT, Child, ChildFailed, started
from tests.benchmarks.contenders import (
    TIMEOUT,
    Conditions,
    Contender,
    Load,
    optionString,
    ours,
    tcp,
)
from tests.benchmarks.measuring import Found

#: Seconds that the busy session has to come up to speed.
WARMING = 0.5

#: Bytes that the busy session would move, were it left to.
ENDLESS = 10**12

TCP = "tcp:0:interface=127.0.0.1"


@dataclass(frozen=True)
class Neighbour:
    """
    A session that keeps the process busy.

    @ivar role: "sink" or "echo".
    @ivar endpoint: the server's.
    @ivar contender: whose client it is.
    """

    role: str
    endpoint: str
    contender: Contender


_KCP = f"kcp:0:interface=127.0.0.1{optionString(Conditions())}"

#: What the process is busy with, by name.
BUSY: dict[str, Neighbour | None] = {
    "nothing": None,
    "KCP, one way": Neighbour("sink", _KCP, ours(Conditions())),
    "KCP, echo": Neighbour("echo", _KCP, ours(Conditions())),
    "TCP, one way": Neighbour("sink", TCP, tcp()),
    "TCP, echo": Neighbour("echo", TCP, tcp()),
}


@contextmanager
def _busy(neighbour: Neighbour | None, address: str) -> Iterator[None]:
    """
    Keep a server busy while the context lasts.

    @raise ChildFailed: if the session ended meanwhile.
    """
    if neighbour is None:
        yield
        return
    command = neighbour.contender.dial(address, Load(neighbour.role, bytes=ENDLESS))
    with started(command) as client:
        client.expect("ready", TIMEOUT)
        sleep(WARMING)
        yield
        if client.ended:
            raise ChildFailed("the busy session is over")
        client.kill()


def besides(name: str, load: Load) -> Found:
    """
    @param name: of L{BUSY}.
    @param load: of the TCP session.
    @return: its round trips, µs, and the C{share} of a core that the server used meanwhile.
    """
    neighbour = BUSY[name]
    servers = ["echo=" + TCP]
    if neighbour is not None:
        servers.append(f"{neighbour.role}={neighbour.endpoint}")
    program = [sys.executable, str(ROOT / "tests/benchmarks/neighbours.py")]
    with started([*program, *servers]) as server:
        addresses = [server.expect("listening ") for _ in servers]
        with _busy(neighbour, addresses[-1]):
            return _roundTrips(server, addresses[0], load)


def _roundTrips(server: Child, address: str, load: Load) -> Found:
    with started(tcp().dial(address, load)) as client:
        client.expect("ready", TIMEOUT)
        began, before = monotonic(), server.cpu
        result = client.result(TIMEOUT)
        share = (server.cpu - before) / (monotonic() - began)
    return {**{name: result[f"{name}_us"] for name in ("p50", "p99", "max")}, "share": share}
