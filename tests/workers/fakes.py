"""
What stands around a master and its workers' processes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.interfaces import IReactorFDSet, IReactorProcess
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.workers.process import WorkerProcess
from kcptwisted.workers.role import ORDERS, REPORTS


class FakeProcess:
    """
    A process, in the role of the protocol's transport.

    @ivar orders: what it was written.
    @ivar signals: what it was sent.
    @ivar alive: whether it runs.
    """

    def __init__(self, protocol: WorkerProcess) -> None:
        """
        Start.
        """
        self.protocol = protocol
        self.orders = b""
        self.signals: list[str] = []
        self.alive = True
        self.reads = True
        protocol.makeConnection(self)

    def writeToChild(self, childFD: int, data: bytes) -> None:
        """
        Note.
        """
        assert childFD == ORDERS
        if not self.reads:
            raise KeyError(childFD)
        self.orders += data

    def signalProcess(self, signalID: str) -> None:
        """
        Note.
        """
        if not self.alive:
            raise ProcessExitedAlready()
        self.signals.append(signalID)

    def report(self, line: bytes) -> None:
        """
        Have it report to its master.
        """
        self.protocol.childDataReceived(REPORTS, line + b"\n")

    def print(self, text: bytes, error: bool = False) -> None:
        """
        Have it print.
        """
        self.protocol.childDataReceived(2 if error else 1, text)

    def exit(self, status: int = 0, wholly: bool = True) -> None:
        """
        End it.

        @param wholly: whether its output ends, too.
        """
        self.alive = False
        reason = Failure(ProcessTerminated(status) if status else ProcessDone(0))
        self.protocol.processExited(reason)
        if wholly:
            self.protocol.processEnded(reason)


@implementer(IReactorProcess, IReactorFDSet)
class FakeReactor(Clock):
    """
    Starts processes that are none.

    @ivar processes: those that were started.
    @ivar commands: of each its executable, arguments, environment, directory and descriptors.
    @ivar problem: what the next start raises.
    """

    def __init__(self) -> None:
        super().__init__()
        self.processes: list[FakeProcess] = []
        self.commands: list[
            tuple[str, Sequence[str], Mapping[str, str], str, Mapping[int, int | str]]
        ] = []
        self.problem: OSError | None = None

    def spawnProcess(
        self,
        processProtocol: Any,
        executable: Any,
        args: Any = (),
        env: Any = None,
        path: Any = None,
        uid: Any = None,
        gid: Any = None,
        usePTY: Any = False,
        childFDs: Any = None,
    ) -> Any:
        """
        Note.
        """
        if self.problem is not None:
            raise self.problem
        self.commands.append((executable, args, env, path, childFDs))
        self.processes.append(FakeProcess(processProtocol))
        return self.processes[-1]

    def addReader(self, reader: object) -> None:
        """
        Nothing is read.
        """

    def getReaders(self) -> list[Any]:
        """
        Nothing is read.
        """
        return []

    removeReader = addWriter = removeWriter = addReader
    removeAll = getWriters = getReaders
