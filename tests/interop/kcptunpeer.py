"""
Debian's kcptun, and our two ends in this process, to put on either side of a lossy path.
"""

from __future__ import annotations

import re
import shutil
from hashlib import sha256
from typing import Any, NamedTuple

from twisted.internet import reactor as installedReactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.commands.bench.stream import Pattern
from kcptwisted.services.kcptun.client import makeClient
from kcptwisted.services.kcptun.configuration import configure
from kcptwisted.services.kcptun.flags import CIPHERS, CLIENT, SERVER
from kcptwisted.services.kcptun.server import makeServer
from kcptwisted.services.kcptun.service import TunnelService
from kcptwisted.testing.link import Link
from kcptwisted.testing.lossyrelay import LossyRelay
from tests.interop.peers import skipReason
from tests.programs import Program, ProgramTestCase, freePort

reactor: Any = installedReactor

LOCAL = "127.0.0.1"

#: The two ends: kcptun's and ours.
THEIRS, OURS = "theirs", "ours"


def whyMissing() -> str | None:
    """
    @return: why there is no kcptun to test with; None if there is.
    """
    found = all(map(shutil.which, ("kcptun-client", "kcptun-server")))
    return None if found else "kcptun is not installed"


class Settings(NamedTuple):
    """
    What both ends are set to.
    """

    crypt: str = "aes"
    hasFEC: bool = True
    smuxver: int = 1
    isCompressed: bool = True

    def flags(self) -> list[str]:
        """
        @return: as the command lines of both have them.
        """
        shards = ["--ds=10", "--ps=3"] if self.hasFEC else ["--ds=0", "--ps=0"]
        plain = [] if self.isCompressed else ["--nocomp"]
        return [
            f"--crypt={self.crypt}", f"--smuxver={self.smuxver}", *shards, *plain,
            "--key=interoperability",
        ]  # fmt: skip


def payload(size: int) -> bytes:
    """
    @return: bytes of which one half compresses.
    """
    half = Pattern().take(size // 2)
    return half + (b"This compresses well. " * (size // 22 + 1))[: size - len(half)]


class Echo(Protocol):
    """
    The target.
    """

    def connectionMade(self) -> None:
        """
        Read no faster than the answers leave.
        """
        transport: Any = self.transport
        transport.registerProducer(transport, True)

    def dataReceived(self, data: bytes) -> None:
        """
        Answer.
        """
        assert self.transport is not None
        self.transport.write(data)


@implementer(IHalfCloseableProtocol)
class LateAnswer(Protocol):
    """
    A target that answers when the question has ended.
    """

    def __init__(self) -> None:
        self._hash = sha256()

    def dataReceived(self, data: bytes) -> None:
        """
        Take the question.
        """
        self._hash.update(data)

    def readConnectionLost(self) -> None:
        """
        Answer.
        """
        assert self.transport is not None
        self.transport.write(self._hash.hexdigest().encode() * 1000)
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """
        Of no interest.
        """


@implementer(IHalfCloseableProtocol)
class Asking(Protocol):
    """
    A program at the client's side.

    @ivar over: fires with all that came when the other end has closed.
    """

    def __init__(self, size: int = 0) -> None:
        """
        @param size: closes when so many bytes have come; 0 for never.
        """
        self._size = size
        self._received: list[bytes] = []
        self._count = 0
        self.over: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        """
        Take the answer.
        """
        self._received.append(data)
        self._count += len(data)
        if self._count == self._size:
            assert self.transport is not None
            self.transport.loseConnection()

    def readConnectionLost(self) -> None:
        """
        The other end has closed.
        """
        assert self.transport is not None
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """
        Of no interest.
        """

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Tell.
        """
        self.over.callback(b"".join(self._received))


class KcptunCase(ProgramTestCase):
    """
    Tunnels of which one end is kcptun's.
    """

    timeout = 120
    skip = skipReason(whyMissing())

    async def listenTCP(self, protocol: type[Protocol] = Echo) -> int:
        """
        Start the target.

        @return: its port.
        """
        factory = Factory.forProtocol(protocol)
        factory.noisy = False
        port: Any = await TCP4ServerEndpoint(reactor, 0, interface=LOCAL).listen(factory)
        self.addCleanup(port.stopListening)
        number: int = port.getHost().port
        return number

    async def kcptun(self, end: str, *flags: str) -> Program:
        """
        Start an end of kcptun's.
        """
        program = self.spawn(f"/usr/bin/kcptun-{end}", [*flags])
        await program.printed(r"snmpperiod|quiet:")
        return program

    def ours(self, end: str, flags: list[str], tcpPort: int) -> TunnelService:
        """
        Start an end of ours.

        @param tcpPort: at the server, the target's.
        """
        configuration = configure([*flags, "--quiet"], end, {})
        if end == CLIENT:
            server = TCP4ServerEndpoint(reactor, 0, interface=LOCAL)
            service = makeClient(reactor, configuration, server)
        else:
            target = TCP4ClientEndpoint(reactor, LOCAL, tcpPort)
            service = makeServer(reactor, configuration, target, LOCAL)
        service.privilegedStartService()
        service.startService()

        def stop() -> Any:
            if not service.running:
                return None
            stopped = service.stopService()
            # The other end may be dead.
            service.abort()
            return stopped

        self.addCleanup(stop)
        return service

    async def runServer(self, whose: str, flags: list[str], target: int, port: int = 0) -> int:
        """
        Start a server.

        @return: its UDP port.
        """
        port = port or freePort()
        listen = ["-l", f"{LOCAL}:{port}", "-t", f"{LOCAL}:{target}"]
        if whose == THEIRS:
            self.server: Any = await self.kcptun(SERVER, *listen, *flags)
        else:
            self.server = self.ours(SERVER, [*listen, *flags], target)
        return port

    async def runClient(self, whose: str, flags: list[str], server: int) -> int:
        """
        Start a client.

        @return: its TCP port.
        """
        remote = ["-r", f"{LOCAL}:{server}"]
        if whose == OURS:
            service = self.ours(CLIENT, [*remote, *flags], 0)
            self.client: Any = service
            (port,) = service.ports
            number: int = port.getHost().port  # type: ignore[attr-defined]
            return number
        number = freePort()
        self.client = await self.kcptun(CLIENT, "-l", f"{LOCAL}:{number}", *remote, *flags)
        return number

    async def stopBoth(self) -> None:
        """
        Stop both ends: ours first, while somebody acknowledges its last words.
        """
        for end in (self.client, self.server):
            if isinstance(end, TunnelService):
                await end.stopService()
        for end in (self.client, self.server):
            if isinstance(end, Program):
                await end.stop()

    def relay(self, target: int, loss: float) -> int:
        """
        A lossy path to a server.

        @return: its UDP port.
        """
        relay = LossyRelay(reactor, (LOCAL, target), Link(loss=loss, delay=0.002), seed=7)
        self.addCleanup(relay.stop)
        return relay.start()

    async def connect(self, port: int, size: int = 0) -> Asking:
        """
        Connect a program to a client.
        """
        endpoint = TCP4ClientEndpoint(reactor, LOCAL, port)
        asking: Asking = await connectProtocol(endpoint, Asking(size))
        return asking

    async def echo(self, port: int, size: int) -> None:
        """
        Send bytes through the tunnel, and get them back.
        """
        asking = await self.connect(port, size)
        data = payload(size)
        assert asking.transport is not None
        asking.transport.write(data)
        found = await asking.over
        self.assertEqual(len(found), size)
        self.assertEqual(sha256(found).hexdigest(), sha256(data).hexdigest())


def matrix() -> list[tuple[str, Settings]]:
    """
    Returns who is the server, and the settings: each cipher with each of the others' values, and
    each of these with each other.
    """
    ciphers = [name for name in CIPHERS if not re.fullmatch("null|.*gcm", name)]
    return [
        (
            OURS if isOurs else THEIRS,
            Settings(
                crypt,
                hasFEC=isOurs ^ bool(number & 1),
                smuxver=1 + (isOurs ^ bool(number & 2)),
                isCompressed=isOurs ^ bool(number & 4),
            ),
        )
        for number, crypt in enumerate(ciphers)
        for isOurs in (False, True)
    ]
