"""
The lossy relay: it passes datagrams between real sockets and applies a L{Link} to them.  It is for
tests and demonstrations; the service C{kcp-relay} is in L{kcptwisted.services.relay}.
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
    One socket of the lossy relay.
    """

    transport: IDatagramTransport

    def __init__(self, relay: LossyRelay, client: Address | None) -> None:
        """
        @param relay: the lossy relay.
        @param client: the client whose datagrams this socket sends to the target; None for the
            socket that clients send to.
        """
        self._relay = relay
        self._client = client

    def makeConnection(self, transport: IDatagramTransport) -> None:
        """
        Notes that the socket is open.
        """
        self.transport = transport

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Passes datagrams on in their direction.
        """
        if self._client is None:
            self._relay.fromClient(datagrams, address)
        else:
            self._relay.fromTarget(datagrams, self._client)

    def datagramsRecovered(self, datagrams: list[bytes], address: Address) -> None:
        """
        Does nothing: no layer below recovers datagrams.
        """

    def batchFinished(self) -> None:
        """
        Does nothing: no datagram waits for the end of a batch.
        """

    def connectionRefused(self) -> None:
        """
        Does nothing: a lossy relay sends no errors.
        """

    def peerUnreachable(self, problem: OSError) -> None:
        """
        Does nothing: a lossy relay sends no errors.
        """

    def sendingFailed(self, problem: OSError) -> None:
        """
        Does nothing: a lossy relay sends no errors.
        """

    def connectionLost(self, reason: Failure) -> None:
        """
        Does nothing: the lossy relay has closed the socket.
        """


class LossyRelay:
    """
    Passes datagrams between any number of clients and one target, and loses, delays, repeats and
    changes them as a L{Link} says.  All clients share its rate and queue, each direction's own.

    @ivar outward: decides what happens to datagrams on the way to the target, and counts them.
    @ivar inward: the same on the way back.
    """

    def __init__(self, reactor: Any, target: tuple[str, int], link: Link, seed: int = 0) -> None:
        """
        @param reactor: provides what L{kcptwisted.udp.opening.openPort} takes.
        @param target: IPv4 address and port.
        @param link: the conditions of each direction.
        @param seed: the seed of all random numbers.
        """
        self._reactor = reactor
        self._target = target
        self.outward = LinkModel(link, Random(seed), reactor.seconds)
        self.inward = LinkModel(link, Random(seed + 1), reactor.seconds)
        self._options = KCPOptions()
        self._front: tuple[_Side, UDPPort] | None = None
        self._backs: dict[Address, tuple[_Side, UDPPort]] = {}
        self._underway: set[IDelayedCall] = set()

    def start(self, interface: str = "127.0.0.1", port: int = 0) -> int:
        """
        Opens the socket that clients send to.

        @param interface: the IPv4 address to listen on.
        @param port: the UDP port; 0 for any free port.
        @return: the UDP port.
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
        Passes datagrams on to the target.  Each client has a socket of its own for that.
        """
        if self._front is None:
            return
        if client not in self._backs:
            self._backs[client] = self._open(client, ANY_IPV4, self._target)
        self._pass(self.outward, datagrams, self._backs[client][0], self._target)

    def fromTarget(self, datagrams: list[bytes], client: Address) -> None:
        """
        Passes datagrams on to a client.
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
        Closes all sockets.

        @return: fires when all sockets are closed.
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
