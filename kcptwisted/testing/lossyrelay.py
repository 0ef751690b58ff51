"""
A UDP relay on real sockets that makes the path as bad as asked; for demonstrations and tests.
"""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.interfaces import Address, IDatagramProtocol, IDatagramTransport
from kcptwisted.options import KCPOptions
from kcptwisted.stats import PortStats
from kcptwisted.testing.link import Link, LinkModel
from kcptwisted.udp.addresses import ANY_IPV4
from kcptwisted.udp.opening import UDPPort, openPort


@implementer(IDatagramProtocol)
class _Side:
    """
    One socket of the relay.
    """

    transport: IDatagramTransport

    def __init__(self, relay: LossyRelay, client: Address | None) -> None:
        """
        @param client: whose datagrams this socket stands for towards the target; None for the
            socket that clients send to.
        """
        self._relay = relay
        self._client = client

    def makeConnection(self, transport: IDatagramTransport) -> None:
        """
        The socket is open.
        """
        self.transport = transport

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Pass on in the other direction.
        """
        if self._client is None:
            self._relay.fromClient(datagrams, address)
        else:
            self._relay.fromTarget(datagrams, self._client)

    def datagramsRecovered(self, datagrams: list[bytes], address: Address) -> None:
        """
        Nothing below recovers anything.
        """

    def batchFinished(self) -> None:
        """
        Nothing waits for it.
        """

    def connectionRefused(self) -> None:
        """
        A relay is silent about it.
        """

    def peerUnreachable(self, problem: OSError) -> None:
        """
        Likewise.
        """

    def sendingFailed(self, problem: OSError) -> None:
        """
        Likewise.
        """

    def connectionLost(self, reason: Failure) -> None:
        """
        The relay closed it.
        """


class LossyRelay:
    """
    Passes datagrams between any number of clients and one target.

    @ivar outward: decides and counts what happens on the way to the target.
    @ivar inward: the same for the way back.
    """

    def __init__(self, reactor: Any, target: tuple[str, int], link: Link, seed: int = 0) -> None:
        """
        @param target: IPv4 address and port.
        @param link: the conditions of each direction.
        @param seed: of all chance.
        """
        self._reactor = reactor
        self._target = target
        self.outward = LinkModel(link, Random(seed))
        self.inward = LinkModel(link, Random(seed + 1))
        self._options = KCPOptions()
        self._front: tuple[_Side, UDPPort] | None = None
        self._backs: dict[Address, tuple[_Side, UDPPort]] = {}
        self._underway: set[IDelayedCall] = set()

    def start(self, interface: str = "127.0.0.1", port: int = 0) -> int:
        """
        Open the socket for clients.

        @return: its port.
        """
        self._front = self._open(None, (interface, port), None)
        number: int = self._front[1].getHost().port
        return number

    def _open(
        self, client: Address | None, bind: Address, peer: Address | None
    ) -> tuple[_Side, UDPPort]:
        side = _Side(self, client)
        return side, openPort(self._reactor, side, bind, self._options, PortStats(), peer)

    def fromClient(self, datagrams: list[bytes], client: Address) -> None:
        """
        Pass on to the target, from a socket of this client's own.
        """
        if self._front is None:
            return
        if client not in self._backs:
            self._backs[client] = self._open(client, ANY_IPV4, self._target)
        self._pass(self.outward, datagrams, self._backs[client][0], self._target)

    def fromTarget(self, datagrams: list[bytes], client: Address) -> None:
        """
        Pass on to a client.
        """
        if self._front is not None:
            self._pass(self.inward, datagrams, self._front[0], client)

    def _pass(
        self, model: LinkModel, datagrams: list[bytes], side: _Side, address: Address
    ) -> None:
        byDelay: dict[float, list[bytes]] = {}
        for datagram in datagrams:
            for delay, arrived in model.arrivals(datagram):
                byDelay.setdefault(delay, []).append(arrived)
        for delay, batch in byDelay.items():
            call = self._reactor.callLater(delay, self._deliver, side, batch, address)
            self._underway.add(call)
        if len(self._underway) > 1024:
            self._underway = {call for call in self._underway if call.active()}

    @staticmethod
    def _deliver(side: _Side, batch: list[bytes], address: Address) -> None:
        side.transport.writeDatagrams(batch, address)

    def stop(self) -> Deferred[Any]:
        """
        Close all sockets.

        @return: fires when that is done.
        """
        for call in self._underway:
            if call.active():
                call.cancel()
        sides = list(self._backs.values())
        if self._front is not None:
            sides.append(self._front)
        self._front = None
        self._backs = {}
        return DeferredList([port.stopListening() for _, port in sides])
