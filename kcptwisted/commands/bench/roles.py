"""
The roles of a client: it opens sessions to a server, puts a load on them, and measures.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import perf_counter_ns, process_time
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredSemaphore, gatherResults
from twisted.internet.endpoints import connectProtocol
from twisted.internet.interfaces import IStreamClientEndpoint

from kcptwisted.commands.bench.latencies import summarise
from kcptwisted.commands.bench.loads import (
    BulkClient,
    Client,
    EchoClient,
    Now,
    SinkClient,
)
from kcptwisted.commands.bench.messages import MessageClient, PingPongClient, Schedule

#: How many sessions are opened at once.  A listener of kcp-go ignores newcomers when 128 wait.
MAXIMUM_CONNECTING = 64

#: Seconds that the last answers may take after the last message was due.
ANSWER_TIMEOUT = 10

AnyClient = TypeVar("AnyClient", bound=Client)
AnyMessageClient = TypeVar("AnyMessageClient", bound=MessageClient)


@dataclass(frozen=True)
class Job:
    """
    The job of a client.

    @ivar role: "echo", "sink", "pingpong", "paced", "idle" or "connects".
    @ivar sessions: how many sessions the client has at once.
    @ivar bytes: how many bytes to send on each session; echo and sink.
    @ivar size: bytes of a message; pingpong and paced.
    @ivar count: messages of each session, of pingpong; sessions in all, of connects.
    @ivar rate: messages a second of each session; paced.
    @ivar seconds: for how long messages are sent; paced.
    @ivar seed: the seed of the test stream.
    """

    role: str
    sessions: int = 1
    bytes: int = 1 << 20
    size: int = 64
    count: int = 1000
    rate: float = 50
    seconds: float = 10
    seed: int = 1


async def atOnce() -> None:
    """
    Waits for nothing: idle sessions end as soon as all are open.
    """


class Player:
    """
    Does the job of a client.

    @ivar clients: the open sessions.
    """

    def __init__(
        self,
        reactor: Any,
        endpoint: IStreamClientEndpoint,
        job: Job,
        now: Now = perf_counter_ns,
        cpu: Callable[[], float] = process_time,
    ) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}.
        @param endpoint: connects each session.
        @param job: what to do.
        @param now: returns the time in nanoseconds.
        @param cpu: returns the CPU seconds of this process.
        """
        self._reactor = reactor
        self._endpoint = endpoint
        self._job = job
        self._now = now
        self._cpu = cpu
        self._cpuBefore = 0.0
        self.clients: list[Client] = []

    async def play(
        self, hold: Callable[[], Awaitable[None]] = atOnce, ready: Callable[[], None] = lambda: None
    ) -> dict[str, Any]:
        """
        Does the job.

        @param hold: waits until the sessions of an idle client may end.
        @param ready: is called when all sessions are open, before anything is timed.
        @return: the results, with the names that C{gopeer} uses.  Times are in seconds, or in
            microseconds where the name says so.  C{cpu_before} is the CPU time until all sessions
            were open.
        """
        job = self._job
        self._ready = ready
        found = await (self._idle(hold) if job.role == "idle" else getattr(self, f"_{job.role}")())
        return {"role": job.role, "sessions": job.sessions, **found, "cpu_before": self._cpuBefore}

    def _begin(self) -> int:
        """
        Takes note that all sessions are open.

        @return: the time in nanoseconds.
        """
        self._ready()
        self._cpuBefore = self._cpu()
        return self._now()

    async def _idle(self, hold: Callable[[], Awaitable[None]]) -> dict[str, Any]:
        """
        Opens sessions, has one byte come back on each, and holds them.
        """
        await self._openForMessages(MessageClient, 1)
        began = self._begin()
        await hold()
        return {"seconds": (self._now() - began) / 1e9}

    async def _echo(self) -> dict[str, Any]:
        """
        Sends bytes, which the server sends back.
        """
        job = self._job
        clients = await self._open(lambda n: EchoClient(job.bytes, job.seed, n, self._now))
        found = await self._move(clients)
        return {**found, "sha256": clients[0].digest.hexdigest()}

    async def _sink(self) -> dict[str, Any]:
        """
        Sends bytes, which the server counts.
        """
        job = self._job
        return await self._move(await self._open(lambda n: SinkClient(job.bytes, job.seed, n)))

    async def _move(self, clients: Sequence[BulkClient]) -> dict[str, Any]:
        self._begin()
        for client in clients:
            client.begin()
        await self._all([client.done for client in clients])
        return {
            "bytes": sum(client.counted for client in clients),
            "seconds": max(client.seconds for client in clients),
        }

    async def _pingpong(self) -> dict[str, Any]:
        """
        Sends one message after the other on each session.
        """
        clients = await self._openForMessages(PingPongClient, self._job.size)
        began = self._begin()
        await self._all([client.play(self._job.count) for client in clients])
        return self._summary(clients, (self._now() - began) / 1e9)

    async def _paced(self) -> dict[str, Any]:
        """
        Sends messages on schedule, whether or not answers have arrived.
        """
        job = self._job
        clients = await self._openForMessages(MessageClient, job.size)
        count = max(round(job.rate * job.seconds), 1)
        answered = gatherResults([client.expect(count) for client in clients], consumeErrors=True)
        began = self._begin()
        schedule = Schedule(self._reactor, clients, count, job.rate, self._now)
        schedule.start()
        # Answers that have not arrived by then are lost, which is no error.
        limit = count / job.rate + ANSWER_TIMEOUT
        answered.addTimeout(limit, self._reactor, lambda result, seconds: [])
        try:
            await answered
        finally:
            schedule.stop()
        lost = sum(client.unanswered for client in clients)
        return {**self._summary(clients, (self._now() - began) / 1e9), "lost": lost}

    async def _connects(self) -> dict[str, Any]:
        """
        Opens sessions, has one byte come back on each, closes them and waits until they have ended.
        """
        job, latencies = self._job, []

        async def connect(number: int) -> None:
            client = MessageClient(1, job.seed, number, self._now)
            connecting = self._now()
            await connectProtocol(self._endpoint, client)
            answered = client.expect(1)
            client.send(self._now())
            await answered
            client.transport.loseConnection()
            await client.lost
            latencies.append(self._now() - connecting)

        semaphore = DeferredSemaphore(job.sessions)
        began = self._begin()
        await self._all(
            [
                semaphore.run(lambda one: Deferred.fromCoroutine(connect(one)), number)
                for number in range(job.count)
            ]
        )
        return self._summarised(latencies, 1, (self._now() - began) / 1e9)

    def _summary(self, clients: Sequence[MessageClient], seconds: float) -> dict[str, Any]:
        latencies = [one for client in clients for one in client.latencies]
        return self._summarised(latencies, self._job.size, seconds)

    def _summarised(self, latencies: list[int], size: int, seconds: float) -> dict[str, Any]:
        return {
            "seconds": seconds,
            "messages": len(latencies),
            "size": size,
            **(summarise(latencies) if latencies else {}),
            "messages_per_second": len(latencies) / seconds,
        }

    async def _openForMessages(
        self, kind: Callable[..., AnyMessageClient], size: int
    ) -> list[AnyMessageClient]:
        """
        Opens sessions, and has a first message come back on each.
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

        semaphore = DeferredSemaphore(MAXIMUM_CONNECTING)
        opened = [
            semaphore.run(lambda client: Deferred.fromCoroutine(connect(client)), client)
            for client in clients
        ]
        await self._all(opened)
        return clients

    @staticmethod
    async def _all(waiting: Sequence[Deferred[None]]) -> None:
        await gatherResults(waiting, consumeErrors=True)
