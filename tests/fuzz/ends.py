"""
Two ends whose processes may stand still, and whose path somebody listens to.
"""

from __future__ import annotations

from collections.abc import Callable

from kcptwisted.connection.settings import ConnectionSettings
from kcptwisted.testing.link import Link
from kcptwisted.wire.control import (
    COOKIE,
    NO_TOKEN,
    Cookie,
    Hello,
    Retry,
    encodeBlock,
)
from kcptwisted.wire.segment import WINS
from tests.connection.datagrams import blocks, segment
from tests.connection.driving import Party
from tests.connection.pairs import Pair

#: What two ends may do at one time.
STEPS = 5000

#: Datagrams that wait for a process that does not run; the system drops the others.
SOCKET = 200


class Ends(Pair):
    """
    Two ends whose processes may stand still for a while.
    """

    def __init__(
        self, client: ConnectionSettings, server: ConnectionSettings, link: Link, seed: int
    ) -> None:
        super().__init__(client, server, link, seed)
        self._until = [0, 0]
        self._waiting: tuple[list[bytes], list[bytes]] = ([], [])
        # How much of the time that has passed an end's clock has not counted.
        self._lost = [0, 0]
        self._steps = 0
        self.unproven = self.retries = False
        self.taps: list[Callable[[int, bytes], object]] = []

    def suspend(self, number: int, milliseconds: int) -> None:
        """
        Has the process of an end stand still.
        """
        if self._until[number] <= self.now:
            self._until[number] = self.now + milliseconds
            # As the clock of sessions does.
            self._lost[number] += max(milliseconds - 1000, 0)

    def due(self) -> int | None:
        """
        @return: when something happens next.
        """
        times = [self._queue[0][0]] if self._queue else []
        for number, party in enumerate(self.ends):
            time = party.deadline()
            if self._until[number] > self.now:
                times.append(self._until[number])
            elif time is not None:
                times.append(time + self._lost[number])
        return min(times, default=None)

    def _receive(self, time: int, arrived: tuple[list[bytes], list[bytes]]) -> None:
        for number, party in enumerate(self.ends):
            waiting = self._waiting[number]
            waiting += arrived[number][: SOCKET - len(waiting)]
            if self._until[number] > time:
                continue
            party.now = max(party.now, self.timeAt(number, time))
            datagrams, waiting[:] = waiting[:], []
            if datagrams:
                self.hand(party, datagrams)
            due = party.deadline()
            if due is not None and due <= party.now:
                party.flush()

    def timeAt(self, number: int, time: int) -> int:
        """
        @return: less than C{time} by how long the process was suspended.
        """
        return time - self._lost[number]

    def step(self, time: int) -> None:
        """
        Does what is due; that must not go on for ever without time passing.
        """
        self._steps = self._steps + 1 if time <= self.now else 0
        assert self._steps < STEPS, "both ends keep each other busy for ever"
        super().step(time)

    def awake(self, number: int) -> bool:
        """
        @return: whether the process of an end runs.
        """
        return self._until[number] <= self.now

    def hand(self, party: Party, datagrams: list[bytes]) -> None:
        """
        Gives an end datagrams; a server that wants a cookie first takes none without.
        """
        if party is self.server and self.retries and not self.accepted:
            hellos = [block for block in blocks(datagrams) if block.find(Hello)]
            without = [block for block in hellos if not block.find(Cookie)]
            if without:
                retry = encodeBlock(without[0].source, NO_TOKEN, [Retry(bytes(COOKIE))])
                self.inject(0, segment(WINS, data=retry), 1)
                return
        super().hand(party, datagrams)

    def open(self, party: Party, datagrams: list[bytes]) -> None:
        """
        Begins as the end that was called.
        """
        party.accept(self.unproven, sum(map(len, datagrams)))

    def carry(self, source: int, datagrams: list[bytes]) -> None:
        """
        Puts datagrams on their way, and shows them to who listens.
        """
        for tap in self.taps:
            for datagram in datagrams:
                tap(source, datagram)
        super().carry(source, datagrams)
