"""
Sending through one socket: in runs where the kernel segments them, singly where it does not.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Sequence
from typing import ClassVar

from twisted.logger import Logger

from kcptwisted.interfaces import Address
from kcptwisted.stats import PortStats
from kcptwisted.udp.asked import Ancillary, AskedAddress
from kcptwisted.udp.fragmentation import Fragmentation, Fragments, SocketSwitch, pathLimit
from kcptwisted.udp.offload import canSegment, runs, segmentMessage
from kcptwisted.udp.unsegmented import Unsegmented

#: The kernel has no room now.
NOT_NOW = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS})

#: The kernel does not segment for this destination: the path's MTU is too small for the datagrams
#: of a run.  The kernel fragments single datagrams, and none of a run.
_NOT_THERE = frozenset({errno.EINVAL, errno.EMSGSIZE})

_NONE: Ancillary = []

#: Takes a destination, None for that of a connected socket; a size, bytes, beyond which no payload
#: reaches it whole; and whether one of this size does, as far as the system knows.
TooBig = Callable[[Address | None, int, bool], None]


class DatagramSender:
    """
    Sends through one socket.

    @ivar fragmentation: what IP may fragment.
    @ivar blocked: why the kernel took no more, an errno; valid when L{send} left something.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        sock: socket.socket,
        connected: bool,
        stats: PortStats,
        seconds: Callable[[], float],
        report: Callable[[OSError, bool], None],
        tooBig: TooBig | None = None,
    ) -> None:
        """
        @param connected: whether C{sock} has one peer.
        @param seconds: gives the time.
        @param report: called with an error, and whether it is the network's: an answer to an
            earlier datagram.
        @param tooBig: if given, datagrams are not fragmented where the system can forbid it, and
            this is called when one is too large for that.
        """
        self._sock = sock
        self._segments = canSegment(sock)
        self._connected = connected
        self._stats = stats
        self._seconds = seconds
        self._report = report
        self._unsegmented = Unsegmented()
        self._tooBig = tooBig
        self._refused = 0
        self.fragmentation = Fragmentation(None if tooBig is None else SocketSwitch(sock))
        self.blocked = 0

    def send(self, datagrams: Sequence[bytes], address: Address) -> Sequence[bytes]:
        """
        Sends.  A datagram that is refused with an error is counted, and the next one sent.

        @return: the datagrams that the kernel had no room for.
        """
        if len(datagrams) != 1:
            done = self._sendSeveral(datagrams, address)
            return datagrams[done:]
        datagram = datagrams[0]
        stats = self._stats
        try:
            if self._connected:
                stats.OutBytes += self._sock.send(datagram)
            elif type(address) is AskedAddress:
                messages = address.own.messages
                stats.OutBytes += self._sock.sendmsg((datagram,), messages, 0, address)
            else:
                stats.OutBytes += self._sock.sendto(datagram, address)
        except OSError as problem:
            return () if self._isDone(problem, datagram, address) else datagrams
        stats.OutPkts += 1
        return ()

    def _isDone(self, problem: OSError, datagram: bytes, address: Address) -> bool:
        """
        Sending C{datagram} failed: send it again, refuse it, or leave it for later.

        @return: whether it is not left for later.
        """
        failed = self._sendAgain(problem, datagram, _NONE)
        if failed is not None and failed.errno == errno.EMSGSIZE:
            failed = self._sendFragmented(failed, datagram, address)
        if failed is None:
            self._stats.OutPkts += 1
            self._stats.OutBytes += len(datagram)
        elif failed.errno in NOT_NOW:
            self.blocked = failed.errno or 0
            return False
        elif failed.errno != errno.EMSGSIZE or self.fragmentation.fragments is not Fragments.NONE:
            self._refuse(failed, 1)
        return True

    def _sendFragmented(
        self, problem: OSError, datagram: bytes, address: Address
    ) -> OSError | None:
        """
        Sends a datagram again that is too large for the path, if that is because fragments are
        forbidden.

        @return: why it was not sent.
        """
        if not self.fragmentation.isReason:
            return problem
        self.noteTooBig(len(datagram) - 1, None if self._connected else address)
        if self.fragmentation.fragments is Fragments.NONE:
            return problem
        try:
            self.fragmentation.sendAgain(lambda: self._sendOnce(datagram, address))
        except OSError as second:
            return second
        return None

    def _sendOnce(self, datagram: bytes, address: Address) -> None:
        if self._connected:
            self._sock.send(datagram)
        else:
            messages = address.own.messages if type(address) is AskedAddress else _NONE
            self._sock.sendmsg((datagram,), messages, 0, address)

    def noteTooBig(self, most: int, address: Address | None = None) -> None:
        """
        Says that the system takes datagrams of that size for too large.

        @param most: bytes that the path carries at most, as far as is known.
        @param address: where they go; None if the socket is connected.
        """
        if self._tooBig is not None and self.fragmentation.isForbidden:
            self._refused += 1
            known = pathLimit(self._sock, address)
            isExact = 0 < known <= most
            self._tooBig(address, known if isExact else most, isExact)

    def _sendSeveral(self, datagrams: Sequence[bytes], address: Address) -> int:
        """
        Returns how many are not left for later.
        """
        if self.fragmentation.fragments is Fragments.ALL or not self._segmentsFor(address):
            return self._sendSingly(datagrams, address)
        done = 0
        for run in runs(datagrams):
            if len(run) == 1:
                if self.send(run, address):
                    return done
            else:
                problem = self._sendRun(run, address)
                if problem is None:
                    pass
                elif problem.errno in NOT_NOW:
                    self.blocked = problem.errno or 0
                    return done
                elif self._isAboutSegments(problem):
                    return done + self._sendUnsegmented(problem, datagrams[done:], address)
                else:
                    self._refuse(problem, len(run))
            done += len(run)
        return done

    def _sendSingly(self, datagrams: Sequence[bytes], address: Address) -> int:
        """
        Returns how many are not left for later.
        """
        for done, datagram in enumerate(datagrams):
            if self.send((datagram,), address):
                return done
        return len(datagrams)

    def _sendRun(self, run: Sequence[bytes], address: Address) -> OSError | None:
        """
        Returns why C{run} was not sent; None if it was.
        """
        data = b"".join(run)
        messages = segmentMessage(len(run[0]))
        try:
            if self._connected:
                self._sock.sendmsg((data,), messages)
            else:
                if type(address) is AskedAddress:
                    messages += address.own.messages
                self._sock.sendmsg((data,), messages, 0, address)
        except OSError as problem:
            failed = self._sendAgain(problem, data, messages)
            if failed is not None:
                return failed
        self._stats.OutPkts += len(run)
        self._stats.OutBytes += len(data)
        return None

    def _sendAgain(self, problem: OSError, data: bytes, messages: Ancillary) -> OSError | None:
        """
        Sends again if C{problem} may be the network's answer to an earlier datagram.  The system
        reports such an answer once, with a connected socket, and does not send.

        @return: why C{data} was not sent.
        """
        if not self._connected or problem.errno in NOT_NOW:
            return problem
        try:
            if messages:
                self._sock.sendmsg((data,), messages)
            else:
                self._sock.send(data)
        except OSError as second:
            return second
        self._report(problem, True)
        return None

    def _segmentsFor(self, address: Address) -> bool:
        return self._segments and not (
            self._unsegmented and self._unsegmented.holds(address[0], self._seconds())
        )

    def _isAboutSegments(self, problem: OSError) -> bool:
        """
        Returns True if single datagrams may be sent though a run was refused.
        """
        if problem.errno == errno.EIO:
            self._segments = False
            self._log.info(
                "The kernel refuses UDP segmentation offload: {problem};"
                " sending datagrams one by one",
                problem=problem,
            )
            return True
        return problem.errno in _NOT_THERE

    def _sendUnsegmented(
        self, problem: OSError, datagrams: Sequence[bytes], address: Address
    ) -> int:
        """
        Sends singly what the kernel does not segment, and remembers that.

        @return: how many are not left for later.
        """
        refused = self._refused
        done = self._sendSingly(datagrams, address)
        # Datagrams that are too large for the path will soon be smaller.
        if self._segments and self._refused == refused:
            self._unsegmented.add(address[0], self._seconds())
            self._log.debug(
                "The kernel does not segment for {host}: {problem};"
                " sending datagrams there one by one",
                host=address[0],
                problem=problem,
            )
        return done

    def _refuse(self, problem: OSError, count: int) -> None:
        self._stats.OutErrs += count
        self._log.debug("Sending failed: {problem}", problem=problem)
        self._report(problem, False)
