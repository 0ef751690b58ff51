"""
A UDP port for reactors without file descriptors, on their C{listenUDP}.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address as IPv6
from typing import Any

from twisted.internet.abstract import isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.error import CannotListenError, ConnectionDone, MessageLengthError
from twisted.internet.interfaces import IListeningPort, IReactorSocket
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.interfaces import Address, IDatagramProtocol, IDatagramTransport
from kcptwisted.stats import PortStats
from kcptwisted.udp.addresses import toAddress
from kcptwisted.udp.adopted import AdoptedSocket
from kcptwisted.udp.fragmentation import Fragmentation, Fragments
from kcptwisted.udp.offload import LARGEST_PAYLOAD
from kcptwisted.udp.sending import TooBig


@implementer(IDatagramTransport)
class ListenUDPPort(DatagramProtocol):
    """
    Passes up one datagram at a time.

    @ivar stats: counts.
    """

    overhead = 0
    _log = Logger()
    _reactor: Any
    # Kept longer than C{self.transport}: until the protocol has sent its last datagrams.
    _sending: Any = None

    def __init__(
        self,
        protocol: IDatagramProtocol,
        stats: PortStats,
        peer: Address | None = None,
        longest: int = LARGEST_PAYLOAD,
        connected: bool = True,
        tooBig: TooBig | None = None,
    ) -> None:
        """
        @param protocol: is given what arrives.
        @param peer: the only address to talk with, or None.
        @param longest: bytes; larger datagrams are dropped and counted.
        @param connected: whether the socket is to be connected to C{peer}.
        @param tooBig: if given, datagrams are not fragmented on their way where the system can
            forbid it, and this is called when one is too large for that.
        """
        self._protocol = protocol
        self._longest = longest
        self._connected = connected and peer is not None
        self._adopted: AdoptedSocket | None = None
        self._peer = peer
        self._port: IListeningPort | None = None
        self._tooBig = tooBig
        self._fragmentation: Any = None
        self._fragments = Fragments.REFUSED
        self.stats = stats

    def start(self, reactor: Any, bind: Address, adopted: AdoptedSocket | None = None) -> None:
        """
        Opens the port.

        @param reactor: provides L{IReactorUDP<twisted.internet.interfaces.IReactorUDP>}, or with
            C{adopted} L{IReactorSocket<twisted.internet.interfaces.IReactorSocket>}.
        @param bind: where.
        @param adopted: the application's socket, if it has opened one; the port closes it.
        @raise twisted.internet.error.CannotListenError: if that fails.
        """
        if adopted is not None and not IReactorSocket.providedBy(reactor):
            adopted.close()
            raise CannotListenError(
                *bind[:2], "this reactor takes no sockets (IReactorFDSet or IReactorSocket)"
            )
        self._protocol.makeConnection(self)
        self._reactor = reactor
        interface, port = _withScope(bind)
        self._scope = bind[3] if len(bind) == 4 else 0
        self._adopted = adopted
        if adopted is None:
            self._port = reactor.listenUDP(
                port, self, interface=interface, maxPacketSize=LARGEST_PAYLOAD
            )
        else:
            self._port = reactor.adoptDatagramPort(
                adopted.fileno(), adopted.family, self, maxPacketSize=LARGEST_PAYLOAD
            )
        self._noteHost()

    def startProtocol(self) -> None:
        """
        Connects the socket to its peer, if it is to have one.
        """
        self._use(self.transport)

    def rebind(self, bind: Address) -> bool:
        """
        Goes on with another socket, and closes the present one.

        @param bind: where.
        @return: whether that was done.  If not, because the port is closed, its socket is the
            application's, or C{bind} cannot be had, the port is as it was.
        """
        former = self._port
        if former is None or self._adopted is not None:
            return False
        transport, self.transport = self.transport, None
        interface, port = _withScope(bind)
        try:
            opened = self._reactor.listenUDP(
                port, self, interface=interface, maxPacketSize=LARGEST_PAYLOAD
            )
        except CannotListenError:
            self.transport = transport
            return False
        try:
            self._use(self.transport)
        except OSError:
            # There is no route to the peer for now.
            self.transport = self._sending = transport
            opened.stopListening()
            return False
        self._port = opened
        self._noteHost()
        former.stopListening()
        return True

    def _noteHost(self) -> None:
        host: IPv4Address | IPv6Address = self._sending.getHost()
        self._host = toAddress(self._wholeAddress((host.host, host.port)))

    def _use(self, transport: Any) -> None:
        self._sending = transport
        if self._connected and self._peer is not None:
            self._sending.connect(*_withScope(self._peer))
        if self._tooBig is not None:
            self._fragmentation = None
            handle = getattr(self._sending, "getHandle", None)
            # The simulated network has no sockets.
            fragmentation = self._sending if handle is None else Fragmentation(handle())
            if getattr(fragmentation, "forbid", bool)():
                self._fragmentation = fragmentation

    @property
    def forbidsFragments(self) -> bool:
        """
        Whether datagrams are not fragmented on their way, unless that is allowed.
        """
        return self._fragmentation is not None

    def useFragments(self, fragments: Fragments) -> None:
        """
        Says which datagrams IP may fragment from now on; at first those that are refused.
        """
        if self._fragmentation is not None:
            if fragments is Fragments.ALL:
                self._fragmentation.allow()
            elif self._fragments is Fragments.ALL:
                self._fragmentation.forbid()
            self._fragments = fragments

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        Returns the local address.
        """
        return self._host

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Sends.
        """
        if self._sending is None:
            return
        destination = () if self._connected else (_withScope(address),)
        for datagram in datagrams:
            try:
                self._sending.write(datagram, *destination)
            except MessageLengthError:
                self._refused(datagram, address, destination)
            except OSError as problem:
                self.stats.OutErrs += 1
                if self._peer is not None and self._port is not None:
                    self._reactor.callLater(0, self._reportFailure, problem)
            else:
                self.stats.OutPkts += 1
                self.stats.OutBytes += len(datagram)

    def _refused(self, datagram: bytes, address: Address, destination: tuple[Any, ...]) -> None:
        """
        Sends a datagram again that is too large for the path, if that is because fragments are
        forbidden.
        """
        if self._fragmentation is None or self._fragments is Fragments.ALL:
            self.stats.OutErrs += 1
            return
        limit = len(datagram) - 1
        self._reactor.callLater(0, self._tellLimit, None if self._peer else address, limit)
        if self._fragments is Fragments.NONE:
            self.stats.OutErrs += 1
            return
        self._fragmentation.allow()
        try:
            self._sending.write(datagram, *destination)
        except (MessageLengthError, OSError):
            self.stats.OutErrs += 1
        else:
            self.stats.OutPkts += 1
            self.stats.OutBytes += len(datagram)
        finally:
            self._fragmentation.forbid()

    def _tellLimit(self, address: Address | None, limit: int) -> None:
        if self._port is not None and self._tooBig is not None:
            self._tooBig(address, limit, False)
            self._protocol.batchFinished()

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """
        Pass up one datagram.
        """
        self.stats.InPkts += 1
        self.stats.InBytes += len(datagram)
        if len(datagram) > self._longest:
            self.stats.InOversized += 1
            return
        try:
            self._protocol.datagramsReceived([datagram], self._wholeAddress(addr))
        finally:
            self._protocol.batchFinished()

    def _wholeAddress(self, addr: tuple[str, int]) -> Address:
        """
        Returns C{addr} with the scope of the port's own address, if it is of one link.

        @param addr: as Twisted gives it, without what is particular to IPv6.
        """
        host, _, _ = addr[0].partition("%")
        if not isIPv6Address(host):
            return addr
        return host, addr[1], 0, self._scope if IPv6(host).is_link_local else 0

    def connectionRefused(self) -> None:
        """
        The peer's host says that nobody listens.
        """
        # A write may have met the refusal, in the middle of a flush.
        if self._port is not None:
            self._reactor.callLater(0, self._reportRefusal)

    def _reportRefusal(self) -> None:
        if self._port is not None:
            self._protocol.connectionRefused()
            self._protocol.batchFinished()

    def _reportFailure(self, problem: OSError) -> None:
        if self._port is not None:
            self._protocol.sendingFailed(problem)
            self._protocol.batchFinished()

    def stopProtocol(self) -> None:
        """
        The port closes: let the protocol send its last datagrams.  Then the socket is closed.
        """
        self._port = None
        try:
            self._protocol.connectionLost(Failure(ConnectionDone("Port closed.")))
        except Exception:
            self._log.failure("connectionLost of {protocol!r} failed", protocol=self._protocol)
        self._sending = None
        if self._adopted is not None:
            self._adopted.close()

    def stopListening(self) -> Deferred[None]:
        """
        Closes the port.

        @return: fires when it is closed.
        """
        port, self._port = self._port, None
        if port is None:
            return succeed(None)
        return maybeDeferred(port.stopListening).addCallback(lambda _: None)


def _withScope(address: Address) -> tuple[str, int]:
    """
    Returns host and port, as Twisted takes them; the scope of an IPv6 address is part of the host.
    """
    scope = address[3] if len(address) == 4 else 0
    return (f"{address[0]}%{scope}" if scope else address[0]), address[1]
