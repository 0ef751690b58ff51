"""
A layer of your own between the cipher and the socket, at both ends of a connection.

Run it without arguments; it connects to itself on the loopback interface::

    python examples/custom_layer.py

L{MaskLayer} hides the datagrams from filters that search for known bytes.  Each datagram is XORed
with a mask of four random bytes, which is sent in front of it.  That is no encryption: anybody can
read the mask.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorCore
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import react

from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.interfaces import Address, IDatagramProtocol, IKCPTransport
from kcptwisted.layer import DatagramLayer
from kcptwisted.options import KCPOptions
from kcptwisted.server.listening import KCPListeningPort

MASK_BYTES = 4


def applyMask(mask: bytes, data: bytes) -> bytes:
    """
    XORs C{data} with C{mask}, which is repeated.  Applied a second time, it restores the data.
    """
    length = len(data)
    repeated = (mask * (length // len(mask) + 1))[:length]
    total = int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")
    return total.to_bytes(length, "big")


class MaskLayer(DatagramLayer):
    """
    Masks datagrams that are sent and unmasks those that arrive.

    @ivar masked: how many datagrams were sent.
    """

    #: KCP's segments are smaller by this, so that the datagrams keep to the C{mtu} option.
    ownOverhead = MASK_BYTES

    def __init__(self, wrapped: IDatagramProtocol) -> None:
        """
        @param wrapped: the protocol above.
        """
        super().__init__(wrapped)
        self.masked = 0

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Masks a whole batch and passes it down.
        """
        self.masked += len(datagrams)
        packets = []
        for datagram in datagrams:
            mask = os.urandom(MASK_BYTES)
            packets.append(mask + applyMask(mask, datagram))
        self.transport.writeDatagrams(packets, address)

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Unmasks datagrams and passes them up.  Anything may arrive from the network; this must not
        raise.
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
    Sends back what it receives.
    """

    transport: IKCPTransport

    def dataReceived(self, data: bytes) -> None:
        """
        Sends the data back.
        """
        self.transport.write(data)


class Client(Protocol):
    """
    Waits for data.

    @ivar heard: fires with the first data that arrives.
    """

    transport: IKCPTransport

    def __init__(self) -> None:
        self.heard: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        """
        Fires C{heard}.
        """
        if not self.heard.called:
            self.heard.callback(data)


async def main(reactor: IReactorCore) -> None:
    """
    Serves, connects, exchanges a word, and closes.
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
    protocol = await client.connect(Factory.forProtocol(Client))
    assert isinstance(protocol, Client)
    protocol.transport.write(b"hello")
    print(f"heard {(await protocol.heard).decode()}", flush=True)
    protocol.transport.loseConnection()
    await port.stopListening()
    print(f"masked {sum(layer.masked for layer in layers)} datagrams", flush=True)


if __name__ == "__main__":
    react(main)
