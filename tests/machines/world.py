"""
A server and its clients, all that may happen to them, and what must hold all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from twisted.internet import error
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from zope.interface import implementer

from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.errors import (
    DeadLink,
    Evicted,
    LingerTimeout,
    PeerRefused,
    PeerReset,
    PeerRestarted,
    PeerTimeout,
)
from kcptwisted.options import KCPOptions
from kcptwisted.server.listening import KCPListeningPort
from kcptwisted.testing import SimulatedHost, SimulatedNetwork
from kcptwisted.testing.link import Link
from kcptwisted.timing.shared import dropClock
from tests.machines.parties import Party, PartyFactory

SERVER = ("10.0.0.1", 4000)
STRANGER = ("10.0.0.99", 5000)
OUTAGE = Link(loss=1)

#: Seconds of bad conditions that no connection may break for.
HARMLESS = 8.0

#: Seconds within which a connection is over whose other end is gone, or has been closed.
UNTIL_DEAD = 120.0

#: Datagrams that somebody on the path remembers.
RECORDED = 300

REASONS = (
    error.ConnectionAborted,
    error.ConnectionDone,
    error.ConnectionLost,
    DeadLink,
    Evicted,
    LingerTimeout,
    PeerRefused,
    PeerReset,
    PeerRestarted,
    PeerTimeout,
)


@contextmanager
def loggedErrors() -> Iterator[list[LogEvent]]:
    """
    @return: all that is logged meanwhile and should not be.
    """
    events: list[LogEvent] = []

    @implementer(ILogObserver)
    def note(event: LogEvent) -> None:
        if event.get("log_level", LogLevel.info) >= LogLevel.error:
            events.append(event)

    globalLogPublisher.addObserver(note)
    try:
        yield events
    finally:
        globalLogPublisher.removeObserver(note)


class Client:
    """
    A host that connects to the server, again and again if need be.

    @ivar outcomes: what became of each connect.
    @ivar attempts: how often it was tried.
    """

    def __init__(self, world: World, number: int) -> None:
        self._world = world
        self.address = f"10.0.1.{number}"
        self.host: SimulatedHost = world.network.host(self.address)
        self.factory = PartyFactory(world.options.stream, 1000 * number)
        self.outcomes: list[object] = []
        self.attempts = 0
        self.conv = 0
        self.port = 0

    def connect(self, again: bool) -> None:
        """
        Connect, from the port that was used last if there was one and it is free.

        @param again: with the same conversation id as before.
        """
        world = self._world
        if not again or not self.conv:
            self.conv = world.random.randrange(1, 1 << 32)
        if self.port and self.port not in self.host.ports:
            self.host._ephemeral = self.port
        if any(party.conv == self.conv for party in world.parties):
            # Nothing in segments with the same conversation id tells whether they are for the
            # process before.
            world.mixed.add(self.conv)
        self.attempts += 1
        endpoint = KCPClientEndpoint(
            self.host,
            *SERVER,
            world.options,
            randomConv=lambda: self.conv,
            randomBytes=world.random.randbytes,
        )
        endpoint.connect(self.factory).addBoth(self.outcomes.append)
        self.port = max(self.host.ports, default=0)


class World:
    """
    One server and some clients.

    @ivar trouble: seconds in which a link was bad or a host stood still.
    @ivar broken: something happened that ends connections, or may.
    @ivar mixed: conversations in which something of or for an end that is gone may arrive.
    """

    def __init__(self, options: KCPOptions, seed: int, clients: int) -> None:
        self.options = options
        self.random = Random(seed)
        self.network = SimulatedNetwork(seed, Link(delay=0.02))
        self.clients = [Client(self, number) for number in range(1, clients + 1)]
        self.server = self.network.host(SERVER[0])
        self.serverFactory = PartyFactory(options.stream, 0)
        self.trouble = 0.0
        self.broken = False
        self.mixed: set[int] = set()
        self._bad: set[str] = set()
        self.moves = 0
        self.recorded: list[tuple[tuple[str, int], tuple[str, int], bytes]] = []
        self.network.taps.append(self._record)
        self.port: KCPListeningPort | None = None
        self.listen()

    def _record(self, source: tuple[str, int], target: tuple[str, int], datagram: bytes) -> None:
        self.recorded.append((source, target, datagram))
        del self.recorded[:-RECORDED]

    # What is there.

    @property
    def parties(self) -> list[Party]:
        """
        Both sides' parties.
        """
        made = [*self.serverFactory.made]
        for client in self.clients:
            made += client.factory.made
        return made

    def isClients(self, party: Party) -> bool:
        """
        Whether it is at a client.
        """
        return party not in self.serverFactory.made

    def hostOf(self, party: Party) -> SimulatedHost:
        """
        @return: where it runs.
        """
        for client in self.clients:
            if party in client.factory.made:
                return client.host
        return self.server

    def peersOf(self, party: Party) -> list[Party]:
        """
        @return: those that may have written what it received: of the same conversation, at the
            other end.
        """
        return [
            other
            for other in self.parties
            if other.conv == party.conv and self.isClients(other) is not self.isClients(party)
        ]

    def awake(self) -> list[Party]:
        """
        @return: the parties that can do something now.
        """
        return [party for party in self.parties if party.open and not self.hostOf(party).suspended]

    # What happens.

    def listen(self) -> None:
        """
        Start the server.
        """
        endpoint = KCPServerEndpoint(
            self.server, SERVER[1], self.options, randomBytes=self.random.randbytes
        )
        opened: list[Any] = []
        endpoint.listen(self.serverFactory).addCallback(opened.append)
        self.port = opened[0]

    def run(self, seconds: float) -> None:
        """
        Let time pass.
        """
        suspended = any(host.suspended for host in self.hosts)
        if self._bad or suspended:
            self.trouble += seconds
        self.network.run(seconds)

    @property
    def hosts(self) -> list[SimulatedHost]:
        """
        All hosts.
        """
        return [self.server, *(client.host for client in self.clients)]

    def setLink(self, client: Client, link: Link, outward: bool) -> None:
        """
        Change one direction between the server and a client.
        """
        ends = (client.address, SERVER[0]) if outward else (SERVER[0], client.address)
        self.network.setLink(*ends, link)
        name = f"{ends}"
        (self._bad.add if link.loss > 0.1 else self._bad.discard)(name)

    def kill(self, host: SimulatedHost, silently: bool) -> None:
        """
        End all processes of a host: nothing of them happens any more.

        @param silently: the host does not even answer that the port is closed.
        """
        host.suspend()
        for call in list(host._waiting):
            call.cancel()
        dropClock(host)
        host.suspended = False
        host.ports.clear()
        if silently:
            self.network._hosts.pop(host.address, None)
        for party in self.parties:
            if self.hostOf(party) is host and party.open:
                party.dead = True
                if host is self.server:
                    # The next server may be taken for it, or its client for a new one.
                    self.mixed.add(party.conv)
        self.broken = True

    def leave(self, host: SimulatedHost) -> None:
        """
        Close a host's sockets, as a program does that stops its reactor.
        """
        for party in self.parties:
            if self.hostOf(party) is host and party.open:
                party.meddled = True
        for port in list(host.ports.values()):
            port.stopListening()
        self.broken = True

    def start(self, host: SimulatedHost) -> None:
        """
        Switch a killed host on again.
        """
        self.network._hosts[host.address] = host

    def move(self, client: Client) -> None:
        """
        Have a NAT show a client as another address.
        """
        self.moves += 1
        source = (client.address, client.port)
        self.network.translate(source, ("198.51.100.7", 20000 + self.moves))
        self.broken = self.broken or not self.options.authenticated

    def inject(self, host: SimulatedHost, source: tuple[str, int], datagram: bytes) -> None:
        """
        Have a datagram arrive that its sender may not have sent.
        """
        for port in list(host.ports.values()):
            port.receive(datagram, source)

    def seenAs(self, client: Client) -> tuple[str, int]:
        """
        @return: the address that the server sees.
        """
        return self.network._translations.outside((client.address, client.port))

    # What must hold.

    def check(self) -> None:
        """
        Nothing has happened to a party that must not, and what it received is the beginning of what
        its peer wrote.
        """
        for party in self.parties:
            assert not party.wrong, party.wrong
            for reason in party.reasons:
                assert reason.check(*REASONS), reason
            peers = [] if party.conv in self.mixed else self.peersOf(party)
            assert not (party.pieces and peers) or any(map(party.heard, peers)), "not a prefix"
            if len(peers) == len(self.peersOf(peers[0]) if peers else []) == 1:
                self._checkOrderly(party, peers[0])

    @staticmethod
    def _checkOrderly(party: Party, peer: Party) -> None:
        """
        Whatever has happened: who is told that the connection was closed, and has not closed it,
        has all that was written; and what was acknowledged to one that has is not lost.
        """
        if party.reasons and party.reasons[0].check(error.ConnectionDone) and not party.closed:
            assert party.heardAll(peer), "an end that looks like one"
        if party.closed or party.meddled or not (party.reasons and peer.reasons):
            return
        if peer.closed and peer.reasons[0].check(error.ConnectionDone):
            assert party.heardAll(peer), "acknowledged, and lost"

    @property
    def calm(self) -> bool:
        """
        Whether nothing has happened that may end a connection.
        """
        return self.trouble <= HARMLESS and not self.broken

    def finish(self, choose: Callable[[], bool]) -> None:
        """
        Heal everything, close what is open at one end, and see that both ends end.

        @param choose: whether a connection is closed by the client.
        """
        for host in self.hosts:
            self.start(host)
            if host.suspended:
                host.resume()
        for client in self.clients:
            self.setLink(client, Link(delay=0.02), True)
            self.setLink(client, Link(delay=0.02), False)
        for party in self.parties:
            party.hesitates = False
            if party.open and party.paused:
                party.resume()
        self.run(UNTIL_DEAD)
        self.check()
        for party in self.parties:
            gone = all(not other.open for other in self.peersOf(party))
            known = party.conv not in self.mixed
            assert not (party.open and gone and known), f"{party.conv}: the peer is gone"
        for party in self.parties:
            if party.open and self.isClients(party) is choose():
                self.close(party)
        self.run(UNTIL_DEAD)
        for party in self.parties:
            # Of two that are left to each other by a choice for neither.
            if party.open and self.isClients(party):
                self.close(party)
        self.run(UNTIL_DEAD)
        self.check()
        self._checkEnded()

    def close(self, party: Party) -> None:
        """
        Have a party close its connection.
        """
        party.session.loseConnection()
        party.closed = party.sealed = True

    def _checkEnded(self) -> None:
        for party in self.parties:
            assert party.dead or len(party.reasons) == 1, "not over"
            peers = self.peersOf(party)
            pair = len(peers) == len(self.peersOf(peers[0]) if peers else []) == 1
            if pair and self.calm and party.conv not in self.mixed:
                self._checkClosed(party, peers[0])
        for client in self.clients:
            assert len(client.outcomes) == client.attempts, "connects for ever"
        assert self.port is not None
        stopped: list[object] = []
        self.port.stopListening().addCallback(stopped.append)
        self.network.run(1)
        assert stopped == [None], "the port is open"
        left = self.network.clock.getDelayedCalls()
        assert not left, left

    def _checkClosed(self, party: Party, peer: Party) -> None:
        """
        A connection that was only closed ended so, and who did not close has all that was written.
        """
        if party.meddled or peer.meddled:
            return
        assert party.reasons[0].check(error.ConnectionDone), party.reasons[0]
        if not party.closed:
            assert party.heardAll(peer), "closed before all was delivered"
