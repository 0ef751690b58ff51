"""
A line with a limited rate and a queue before it, as the slowest link of a path has.
"""

from __future__ import annotations

from collections import Counter, deque

#: Bytes of the IPv4 and UDP headers, which take a part of a line's rate.
HEADERS = 28

#: Bytes that may wait unless a line says otherwise: a hundred full packets.
QUEUE = 150_000

#: How many steps of a second queueing delays are counted in.
_STEPS = 10_000


class QueueingDelays:
    """
    How long datagrams have waited, to a tenth of a millisecond.

    @ivar count: how many datagrams.
    """

    def __init__(self) -> None:
        """
        Begins without datagrams.
        """
        self.count = 0
        self._sum = 0.0
        self._steps: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """
        Counts a datagram.
        """
        self.count += 1
        self._sum += seconds
        self._steps[int(seconds * _STEPS + 0.5)] += 1

    @property
    def mean(self) -> float:
        """
        The mean in seconds; 0 without datagrams.
        """
        return self._sum / self.count if self.count else 0.0

    def percentile(self, percent: float) -> float:
        """
        Returns the seconds that so many percent of the datagrams have waited at most; 0 without
        datagrams.

        @param percent: 0 to 100.
        """
        left = max(self.count * percent / 100, 1)
        for step in sorted(self._steps):
            left -= self._steps[step]
            if left <= 0:
                return step / _STEPS
        return 0.0


class Bottleneck:
    """
    A line: it passes datagrams one after the other, at a rate.  Those that come meanwhile wait in a
    queue; those that find it full are dropped (drop-tail).  A link with a C{rate} has a line of
    its own; links with the same C{bottleneck} share it.

    All sizes are those of IP packets: each datagram counts with L{HEADERS} more bytes.

    @ivar queue: bytes that may wait.  May be changed at any time.
    @ivar offered: how many datagrams have come.
    @ivar offeredBytes: bytes of these.
    @ivar dropped: how many found the queue full.
    @ivar droppedBytes: bytes of these.
    @ivar delays: how long the others waited until the line was free for them.  Put a new
        L{QueueingDelays} here to begin anew.
    """

    def __init__(self, rate: float, queue: int = QUEUE) -> None:
        """
        @param rate: bytes a second.
        @param queue: bytes that may wait.
        @raise ValueError: if a value is out of bounds.  The message names it.
        """
        if queue < 0:
            raise ValueError(f"queue must not be negative: {queue}")
        self.rate = rate
        self.queue = queue
        self.offered = 0
        self.offeredBytes = 0
        self.dropped = 0
        self.droppedBytes = 0
        self.delays = QueueingDelays()
        self._free = float("-inf")
        # When each datagram will have left, and its size; the first is on the line.
        self._waiting: deque[tuple[float, int]] = deque()
        self._backlog = 0

    @property
    def rate(self) -> float:
        """
        Bytes a second.  May be changed at any time; datagrams that already wait leave as before.
        """
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        if rate <= 0:
            raise ValueError(f"rate must be more than 0 bytes a second, not {rate}")
        self._rate = rate

    def queueingDelay(self, now: float) -> float:
        """
        Returns the seconds that a datagram would wait that came now.

        @param now: seconds.
        """
        return max(self._free - now, 0.0)

    def enter(self, datagram: bytes, now: float) -> float | None:
        """
        Takes a datagram.

        @param now: seconds, of a clock that never goes back.
        @return: the seconds until it has left; None if it is dropped.
        """
        size = len(datagram) + HEADERS
        self.offered += 1
        self.offeredBytes += size
        if size > self._room(now):
            self.dropped += 1
            self.droppedBytes += size
            return None
        wait = max(self._free - now, 0.0)
        self.delays.add(wait)
        wait += size / self._rate
        self._free = now + wait
        self._waiting.append((self._free, size))
        self._backlog += size
        return wait

    def _room(self, now: float) -> float:
        waiting = self._waiting
        while waiting and waiting[0][0] <= now:
            self._backlog -= waiting.popleft()[1]
        if not waiting:
            # What need not wait takes no room.
            return float("inf")
        left, size = waiting[0]
        sent = max(size - (left - now) * self._rate, 0.0)
        return self.queue - self._backlog + sent
