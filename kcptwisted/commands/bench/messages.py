"""
Clients that send messages to an echo server and measure how long each takes to come back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from time import perf_counter_ns
from typing import Any

from twisted.internet.defer import Deferred

from kcptwisted.commands.bench.loads import Client, Now, WrongBytes
from kcptwisted.commands.bench.stream import Pattern


class MessageClient(Client):
    """
    Sends messages of one size to an echo server, and measures how long each takes to come back.

    @ivar latencies: for each answered message the nanoseconds since it was due.
    """

    def __init__(
        self, size: int, seed: int = 1, session: int = 0, now: Now = perf_counter_ns
    ) -> None:
        """
        @param size: bytes of a message.
        @param seed: the seed of the test stream.
        @param session: the number of the session in its client.
        @param now: returns the time in nanoseconds.
        """
        super().__init__()
        self._size = size
        self._stream = Pattern(seed, session)
        self._expected = Pattern(seed, session)
        self._now = now
        self._due: deque[int] = deque()
        self._arrived = 0
        self._left = 0
        self.latencies: list[int] = []

    @property
    def unanswered(self) -> int:
        """
        How many messages were sent and have not come back.
        """
        return len(self._due)

    def expect(self, count: int) -> Deferred[None]:
        """
        Begins a new job.

        @param count: how many answers complete the job.
        @return: C{done} of the new job.
        """
        self._left = count
        self.done = Deferred()
        self.latencies = []
        return self.done

    def send(self, due: int) -> None:
        """
        Sends the next message.

        @param due: when the message is due, in nanoseconds.
        """
        self._due.append(due)
        self.transport.write(self._stream.take(self._size))

    def dataReceived(self, data: bytes) -> None:
        """
        Takes data that comes back.
        """
        self._arrived += len(data)
        if not self._expected.matches(data) or self._arrived > len(self._due) * self._size:
            self.finish(WrongBytes(f"in what came back before message {self._left} from the last"))
            return
        now = self._now()
        while self._arrived >= self._size:
            self._arrived -= self._size
            self.latencies.append(now - self._due.popleft())
            self._left -= 1
            if self._left:
                self.answered()
            else:
                self.finish()

    def answered(self) -> None:
        """
        Takes note that a message has come back, other than the job's last one.
        """


class PingPongClient(MessageClient):
    """
    Sends each message when the previous one has come back.
    """

    def play(self, count: int) -> Deferred[None]:
        """
        Sends messages, one after the other.

        @param count: how many messages.
        @return: fires when all have come back.
        """
        done = self.expect(count)
        self.send(self._now())
        return done

    def answered(self) -> None:
        """
        Sends the next message.
        """
        self.send(self._now())


class Schedule:
    """
    Sends the messages of many sessions at even intervals.
    """

    def __init__(
        self,
        reactor: Any,
        clients: Sequence[MessageClient],
        count: int,
        rate: float,
        now: Now,
    ) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}.
        @param clients: the sessions.
        @param count: messages of each session.
        @param rate: messages a second of each session.
        @param now: returns the time in nanoseconds.
        """
        self._reactor = reactor
        self._clients = clients
        self._total = count * len(clients)
        self._interval = 1e9 / rate / len(clients)
        self._now = now
        self._next = 0
        self._call: Any = None

    def start(self) -> None:
        """
        Begins to send: the first message is due now.
        """
        self._began = self._now()
        self._step()

    def stop(self) -> None:
        """
        Stops sending.
        """
        if self._call is not None and self._call.active():
            self._call.cancel()

    def _step(self) -> None:
        now = self._now()
        while self._next < self._total:
            due = self._began + int(self._next * self._interval)
            if due > now:
                self._call = self._reactor.callLater((due - now) / 1e9, self._step)
                return
            self._clients[self._next % len(self._clients)].send(due)
            self._next += 1
