"""
Watching, delaying and losing control frames between the two hosts of a simulated network, and a
peer that knows none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.internet.protocol import DatagramProtocol

from kcptwisted.arq.conversation import Conversation
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.options import KCPOptions
from kcptwisted.stats import SessionStats
from kcptwisted.wire.control import Block, Frame, Hello, decodeBlock
from kcptwisted.wire.segment import SEGMENT_HEADER, WASK, WINS, decodeSegments
from tests.connections import CLIENT, PORT, SERVER, ConnectionTestCase, RecordingProtocol

#: What happens to a datagram: it takes so many seconds more, or is lost.
Fate = Callable[[bytes], float | None]


class Said(NamedTuple):
    """
    A WASK or WINS.

    @ivar seconds: when it was sent.
    @ivar host: who sent it.
    @ivar block: its data; None if it has none.
    """

    seconds: float
    host: str
    cmd: int
    block: Block | None

    @property
    def frames(self) -> tuple[Frame, ...]:
        """
        The block's.
        """
        return () if self.block is None else self.block.frames


def blocksIn(datagram: bytes) -> list[tuple[int, Block | None]]:
    """
    @return: command and block of each WASK and WINS of an unsealed datagram.
    """
    return [
        (segment.cmd, decodeBlock(segment.data) if segment.data else None)
        for segment in decodeSegments(datagram)
        if segment.cmd in (WASK, WINS)
    ]


def holds(datagram: bytes, kind: type[Frame]) -> bool:
    """
    Whether an unsealed datagram has a frame of that kind.
    """
    return any(block is not None and block.find(kind) for _, block in blocksIn(datagram))


def over(*protocols: RecordingProtocol) -> Callable[[], bool]:
    """
    @return: says whether each protocol has lost its connection.
    """
    return lambda: all(protocol.reasons for protocol in protocols)


def loses(kind: type[Frame], times: int = 1 << 30) -> Fate:
    """
    @return: the fate of datagrams of which the first ones that have such a frame are lost.
    """
    left = times

    def fate(datagram: bytes) -> float | None:
        nonlocal left
        if left and holds(datagram, kind):
            left -= 1
            return None
        return 0.0

    return fate


class ControlledTestCase(ConnectionTestCase):
    """
    A client and a server host whose control frames are noted.  Neither cipher nor FEC.

    @ivar said: each WASK and WINS that was sent, in order.
    """

    def setUp(self) -> None:
        """
        Listen in.
        """
        super().setUp()
        self.said: list[Said] = []
        self.network.taps.append(self._tap)

    def _tap(self, source: tuple[str, int], to: tuple[str, int], datagram: bytes) -> None:
        seconds = self.network.clock.seconds()
        self.said += [Said(seconds, source[0], cmd, block) for cmd, block in blocksIn(datagram)]

    def sent(self, kind: type[Frame], host: str) -> list[Said]:
        """
        @return: what had a frame of that kind.
        """
        return [
            said
            for said in self.said
            if said.host == host and said.block is not None and said.block.find(kind)
        ]

    def asked(self, host: str) -> list[Said]:
        """
        @return: the WASKs without a frame that a host sent.
        """
        return [
            said for said in self.said if said.host == host and said.cmd == WASK and not said.frames
        ]

    def tamper(self, host: str, fate: Fate) -> None:
        """
        Have C{fate} decide on what a host sends to the other one, after the link has.
        """
        other = SERVER if host == CLIENT else CLIENT
        model = self.network.model(host, other)
        arrivals = type(model).arrivals

        def decide(datagram: bytes) -> list[tuple[float, bytes]]:
            more = fate(datagram)
            if more is None:
                return []
            return [(delay + more, copy) for delay, copy in arrivals(model, datagram)]

        self.patch(model, "arrivals", decide)

    def forgotten(self) -> bool:
        """
        Whether neither end knows the connection any more.
        """
        return not self.port.sessions and not self.network.host(CLIENT).ports


class PlainPeer(DatagramProtocol):
    """
    A KCP peer that knows no control frames, for either end.  It acknowledges and answers at once,
    and sends nothing again.

    @ivar received: what it was sent.
    @ivar others: the control blocks but for hellos that it was sent.
    @ivar hellos: the hellos.
    @ivar silent: it does not answer any more.
    @ivar reads: its application takes what comes.
    """

    transport: Any

    def __init__(self, conv: int = 0, peer: tuple[str, int] | None = None) -> None:
        """
        @param conv: 0 to take the first one that comes.
        @param peer: whom to talk to; None for who comes first.
        """
        self.received = b""
        self.hellos: list[Block] = []
        self.others: list[Block] = []
        self.silent = False
        self.reads = True
        self._conv = conv
        self._peer = peer
        self._conversation: Conversation | None = None

    def _talk(self) -> Conversation:
        if self._conversation is None:
            settings: ARQSettings = KCPOptions(
                crypt="null", ackNoDelay=True, receiveWindow=1024
            ).arqSettings(0)
            self._conversation = Conversation(self._conv, settings, SessionStats())
        return self._conversation

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """
        Take, and answer.
        """
        if self.silent:
            return
        self._peer = self._peer or addr
        self._conv = self._conv or SEGMENT_HEADER.unpack_from(datagram)[0]
        for _, block in blocksIn(datagram):
            if block is not None:
                (self.hellos if block.find(Hello) else self.others).append(block)
        talk = self._talk()
        talk.receive([datagram], 0)
        talk.controls.clear()
        if self.reads:
            self.received += talk.read() or b""
        self._send()

    def write(self, data: bytes) -> None:
        """
        Send bytes.
        """
        self._talk().write(data)
        self._send()

    def ask(self) -> None:
        """
        Send a bare WASK.
        """
        self._talk().askWindow()
        self._send()

    def _send(self) -> None:
        for datagram in self._talk().datagramsToSend(0):
            self.transport.write(datagram, self._peer)


class PlainServerTestCase(ControlledTestCase):
    """
    A client of a L{PlainPeer}.

    @ivar peer: the server.
    """

    def meet(self, options: KCPOptions | None = None, seconds: float = 0.1) -> RecordingProtocol:
        """
        @param seconds: how long that takes at most.
        @return: the client's protocol, connected.
        """
        self.peer = PlainPeer()
        self.network.host(SERVER).listenUDP(PORT, self.peer)
        self.begin(options)
        self.network.run(seconds)
        return self.clientFactory.made[0]
