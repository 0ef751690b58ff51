"""
A state machine that does to connections through two relays whatever clients, servers, the network
and the operators of the relays can do.
"""

from __future__ import annotations

from contextlib import ExitStack
from random import Random
from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.options import KCPOptions
from kcptwisted.services.relay.routes import Route
from kcptwisted.services.relay.service import RelayService
from kcptwisted.services.relay.stream import StreamRelay
from kcptwisted.testing import SimulatedHost, SimulatedNetwork
from kcptwisted.testing.link import Link
from kcptwisted.timing.shared import dropClock
from tests.machines.streams import StreamClient, StreamServer
from tests.machines.world import OUTAGE, loggedErrors
from tests.properties import stateful, strategies

NEAR, FAR = "10.0.0.1", "10.0.0.2"
GOOD = Link(delay=0.02)

#: Seconds within which everything is over that is not held up.
ENOUGH = 200.0

_choice = strategies.integers(0, 7)
_sizes = strategies.sampled_from([1, 50, 5_000, 30_000, 60_000, 150_000])
_times = strategies.one_of(strategies.sampled_from([0.01, 0.1, 1.0]), strategies.floats(0.01, 10))


@implementer(IHalfCloseableProtocol)
class Talker(Protocol):
    """
    A client or a server.

    @ivar written: all that it has written.
    @ivar received: all that has come.
    @ivar sawEnd: whether it was told that this was all.
    @ivar said: whether it has said that it writes no more.
    @ivar closed: whether it has closed, or reset, its connection.
    """

    transport: Any

    def __init__(self) -> None:
        self.written = b""
        self.received = b""
        self.sawEnd = self.said = self.closed = False
        self.reason: Failure | None = None
        self.peer: Talker | None = None

    @property
    def up(self) -> bool:
        """
        Whether it can do something.
        """
        return self.transport is not None and self.reason is None and not self.closed

    def write(self, data: bytes) -> None:
        """
        Write, if it still may.
        """
        if self.up and not self.said:
            self.written += data
            self.transport.write(data)

    def dataReceived(self, data: bytes) -> None:
        """
        Note.
        """
        assert not self.sawEnd
        self.received += data

    def readConnectionLost(self) -> None:
        """
        Note; what was said before is not said again.
        """
        self.sawEnd = True

    def writeConnectionLost(self) -> None:
        """
        Of no interest.
        """

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Note.
        """
        self.reason = reason


class RelayHost:
    """
    A host with a relay.
    """

    def __init__(self, host: SimulatedHost, server: Any, client: Any, stopTimeout: float) -> None:
        self.host = host
        self.streams: Any = server if isinstance(server, StreamServer) else client
        self.alive = True
        self.stopped = False
        self.over: list[object] = []
        route = Route("from", "to", stopTimeout=stopTimeout)
        self.relay = StreamRelay(host, lambda _: server, lambda _: client, route)
        self.service = RelayService(host, [route], lambda _: self.relay)
        self.service.privilegedStartService()
        self.service.startService()

    def stop(self) -> None:
        """
        As SIGTERM does.
        """
        if self.alive and not self.stopped:
            self.stopped = True
            self.service.stopService().addBoth(self.over.append)

    def kill(self) -> None:
        """
        End the process.
        """
        self.alive = False
        self.host.suspend()
        for call in list(self.host._waiting):
            call.cancel()
        dropClock(self.host)
        self.host.suspended = False
        self.host.ports.clear()
        self.streams.dead = True
        for end in self.streams.ends:
            end.kill()


class RelayMachine(stateful.RuleBasedStateMachine):
    """
    Clients, TCP, a relay, KCP, a relay, TCP, and a server.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.errors = self.stack.enter_context(loggedErrors())

    @stateful.initialize(
        seed=strategies.integers(0, 1 << 16),
        windows=strategies.sampled_from([(512, 1024), (16, 16), (1, 40)]),
        stopTimeout=strategies.sampled_from([0.0, 2.0, 30.0]),
        delay=strategies.sampled_from([0.0, 0.0, 1.0]),
    )
    def begin(self, seed: int, windows: tuple[int, int], stopTimeout: float, delay: float) -> None:
        """
        Start both relays, and connect a client.
        """
        self.random = Random(seed)
        self.network = SimulatedNetwork(seed, GOOD)
        send, receive = windows
        options = KCPOptions(
            crypt="null", sendWindow=send, receiveWindow=receive, keepAlive=2, deadAfter=5
        )
        clock = self.network.clock
        near, far = self.network.host(NEAR), self.network.host(FAR)
        self.clients: list[Talker] = []
        self.servers: list[Talker] = []
        self.port = StreamServer(clock)
        self.target = StreamClient(clock, self._accept)
        self.target.delay = delay
        # Something has happened that may end a connection.
        self.broken = False
        bytesOf = self.random.randbytes
        self.far = RelayHost(
            far,
            KCPServerEndpoint(far, 4000, options, randomBytes=bytesOf),
            self.target,
            stopTimeout,
        )
        self.near = RelayHost(
            near,
            self.port,
            KCPClientEndpoint(
                near,
                FAR,
                4000,
                options,
                randomConv=lambda: self.random.randrange(1, 1 << 32),
                randomBytes=bytesOf,
            ),
            stopTimeout,
        )
        self.connect()
        self.network.run(0.5)

    def _accept(self) -> Talker:
        talker = Talker()
        self.servers.append(talker)
        return talker

    @property
    def talkers(self) -> list[Talker]:
        """
        Both sides'.
        """
        return [*self.clients, *self.servers]

    def pick(self, choice: int) -> Talker | None:
        """
        @return: one that can do something.
        """
        up = [talker for talker in self.talkers if talker.up]
        return up[choice % len(up)] if up else None

    def pair(self) -> list[tuple[Talker, Talker]]:
        """
        @return: clients and their servers: the first thing that a client says is its number.
        """
        found = []
        for server in self.servers:
            if server.received:
                client = self.clients[server.received[0]]
                found.append((client, server))
        return found

    # What clients and servers do.

    @stateful.rule()
    def connect(self) -> None:
        """
        Connect another client.
        """
        talker = Talker()
        if self.near.alive and len(self.clients) < 3 and self.port.connect(talker):
            self.clients.append(talker)
            talker.write(bytes([len(self.clients) - 1]))

    @stateful.rule(size=_sizes)
    def oneShot(self, size: int) -> None:
        """
        Connect, write, and close.
        """
        before = len(self.clients)
        self.connect()
        if len(self.clients) > before:
            self.clients[-1].write(self.random.randbytes(size))
            self.close(self.clients[-1])

    @stateful.rule(choice=_choice, size=_sizes)
    def write(self, choice: int, size: int) -> None:
        """
        Write.
        """
        talker = self.pick(choice)
        if talker is not None:
            talker.write(self.random.randbytes(size))

    @stateful.rule(choice=_choice, size=_sizes, after=_times)
    def finish(self, choice: int, size: int, after: float) -> None:
        """
        Write, and say that this was all.
        """
        talker = self.pick(choice)
        if talker is not None and not talker.said:
            talker.write(self.random.randbytes(size))
            talker.said = True
            talker.transport.loseWriteConnection()
            self.network.run(after)

    @stateful.rule(choice=_choice)
    def loseConnection(self, choice: int) -> None:
        """
        Close.
        """
        talker = self.pick(choice)
        if talker is not None:
            self.close(talker)

    def close(self, talker: Talker) -> None:
        """
        Close.
        """
        talker.said = talker.closed = True
        talker.transport.loseConnection()
        self.broken = True

    @stateful.rule(choice=_choice)
    def reset(self, choice: int) -> None:
        """
        Reset.
        """
        talker = self.pick(choice)
        if talker is not None:
            talker.closed = self.broken = True
            talker.transport.abortConnection()

    @stateful.rule(choice=_choice, reads=strategies.booleans())
    def read(self, choice: int, reads: bool) -> None:
        """
        Stop reading, or begin again.
        """
        talker = self.pick(choice)
        if talker is not None and not talker.sawEnd:
            (talker.transport.resumeProducing if reads else talker.transport.pauseProducing)()

    @stateful.rule(delay=strategies.sampled_from([0.0, 1.0, 20.0, None]))
    def change(self, delay: float | None) -> None:
        """
        The server's system takes its time, or refuses.
        """
        self.target.delay = delay

    # What the network does.

    @stateful.rule(seconds=_times)
    def wait(self, seconds: float) -> None:
        """
        Let time pass.
        """
        self.network.run(seconds)

    @stateful.rule(outward=strategies.booleans(), loss=strategies.sampled_from([0, 0.1, 0.4]))
    def lose(self, outward: bool, loss: float) -> None:
        """
        Lose datagrams.
        """
        ends = (NEAR, FAR) if outward else (FAR, NEAR)
        self.network.setLink(*ends, Link(delay=0.02, jitter=0.05, loss=loss))
        self.broken = self.broken or loss > 0.1

    @stateful.rule(outward=strategies.booleans(), seconds=_times)
    def cut(self, outward: bool, seconds: float) -> None:
        """
        Lose all datagrams of one direction for a while.
        """
        ends = (NEAR, FAR) if outward else (FAR, NEAR)
        self.network.setLink(*ends, OUTAGE)
        self.network.run(seconds)
        self.network.setLink(*ends, GOOD)
        self.broken = True

    # What operators do.

    @stateful.rule(far=strategies.booleans(), sure=strategies.integers(0, 2), after=_times)
    def stop(self, far: bool, sure: int, after: float) -> None:
        """
        Stop a relay, at times.
        """
        if not sure:
            (self.far if far else self.near).stop()
            self.broken = True
            self.network.run(after)

    @stateful.rule(far=strategies.booleans(), sure=strategies.integers(0, 4))
    def kill(self, far: bool, sure: int) -> None:
        """
        Kill a relay, at times.
        """
        if not sure:
            (self.far if far else self.near).kill()
            self.broken = True

    @stateful.rule(
        sizes=strategies.lists(_sizes, min_size=2, max_size=4),
        before=strategies.sampled_from([0.0, 0.02, 0.1, 0.3]),
        choice=_choice,
        event=strategies.sampled_from(["stop", "kill", "reset", "close", "pause", "end"]),
    )
    def disturb(self, sizes: list[int], before: float, choice: int, event: str) -> None:
        """
        Do one of these things while data is under way, and see what comes of it.
        """
        for position, size in enumerate(sizes):
            self.write(choice + position, size)
        self.network.run(before)
        if event in ("stop", "kill"):
            getattr(self, event)(bool(choice % 2), 0, **({"after": 0.5} if event == "stop" else {}))
        elif event == "reset":
            self.reset(choice)
        elif event == "close":
            self.loseConnection(choice)
        elif event == "pause":
            self.read(choice, False)
        else:
            self.finish(choice, 100, 0.1)
        self.network.run(3)

    # What holds.

    @stateful.invariant()
    def holds(self) -> None:
        """
        What was received is a beginning of what was written; all of it, if that is what was said.
        """
        if not hasattr(self, "network"):
            return
        assert not self.errors, self.errors
        for client, server in self.pair():
            for here, there in ((client, server), (server, client)):
                assert there.written.startswith(here.received), "not a prefix"
        for here in self.talkers:
            peers = [pair for pair in self.pair() if here in pair]
            if not here.sawEnd:
                continue
            assert here.received or here in self.clients, "an end of nothing"
            for pair in peers:
                there = pair[1 if here is pair[0] else 0]
                assert there.said, "an end that nobody said"
                assert here.received == there.written, (
                    f"an end after {len(here.received)} of {len(there.written)} bytes"
                )
            if not peers:
                silent = [server for server in self.servers if not server.received]
                assert any(server.said for server in silent), "an end that nobody said"

    def teardown(self) -> None:
        """
        Let all end.
        """
        with self.stack:
            if hasattr(self, "network"):
                self._end()

    def _end(self) -> None:
        for ends in ((NEAR, FAR), (FAR, NEAR)):
            self.network.setLink(*ends, GOOD)
        for talker in self.talkers:
            if talker.up and not talker.sawEnd:
                talker.transport.resumeProducing()
        self.network.run(ENOUGH)
        for talker in self.talkers:
            if talker.up and not talker.said:
                talker.said = True
                talker.transport.loseWriteConnection()
        self.network.run(ENOUGH)
        self.holds()
        if not self.broken:
            for client, server in self.pair():
                assert client.sawEnd and server.sawEnd, "no end"
                assert client.received == server.written
        for talker in self.talkers:
            assert talker.sawEnd or talker.reason is not None or talker.closed, "never over"
        for relay in (self.near, self.far):
            if relay.alive:
                assert not relay.relay.factory._pairs, "a pair that is never over"
                relay.stop()
        self.network.run(40)
        for relay in (self.near, self.far):
            assert not relay.alive or relay.over == [None], relay.over
        self.holds()
