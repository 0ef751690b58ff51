"""
A reactor whose processes are the tests'.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.interfaces import IReactorProcess
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

#: What a client of each role tells in the end.
FOUND: dict[str, dict[str, Any]] = {
    "echo": {"bytes": 2_000_000, "seconds": 0.01},
    "sink": {"bytes": 2_000_000, "seconds": 0.004},
    "pingpong": {
        "messages": 100,
        "p50_us": 1500.0,
        "p99_us": 2500.0,
        "messages_per_second": 4000.0,
    },
    "idle": {},
}


class FakeProcess:
    """
    A process that does what a test says.

    @ivar arguments: its command line, from the role on.
    @ivar written: what its input got.
    @ivar signals: what it was sent.
    """

    def __init__(self, protocol: Any, arguments: list[str]) -> None:
        """
        @param protocol: to be told what it prints.
        """
        self._protocol = protocol
        self.arguments = arguments
        self.written = b""
        self.signals: list[str] = []
        self._ended = False
        self.onInput: Callable[[], object] = lambda: None
        self.onClose: Callable[[], object] = lambda: None

    @property
    def role(self) -> str:
        """
        Its role.
        """
        return self.arguments[0]

    def writeToChild(self, descriptor: int, data: bytes) -> None:
        """
        Note.
        """
        assert descriptor == 0
        self.written += data
        self.onInput()

    def closeChildFD(self, descriptor: int) -> None:
        """
        Its input ends.
        """
        assert descriptor == 0
        self.onClose()

    def signalProcess(self, signal: str) -> None:
        """
        Kill it.

        @raise ProcessExitedAlready: if it has ended.
        """
        if self._ended:
            raise ProcessExitedAlready
        self.signals.append(signal)
        self.end(None)

    def tell(self, *found: dict[str, Any] | str) -> None:
        """
        Have it print lines.
        """
        for one in found:
            line = one if isinstance(one, str) else json.dumps(one)
            self._protocol.outReceived(f"{line}\n".encode())

    def end(self, status: int | None, complaint: str = "") -> None:
        """
        Have it end.

        @param status: None if a signal ended it.
        """
        self._ended = True
        if complaint:
            self._protocol.errReceived(complaint.encode())
        reason = ProcessDone(0) if status == 0 else ProcessTerminated(status)
        self._protocol.processEnded(Failure(reason))


@implementer(IReactorProcess)
class SpawningReactor(Clock):
    """
    Starts no processes.

    @ivar processes: what would run.
    @ivar prepare: called with each when it begins.
    @ivar interpreted: the command line of the last, up to the arguments of the peer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.processes: list[FakeProcess] = []
        self.interpreted: list[str] = []
        self.prepare: Callable[[FakeProcess], None] = lambda process: None

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
        self.interpreted = args[:4]
        process = FakeProcess(processProtocol, args[4:])
        processProtocol.makeConnection(process)
        self.processes.append(process)
        self.prepare(process)
        return process

    def behave(self, process: FakeProcess) -> None:
        """
        Have a process do what the real ones do: a server use half a CPU second and 1 MiB more each
        time it is asked, a client a quarter for its load.  For C{prepare}.
        """
        if process.role == "serve":
            process.tell("listening 127.0.0.1:4321")
            process.onInput = lambda: process.tell(
                {"cpu": len(process.written) / 2, "rss": len(process.written) << 20}
            )
            process.onClose = lambda: process.end(0)
            return
        found = {"cpu": 1.5, "cpu_before": 1.25, **FOUND[process.role]}
        if process.role == "idle":
            process.tell("ready")
        else:
            process.tell(found)
        process.onClose = lambda: process.end(0)
