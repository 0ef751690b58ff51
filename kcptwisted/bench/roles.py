"""
The roles of a client: opens sessions to a server, puts a load on them, and says what came of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredSemaphore, TimeoutError, gatherResults
from twisted.internet.endpoints import connectProtocol
from twisted.internet.interfaces import IStreamClientEndpoint

from kcptwisted.bench.latencies import summarise
from kcptwisted.bench.loads import (
    BulkClient,
    Client,
    EchoClient,
    MessageClient,
    Now,
    PingPongClient,
    SinkClient,
)

#: How many sessions are opened at once.  A listener of kcp-go ignores newcomers when 128 wait.
OPENING = 64

#: Seconds that answers may still take after the last message was due.
PATIENCE = 10

AnyClient = TypeVar("AnyClient", bound=Client)
AnyMessageClient = TypeVar("AnyMessageClient", bound=MessageClient)


@dataclass(frozen=True)
class Job:
    """
    What a client is to do.

    @ivar role: "echo", "sink", "pingpong", "paced" or "idle".
    @ivar sessions: how many it opens.
    @ivar bytes: to move on each session; echo and sink.
    @ivar size: bytes of a message; pingpong and paced.
    @ivar count: messages of each session; pingpong.
    @ivar rate: messages a second and session; paced.
    @ivar seconds: how long they are sent; paced.
    @ivar seed: of the test stream.
    """

    role: str
    sessions: int = 1
    bytes: int = 1 << 20
    size: int = 64
    count: int = 1000
    rate: float = 50
    seconds: float = 10
    seed: int = 1


class Player:
    """
    Plays a role.

    @ivar clients: the open sessions.
    """

    def __init__(
        self,
        reactor: Any,
        endpoint: IStreamClientEndpoint,
        job: Job,
        now: Now = perf_counter_ns,
    ) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}.
        @param endpoint: what each session connects to.
        @param job: what to do.
        """
        self._reactor = reactor
        self._endpoint = endpoint
        self._job = job
        self._now = now
        self.clients: list[Client] = []

    async def play(
        self, hold: Callable[[], Awaitable[None]], ready: Callable[[], None] = lambda: None
    ) -> dict[str, Any]:
        """
        @param hold: of an idle client: called when all sessions are there, waits until they may go.
        @param ready: of any other client: called when all sessions are there, before what is
            timed.
        @return: what to report, with C{gopeer}'s names; times are seconds, or microseconds where
            the name says so.
        """
        self._ready = ready
        if self._job.role == "idle":
            await self._openForMessages(MessageClient, 1)
            began = self._now()
            await hold()
            found: dict[str, Any] = {"seconds": (self._now() - began) / 1e9}
        else:
            found = await getattr(self, self._job.role)()
        return {"role": self._job.role, "sessions": self._job.sessions, **found}

    async def echo(self) -> dict[str, Any]:
        """
        Send bytes and have them come back.
        """
        job = self._job
        clients = await self._open(lambda n: EchoClient(job.bytes, job.seed, n, self._now))
        found = await self._move(clients)
        return {**found, "sha256": clients[0].digest.hexdigest()}

    async def sink(self) -> dict[str, Any]:
        """
        Send bytes, which the server counts.
        """
        job = self._job
        return await self._move(await self._open(lambda n: SinkClient(job.bytes, job.seed, n)))

    async def _move(self, clients: Sequence[BulkClient]) -> dict[str, Any]:
        self._ready()
        for client in clients:
            client.begin()
        await self._all([client.done for client in clients])
        return {
            "bytes": sum(client.counted for client in clients),
            "seconds": max(client.seconds for client in clients),
        }

    async def pingpong(self) -> dict[str, Any]:
        """
        Send one message after the other on each session.
        """
        clients = await self._openForMessages(PingPongClient, self._job.size)
        self._ready()
        began = self._now()
        await self._all([client.play(self._job.count) for client in clients])
        return self._summary(clients, (self._now() - began) / 1e9)

    async def paced(self) -> dict[str, Any]:
        """
        Send messages on schedule, whether or not answers came.
        """
        job = self._job
        clients = await self._openForMessages(MessageClient, job.size)
        count = max(round(job.rate * job.seconds), 1)
        waiting = gatherResults([client.expect(count) for client in clients], consumeErrors=True)
        self._ready()
        began = self._now()
        schedule = Schedule(self._reactor, clients, count, job.rate, self._now)
        schedule.start()
        waiting.addTimeout(count / job.rate + PATIENCE, self._reactor)
        try:
            await waiting
        except TimeoutError:
            pass
        finally:
            schedule.stop()
        lost = sum(client.unanswered for client in clients) + schedule.unsent
        return {**self._summary(clients, (self._now() - began) / 1e9), "lost": lost}

    def _summary(self, clients: Sequence[MessageClient], seconds: float) -> dict[str, Any]:
        latencies = [one for client in clients for one in client.latencies]
        return {
            "seconds": seconds,
            "messages": len(latencies),
            "size": self._job.size,
            **(summarise(latencies) if latencies else {}),
            "messages_per_second": len(latencies) / seconds,
        }

    async def _openForMessages(
        self, kind: Callable[..., AnyMessageClient], size: int
    ) -> list[AnyMessageClient]:
        """
        @return: sessions on which a first message has gone to the server and come back.
        """

        async def greet(client: AnyMessageClient) -> None:
            answered = client.expect(1)
            client.send(self._now())
            await answered

        return await self._open(lambda n: kind(size, self._job.seed, n, self._now), greet)

    async def _open(
        self,
        make: Callable[[int], AnyClient],
        greet: Callable[[AnyClient], Awaitable[None]] | None = None,
    ) -> list[AnyClient]:
        clients = [make(number) for number in range(self._job.sessions)]
        self.clients = list(clients)

        async def connect(client: AnyClient) -> None:
            await connectProtocol(self._endpoint, client)
            if greet is not None:
                await greet(client)

        turnstile = DeferredSemaphore(OPENING)
        opened = [
            turnstile.run(lambda client: Deferred.fromCoroutine(connect(client)), client)
            for client in clients
        ]
        await self._all(opened)
        return clients

    @staticmethod
    async def _all(waiting: Sequence[Deferred[None]]) -> None:
        await gatherResults(waiting, consumeErrors=True)


class Schedule:
    """
    Sends the messages of many sessions, spread evenly over the time.
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
        @param count: messages of each session.
        @param rate: messages a second and session.
        """
        self._reactor = reactor
        self._clients = clients
        self._total = count * len(clients)
        self._interval = 1e9 / rate / len(clients)
        self._now = now
        self._next = 0
        self._call: Any = None

    @property
    def unsent(self) -> int:
        """
        How many messages have not been sent.
        """
        return self._total - self._next

    def start(self) -> None:
        """
        The first message is due now.
        """
        self._began = self._now()
        self._step()

    def stop(self) -> None:
        """
        Send no more.
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
