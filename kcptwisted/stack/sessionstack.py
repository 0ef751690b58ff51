"""
The layers that one session has for itself: its trace and FEC, between the session and its socket.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, cast

from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import classImplements

from kcptwisted.fec.flushing import FlushingFECLayer
from kcptwisted.fec.layer import FECLayer
from kcptwisted.interfaces import Address, IDatagramProtocol, IDatagramTransport
from kcptwisted.layer import DatagramLayer
from kcptwisted.options import KCPOptions
from kcptwisted.session.gone import Gone
from kcptwisted.session.session import KCPSession
from kcptwisted.stats import PortStats
from kcptwisted.timing.clock import FlushClock
from kcptwisted.udp.asked import AskedAddress, ownAddressOf
from kcptwisted.wire.fec import DATA, OUT_OF_BAND, PARITY, packetType
from kcptwisted.wire.opening import readOpening

#: Puts a layer around a session, or around a layer that is around it.
Wrap = Callable[[IDatagramProtocol, KCPSession], DatagramLayer]


class SessionStack:
    """
    Passes datagrams between a socket and the lowest layer of one session, and counts them for the
    session.

    @ivar session: the session.
    @ivar lowest: takes the datagrams from the socket: FEC, or the trace, or the session itself.
    @ivar afterBatch: if set, called after the session was given a batch from the socket, with this
        object, the batch and the sender's address.
    """

    __slots__ = (
        "_clock",
        "_inner",
        "_options",
        "_portStats",
        "_randomBytes",
        "_stats",
        "_transport",
        "afterBatch",
        "lowest",
        "session",
    )

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        session: KCPSession,
        options: KCPOptions,
        transport: IDatagramTransport,
        clock: FlushClock,
        portStats: PortStats,
        randomBytes: Callable[[int], bytes],
        wrap: Wrap | None = None,
    ) -> None:
        """
        @param transport: the highest layer of the socket.
        @param clock: flushes FEC groups that traffic leaves half-filled.
        @param portStats: counts of the port.
        @param randomBytes: gives so many random bytes.
        @param wrap: puts a layer around the session, below its trace.
        """
        self.session = session
        self.afterBatch: Callable[[SessionStack, list[bytes], Address], None] | None = None
        self._options = options
        self._transport = transport
        self._clock = clock
        self._portStats = portStats
        self._stats = session.stats
        self._randomBytes = randomBytes
        # What FEC is put around.
        self._inner: IDatagramProtocol = session
        if options.trace:
            from kcptwisted.session.trace import TraceLayer

            self._inner = TraceLayer(session)
        if wrap is not None:
            self._inner = wrap(self._inner, session)
        self.lowest: IDatagramProtocol = self._inner
        if options.dataShards:
            self.lowest = self._makeFEC()
        self.lowest.makeConnection(cast(IDatagramTransport, self))

    def _makeFEC(self) -> FECLayer:
        options, inner, stats, clock = self._options, self._inner, self._stats, self._clock
        data, parity, pause = options.dataShards, options.parityShards, options.fecFlush
        # What a former session with the same address and peer has under way must not be taken for
        # shards of this one's groups.
        first = int.from_bytes(self._randomBytes(2), "little")
        if pause:
            session = self.session
            return FlushingFECLayer(
                inner,
                data,
                parity,
                clock,
                stats,
                pause,
                lambda: session.connection.lifecycle.keepalive(clock.now()),
                first,
            )
        return FECLayer(inner, data, parity, clock.now, stats, first)

    # Datagrams that arrive.

    def receive(self, datagrams: list[bytes], size: int, address: Address) -> None:
        """
        Gives the session datagrams that the socket received.

        @param size: of all together, bytes.
        """
        stats = self._stats
        stats.InPkts += len(datagrams)
        stats.InBytes += size
        if address is not self.session.address and type(address) is AskedAddress:
            self._noteOwnAddress(address)
        try:
            self.lowest.datagramsReceived(datagrams, address)
        except Exception:
            self._failed()
        if self.afterBatch is not None:
            self.afterBatch(self, datagrams, address)

    def receiveRecovered(self, datagrams: list[bytes], address: Address) -> None:
        """
        Gives the session datagrams that a layer of the socket rebuilt.
        """
        try:
            self.lowest.datagramsRecovered(datagrams, address)
        except Exception:
            self._failed()

    def _noteOwnAddress(self, address: AskedAddress) -> None:
        """
        Answers from another address of this host if the peer asks at that: it expects that.
        """
        if ownAddressOf(self.session.address) is not address.own:
            self.session.address = address

    def _failed(self) -> None:
        failure = Failure()
        self._log.failure("Datagrams for {session!r} failed", failure, session=self.session)
        self.session.failed(failure)

    def sortForeign(self, datagrams: list[bytes]) -> list[bytes]:
        """
        Deals with datagrams that are no segments of the session's conversation: gives the session
        what is out-of-band, and what is in the packets of a peer that uses FEC.

        @return: those of other conversations, and what is nothing of all that.
        """
        session = self.session
        others: list[bytes] = []
        coded: list[bytes] = []
        outOfBand: list[bytes] = []
        for datagram in datagrams:
            kind = packetType(datagram)
            opening = readOpening(datagram) if kind == OUT_OF_BAND else None
            if kind == OUT_OF_BAND and (opening is None or opening.conv == session.conv):
                outOfBand.append(datagram)
            else:
                (coded if kind in (DATA, PARITY) else others).append(datagram)
        if coded and self.lowest is self._inner:
            # The peer uses FEC and this side does not: from now on its headers are taken off.
            fec = self.lowest = self._makeFEC()
            fec.transport = cast(IDatagramTransport, self)
            fec.datagramsReceived(coded, session.address)
        else:
            others += coded
        if outOfBand:
            session.application.deliverOutOfBand(
                outOfBand, session.connection, session.stream, session.stats
            )
        return others

    # Datagrams that leave.

    @property
    def overhead(self) -> int:
        """
        Bytes that the layers on the socket add.
        """
        return self._transport.overhead

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Counts and passes down.  To a peer that has yet to show that it is at its address no more is
        passed than may be sent there.
        """
        unproven = self.session.connection.controls.unproven
        if unproven is not None:
            count = len(datagrams)
            datagrams = unproven.affordable(datagrams)
            self._portStats.OutUnproven += count - len(datagrams)
            if not datagrams:
                return
        stats = self._stats
        count = len(datagrams)
        stats.OutPkts += count
        stats.OutBytes += len(datagrams[0]) if count == 1 else sum(map(len, datagrams))
        self._transport.writeDatagrams(datagrams, address)

    def useTransport(self, transport: IDatagramTransport) -> None:
        """
        Sends through another layer of the socket from now on.
        """
        self._transport = transport

    # The end.

    def leave(self) -> None:
        """
        Sends and takes no more.
        """
        if isinstance(self.lowest, FlushingFECLayer):
            self._clock.forget(self.lowest)

    def forget(self) -> None:
        """
        Has the clock flush nothing of the session any more.
        """
        self._clock.forget(self.session)
        self.leave()

    def end(self) -> None:
        """
        Lets go of the layers of a session that is forgotten.  A program may run without garbage
        collection, so they must not hold each other.
        """
        self.lowest = Gone(self._transport.overhead)
        layer = self._inner
        while isinstance(layer, DatagramLayer):
            layer.transport = Gone(layer.transport.overhead)
            layer = layer.wrapped


classImplements(SessionStack, IDatagramTransport)
