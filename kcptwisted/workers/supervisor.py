"""
The master of a port's workers: holds their sockets and keeps them running.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import CannotListenError
from twisted.logger import Logger
from twisted.python.failure import Failure

from kcptwisted.interfaces import Address
from kcptwisted.metrics.snapshot import Snapshot, merged
from kcptwisted.server.stopping import Ending
from kcptwisted.udp.addresses import toAddress
from kcptwisted.workers.process import WorkerProcess
from kcptwisted.workers.role import INBOX, ORDERS, OUTBOXES, REPORTS, SOCKET, VARIABLE, Place, Role
from kcptwisted.workers.worker import Printer, Spawn, Worker


class Command(NamedTuple):
    """
    How to run a worker.

    @ivar executable: the interpreter.
    @ivar arguments: its own.
    @ivar directory: where.
    @ivar environ: what it finds there, beside its role.
    """

    executable: str
    arguments: Sequence[str]
    directory: str
    environ: Mapping[str, str]


class Supervisor:
    """
    The workers of one port.

    The kernel chooses among the sockets of a port by a hash of both addresses, modulo their number.
    So this process holds them: if one were closed when its worker dies, datagrams of all sessions
    would reach the wrong workers.  What arrives for a worker that has died waits for the next one.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        command: Command,
        place: Place,
        sockets: Sequence[socket.socket],
        talks: bool,
        printer: Printer,
        stopLimit: float,
    ) -> None:
        """
        @param sockets: one a worker, all bound to the same port; this object's from now on.
        @param talks: whether the workers are to talk with each other.
        @param printer: is given what they print.
        @param stopLimit: seconds that they let their connections close.
        """
        self._reactor = reactor
        self._command = command
        self._place = place
        self._sockets = sockets
        # For each worker the socket that it reads from, and the one that the others write to.
        self._boxes = [_pair(sockets[0]) for _ in sockets] if talks else []
        self._workers = [
            Worker(reactor, number, self._spawner(number), printer, stopLimit)
            for number in range(len(sockets))
        ]
        self._started: Deferred[None] | None = None

    @property
    def address(self) -> Address:
        """
        Where they listen.
        """
        address: Address = self._sockets[0].getsockname()
        return address

    def start(self) -> Deferred[None]:
        """
        Starts all workers.

        @return: fires when all listen.  Fails with L{CannotListenError}, when they are gone, if one
            does not.
        """
        started: Deferred[None] = Deferred(self._cancel)
        self._started = started
        for worker in self._workers:
            worker.listening.addErrback(self._failed)
        listening = gatherResults([worker.listening for worker in self._workers])
        listening.addCallback(lambda _: self._allListen())
        for worker in self._workers:
            worker.start()
        return started

    def _cancel(self, _: Deferred[None]) -> None:
        self._started = None
        self.stop(Ending.ABORT)

    def _allListen(self) -> None:
        started, self._started = self._started, None
        self._log.info(
            "{count} workers listening on {host}",
            count=len(self._workers),
            host=toAddress(self.address),
        )
        if started is not None:
            started.callback(None)

    def _failed(self, reason: Failure) -> Deferred[None]:
        """
        @return: never fires: not all listen.
        """
        started, self._started = self._started, None
        if started is not None:
            host, port = self.address[:2]
            problem = CannotListenError(host, port, reason.value)
            self.stop(Ending.ABORT).addCallback(lambda _: started.errback(problem))
        return Deferred()

    def stop(self, ending: Ending) -> Deferred[None]:
        """
        Ends all workers.  May be called again to end their sessions sooner.

        @return: fires when they are gone and the sockets are closed.
        """
        gone = gatherResults([worker.stop(ending.value) for worker in self._workers])
        return gone.addCallback(lambda _: self._close())

    def count(self) -> Deferred[list[Snapshot]]:
        """
        Asks all workers for what they have counted.

        @return: fires with the sums, by account.
        """
        counts = gatherResults([worker.count() for worker in self._workers])
        return counts.addCallback(lambda all: merged(each for one in all for each in one))

    def look(self, question: bytes) -> list[Deferred[list[bytes]]]:
        """
        See L{kcptwisted.accounts.Elsewhere}.
        """
        return [worker.look(question) for worker in self._workers]

    def signal(self, name: str) -> None:
        """
        Sends a signal to each worker.

        @param name: without C{SIG}.
        """
        for worker in self._workers:
            worker.signal(name)

    def _close(self) -> None:
        for sock in (*self._sockets, *[end for pair in self._boxes for end in pair]):
            sock.close()

    def _spawner(self, number: int) -> Spawn:
        """
        Returns a function that starts a process for a worker.
        """

        def spawn(process: WorkerProcess) -> None:
            command = self._command
            role = Role(number, len(self._sockets), self._place, bool(self._boxes))
            descriptors: dict[int, int | str] = {0: "w", 1: "r", 2: "r", REPORTS: "r", ORDERS: "w"}
            descriptors[SOCKET] = self._sockets[number].fileno()
            if self._boxes:
                descriptors[INBOX] = self._boxes[number][0].fileno()
                others = [box for other, (_, box) in enumerate(self._boxes) if other != number]
                for descriptor, box in enumerate(others, OUTBOXES):
                    descriptors[descriptor] = box.fileno()
            self._reactor.spawnProcess(
                process,
                command.executable,
                [command.executable, *command.arguments],
                {**command.environ, VARIABLE: role.encode(), "PYTHONUNBUFFERED": "1"},
                command.directory,
                childFDs=descriptors,
            )

        return spawn


def _pair(like: socket.socket) -> tuple[socket.socket, socket.socket]:
    """
    Returns two ends of a datagram socket, the first for reading.

    @param like: has buffers of the size wanted.
    """
    reading, writing = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for sock in (reading, writing):
        sock.setblocking(False)
    # The kernel gives twice what is asked for, and says so.
    size = like.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) // 2
    writing.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)
    return reading, writing
