"""
What the ARQ core costs over a link in memory, in microseconds a segment: both ends together at
several windows, and a flush with few and with many segments queued.

Only calls of the conversations are timed; the link and its clock are not.
"""

from __future__ import annotations

import sys
from heapq import heappop, heappush
from pathlib import Path
from random import Random
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kcptwisted.arq.conversation import Conversation
from kcptwisted.options import KCPOptions
from kcptwisted.stats import SessionStats
from kcptwisted.testing.link import Link, LinkModel

WINDOWS = (32, 256, 1024, 4096, 16384)

LINKS = {
    "no loss": Link(delay=0.02),
    "5 % loss, 5 % late": Link(delay=0.02, loss=0.05, reorder=0.05, reorderDelay=0.005),
}

#: Segments to deliver: so many windows, but no fewer than these.
ROUNDS = 20
LEAST = 50_000

#: How often each is measured.
RUNS = 3

#: Segments that wait to be sent for the first time, and the window that they wait for.
QUEUED = (100, 1000, 10_000, 100_000)
QUEUE_WINDOW = 64

#: Bytes of one write, and the most datagrams that one read of a socket gives (a port's budget).
WRITE = 65536
BATCH = 94

#: Bytes of a full segment, without cipher and FEC.
MSS = 1376


class End:
    """
    One conversation, and the time that it takes.

    @ivar seconds: spent in it.
    @ivar flushing: of these, spent in making datagrams.
    @ivar stats: its counters.
    """

    def __init__(self, window: int, queued: int) -> None:
        """
        @param window: segments, both ways.
        @param queued: segments to keep queued, at least.
        """
        options = KCPOptions(
            crypt="null", mode="fast3", sendWindow=window, receiveWindow=window, environ={}
        )
        self.stats = SessionStats()
        self.seconds = 0.0
        self.flushing = 0.0
        self._wrote = False
        settings = options.arqSettings(0)
        self._queue = queued * settings.mss
        self._conversation = Conversation(1, settings, self.stats)

    def fill(self, data: bytes) -> None:
        """
        Keep as much queued as is wanted.
        """
        conversation = self._conversation
        began = perf_counter()
        while conversation.sender.queuedBytes < self._queue:
            conversation.write(data)
            self._wrote = True
        self.seconds += perf_counter() - began

    def receive(self, datagrams: list[bytes], now: int) -> int:
        """
        @return: how many bytes were delivered.
        """
        conversation = self._conversation
        began = perf_counter()
        conversation.receive(datagrams, now)
        data = conversation.read() or b""
        self.seconds += perf_counter() - began
        return len(data)

    def send(self, now: int) -> list[bytes]:
        """
        @return: what is due.
        """
        conversation = self._conversation
        datagrams = []
        began = perf_counter()
        deadline = conversation.deadline()
        isDue = deadline is not None and deadline <= now
        if self._wrote or conversation.wantsFlush or isDue:
            self._wrote = False
            datagrams = conversation.datagramsToSend(now)
        took = perf_counter() - began
        self.seconds += took
        self.flushing += took
        return datagrams

    @property
    def deadline(self) -> int | None:
        """
        When to send next.
        """
        return self._conversation.deadline()


class Wire:
    """
    The link between two ends, and its clock.
    """

    def __init__(self, link: Link, ends: tuple[End, End]) -> None:
        """
        @param link: of both directions.
        """
        self._ends = ends
        self._models = [LinkModel(link, Random(seed)) for seed in (1, 2)]
        self._underway: list[tuple[int, int]] = []
        self._arriving: dict[tuple[int, int], list[bytes]] = {}
        self.now = 0

    def flush(self) -> None:
        """
        Let both ends send what is due.
        """
        for side, end in enumerate(self._ends):
            # What exceeds one burst leaves in the next turns, which is at once here.
            while datagrams := end.send(self.now):
                for datagram in datagrams:
                    for delay, arrived in self._models[side].arrivals(datagram):
                        key = self.now + round(delay * 1000), 1 - side
                        if key not in self._arriving:
                            self._arriving[key] = []
                            heappush(self._underway, key)
                        self._arriving[key].append(arrived)

    def step(self) -> int:
        """
        Go on to the next moment at which something happens.

        @return: how many bytes were delivered.
        """
        deadlines = [end.deadline for end in self._ends]
        moments = [deadline for deadline in deadlines if deadline is not None]
        if self._underway:
            moments.append(self._underway[0][0])
        self.now = max(self.now, min(moments))
        delivered = 0
        while self._underway and self._underway[0][0] <= self.now:
            key = heappop(self._underway)
            datagrams = self._arriving.pop(key)
            for at in range(0, len(datagrams), BATCH):
                delivered += self._ends[key[1]].receive(datagrams[at : at + BATCH], self.now)
                self.flush()
        self.flush()
        return delivered


def deliver(sender: End, receiver: End, link: Link, segments: int) -> None:
    """
    Send so many full segments and somewhat more.
    """
    path = Wire(link, (sender, receiver))
    data = bytes(WRITE)
    left = segments * MSS
    while left > 0:
        sender.fill(data)
        path.flush()
        left -= path.step()


def measure(window: int, link: Link) -> tuple[float, float]:
    """
    @return: microseconds for each segment delivered, and how many times each was sent.
    """
    sender, receiver = End(window, 2 * window), End(window, 0)
    segments = max(ROUNDS * window, LEAST)
    deliver(sender, receiver, link, segments)
    cost = (sender.seconds + receiver.seconds) / segments * 1e6
    arrived = receiver.stats.InSegs - receiver.stats.RepeatSegs
    return cost, sender.stats.OutSegs / arrived


def measureQueue(queued: int) -> float:
    """
    @param queued: segments that wait all the time.
    @return: microseconds that the sender's flushes take for each segment delivered.
    """
    sender, receiver = End(QUEUE_WINDOW, queued), End(QUEUE_WINDOW, 0)
    deliver(sender, receiver, LINKS["no loss"], LEAST)
    return sender.flushing / LEAST * 1e6


def main() -> None:
    """
    Print the table.
    """
    print("microseconds a segment (times that each was sent)")
    print("window".ljust(8) + "".join(name.rjust(24) for name in LINKS))
    for window in WINDOWS:
        # The least of several is the one that other processes disturbed least.
        found = [min(measure(window, link) for _ in range(RUNS)) for link in LINKS.values()]
        print(f"{window:<8}" + "".join(f"{cost:15.2f} ({sent:.3f})" for cost, sent in found))
    print("queued".ljust(8) + "a flush".rjust(24))
    for queued in QUEUED:
        print(f"{queued:<8}{min(measureQueue(queued) for _ in range(RUNS)):24.2f}")


if __name__ == "__main__":
    main()
