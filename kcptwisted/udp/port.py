"""
A UDP port that reads and writes in batches, for reactors with file descriptors.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import ClassVar, cast

from twisted.internet import error
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IHalfCloseableDescriptor,
    IReadDescriptor,
    IWriteDescriptor,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import classImplements

from kcptwisted.interfaces import Address, IDatagramProtocol, IDatagramTransport
from kcptwisted.stats import PortStats
from kcptwisted.udp.addresses import toAddress
from kcptwisted.udp.adopted import AdoptedSocket
from kcptwisted.udp.interfaces import IBatchReactor
from kcptwisted.udp.lingering import BATCHES, MOST_READERS, TRIES, Lingering
from kcptwisted.udp.offload import LARGEST_PAYLOAD
from kcptwisted.udp.reading import DatagramReader, Group
from kcptwisted.udp.sending import DatagramSender, TooBig
from kcptwisted.udp.writing import DatagramWriter

#: The peer's host says that nobody listens.  Windows has a number of its own for it.
_REFUSED = frozenset({errno.ECONNREFUSED, errno.ECONNRESET})


class BatchPort:
    """
    A bound socket, below all layers.

    @ivar stats: counts.
    @ivar fileno: gives the socket's file descriptor, or -1 when it is closed.
    @ivar writeDatagrams: see L{DatagramWriter.writeDatagrams}.
    @ivar useFragments: see L{DatagramWriter.useFragments}.
    """

    overhead = 0
    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        reactor: IBatchReactor,
        sock: socket.socket,
        protocol: IDatagramProtocol,
        stats: PortStats,
        connected: bool = False,
        longest: int = LARGEST_PAYLOAD,
        onePeer: bool = False,
        tooBig: TooBig | None = None,
    ) -> None:
        """
        @param sock: bound, non-blocking; the port closes it.
        @param protocol: is given what arrives.
        @param connected: whether C{sock} is connected to its peer.
        @param longest: bytes; larger datagrams are dropped and counted.
        @param onePeer: whether C{protocol} talks with one peer, though C{sock} is not connected.
        @param tooBig: see L{DatagramSender}; it is not called in the middle of a write.
        """
        self._reactor = reactor
        self._protocol = protocol
        self._prefix = f"{type(protocol).__name__} (KCP)"
        self._connected = connected
        self._onePeer = connected or onePeer
        self._longest = longest
        self._closing = False
        self._stopping: Deferred[None] | None = None
        self._lingering = Lingering()
        self._reporting = False
        self._tooBig = tooBig
        # What is to be told about datagrams that were too large, by destination.
        self._limits: dict[Address | None, tuple[int, bool]] = {}
        self.stats = stats
        self._writer = DatagramWriter(reactor, cast(IWriteDescriptor, self), stats)
        # Each datagram passes here: no call between.
        self.writeDatagrams = self._writer.writeDatagrams
        self.useFragments = self._writer.useFragments
        self._use(sock)

    def _use(self, sock: socket.socket) -> None:
        self._socket: socket.socket | None = sock
        self.fileno: Callable[[], int] = sock.fileno
        self._reader = DatagramReader(sock, self._onePeer, self.stats, self._longest)
        tooBig = None if self._tooBig is None else self._noteLimit
        self._sender = DatagramSender(
            sock, self._connected, self.stats, self._reactor.seconds, self._report, tooBig
        )
        self._writer.use(self._sender)
        self._host = toAddress(sock.getsockname())

    @property
    def adopted(self) -> bool:
        """
        Whether the socket is the application's.
        """
        return isinstance(self._socket, AdoptedSocket)

    @property
    def forbidsFragments(self) -> bool:
        """
        Whether datagrams are not fragmented on their way, unless that is allowed.
        """
        return self._sender.fragmentation.isForbidden

    def start(self) -> None:
        """
        Begins to read.
        """
        self._protocol.makeConnection(self)
        self._reactor.addReader(self)

    def rebind(self, sock: socket.socket) -> bool:
        """
        Goes on with another socket, and closes the present one.  Datagrams that wait are sent
        through the new one.

        @param sock: bound, and connected if the present one is; non-blocking; the port closes it.
        @return: whether the port was open.
        """
        former = self._socket
        if former is None or self._closing:
            sock.close()
            return False
        # A reactor asks for the file descriptor of what it removes.
        self._reactor.removeReader(self)
        self._writer.pause()
        self._use(sock)
        former.close()
        self._reactor.addReader(self)
        self._writer.resume()
        return True

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        Returns the local address.
        """
        return self._host

    def logPrefix(self) -> str:
        """
        Returns the prefix of log lines; the reactor asks for it with each event.
        """
        return self._prefix

    # Reading.

    def doRead(self) -> None:
        """
        Reads, and passes on what was read; in some turns, waits a moment for more.
        """
        if self._socket is None:
            return
        self._passUp(self._reader.read())
        lingering = self._lingering
        if lingering.pause:
            lingering.pause -= 1
        else:
            alone = len(self._reactor.getReaders()) <= MOST_READERS
            lingering.polled(alone and self._poll())

    def _passUp(self, groups: list[Group]) -> None:
        """
        Calls the protocol.  If it raised, the reactor would close the port, and with it all
        sessions.
        """
        protocol = self._protocol
        for datagrams, address in groups:
            try:
                protocol.datagramsReceived(datagrams, address)
            except Exception:
                self._logUnexpected(protocol.datagramsReceived)
        if self._reader.problem is not None:
            self._passProblem(self._reader.problem, True)
        try:
            protocol.batchFinished()
        except Exception:
            self._logUnexpected(protocol.batchFinished)

    def _poll(self) -> bool:
        """
        Reads what arrives within a moment, up to L{BATCHES} batches with a moment for each.

        @return: whether anything did.
        """
        for batch in range(BATCHES):
            if self._socket is None:
                return batch > 0
            groups = self._reader.read(TRIES)
            if not groups and self._reader.problem is None:
                return batch > 0
            self._passUp(groups)
        return True

    def _call(self, method: Callable[..., None], *arguments: object) -> None:
        try:
            method(*arguments)
        except Exception:
            self._logUnexpected(method)

    def _logUnexpected(self, method: Callable[..., None]) -> None:
        self._log.failure("Unexpected error in {method!r}", method=method)

    # Sending.

    def doWrite(self) -> None:
        """
        Sends the datagrams that wait.
        """
        self._writer.doWrite()

    # Errors.

    def _report(self, problem: OSError, fromNetwork: bool) -> None:
        """
        The sender met an error; see L{DatagramSender}.
        """
        if self._closing or self._reporting:
            return
        # Not from inside a write: the session above may be in the middle of a flush.
        self._reporting = True
        self._reactor.callLater(0, self._reportLater, self._socket, problem, fromNetwork)

    def _reportLater(self, sock: socket.socket, problem: OSError, fromNetwork: bool) -> None:
        self._reporting = False
        # An error of a former socket says nothing about the present one.
        if self._socket is sock:
            self._passProblem(problem, fromNetwork)
            self._call(self._protocol.batchFinished)

    def _noteLimit(self, address: Address | None, limit: int, isExact: bool) -> None:
        if not self._limits and not self._closing:
            self._reactor.callLater(0, self._tellLimits)
        self._limits[address] = min((limit, isExact), self._limits.get(address, (limit, True)))

    def _tellLimits(self) -> None:
        limits, self._limits = self._limits, {}
        if self._tooBig is not None and not self._closing:
            for address, (limit, isExact) in limits.items():
                self._call(self._tooBig, address, limit, isExact)
            self._call(self._protocol.batchFinished)

    def _passProblem(self, problem: OSError, fromNetwork: bool) -> None:
        protocol = self._protocol
        if problem.errno in _REFUSED:
            self._call(protocol.connectionRefused)
        elif problem.errno == errno.EMSGSIZE:
            # A router's answer (ICMP) to an earlier datagram of a connected socket.
            self._sender.noteTooBig(LARGEST_PAYLOAD)
        elif self._onePeer:
            report = protocol.peerUnreachable if fromNetwork else protocol.sendingFailed
            self._call(report, problem)

    # The end.

    def stopListening(self) -> Deferred[None]:
        """
        Closes the socket.

        @return: fires when it is closed.
        """
        if self._stopping is None:
            self._stopping = Deferred()
            if not self._closing:
                self._reactor.callLater(
                    0, self.connectionLost, Failure(error.ConnectionDone("Port closed."))
                )
        finished: Deferred[None] = Deferred()
        self._stopping.chainDeferred(finished)
        return finished

    def readConnectionLost(self, reason: Failure) -> None:
        """
        Reads on.  A poll-like reactor takes an ICMP error for the end of the input; reading
        collects the error, and the socket is as good as before.
        """
        self.doRead()
        if self._socket is not None:
            self._reactor.addReader(self)

    def writeConnectionLost(self, reason: Failure) -> None:
        """
        Never called: a reactor reports a write error as L{connectionLost}.
        """

    def connectionLost(self, reason: Failure) -> None:
        """
        Lets the protocol send its last datagrams, then closes the socket.  The reactor calls this
        when it ends.
        """
        if self._closing:
            return
        self._closing = True
        self._reactor.removeReader(self)
        self._writer.close()
        self._call(self._protocol.connectionLost, reason)
        self._writer.end()
        sock, self._socket = self._socket, None
        assert sock is not None
        sock.close()
        if self._stopping is None:
            self._stopping = Deferred()
        self._stopping.callback(None)


classImplements(
    BatchPort, IReadDescriptor, IWriteDescriptor, IHalfCloseableDescriptor, IDatagramTransport
)
