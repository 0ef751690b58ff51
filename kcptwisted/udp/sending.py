"""
Sending through one socket: in runs where the kernel segments them, singly where it does not.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Sequence

from twisted.logger import Logger

from kcptwisted.interfaces import Address
from kcptwisted.stats import PortStats
from kcptwisted.udp.asked import AskedAddress
from kcptwisted.udp.offload import Ancillary, runs, segmentMessage

#: The kernel has no room now.
NOT_NOW = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS})

#: The kernel does not segment for this destination: a run's datagrams do not fit into the path's
#: MTU, and other than single ones they are not fragmented.
_NOT_THERE = frozenset({errno.EINVAL, errno.EMSGSIZE})

#: Seconds until it is tried whether the kernel segments for a destination after all.
SINGLY = 30.0

#: Destinations that are remembered at most; beyond that the oldest are forgotten, and tried again.
MAXIMUM_UNSEGMENTED = 1024

_NONE: Ancillary = []


class Unsegmented:
    """
    The hosts to which the kernel does not segment, each for L{SINGLY} seconds.
    """

    __slots__ = ("_until",)

    def __init__(self) -> None:
        # The oldest first.
        self._until: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._until)

    def add(self, host: str, now: float) -> None:
        """
        It has just refused to for C{host}.

        @param now: seconds.
        """
        until = self._until
        until.pop(host, None)
        until[host] = now + SINGLY
        if len(until) > MAXIMUM_UNSEGMENTED:
            del until[next(iter(until))]

    def holds(self, host: str, now: float) -> bool:
        """
        Whether datagrams to C{host} are to be sent singly.

        @param now: seconds.
        """
        until = self._until.get(host)
        if until is None:
            return False
        if now < until:
            return True
        del self._until[host]
        return False


class DatagramSender:
    """
    Sends through one socket.

    @ivar blocked: why the kernel took no more, an errno; of interest when L{send} did not send all.
    """

    _log = Logger()

    def __init__(
        self,
        sock: socket.socket,
        segments: bool,
        connected: bool,
        stats: PortStats,
        seconds: Callable[[], float],
        report: Callable[[OSError, bool], None],
    ) -> None:
        """
        @param segments: whether the kernel knows UDP_SEGMENT.
        @param connected: whether C{sock} has one peer.
        @param seconds: tells the time.
        @param report: called with an error, and whether it is the network's: an answer to an
            earlier datagram.
        """
        self._sock = sock
        self._segments = segments
        self._connected = connected
        self._stats = stats
        self._seconds = seconds
        self._report = report
        self._unsegmented = Unsegmented()
        self.blocked = 0

    def send(self, datagrams: Sequence[bytes], address: Address) -> int:
        """
        @return: how many datagrams are done with: sent, or refused with an error and counted.
        """
        own = address.own.messages if isinstance(address, AskedAddress) else _NONE
        if len(datagrams) == 1 or not self._segmentsFor(address):
            return self._sendSingly(datagrams, address, own)
        done = 0
        for run in runs(datagrams):
            if len(run) == 1:
                if not self._sendSingly(run, address, own):
                    return done
            else:
                problem = self._sendRun(run, address, own)
                if problem is None:
                    pass
                elif problem.errno in NOT_NOW:
                    self.blocked = problem.errno or 0
                    return done
                elif self._isAboutSegments(problem, address):
                    return done + self._sendSingly(datagrams[done:], address, own)
                else:
                    self._refuse(problem, len(run))
            done += len(run)
        return done

    def _sendRun(self, run: Sequence[bytes], address: Address, own: Ancillary) -> OSError | None:
        """
        @return: why C{run} was not sent.
        """
        data = b"".join(run)
        messages = segmentMessage(len(run[0]))
        if own:
            messages += own
        try:
            self._sock.sendmsg((data,), messages, 0, *(() if self._connected else (address,)))
        except OSError as problem:
            failed = self._insist(problem, data, messages, address)
            if failed is not None:
                return failed
        self._stats.OutPkts += len(run)
        self._stats.OutBytes += len(data)
        return None

    def _segmentsFor(self, address: Address) -> bool:
        return self._segments and not (
            self._unsegmented and self._unsegmented.holds(address[0], self._seconds())
        )

    def _isAboutSegments(self, problem: OSError, address: Address) -> bool:
        """
        Whether single datagrams may go where a run did not.
        """
        if problem.errno == errno.EIO:
            self._segments = False
            self._log.info(
                "The kernel refuses UDP segmentation offload: {problem};"
                " sending datagrams one by one",
                problem=problem,
            )
            return True
        if problem.errno not in _NOT_THERE:
            return False
        self._unsegmented.add(address[0], self._seconds())
        self._log.debug(
            "The kernel does not segment for {host}: {problem}; sending datagrams there one by one",
            host=address[0],
            problem=problem,
        )
        return True

    def _sendSingly(self, datagrams: Sequence[bytes], address: Address, own: Ancillary) -> int:
        sock = self._sock
        for done, datagram in enumerate(datagrams):
            try:
                if self._connected:
                    sock.send(datagram)
                elif own:
                    sock.sendmsg((datagram,), own, 0, address)
                else:
                    sock.sendto(datagram, address)
            except OSError as problem:
                failed = self._insist(problem, datagram, own, address)
                if failed is not None:
                    if failed.errno in NOT_NOW:
                        self.blocked = failed.errno or 0
                        return done
                    self._refuse(failed, 1)
                    continue
            self._stats.OutPkts += 1
            self._stats.OutBytes += len(datagram)
        return len(datagrams)

    def _call(self, data: bytes, messages: Ancillary, address: Address) -> None:
        sock = self._sock
        if messages:
            sock.sendmsg((data,), messages, 0, *(() if self._connected else (address,)))
        elif self._connected:
            sock.send(data)
        else:
            sock.sendto(data, address)

    def _insist(
        self, problem: OSError, data: bytes, messages: Ancillary, address: Address
    ) -> OSError | None:
        """
        Send again if C{problem} may be the network's answer to an earlier datagram: the system
        tells of it in place of sending, once.

        @return: why C{data} was not sent.
        """
        if not self._connected or problem.errno in NOT_NOW:
            return problem
        try:
            self._call(data, messages, address)
        except OSError as second:
            return second
        self._report(problem, True)
        return None

    def _refuse(self, problem: OSError, count: int) -> None:
        self._stats.OutErrs += count
        self._log.debug("Sending failed: {problem}", problem=problem)
        self._report(problem, False)
