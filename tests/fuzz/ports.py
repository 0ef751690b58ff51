"""
Whole ports, with real sessions on them.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol

from kcptwisted.arq.incoming import MAXIMUM_CONTROLS
from kcptwisted.client.connector import KCPConnector
from kcptwisted.endpoints import KCPServerEndpoint
from kcptwisted.options import KCPOptions
from kcptwisted.server.ended import MAXIMUM_REMEMBERED
from kcptwisted.server.listener import KCPListener
from kcptwisted.server.listening import KCPListeningPort
from kcptwisted.session import KCPTransport
from kcptwisted.session.session import KCPSession
from kcptwisted.testing import Link, SimulatedNetwork
from kcptwisted.wire.control import NO_TOKEN, encodeBlock
from kcptwisted.wire.fec import outOfBandPacket
from kcptwisted.wire.segment import SEGMENT_HEADER, WASK
from tests.fuzz.choices import Choices
from tests.machines.world import loggedErrors

SERVER = ("192.0.2.1", 4000)
CLIENT = ("192.0.2.2", 49152)
CONV = 0x01020304

#: Segments.
WINDOW = 8
SESSIONS = 4

#: What a fuzzer may do in one story.
EVENTS = 200

#: Whom a listener hears.
ADDRESSES = [CLIENT, ("192.0.2.2", 9), ("198.51.100.1", 1), ("203.0.113.1", 1), ("203.0.113.2", 2)]


class Echo(Protocol):
    """
    Sends back what it gets.
    """

    def dataReceived(self, data: bytes) -> None:
        """
        Send it back.
        """
        cast(KCPTransport, self.transport).write(data)


class EchoFactory(Factory):
    """
    Makes echoes.

    @ivar made: all of them.
    """

    noisy = False

    def __init__(self) -> None:
        self.made: list[Echo] = []

    def buildProtocol(self, addr: IAddress | None) -> Echo:
        """
        @return: a new one.
        """
        echo = Echo()
        self.made.append(echo)
        return echo


class Story:
    """
    A listener and a client that talk, while somebody who reads along sends them what he likes.

    @ivar victim: who gets that: the listener, or the connector.
    """

    def __init__(self, data: bytes, onListener: bool) -> None:
        self.choices = Choices(data)
        self._onListener = onListener
        flags = self.choices.number()
        options = KCPOptions(
            crypt="null",
            sendWindow=WINDOW,
            receiveWindow=WINDOW,
            maxSessions=SESSIONS,
            stream=bool(flags & 1),
            retry=bool(flags & 2),
            dataShards=2 if flags & 4 else 0,
            parityShards=1 if flags & 4 else 0,
            environ={},
        )
        self.network = SimulatedNetwork(1, Link(delay=0.01))
        self.recorded: list[bytes] = []
        self.network.taps.append(self._record)
        self.factory = EchoFactory()
        self.randomBytes = Choices(bytes(range(1, 256)) * 40).take
        server = KCPServerEndpoint(
            self.network.host(SERVER[0]), SERVER[1], options, randomBytes=self.randomBytes
        )
        ports: list[Any] = []
        server.listen(self.factory).addCallback(ports.append)
        self.port: KCPListeningPort = ports[0]
        self.connector = KCPConnector(
            self.network.host(CLIENT[0]), options, self.factory, lambda: CONV, self.randomBytes
        )
        self.connector.connect(("0.0.0.0", 0), SERVER).addErrback(lambda _: None)
        if flags & 8:
            self.network.run(0.2)
        self.victim: KCPListener | KCPConnector = (
            self.port._listener if onListener else self.connector
        )

    def _record(self, source: tuple[str, int], _: tuple[str, int], datagram: bytes) -> None:
        if (source == CLIENT) is self._onListener:
            self.recorded.append(datagram)
            del self.recorded[:-20]

    def tell(self) -> None:
        """
        Let all happen, and see after each event that nothing has grown too large.
        """
        for _ in range(EVENTS):
            if not self.choices.left:
                break
            self.happen()
            self.check()
        for end in (self.connector, self.port._listener):
            for session in end.sessions.live():
                session.stream.abortConnection()
        self.port.stopListening("abort")
        self.network.run(1)
        assert not len(self.victim.sessions)
        if not len(self.connector.sessions):
            left = self.network.clock.getDelayedCalls()
            assert not left, left

    def happen(self) -> None:
        """
        Let one thing happen.
        """
        choices = self.choices
        kind = choices.number()
        if kind < 20:
            self.network.run(choices.number() / 1000)
        elif kind < 25:
            self.network.run(choices.number() / 10)
        elif kind < 50:
            made = self.factory.made
            echo = made[choices.number() % len(made)] if made else None
            transport = None if echo is None else cast(KCPTransport, echo.transport)
            if transport is None:
                return
            if kind < 40:
                transport.write(choices.piece())
            elif kind < 45:
                transport.loseConnection()
            elif kind < 48:
                transport.pauseProducing()
            else:
                transport.resumeProducing()
        else:
            address = ADDRESSES[choices.number() % len(ADDRESSES) if self._onListener else 0]
            self.give([self.datagram() for _ in range(kind % 3 + 1)], address)

    def give(self, datagrams: list[bytes], address: tuple[str, int]) -> None:
        """
        Have the victim receive datagrams.
        """
        stack = self.victim.stack
        stack.datagramsReceived(datagrams, address)
        stack.batchFinished()

    def datagram(self) -> bytes:
        """
        @return: something that may be taken for a session's.
        """
        choices = self.choices
        kind = choices.number() % 6
        sessions = self.victim.sessions.live()
        session = sessions[choices.number() % len(sessions)] if sessions else None
        conv = CONV if session is None else session.conv
        if kind == 0:
            return choices.piece()
        if kind == 1 and self.recorded:
            return choices.mutated(self.recorded[choices.number() % len(self.recorded)])
        if kind == 2:
            return choices.mutated(outOfBandPacket(conv, choices.piece()))
        if session is None:
            return choices.segment(conv, 0, 0)
        if kind == 3:
            conversation = session.connection.conversation
            return choices.segment(conv, conversation.receiver.next, conversation.sender.next)
        return self.control(session)

    def control(self, session: KCPSession) -> bytes:
        """
        @return: a control block, often with the right tokens, with any frames.
        """
        choices = self.choices
        channel = session.connection.controls.channel
        kind = choices.number()
        to = source = NO_TOKEN
        if channel is not None:
            to = channel.token if kind & 3 else NO_TOKEN
            source = channel.peerToken if kind & 12 else choices.take(8).ljust(8, b"\0")
        frames = bytearray()
        for _ in range(kind // 16 % 4):
            value = choices.piece()
            if choices.number() & 3:
                # Of the length that is due, most often.
                value = value.ljust(8, b"\1")
                final = session.connection.conversation.receiver.next & 0xFFFFFFFF
                if choices.number() & 1:
                    value = final.to_bytes(4, "little") + value[4:]
            frames += bytes([choices.number() % 10, len(value)]) + value
        data = encodeBlock(to, source) + bytes(frames)
        una = session.connection.conversation.sender.una & 0xFFFFFFFF
        cmd = WASK + (kind & 1)
        header = SEGMENT_HEADER.pack(session.conv, cmd, 0, WINDOW, 0, 0, una, len(data))
        return choices.mutated(header + data) if kind > 240 else header + data

    def check(self) -> None:
        """
        Nothing has grown too large.
        """
        victim = self.victim
        assert len(victim.sessions) <= SESSIONS
        listener = self.port._listener
        assert len(listener.ended) <= MAXIMUM_REMEMBERED
        assert len(listener.paths) <= SESSIONS
        assert len(listener.newcomers) == len(listener.sessions)
        for session in victim.sessions.live():
            assert victim.sessions.at(session.address) is session
            conversation = session.connection.conversation
            receiver = conversation.receiver
            assert len(conversation.controls) <= MAXIMUM_CONTROLS
            assert len(conversation._controlsToSend or ()) <= 4 * MAXIMUM_CONTROLS
            assert len(receiver._reordered) <= WINDOW
            assert len(receiver._selective or ()) <= 2 * WINDOW
            assert len(receiver._partial or ()) <= 256
            assert receiver._window - receiver.free <= WINDOW
            assert len(conversation.sender.inFlight) <= WINDOW
        assert len(victim.stack.clock.deadlines.times) <= 200
        assert len(self.network.clock.getDelayedCalls()) <= 2000


def fuzzListener(data: bytes) -> None:
    """
    Whoever sends whatever to a listener raises nothing there, and makes nothing grow.
    """
    with loggedErrors() as errors:
        Story(data, True).tell()
    assert not errors, errors


def fuzzConnector(data: bytes) -> None:
    """
    Nor does what its peer sends to a connector.
    """
    with loggedErrors() as errors:
        Story(data, False).tell()
    assert not errors, errors
