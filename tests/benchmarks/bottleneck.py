"""
A link with a limited rate between real processes: passes UDP datagrams on loopback to one or more
targets and back.  Each direction is a line with a rate and a drop-tail queue, a delay and random
loss; all targets and clients share it.

For each target it prints C{listening HOST:PORT}, where clients are to send instead.  It ends with
its standard input, and then prints a line of JSON: what became of the datagrams of each direction,
and the queueing delays, also for each tenth of a second.  It uses the model of
L{kcptwisted.testing.bottleneck}, and no Twisted: a turn of its loop takes few microseconds.  A line
does not wait for a processor: it takes a real-time priority if the system lets it.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from heapq import heappop, heappush
from pathlib import Path
from random import Random
from time import monotonic, time
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kcptwisted.testing.bottleneck import Bottleneck, QueueingDelays

#: Seconds of each interval that is told of.
INTERVAL = 0.1

#: Datagrams that are read of one socket in one turn.
BATCH = 64

#: More than any datagram has.
LARGEST = 65536

#: Bytes of each socket buffer, if the system allows so many.
BUFFER = 8 << 20

#: Linux's SO_RXQ_OVFL: datagrams tell how many the socket has dropped so far.
_RXQ_OVFL = 40

#: Seconds that a wait lasts at most.
_PATIENCE = 0.1


def openSocket() -> socket.socket:
    """
    @return: a socket with large buffers.
    """
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setblocking(False)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
    opened.setsockopt(socket.SOL_SOCKET, _RXQ_OVFL, 1)
    return opened


class Lane:
    """
    One direction.

    @ivar line: the bottleneck.
    @ivar late: how long after their time datagrams left here: what this process adds.
    """

    def __init__(
        self, rate: float, queue: int, delay: float, loss: float, seed: int, began: float
    ) -> None:
        """
        @param rate: bytes a second.
        @param queue: bytes.
        @param delay: seconds.
        @param loss: the share of datagrams that are lost at random.
        @param began: when the first interval begins.
        """
        self.line = Bottleneck(rate, queue)
        self.late = QueueingDelays()
        self._delay = delay
        self._loss = loss
        self._random = Random(seed).random
        self._lost = 0
        self._passedBytes = 0
        self._serial = 0
        # When each leaves here, and where to.
        self._underway: list[tuple[float, int, bytes, socket.socket, Any]] = []
        # Of each interval: bytes offered so far, and the delay that a datagram would wait.
        self._intervals: list[tuple[int, float]] = []
        self._began = began

    def take(self, datagram: bytes, by: socket.socket, to: Any, now: float) -> None:
        """
        Takes a datagram.

        @param by: the socket that it leaves by.
        @param to: where to; None if the socket is connected.
        """
        while now >= self._began + len(self._intervals) * INTERVAL:
            self._note(self._began + len(self._intervals) * INTERVAL)
        left = self.line.enter(datagram, now)
        if left is None:
            return
        if self._loss and self._random() < self._loss:
            self._lost += 1
            return
        self._serial += 1
        heappush(self._underway, (now + left + self._delay, self._serial, datagram, by, to))

    def _note(self, at: float) -> None:
        self._intervals.append((self.line.offeredBytes, round(self.line.queueingDelay(at), 4)))

    def next(self) -> float | None:
        """
        @return: when the next datagram leaves.
        """
        return self._underway[0][0] if self._underway else None

    def send(self, now: float) -> None:
        """
        Sends what is due.
        """
        underway = self._underway
        while underway and underway[0][0] <= now:
            due, _, datagram, by, to = heappop(underway)
            self.late.add(now - due)
            self._passedBytes += len(datagram) + 28
            try:
                if to is None:
                    by.send(datagram)
                else:
                    by.sendto(datagram, to)
            except OSError:
                # Nobody is there any more.
                continue

    def report(self, now: float, overflowed: int) -> dict[str, Any]:
        """
        @return: what became of the datagrams; times in milliseconds.
        """
        while now >= self._began + len(self._intervals) * INTERVAL:
            self._note(self._began + len(self._intervals) * INTERVAL)
        line = self.line
        waits = {
            name: round(seconds * 1000, 2)
            for name, seconds in (
                ("waitMean", line.delays.mean),
                ("waitP50", line.delays.percentile(50)),
                ("waitP99", line.delays.percentile(99)),
                ("lateP50", self.late.percentile(50)),
                ("lateP99", self.late.percentile(99)),
            )
        }
        return {
            "offered": line.offered,
            "offeredBytes": line.offeredBytes,
            "passedBytes": self._passedBytes,
            "dropped": line.dropped,
            "lost": self._lost,
            "overflowed": overflowed,
            **waits,
            "offeredSoFar": [offered for offered, _ in self._intervals],
            "waits": [round(wait * 1000, 1) for _, wait in self._intervals],
        }


class Gate:
    """
    A socket that clients send to instead of a target.
    """

    def __init__(self, target: tuple[str, int], out: Lane, back: Lane) -> None:
        self.out, self.back = out, back
        self.socket = openSocket()
        self.socket.bind(("127.0.0.1", 0))
        self._target = target
        self._backs: dict[Any, socket.socket] = {}

    def towards(self, client: Any) -> tuple[socket.socket, bool]:
        """
        @return: the socket that stands for a client before the target, and whether it is new.
        """
        found = self._backs.get(client)
        if found is not None:
            return found, False
        made = self._backs[client] = openSocket()
        made.connect(self._target)
        return made, True


class Relay:
    """
    Both directions, and the sockets.
    """

    def __init__(self, given: argparse.Namespace) -> None:
        self._began = monotonic()
        self._epoch = time()
        backMbit = given.back_mbit or given.mbit

        def lane(mbit: float, number: int) -> Lane:
            queue = mbit * 125 * given.queue_ms if given.queue_kb is None else given.queue_kb * 1000
            return Lane(
                mbit * 125_000,
                round(queue),
                given.delay / 1000,
                given.loss / 100,
                2 * given.seed + number,
                self._began,
            )

        self._lanes = [lane(given.mbit, 0), lane(backMbit, 1)]
        self._changes = sorted(tuple(map(float, one.split(":"))) for one in given.change)
        self._gates = []
        self._poll = select.epoll()
        # For each descriptor how to take a datagram: lane, gate, socket, client.
        self._sources: dict[int, tuple[Lane, Gate, socket.socket, Any]] = {}
        self._overflowed: dict[int, int] = {}
        for text in given.targets:
            address, _, backward = text.partition("/")
            host, number = address.rsplit(":", 1)
            out, back = self._lanes[::-1] if backward else self._lanes
            gate = Gate((host, int(number)), out, back)
            self._gates.append(gate)
            self._watch(gate.socket, out, gate, None)
            print("listening {}:{}".format(*gate.socket.getsockname()), flush=True)

    def _watch(self, sock: socket.socket, lane: Lane, gate: Gate, client: Any) -> None:
        self._sources[sock.fileno()] = (lane, gate, sock, client)
        self._overflowed[sock.fileno()] = 0
        self._poll.register(sock, select.EPOLLIN)

    def run(self) -> None:
        """
        Passes datagrams on until standard input ends.
        """
        self._poll.register(sys.stdin.fileno(), select.EPOLLIN)
        first, second = self._lanes
        # select() sleeps to the microsecond, where epoll counts milliseconds.
        descriptors = [self._poll.fileno()]
        while True:
            now = monotonic()
            due = min(lane.next() or now + _PATIENCE for lane in self._lanes)
            if due > now:
                select.select(descriptors, [], [], min(due - now, _PATIENCE))
            for descriptor, _ in self._poll.poll(0):
                if descriptor == sys.stdin.fileno():
                    if not os.read(descriptor, 65536):
                        return
                    continue
                self._read(descriptor)
            now = monotonic()
            self._change(now)
            first.send(now)
            second.send(now)

    def _change(self, now: float) -> None:
        while self._changes and now >= self._began + self._changes[0][0]:
            self._lanes[0].line.rate = self._changes.pop(0)[1] * 125_000

    def _read(self, descriptor: int) -> None:
        lane, gate, sock, client = self._sources[descriptor]
        isFront = sock is gate.socket
        for _ in range(BATCH):
            try:
                datagram, about, _, address = sock.recvmsg(LARGEST, 64)
            except (BlockingIOError, ConnectionRefusedError):
                return
            for level, kind, data in about:
                if (level, kind) == (socket.SOL_SOCKET, _RXQ_OVFL):
                    self._overflowed[descriptor] = int.from_bytes(data[:4], sys.byteorder)
            now = monotonic()
            if isFront:
                by, isNew = gate.towards(address)
                if isNew:
                    self._watch(by, gate.back, gate, address)
                lane.take(datagram, by, None, now)
            else:
                lane.take(datagram, gate.socket, client, now)

    def report(self) -> dict[str, Any]:
        """
        @return: C{began}, seconds since 1970, and both directions.
        """
        now = monotonic()
        found: dict[str, Any] = {"began": self._epoch}
        for name, lane in zip(("out", "back"), self._lanes, strict=True):
            overflowed = sum(
                self._overflowed[descriptor]
                for descriptor, source in self._sources.items()
                if source[0] is lane
            )
            found[name] = lane.report(now, overflowed)
        return found


def buildParser() -> argparse.ArgumentParser:
    """
    @return: the parser of the command line.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add(
        "targets",
        nargs="+",
        metavar="HOST:PORT[/back]",
        help="where to pass datagrams to; with /back over the way back",
    )
    add("--mbit", type=float, default=20.0, help="rate each way (%(default)g)")
    add("--back-mbit", type=float, help="rate of the way back")
    add("--queue-ms", type=float, default=50.0, help="queue as milliseconds of the rate (50)")
    add("--queue-kb", type=float, help="queue in kilobytes, instead")
    add("--delay", type=float, default=25.0, help="milliseconds each way (25)")
    add("--loss", type=float, default=0.0, help="random loss each way, percent")
    add("--seed", type=int, default=1, help="of the random loss (1)")
    add("--change", action="append", default=[], metavar="SECONDS:MBIT", help="another rate then")
    return parser


def takePriority() -> None:
    """
    Has this process run before all others, if that is allowed.
    """
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


def main(words: Sequence[str]) -> None:
    """
    Relays, and prints the report.
    """
    takePriority()
    relay = Relay(buildParser().parse_args(words))
    relay.run()
    print(json.dumps(relay.report()), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
