"""
Two conversations over a link in memory, in time that is a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from heapq import heappop, heappush
from itertools import count
from random import Random

from kcptwisted.arq.conversation import Conversation
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.congestion.registry import CONTROLS
from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import OVERHEAD

CONV = 0xC0FFEE
#: Segments of a hundred bytes.
SETTINGS = ARQSettings(mtu=OVERHEAD + 100, interval=10, ackDelay=0, nodelay=True)

#: Says of a datagram after how many milliseconds its copies arrive; none if it is lost.
Fate = Callable[[], Sequence[int]]


class Path:
    """
    One direction of a link.
    """

    def __init__(self, fate: Fate) -> None:
        self._fate = fate
        self._count = count()
        self._underway: list[tuple[int, int, bytes]] = []

    def send(self, now: int, datagrams: Iterable[bytes]) -> None:
        """
        Let datagrams leave.
        """
        for datagram in datagrams:
            for delay in self._fate():
                heappush(self._underway, (now + delay, next(self._count), datagram))

    def next(self) -> int | None:
        """
        @return: when the next datagram arrives.
        """
        return self._underway[0][0] if self._underway else None

    def arrived(self, now: int) -> list[bytes]:
        """
        Take what has arrived.
        """
        datagrams = []
        while self._underway and self._underway[0][0] <= now:
            datagrams.append(heappop(self._underway)[2])
        return datagrams


class End:
    """
    A conversation at one end of a link.

    @ivar received: what was read, write by write or as it came.
    @ivar reads: whether what arrives is read.
    """

    def __init__(self, conversation: Conversation, incoming: Path, outgoing: Path) -> None:
        self.conversation = conversation
        self.incoming = incoming
        self.outgoing = outgoing
        self.received: list[bytes] = []
        self.reads = True

    def next(self) -> int | None:
        """
        @return: when something happens here.
        """
        times = [self.incoming.next(), self.conversation.deadline()]
        return min([time for time in times if time is not None], default=None)

    def turn(self, now: int) -> None:
        """
        Do what is to be done now.
        """
        conversation = self.conversation
        arrived = self.incoming.arrived(now)
        if arrived:
            assert not conversation.receive(arrived, now)
        while self.reads and (data := conversation.read()) is not None:
            self.received.append(data)
        deadline = conversation.deadline()
        while conversation.wantsFlush or (deadline is not None and deadline <= now):
            self.outgoing.send(now, conversation.datagramsToSend(now))
            deadline = conversation.deadline()
            assert deadline is None or deadline > now, "a flush leaves nothing due"


class Link:
    """
    Two conversations and the paths between them.
    """

    def __init__(
        self,
        fates: tuple[Fate, Fate],
        now: int = 0,
        firstSn: int = 0,
        settings: ARQSettings = SETTINGS,
        congested: bool = False,
    ) -> None:
        """
        @param congested: whether congestion control is at work.
        """
        self.now = now
        self.stats = [SessionStats(), SessionStats()]
        paths = [Path(fate) for fate in fates]
        self.ends = [
            End(
                Conversation(
                    CONV,
                    replace(settings, congestion=CONTROLS["kcp"]) if congested else settings,
                    self.stats[index],
                    firstSn,
                ),
                paths[1 - index],
                paths[index],
            )
            for index in range(2)
        ]

    def run(self, done: Callable[[], bool], check: Callable[[], None] = lambda: None) -> None:
        """
        Let time pass until C{done}; nothing due any more before that is an error.
        """
        for _ in range(100_000):
            for end in self.ends:
                end.turn(self.now)
            check()
            if done():
                return
            times = [time for end in self.ends if (time := end.next()) is not None]
            assert times, "nothing will ever happen"
            self.now = max(self.now, min(times))
        raise AssertionError("no end in sight")

    def runFor(self, milliseconds: int) -> None:
        """
        Let so much time pass.
        """
        until = self.now + milliseconds
        while True:
            for end in self.ends:
                end.turn(self.now)
            times = [time for end in self.ends if (time := end.next()) is not None]
            if not times or min(times) > until:
                break
            self.now = min(times)
        self.now = until


def badFate(seed: int, loss: float = 0.2) -> Fate:
    """
    @return: datagrams are lost, arrive twice, and overtake each other.
    """
    random = Random(seed)

    def fate() -> list[int]:
        if random.random() < loss:
            return []
        copies = 2 if random.random() < 0.1 else 1
        return [random.randrange(5, 60) for _ in range(copies)]

    return fate


def goodFate() -> list[int]:
    """
    @return: datagrams arrive in order after 20 ms.
    """
    return [20]
