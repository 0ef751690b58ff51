"""
Clients that come, go and come back, and all that is sent, for the tests of listeners.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import LoopingCall

from kcptwisted.arq.conversation import Conversation
from kcptwisted.endpoints import KCPClientEndpoint
from kcptwisted.options import KCPOptions
from kcptwisted.stats import SessionStats
from kcptwisted.testing import SimulatedHost
from kcptwisted.wire.control import (
    LONGEST_BLOCK,
    NO_TOKEN,
    Block,
    Cookie,
    Frame,
    Hello,
    decodeBlock,
    encodeBlock,
)
from kcptwisted.wire.segment import ACK, OVERHEAD, PUSH, WASK, Segment, decodeSegments
from tests.connections import CLIENT, PORT, SERVER, ConnectionTestCase, RecordingProtocol

#: The largest mtu at which there is no room for control frames, so that there are none.
BARE_MTU = OVERHEAD + LONGEST_BLOCK - 1

BARE = KCPOptions(crypt="null", mtu=BARE_MTU)
AEAD = KCPOptions(key="k", crypt="aes-128-gcm")

#: What the cipher adds, bytes.
AEAD_OVERHEAD = AEAD.overhead

BARE_AEAD = KCPOptions(key="k", crypt="aes-128-gcm", mtu=BARE_MTU + AEAD_OVERHEAD)

#: Somebody who listens in, and sends what he has heard from here.
ATTACKER = ("10.6.6.6", 666)


class Sent(NamedTuple):
    """
    A datagram on the network, each address a host and a port.

    @ivar at: when it was sent, seconds.
    """

    at: float
    source: tuple[str, int]
    destination: tuple[str, int]
    datagram: bytes


def push(conv: int, sn: int, data: bytes = b"x", una: int = 0, ts: int = 0) -> bytes:
    """
    @return: a datagram with one PUSH.
    """
    return Segment(conv, PUSH, 0, 128, ts, sn, una, data).encode()


def control(conv: int, data: bytes, cmd: int = WASK, una: int = 0) -> bytes:
    """
    @return: a datagram with one WASK, or another segment, that carries a block.
    """
    return Segment(conv, cmd, 0, 128, 0, 0, una, data).encode()


def hello(conv: int, token: bytes, cookie: bytes | None = None) -> bytes:
    """
    @return: the datagram that a client begins with.
    """
    frames: list[Frame] = [Hello(0, 128)]
    if cookie is not None:
        frames.append(Cookie(cookie))
    return control(conv, encodeBlock(NO_TOKEN, token, frames))


def blocksOf(datagram: bytes) -> list[Block]:
    """
    @return: the control frames in a datagram in clear.
    """
    decoded = [decodeBlock(segment.data) for segment in decodeSegments(datagram)]
    return [block for block in decoded if block is not None]


class PlainPeer(DatagramProtocol):
    """
    A peer like kcp-go's client: it says nothing before it has data, and knows no control frames.

    @ivar received: its application's data.
    """

    transport: Any

    def __init__(self, host: SimulatedHost, conv: int, options: KCPOptions) -> None:
        settings = options.arqSettings(options.overhead)
        self._host = host
        self._cipher = options.cipher.make(options.cipherKey)
        self._conversation = Conversation(conv, settings, SessionStats())
        self.received = b""
        self._loop = LoopingCall(self._tick)
        self._loop.clock = host

    def startProtocol(self) -> None:
        """
        Send what is due, again and again.
        """
        self.transport.connect(SERVER, PORT)
        self._loop.start(0.01, now=False)

    def stopProtocol(self) -> None:
        """
        Stop that.
        """
        if self._loop.running:
            self._loop.stop()

    def write(self, data: bytes) -> None:
        """
        Send.
        """
        self._conversation.write(data)

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """
        Take what comes.
        """
        opened = [datagram] if self._cipher is None else self._cipher.open([datagram])[0]
        self._conversation.receive(opened, self._now)
        while (data := self._conversation.read()) is not None:
            self.received += data

    @property
    def _now(self) -> int:
        return int(self._host.seconds() * 1000)

    def _tick(self) -> None:
        deadline = self._conversation.deadline()
        due = deadline is not None and deadline <= self._now
        if self._conversation.wantsFlush or self._conversation.sender.queue or due:
            datagrams = self._conversation.datagramsToSend(self._now)
            for datagram in datagrams if self._cipher is None else self._cipher.seal(datagrams):
                self.transport.write(datagram)


class CallerTestCase(ConnectionTestCase):
    """
    A server host that anybody calls.

    @ivar sent: all datagrams of the network.
    """

    def setUp(self) -> None:
        """
        Listen in on the network.
        """
        super().setUp()
        self.sent: list[Sent] = []
        self.network.taps.append(
            lambda source, destination, datagram: self.sent.append(
                Sent(self.network.clock.seconds(), source, destination, datagram)
            )
        )

    def dial(
        self,
        conv: int,
        options: KCPOptions | None = None,
        host: str = CLIENT,
        prepare: Callable[[RecordingProtocol], object] | None = None,
    ) -> Deferred[IProtocol]:
        """
        @param prepare: called with the protocol before it is connected.
        @return: a client's connect.
        """
        if prepare is not None:
            self.clientFactory.prepare = prepare
        endpoint = KCPClientEndpoint(
            self.network.host(host), SERVER, PORT, options or self.options, (), lambda: conv
        )
        return endpoint.connect(self.clientFactory)

    def reach(
        self, conv: int, options: KCPOptions | None = None, host: str = CLIENT, wait: float = 0.2
    ) -> RecordingProtocol:
        """
        @param wait: seconds.
        @return: a client's protocol, connected.
        """
        connecting = self.dial(conv, options, host)
        self.network.run(wait)
        return cast(RecordingProtocol, self.successResultOf(connecting))

    def plain(
        self, conv: int, options: KCPOptions | None = None, host: str = CLIENT, port: int = 0
    ) -> PlainPeer:
        """
        @param port: to send from; 0 for any.
        @return: a new peer without control frames.
        """
        peer = PlainPeer(self.network.host(host), conv, options or self.options)
        self.network.host(host).listenUDP(port, peer)
        return peer

    def crash(self, address: str) -> None:
        """
        End a host's processes without a word.  The next ones get the same ports.
        """
        host = self.network._hosts.pop(address)
        host.suspend()
        host.ports.clear()

    def inject(self, datagram: bytes, source: tuple[str, int] = ATTACKER) -> None:
        """
        Have a datagram arrive at the server from any address.
        """
        self.network.host(SERVER).ports[PORT].receive(datagram, source)

    def sentTo(self, destination: tuple[str, int]) -> list[bytes]:
        """
        @return: what the server has sent to an address.
        """
        return [
            sent.datagram
            for sent in self.sent
            if sent.source == (SERVER, PORT) and sent.destination == destination
        ]

    def acknowledge(self, conv: int, source: tuple[str, int]) -> None:
        """
        Have an ACK of what the server has sent to an address arrive from there.
        """
        for datagram in self.sentTo(source):
            for segment in decodeSegments(datagram):
                if segment.cmd == PUSH:
                    ack = Segment(conv, ACK, 0, 128, segment.ts, segment.sn, 0, b"")
                    self.inject(ack.encode(), source)

    def fromClient(self, host: str = CLIENT) -> list[bytes]:
        """
        @return: what a host has sent.
        """
        return [sent.datagram for sent in self.sent if sent.source[0] == host]

    def addressOf(self, client: RecordingProtocol) -> tuple[str, int]:
        """
        @param client: a client's protocol.
        @return: its own address, as its host knows it.
        """
        here = client.session.getHost()
        return here.host, here.port
