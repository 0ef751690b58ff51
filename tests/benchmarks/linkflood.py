"""
What the relay of the links says, and what plain datagrams show.
"""

from __future__ import annotations

import socket
import struct
from multiprocessing import get_context
from statistics import median
from time import monotonic, sleep

from kcptwisted.testing.bottleneck import HEADERS
from tests.benchmarks.children import started
from tests.benchmarks.linkruns import Link
from tests.benchmarks.measuring import Found

#: Bytes of a datagram.
SIZE = 1400

#: So much more than the link takes is offered.
OVERLOAD = 1.2

#: Seconds without a datagram after which none will come.
SILENCE = 1.0

_STAMP = struct.Struct("<d")


def measure(mbit: float, seconds: float) -> Found:
    """
    Floods a link.

    @return: the C{rate} at which datagrams came, for that of the link; the C{wait}ing time that the
        relay tells, and what those datagrams show that passed, C{shown}, both medians, µs; how
        C{late} the relay is, p99, µs; what C{share} of a core it uses; and how many datagrams its
        sockets lost.
    """
    link = Link(mbit)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sink.bind(("127.0.0.1", 0))
        sink.settimeout(SILENCE)
        host, port = sink.getsockname()
        with started(link.command([f"{host}:{port}"], 1)) as relay:
            gate, number = relay.expect("listening ").split(":")
            # A process, for threads wait for each other.
            sender = get_context("fork").Process(
                target=_flood, args=((gate, int(number)), mbit, seconds)
            )
            sender.start()
            times, trips = _receive(sink)
            sender.join()
            cpu = relay.cpu
            relay.finish()
            told = relay.result()["out"]
    rate = (len(times) - 1) * (SIZE + HEADERS) / (times[-1] - times[0]) / mbit / 125_000
    onLine = (SIZE + HEADERS) / mbit / 125_000
    return {
        "rate": rate,
        "wait": told["waitP50"] * 1000,
        "shown": (median(trips) - link.delay / 1000 - onLine) * 1e6,
        "late": told["lateP99"] * 1000,
        "share": cpu / (times[-1] - times[0]),
        "overflowed": told["overflowed"],
    }


def _receive(sink: socket.socket) -> tuple[list[float], list[float]]:
    """
    @return: when each datagram came, and how long it took.
    """
    times: list[float] = []
    trips: list[float] = []
    while True:
        try:
            datagram = sink.recv(SIZE)
        except TimeoutError:
            return times, trips
        times.append(monotonic())
        trips.append(times[-1] - _STAMP.unpack_from(datagram)[0])


def _flood(address: tuple[str, int], mbit: float, seconds: float) -> None:
    interval = (SIZE + HEADERS) / (mbit * OVERLOAD * 125_000)
    rest = bytes(SIZE - _STAMP.size)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as source:
        began = now = monotonic()
        sent = 0
        while now < began + seconds:
            while sent * interval <= now - began:
                source.sendto(_STAMP.pack(monotonic()) + rest, address)
                sent += 1
            sleep(0.0005)
            now = monotonic()
