"""
A UDP port that reads and writes in batches, for reactors with file descriptors.
"""

from __future__ import annotations

import errno
import socket
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from twisted.internet import error
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IDelayedCall,
    IHalfCloseableDescriptor,
    IReactorFDSet,
    IReactorTime,
    IReadDescriptor,
    IWriteDescriptor,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.interfaces import Address, IDatagramProtocol, IDatagramTransport
from kcptwisted.stats import PortStats
from kcptwisted.udp import offload, pktinfo
from kcptwisted.udp.addresses import toAddress
from kcptwisted.udp.lingering import BATCHES, MOST_READERS, TRIES, Lingering
from kcptwisted.udp.offload import (
    MAXIMUM_SEGMENTS,
    canSegment,
    coalescedSize,
    enableCoalescing,
    split,
)
from kcptwisted.udp.pktinfo import askForOwnAddresses
from kcptwisted.udp.sending import DatagramSender

#: Bytes read in one reactor turn before timers and other descriptors get theirs.  More would gain
#: nothing: what has been read would have left the processor's nearest caches before it is used.
READ_BUDGET = 1 << 17

#: Turns in which one datagram is read, and not tried whether there is another, after that was in
#: vain: it takes as long as to read one, and if there is one the reactor says so at once.
SPARED = 3

#: Datagrams kept while the kernel takes none.
MAXIMUM_DEFERRED = 4096

#: The largest UDP payload, and what UDP_GRO coalesces at most.
_BUFFER = 65535

_ANCILLARY_BYTES = offload.ANCILLARY_BYTES + pktinfo.ANCILLARY_BYTES

#: Seconds until the kernel is tried again that had no memory: then its socket is writable all the
#: same, on BSD and macOS.
RETRY = 0.01

#: The peer's host says that nobody listens.  Windows says it in its own way.
_REFUSED = frozenset({errno.ECONNREFUSED, errno.ECONNRESET})


class IBatchReactor(IReactorFDSet, IReactorTime):
    """
    What the port needs of a reactor.
    """


@implementer(IReadDescriptor, IWriteDescriptor, IHalfCloseableDescriptor, IDatagramTransport)
class BatchPort:
    """
    A bound socket, the bottom of the stack of layers.

    @ivar stats: counts.
    """

    overhead = 0
    _log = Logger()

    def __init__(
        self,
        reactor: IBatchReactor,
        sock: socket.socket,
        protocol: IDatagramProtocol,
        stats: PortStats,
        connected: bool = False,
    ) -> None:
        """
        @param sock: bound, non-blocking; the port's from now on.
        @param protocol: is given what arrives.
        @param connected: whether C{sock} has one peer.
        """
        self._reactor = reactor
        self._protocol = protocol
        self._connected = connected
        self._deferred: deque[tuple[bytes, Address]] = deque()
        self._closing = False
        self._stopping: Deferred[None] | None = None
        self._spared = 0
        self._lingering = Lingering()
        self._reporting = False
        self._retry: IDelayedCall | None = None
        self.stats = stats
        self._use(sock)

    def _use(self, sock: socket.socket) -> None:
        self._socket: socket.socket | None = sock
        self._sender = DatagramSender(
            sock,
            canSegment(sock),
            self._connected,
            self.stats,
            self._reactor.seconds,
            self._report,
        )
        self._coalesces = enableCoalescing(sock)
        self._own = None if self._connected else askForOwnAddresses(sock)
        self._host = toAddress(sock.getsockname())

    def start(self) -> None:
        """
        Begin to read.
        """
        self._protocol.makeConnection(self)
        self._reactor.addReader(self)

    def rebind(self, sock: socket.socket) -> bool:
        """
        Go on with another socket, and close the one so far.  What is kept for later goes out
        through the new one.

        @param sock: bound, and connected if the one so far is; non-blocking; the port's from now
            on.
        @return: whether the port was open.
        """
        former = self._socket
        if former is None or self._closing:
            sock.close()
            return False
        # A reactor asks for the file descriptor of what it removes.
        self._reactor.removeReader(self)
        self._stopWriting()
        self._use(sock)
        former.close()
        self._reactor.addReader(self)
        if self._deferred:
            self._reactor.addWriter(self)
        return True

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        @return: the local address.
        """
        return self._host

    def fileno(self) -> int:
        """
        @return: the socket's, or -1.
        """
        return -1 if self._socket is None else self._socket.fileno()

    def logPrefix(self) -> str:
        """
        @return: for log lines.
        """
        return f"{type(self._protocol).__name__} (KCP)"

    def doRead(self) -> None:
        """
        Read what is there, up to L{READ_BUDGET}, and hand it over; then perhaps wait a moment for
        more.
        """
        groups: dict[Address, list[bytes]] = {}
        self._handOver(groups, self._fill(groups))
        if self._lingering.isTime():
            alone = len(self._reactor.getReaders()) <= MOST_READERS
            self._lingering.tried(inVain=not (alone and self._await()))

    def _await(self) -> bool:
        """
        Go on with what arrives within a moment of what came before, up to L{BATCHES} batches.

        @return: whether anything did.
        """
        for batch in range(BATCHES):
            for _ in range(TRIES):
                groups: dict[Address, list[bytes]] = {}
                problem = self._fill(groups)
                if groups or problem:
                    break
            else:
                return batch > 0
            self._handOver(groups, problem)
        return True

    def _handOver(self, groups: dict[Address, list[bytes]], problem: OSError | None) -> None:
        for address, datagrams in groups.items():
            self._call(self._protocol.datagramsReceived, datagrams, address)
        if problem is not None:
            self._tell(problem, True)
        self._call(self._protocol.batchFinished)

    def _call(self, method: Callable[..., None], *arguments: object) -> None:
        """
        Call the protocol.  If it raised, the reactor would close the port, and with it all
        sessions.
        """
        try:
            method(*arguments)
        except Exception:
            self._log.failure("Unexpected error in {method!r}", method=method)

    def _fill(self, groups: dict[Address, list[bytes]]) -> OSError | None:
        """
        @return: what the network answered to an earlier datagram, if it did.
        """
        answer: OSError | None = None
        sock, coalesces, own = self._socket, self._coalesces, self._own
        budget = READ_BUDGET
        count = size = 0
        local = None
        while budget > 0 and sock is not None:
            try:
                if coalesces or own is not None:
                    buffer, ancillary, _, address = sock.recvmsg(_BUFFER, _ANCILLARY_BYTES)
                    datagrams = split(buffer, coalescedSize(ancillary) if ancillary else None)
                    if own is not None:
                        # Each datagram pays for this: no call for an address that is known.
                        local = own.known.get(ancillary[-1][2]) if ancillary else None
                        if local is None:
                            local = own.find(ancillary)
                else:
                    buffer, address = sock.recvfrom(_BUFFER)
                    datagrams = [buffer]
            except BlockingIOError:
                self._spared = SPARED if count == 1 else 0
                break
            except OSError as problem:
                # An ICMP error that concerns an earlier datagram; the socket is as good as before.
                self._log.debug("Reading failed: {problem}", problem=problem)
                answer = problem
                break
            known = groups.get(address)
            if known is not None:
                known += datagrams
            elif own is None or local is None:
                groups[address] = datagrams
            else:
                noted = own.peers.get(address)
                if noted is None or noted.own is not local:
                    noted = own.note(address, local)
                groups[noted] = datagrams
            count += len(datagrams)
            size += len(buffer)
            # An empty datagram must not make the loop endless.
            budget -= len(buffer) or 1
            if self._spared and count == 1:
                self._spared -= 1
                break
        self.stats.InPkts += count
        self.stats.InBytes += size
        return answer

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Send; keep what the kernel does not take now, up to L{MAXIMUM_DEFERRED} datagrams.  While
        the port closes nothing is kept.
        """
        if self._socket is None:
            return
        sent = 0 if self._deferred else self._sender.send(datagrams, address)
        if sent == len(datagrams):
            return
        room = 0 if self._closing else MAXIMUM_DEFERRED - len(self._deferred)
        kept = datagrams[sent : sent + room]
        self._deferred.extend([(datagram, address) for datagram in kept])
        self.stats.OutDeferred += len(kept)
        self.stats.OutDropped += len(datagrams) - sent - len(kept)
        if kept:
            self._writeLater()

    def _writeLater(self) -> None:
        """
        Go on with what was kept as soon as the kernel may take it.
        """
        if self._sender.blocked != errno.ENOBUFS:
            self._reactor.addWriter(self)
        elif self._retry is None:
            self._reactor.removeWriter(self)
            self._retry = self._reactor.callLater(RETRY, self._tryAgain)

    def _tryAgain(self) -> None:
        self._retry = None
        self.doWrite()

    def _stopWriting(self) -> None:
        self._reactor.removeWriter(self)
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def doWrite(self) -> None:
        """
        Send what was kept.
        """
        deferred = self._deferred
        while deferred:
            address = deferred[0][1]
            batch = []
            for datagram, destination in islice(deferred, MAXIMUM_SEGMENTS):
                if destination != address:
                    break
                batch.append(datagram)
            sent = self._sender.send(batch, address)
            for _ in range(sent):
                deferred.popleft()
            if sent < len(batch):
                self._writeLater()
                return
        self._reactor.removeWriter(self)

    def _report(self, problem: OSError, fromNetwork: bool) -> None:
        """
        Something was refused; see L{DatagramSender}.
        """
        if self._closing or self._reporting:
            return
        # Not from inside a write: the session above may be in the middle of a flush.
        self._reporting = True
        self._reactor.callLater(0, self._reportLater, self._socket, problem, fromNetwork)

    def _reportLater(self, sock: socket.socket, problem: OSError, fromNetwork: bool) -> None:
        self._reporting = False
        # What befell a former socket says nothing about the present one.
        if self._socket is sock:
            self._tell(problem, fromNetwork)
            self._call(self._protocol.batchFinished)

    def _tell(self, problem: OSError, fromNetwork: bool) -> None:
        if problem.errno in _REFUSED:
            self._call(self._protocol.connectionRefused)
        elif self._connected and problem.errno != errno.EMSGSIZE:
            tell = self._protocol.peerUnreachable if fromNetwork else self._protocol.sendingFailed
            self._call(tell, problem)

    def stopListening(self) -> Deferred[None]:
        """
        Close the socket.

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
        A poll-like reactor takes an ICMP error for the end of the input.  Reading collects the
        error, and the socket is as good as before.
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
        Close the socket, after the protocol has had the occasion to take its leave; also called by
        the reactor when it ends.
        """
        if self._closing:
            return
        self._closing = True
        self._reactor.removeReader(self)
        self._stopWriting()
        self.stats.OutDropped += len(self._deferred)
        self._deferred.clear()
        self._call(self._protocol.connectionLost, reason)
        sock, self._socket = self._socket, None
        assert sock is not None
        sock.close()
        if self._stopping is None:
            self._stopping = Deferred()
        self._stopping.callback(None)
