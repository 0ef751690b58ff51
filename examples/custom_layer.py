"""
A layer of one's own between the cipher and the socket, at both ends of a connection.

Run it without arguments; it talks to itself on the loopback interface::

    python examples/custom_layer.py

L{MaskLayer} hides the datagrams from a look for known bytes: each is XORed with a mask of four
random bytes that goes in front of it.  That is no encryption, the mask is there for all to read.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorCore
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import react

from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.interfaces import Address, IDatagramProtocol
from kcptwisted.layer import DatagramLayer
from kcptwisted.options import KCPOptions
from kcptwisted.server.listening import KCPListeningPort
from kcptwisted.session import KCPTransport

MASK_BYTES = 4


def applyMask(mask: bytes, data: bytes) -> bytes:
    """
    @return: C{data} XORed with C{mask}, repeated; a second time takes it off again.
    """
    length = len(data)
    repeated = (mask * (length // len(mask) + 1))[:length]
    total = int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")
    return total.to_bytes(length, "big")


class MaskLayer(DatagramLayer):
    """
    Masks what goes down and unmasks what comes up.

    @ivar masked: datagrams that went down.
    """

    #: KCP's segments become so much smaller that the datagrams keep to the C{mtu} option.
    ownOverhead = MASK_BYTES

    def __init__(self, wrapped: IDatagramProtocol) -> None:
        """
        @param wrapped: the protocol above.
        """
        super().__init__(wrapped)
        self.masked = 0

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Mask a whole batch and pass it down.
        """
        self.masked += len(datagrams)
        packets = []
        for datagram in datagrams:
            mask = os.urandom(MASK_BYTES)
            packets.append(mask + applyMask(mask, datagram))
        self.transport.writeDatagrams(packets, address)

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Unmask and pass up.  Anything may arrive from the network, and nothing may be raised.
        """
        clear = [
            applyMask(packet[:MASK_BYTES], packet[MASK_BYTES:])
            for packet in datagrams
            if len(packet) > MASK_BYTES
        ]
        if clear:
            self.wrapped.datagramsReceived(clear, address)


class Echo(Protocol):
    """
    Sends back what it is sent.
    """

    transport: KCPTransport

    def dataReceived(self, data: bytes) -> None:
        """
        Send back.
        """
        self.transport.write(data)


class Hearer(Protocol):
    """
    Waits for something.

    @ivar heard: fires with what came first.
    """

    transport: KCPTransport

    def __init__(self) -> None:
        self.heard: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        """
        Take it.
        """
        if not self.heard.called:
            self.heard.callback(data)


async def main(reactor: IReactorCore) -> None:
    """
    Serve, connect, exchange a word, close.
    """
    layers: list[MaskLayer] = []

    def mask(wrapped: IDatagramProtocol) -> MaskLayer:
        layers.append(MaskLayer(wrapped))
        return layers[-1]

    options = KCPOptions(interface="127.0.0.1", key="sesame")
    server = KCPServerEndpoint(reactor, 0, options, layers=[mask])
    port = await server.listen(Factory.forProtocol(Echo))
    assert isinstance(port, KCPListeningPort)
    number = port.getHost().port
    print(f"listening on port {number}", flush=True)

    client = KCPClientEndpoint(reactor, "127.0.0.1", number, KCPOptions(key="sesame"), [mask])
    hearer = await client.connect(Factory.forProtocol(Hearer))
    assert isinstance(hearer, Hearer)
    hearer.transport.write(b"hello")
    print(f"heard {(await hearer.heard).decode()}", flush=True)
    hearer.transport.loseConnection()
    await port.stopListening()
    print(f"masked {sum(layer.masked for layer in layers)} datagrams", flush=True)


if __name__ == "__main__":
    react(main)
