"""
A state machine that does to connections whatever an application, a network, a host and a stranger
can do.
"""

from __future__ import annotations

from contextlib import ExitStack
from random import Random
from typing import Any

from kcptwisted.options import KCPOptions
from kcptwisted.testing.link import Link
from tests.machines.parties import Party
from tests.machines.world import OUTAGE, SERVER, STRANGER, Client, World, loggedErrors
from tests.properties import stateful, strategies

AUTHENTICATED = "aes-128-gcm"

#: The options of both ends, but for the cipher.
_options = strategies.fixed_dictionaries(
    {
        "shards": strategies.sampled_from([(0, 0), (0, 0), (3, 1), (10, 3)]),
        "stream": strategies.booleans(),
        "windows": strategies.sampled_from([(512, 1024), (4, 4), (16, 3), (1, 40)]),
        "nc": strategies.booleans(),
        "mode": strategies.sampled_from(["normal", "fast3"]),
        "retry": strategies.booleans(),
        "mtu": strategies.sampled_from([1400, 1400, 400]),
    }
)

_choice = strategies.integers(0, 5)
_sizes = strategies.one_of(strategies.integers(0, 50), strategies.integers(0, 20_000))
_times = strategies.one_of(
    strategies.sampled_from([0.01, 0.1, 1.0, 5.0]), strategies.floats(0.01, 15)
)


def _makeOptions(crypt: str, drawn: dict[str, Any]) -> KCPOptions:
    data, parity = drawn["shards"]
    send, receive = drawn["windows"]
    return KCPOptions(
        crypt=crypt,
        key=None if crypt == "null" else "sesame",
        dataShards=data,
        parityShards=parity,
        sendWindow=send,
        receiveWindow=receive,
        **{name: drawn[name] for name in ("stream", "nc", "mode", "retry", "mtu")},
        environ={},
    )


class ConnectionMachine(stateful.RuleBasedStateMachine):
    """
    Two clients and a server.
    """

    ciphers = ["null", "aes-128", AUTHENTICATED]

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.errors = self.stack.enter_context(loggedErrors())

    @stateful.initialize(
        data=strategies.data(), drawn=_options, seed=strategies.integers(0, 1 << 16)
    )
    def begin(self, data: Any, drawn: dict[str, Any], seed: int) -> None:
        """
        A server, and a client that connects.
        """
        self.crypt = data.draw(strategies.sampled_from(self.ciphers))
        self.world = World(_makeOptions(self.crypt, drawn), seed, 2)
        self.seed = seed
        self.world.clients[0].connect(False)
        self.world.run(0.2)
        for choice in range(2):
            self.write(choice, data.draw(_sizes))

    def pick(self, choice: int) -> Party | None:
        """
        @return: a party that can do something.
        """
        parties = self.world.awake()
        return parties[choice % len(parties)] if parties else None

    def client(self, choice: int) -> Client:
        """
        @return: a client.
        """
        return self.world.clients[choice % 2]

    # What applications do.

    @stateful.rule(choice=_choice, size=_sizes)
    def write(self, choice: int, size: int) -> None:
        """
        Write.
        """
        party = self.pick(choice)
        if party is not None:
            party.say(size)

    @stateful.rule(choice=_choice, pieces=strategies.lists(_sizes, max_size=8), after=_times)
    def talk(self, choice: int, pieces: list[int], after: float) -> None:
        """
        Write several times, and see what becomes of it.
        """
        for size in pieces:
            self.write(choice, size)
        self.world.run(after)

    @stateful.rule(choice=_choice)
    def loseConnection(self, choice: int) -> None:
        """
        Close.
        """
        party = self.pick(choice)
        if party is not None:
            self.world.close(party)

    @stateful.rule(choice=_choice)
    def loseWriteConnection(self, choice: int) -> None:
        """
        Close one direction.
        """
        party = self.pick(choice)
        if party is not None:
            party.session.loseWriteConnection()
            party.sealed = True

    @stateful.rule(choice=_choice)
    def abortConnection(self, choice: int) -> None:
        """
        Abort.
        """
        party = self.pick(choice)
        if party is not None:
            party.session.abortConnection()
            party.meddled = party.sealed = True

    @stateful.rule(choice=_choice, hesitates=strategies.booleans())
    def pauseOrResume(self, choice: int, hesitates: bool) -> None:
        """
        Stop reading, or begin again.
        """
        party = self.pick(choice)
        if party is not None:
            party.hesitates = hesitates
            if party.paused:
                party.resume()
            else:
                party.pause()

    @stateful.rule(choice=_choice, again=strategies.booleans(), half=strategies.booleans())
    def connect(self, choice: int, again: bool, half: bool) -> None:
        """
        Connect a client that has no connection.
        """
        client = self.client(choice)
        self.world.start(client.host)
        if not client.host.suspended and not client.host.ports:
            client.factory.halfCloseable = half
            client.connect(again)

    @stateful.rule(half=strategies.booleans())
    def serve(self, half: bool) -> None:
        """
        Change what the server's next protocols are like.
        """
        self.world.serverFactory.halfCloseable = half

    # What the network does.

    @stateful.rule(seconds=_times)
    def wait(self, seconds: float) -> None:
        """
        Let time pass.
        """
        self.world.run(seconds)

    @stateful.rule(
        choice=_choice,
        outward=strategies.booleans(),
        loss=strategies.sampled_from([0, 0, 0.05, 0.1, 0.3, 0.6]),
        duplicate=strategies.sampled_from([0, 0, 0.1, 0.5]),
        reorder=strategies.sampled_from([0, 0, 0.1, 0.5]),
        corrupt=strategies.sampled_from([0, 0, 0.05]),
        jitter=strategies.sampled_from([0, 0, 0.05, 0.3]),
    )
    def change(self, choice: int, outward: bool, corrupt: float, **conditions: Any) -> None:
        """
        Change one direction of a link.
        """
        damage = 0.0 if self.crypt == "null" else corrupt
        link = Link(delay=0.02, reorderDelay=0.1, corrupt=damage, **conditions)
        self.world.setLink(self.client(choice), link, outward)

    @stateful.rule(choice=_choice, outward=strategies.booleans(), seconds=_times)
    def cut(self, choice: int, outward: bool, seconds: float) -> None:
        """
        Lose all datagrams of one direction for a while.
        """
        client = self.client(choice)
        self.world.setLink(client, OUTAGE, outward)
        self.world.run(seconds)
        self.world.setLink(client, Link(delay=0.02), outward)

    @stateful.rule(choice=_choice, size=_sizes, loss=strategies.sampled_from([0, 0.3, 0.6]))
    def closeOverBadLink(self, choice: int, size: int, loss: float) -> None:
        """
        Close with data under way while datagrams are lost and overtake each other.
        """
        world = self.world
        for bad in (Link(delay=0.02, jitter=0.2, loss=loss), Link(delay=0.02)):
            for client in world.clients:
                world.setLink(client, bad, True)
                world.setLink(client, bad, False)
            party = self.pick(choice)
            if party is not None and bad.jitter:
                party.say(size)
                world.close(party)
                world.run(1.5)

    @stateful.rule(choice=_choice)
    def move(self, choice: int) -> None:
        """
        Give a client another address.
        """
        client = self.client(choice)
        if client.port:
            self.world.move(client)

    # What hosts do.

    @stateful.rule(choice=_choice)
    def suspendOrResume(self, choice: int) -> None:
        """
        Close a lid, or open it.
        """
        host = self.world.hosts[choice % 3]
        if host.suspended:
            host.resume()
        elif host.ports:
            host.suspend()

    @stateful.rule(choice=_choice, silently=strategies.booleans())
    def kill(self, choice: int, silently: bool) -> None:
        """
        Kill a client.
        """
        client = self.client(choice)
        self.world.kill(client.host, silently)
        # Nobody waits for these any more.
        client.outcomes = [None] * client.attempts

    @stateful.rule(
        choice=_choice,
        silently=strategies.booleans(),
        seconds=_times,
        again=strategies.booleans(),
        size=_sizes,
    )
    def restart(self, choice: int, silently: bool, seconds: float, again: bool, size: int) -> None:
        """
        Kill a client, and have it connect again.
        """
        self.kill(choice, silently)
        self.world.run(seconds)
        self.connect(choice, again, False)
        for party in self.world.awake():
            party.say(size)

    @stateful.rule(seconds=_times, silently=strategies.booleans())
    def restartServer(self, seconds: float, silently: bool) -> None:
        """
        Kill the server, and start it again.
        """
        self.world.kill(self.world.server, silently)
        self.world.run(seconds)
        self.world.start(self.world.server)
        self.world.listen()

    @stateful.rule(choice=_choice, size=_sizes, paused=strategies.booleans())
    def leave(self, choice: int, size: int, paused: bool) -> None:
        """
        Stop a reactor with something just written.
        """
        world = self.world
        host = world.hosts[choice % 3]
        if host.suspended or not host.ports:
            return
        for party in world.awake():
            if world.hostOf(party) is host:
                party.say(size)
            elif paused and not party.paused:
                party.pause()
        world.leave(host)
        if host is world.server:
            world.run(0.1)
            world.listen()

    @stateful.rule(
        choice=_choice, size=_sizes, end=strategies.sampled_from(["lose", "abort", "leave"])
    )
    def endWhilePaused(self, choice: int, size: int, end: str) -> None:
        """
        Have the other end pause, and then write and end a connection.
        """
        party = self.pick(choice)
        if party is None:
            return
        for peer in self.world.peersOf(party):
            if peer.open and not self.world.hostOf(peer).suspended and not peer.paused:
                peer.pause()
        party.say(size)
        self.world.run(1)
        if not party.open:
            return
        if end == "lose":
            self.world.close(party)
        elif end == "abort":
            party.session.abortConnection()
            party.meddled = party.sealed = True
        elif self.world.isClients(party):
            self.world.leave(self.world.hostOf(party))

    # What strangers do.

    @stateful.rule(choice=_choice, index=strategies.integers(0, 300), spoofed=strategies.booleans())
    def replay(self, choice: int, index: int, spoofed: bool) -> None:
        """
        Send once more what somebody with the key has sent, in the same direction.
        """
        world = self.world
        if self.crypt == AUTHENTICATED and world.recorded:
            source, target, datagram = world.recorded[index % len(world.recorded)]
            if target == SERVER:
                shown = world.network._translations.outside(source)
                world.inject(world.server, shown if spoofed else STRANGER, datagram)
            else:
                client = next(
                    client
                    for client in world.clients
                    if target in ((client.address, client.port), world.seenAs(client))
                    or client is world.clients[-1]
                )
                if target in ((client.address, client.port), world.seenAs(client)):
                    world.inject(client.host, SERVER, datagram)

    @stateful.rule(choice=_choice, spoofed=strategies.booleans(), cmd=strategies.integers(80, 85),
                   raw=strategies.binary(max_size=60))  # fmt: skip
    def forge(self, choice: int, spoofed: bool, cmd: int, raw: bytes) -> None:
        """
        Send what somebody makes up who knows addresses, but neither key nor conversation.
        """
        client = self.client(choice)
        source = self.world.seenAs(client) if spoofed and client.port else STRANGER
        conv = Random(raw).randbytes(4)
        for datagram in (raw, conv + bytes([cmd, 0]) + bytes(18) + raw):
            self.world.inject(self.world.server, source, datagram)
            self.world.inject(client.host, SERVER, datagram)

    # What holds.

    @stateful.invariant()
    def holds(self) -> None:
        """
        Nothing is wrong yet.
        """
        if hasattr(self, "world"):
            self.world.check()
            assert not self.errors, self.errors

    def teardown(self) -> None:
        """
        Let all end.
        """
        with self.stack:
            if hasattr(self, "world"):
                random = Random(self.seed)
                self.world.finish(lambda: random.random() < 0.5)
                assert not self.errors, self.errors
