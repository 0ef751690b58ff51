"""
Ends of a simulated connection that take out-of-band datagrams, for the tests.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from zope.interface import implementer

from kcptwisted.interfaces import IOutOfBandProtocol
from kcptwisted.options import KCPOptions
from kcptwisted.stack.socketstack import SocketLayer
from tests.connections import ConnectionTestCase, RecordingFactory, RecordingProtocol

FEC = KCPOptions(crypt="null", dataShards=3, parityShards=1)
PLAIN = KCPOptions(crypt="null")

OUT_OF_BAND = 0xF3
SEQID = 0xFFFFFFFF

#: seqid, type, size, conv
HEADER = struct.Struct("<IHHI")


def outOfBand(conv: int, data: bytes, seqid: int = SEQID, size: int | None = None) -> bytes:
    """
    @param size: another than the right one.
    @return: a packet made by hand.
    """
    return HEADER.pack(seqid, OUT_OF_BAND, len(data) + 6 if size is None else size, conv) + data


@implementer(IOutOfBandProtocol)
class OutOfBandProtocol(RecordingProtocol):
    """
    Takes out-of-band datagrams.

    @ivar outOfBand: what came.
    @ivar onOutOfBand: called with each.
    """

    def __init__(self) -> None:
        super().__init__()
        self.outOfBand: list[bytes] = []
        self.onOutOfBand: Callable[[bytes], object] = lambda _: None

    def outOfBandReceived(self, data: bytes) -> None:
        """
        Note, and do as told.
        """
        self.outOfBand.append(data)
        self.onOutOfBand(data)


class OutOfBandFactory(RecordingFactory):
    """
    Makes L{OutOfBandProtocol}s.

    @ivar takers: the protocols.
    """

    def __init__(self) -> None:
        super().__init__()
        self.takers: list[OutOfBandProtocol] = []

    def buildProtocol(self, addr: Any) -> Any:
        """
        @return: a new protocol.
        """
        protocol = OutOfBandProtocol()
        self.prepare(protocol)
        self.made.append(protocol)
        self.takers.append(protocol)
        return protocol


class OutOfBandTestCase(ConnectionTestCase):
    """
    Protocols that take out-of-band datagrams at both ends.

    @ivar sent: each datagram on the network: the host it is from, and its bytes.
    """

    options = FEC

    def setUp(self) -> None:
        """
        Listen in on the network.
        """
        super().setUp()
        self.clientTakers = OutOfBandFactory()
        self.serverTakers = OutOfBandFactory()
        self.clientFactory, self.serverFactory = self.clientTakers, self.serverTakers
        self.sent: list[tuple[str, bytes]] = []
        self.network.taps.append(lambda source, to, data: self.sent.append((source[0], data)))

    def join(
        self,
        client: KCPOptions | None = None,
        server: KCPOptions | None = None,
        layers: Sequence[SocketLayer] = (),
    ) -> tuple[OutOfBandProtocol, OutOfBandProtocol]:
        """
        Listen and connect, with options that may differ.

        @return: the client's and the server's protocols.
        """
        self.port = self.listen(server, layers)
        connecting = self.begin(client, layers)
        self.network.run(0.1)
        self.successResultOf(connecting)
        return self.clientTakers.takers[0], self.serverTakers.takers[0]

    def sentBy(self, host: str) -> list[bytes]:
        """
        @return: the datagrams that a host has sent.
        """
        return [datagram for source, datagram in self.sent if source == host]
