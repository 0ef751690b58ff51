"""
Relays in processes of their own, and plain TCP programs around them.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from twisted.internet import reactor as installedReactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.programs import PATIENCE, Program, ProgramTestCase, freePort

reactor: Any = installedReactor

#: How soon a killed relay is noticed.
GONE = "deadAfter=3:keepAlive=1"


@implementer(IHalfCloseableProtocol)
class Caller(Protocol):
    """
    One end of a TCP connection.

    @ivar received: how many bytes have come.
    @ivar reads: whether it reads from the beginning.
    @ivar sawEnd: whether the other end has said that no more comes.
    @ivar reason: why the connection was lost.
    """

    reads = True
    transport: Any

    def __init__(self) -> None:
        self.received = 0
        self.sawEnd = False
        self.reason: Any = None
        self._waiting: list[tuple[Any, Deferred[None]]] = []

    def until(self, condition: Any) -> Deferred[None]:
        """
        @return: fires when C{condition()} holds.
        """
        done: Deferred[None] = Deferred()
        done.addTimeout(PATIENCE, reactor)
        self._waiting.append((condition, done))
        self._look()
        return done

    def over(self) -> Deferred[None]:
        """
        @return: fires when the connection is lost.
        """
        return self.until(lambda: self.reason is not None)

    def ended(self) -> Deferred[None]:
        """
        @return: fires when nothing more comes.
        """
        return self.until(lambda: self.sawEnd or self.reason is not None)

    def _look(self) -> None:
        for item in list(self._waiting):
            condition, done = item
            if condition():
                self._waiting.remove(item)
                if not done.called:
                    done.callback(None)

    def connectionMade(self) -> None:
        """
        Begin to read, or not.
        """
        if not self.reads:
            self.transport.pauseProducing()

    def dataReceived(self, data: bytes) -> None:
        """
        Count.
        """
        self.received += len(data)
        self._look()

    def readConnectionLost(self) -> None:
        """
        Note.
        """
        self.sawEnd = True
        self._look()

    def writeConnectionLost(self) -> None:
        """
        Of no interest.
        """

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Note.
        """
        self.reason = reason.value
        self._look()


class Source:
    """
    Writes without end, as fast as it is taken.

    @ivar written: bytes.
    """

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._paused = False
        self.written = 0

    def start(self) -> None:
        """
        Write until stopped.
        """
        self._transport.registerProducer(self, False)

    def resumeProducing(self) -> None:
        """
        Write some.
        """
        self.written += 50_000
        self._transport.write(bytes(50_000))

    def stopProducing(self) -> None:
        """
        The connection is over.
        """


class Callers(Factory):
    """
    Makes them.

    @ivar made: all.
    """

    noisy = False

    def __init__(self, reads: bool = True) -> None:
        self.made: list[Caller] = []
        self._reads = reads
        self._awaited: Deferred[Caller] | None = None

    def buildProtocol(self, addr: IAddress | None) -> Caller:
        """
        @return: a new one.
        """
        caller = Caller()
        caller.reads = self._reads
        self.made.append(caller)
        awaited, self._awaited = self._awaited, None
        if awaited is not None:
            reactor.callLater(0, awaited.callback, caller)
        return caller

    def first(self) -> Deferred[Caller]:
        """
        @return: fires when there is one.
        """
        found: Deferred[Caller] = Deferred()
        found.addTimeout(PATIENCE, reactor)
        if self.made:
            found.callback(self.made[0])
        else:
            self._awaited = found
        return found


class RelaysCase(ProgramTestCase):
    """
    Starts twistd.

    @ivar far: more options of the far relay's server.
    """

    far = ""

    def relay(self, server: str, client: str, *options: str) -> Program:
        """
        @return: C{twistd kcp-relay} with one route.
        """
        return self.kcpRelay("--from", server, "--to", client, *options)

    def kcpRelay(self, *options: str) -> Program:
        """
        @return: C{twistd kcp-relay}.
        """
        script = Path(self.mktemp())
        script.mkdir()
        script = (script / "twistd").absolute()
        script.write_text("from twisted.scripts.twistd import run\nrun()\n")
        return self.start(str(script), "-n", "--pidfile=", "kcp-relay", *options)

    async def listening(self, server: str, client: str, *options: str) -> Program:
        """
        @return: the same, when it listens.
        """
        program = self.relay(server, client, *options)
        await program.printed("workers listening" if "workers" in server else "Listening at")
        return program

    async def serve(self, reads: bool = True) -> tuple[Callers, int]:
        """
        @return: makes the ends of the connections to a TCP server, and its port.
        """
        callers = Callers(reads)
        endpoint = serverFromString(reactor, "tcp:0:interface=127.0.0.1:backlog=1000")
        port = await endpoint.listen(callers)
        self.addCleanup(port.stopListening)
        self.addCleanup(self._abort, callers)
        return callers, port.getHost().port

    def _abort(self, callers: Callers) -> None:
        for caller in callers.made:
            if caller.reason is None:
                caller.transport.abortConnection()

    async def connect(self, port: int, reads: bool = True) -> Caller:
        """
        @return: connected by TCP.
        """
        callers = Callers(reads)
        endpoint = clientFromString(reactor, f"tcp:127.0.0.1:{port}")
        self.addCleanup(self._abort, callers)
        caller: Any = await endpoint.connect(callers)
        return caller  # type: ignore[no-any-return]

    async def chain(self, target: int, *options: str) -> tuple[Program, Program, int]:
        """
        Start TCP to KCP, and KCP to TCP.

        @param target: the TCP port at the far end.
        @return: the near relay, the far one, and the near one's port.
        """
        between, near = freePort(), freeTCPPort()
        far = await self.listening(
            f"kcp:{between}:interface=127.0.0.1:key=k:{GONE}{self.far}",
            f"tcp:127.0.0.1:{target}",
            *options,
        )
        first = await self.listening(
            f"tcp:{near}:interface=127.0.0.1",
            f"kcp:127.0.0.1:{between}:key=k:{GONE}",
            *options,
        )
        return first, far, near

    def kill(self, program: Program, name: str) -> None:
        """
        Send a signal.
        """
        program.transport.signalProcess(name)


def freeTCPPort() -> int:
    """
    @return: a TCP port of the loopback interface where nothing listens.
    """
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
