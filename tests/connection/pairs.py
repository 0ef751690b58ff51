"""
Two connections and the path between them.
"""

from __future__ import annotations

from heapq import heappop, heappush
from random import Random

from kcptwisted.connection.settings import ConnectionSettings
from kcptwisted.connection.states import State
from kcptwisted.testing.link import Link, LinkModel
from tests.connection.driving import SETTINGS, START, Party


class Pair:
    """
    Two ends and the path between them.

    @ivar client: calls.
    @ivar server: is called by the first datagram that may open a session.
    @ivar now: milliseconds.
    @ivar accepted: the server has been called.
    @ivar passed: datagrams that have arrived.
    """

    def __init__(
        self,
        client: ConnectionSettings = SETTINGS,
        server: ConnectionSettings = SETTINGS,
        link: Link | None = None,
        seed: int = 1,
    ) -> None:
        """
        @param link: both directions'; else each datagram takes 10 ms.
        """
        self.now = START
        self.client = Party(client, 2 * seed)
        self.server = Party(server, 2 * seed + 1)
        self.ends = (self.client, self.server)
        self.accepted = False
        random = Random(seed)
        self.models = [LinkModel(link or Link(delay=0.01), random) for _ in self.ends]
        self._queue: list[tuple[int, int, int, bytes]] = []
        self._serial = 0
        self.passed = 0

    def setLink(self, link: Link) -> None:
        """
        Changes the path, both ways.
        """
        for model in self.models:
            model.link = link

    def cut(self) -> None:
        """
        Lets nothing pass any more.
        """
        self.setLink(Link(loss=1.0))

    def connect(self) -> Pair:
        """
        Has the client call, and both ends know each other.

        @return: itself.
        """
        self.client.call()
        self.run(1000)
        assert self.client.state is State.ESTABLISHED
        return self

    def run(self, milliseconds: int) -> None:
        """
        Lets so much time pass.
        """
        end = self.now + milliseconds
        while (due := self.due()) is not None and due <= end:
            self.step(due)
        self.now = end
        for number, party in enumerate(self.ends):
            party.now = max(party.now, self.timeAt(number, end))

    def timeAt(self, number: int, time: int) -> int:
        """
        @return: what an end's clock shows at C{time}.
        """
        return time

    def due(self) -> int | None:
        """
        @return: when something happens next.
        """
        times = [time for party in self.ends if (time := party.deadline()) is not None]
        if self._queue:
            times.append(self._queue[0][0])
        return min(times, default=None)

    def step(self, time: int) -> None:
        """
        Does what is due.
        """
        self.now = time = max(time, self.now)
        arrived: tuple[list[bytes], list[bytes]] = ([], [])
        while self._queue and self._queue[0][0] <= time:
            _, _, to, datagram = heappop(self._queue)
            arrived[to].append(datagram)
        self._receive(time, arrived)
        for number, party in enumerate(self.ends):
            if party.sent:
                self.carry(number, party.take())

    def _receive(self, time: int, arrived: tuple[list[bytes], list[bytes]]) -> None:
        for party, datagrams in zip(self.ends, arrived, strict=True):
            party.now = time
            if datagrams:
                self.hand(party, datagrams)
            due = party.deadline()
            if due is not None and due <= time:
                party.flush()

    def hand(self, party: Party, datagrams: list[bytes]) -> None:
        """
        Gives an end datagrams.
        """
        self.passed += len(datagrams)
        if party is self.server and not self.accepted:
            self.accepted = True
            self.open(party, datagrams)
        party.receive(datagrams)

    def open(self, party: Party, datagrams: list[bytes]) -> None:
        """
        Begins as the end that was called.
        """
        party.accept()

    def carry(self, source: int, datagrams: list[bytes]) -> None:
        """
        Puts datagrams on their way.

        @param source: the number of the end that they are from.
        """
        model = self.models[source]
        for datagram in datagrams:
            for delay, arriving in model.arrivals(datagram):
                self.inject(1 - source, arriving, round(delay * 1000))

    def inject(self, to: int, datagram: bytes, delay: int = 0) -> None:
        """
        Has a datagram arrive at an end.

        @param delay: milliseconds.
        """
        self._serial += 1
        heappush(self._queue, (self.now + delay, self._serial, to, datagram))
