"""
Tests for L{kcptwisted.endpoints}: with sockets of the application's own.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.internet import reactor as installedReactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.error import (
    CannotListenError,
    ConnectingCancelledError,
    ConnectionDone,
    DNSLookupError,
    TimeoutError,
)
from twisted.internet.interfaces import IReactorSocket, IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.protocols.wire import Echo
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface import directlyProvides

from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.layer import DatagramLayer
from kcptwisted.options import KCPOptions
from kcptwisted.testing import SimulatedNetwork
from kcptwisted.udp import activation

reactor: Any = installedReactor

NULL = KCPOptions(crypt="null", mode="fast3")
QUICK = KCPOptions(crypt="null", mode="fast3", timeout=0.3)
ECHO: Any = Factory.forProtocol(Echo)


class Caller(Protocol):
    """
    Sends, and waits for the echo.
    """

    transport: Any

    def __init__(self) -> None:
        self._received = b""
        self._awaited: Deferred[bytes] = Deferred()
        self.lost: Deferred[object] = Deferred()

    def call(self, data: bytes) -> Deferred[bytes]:
        """
        @return: fires with the echo of C{data}.
        """
        self._received = b""
        self._wanted = len(data)
        self._awaited = Deferred()
        self.transport.write(data)
        return self._awaited

    def dataReceived(self, data: bytes) -> None:
        self._received += data
        if len(self._received) == self._wanted:
            self._awaited.callback(self._received)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost.callback(reason.value)


class AdoptingReactor:
    """
    A reactor that adopts sockets, and has no file descriptors for others.
    """

    def __init__(self) -> None:
        directlyProvides(self, IReactorSocket, IReactorTime)
        self.adoptDatagramPort = reactor.adoptDatagramPort
        self.callLater = reactor.callLater
        self.seconds = reactor.seconds
        self.getDelayedCalls = reactor.getDelayedCalls
        self.addSystemEventTrigger = reactor.addSystemEventTrigger
        self.removeSystemEventTrigger = reactor.removeSystemEventTrigger


class Names:
    """
    A reactor that finds no name, or does not answer.

    @ivar silent: whether it does not answer.
    """

    def __init__(self) -> None:
        self.silent = False
        self.nameResolver = self
        self.callLater = reactor.callLater
        self.seconds = reactor.seconds

    def resolveHostName(self, receiver: Any, *_: object, **__: object) -> None:
        """
        Give no address.
        """
        if not self.silent:
            receiver.resolutionComplete()


class GivenCase(TestCase):
    """
    Opens sockets, servers and clients.
    """

    timeout = 30

    #: Of the servers and clients.
    reactor: Any = reactor

    def open(self, host: str = "127.0.0.1") -> socket.socket:
        """
        @return: the application's socket.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        self.addCleanup(sock.close)
        sock.bind((host, 0))
        return sock

    async def listen(self, sock: socket.socket | None = None, port: int = 0) -> Any:
        """
        @return: the port of an echo server.
        """
        options = NULL if sock else KCPOptions(crypt="null", interface="127.0.0.1")
        endpoint = KCPServerEndpoint(self.reactor, port, options, socket=sock)
        listening = await endpoint.listen(ECHO)
        self.addCleanup(listening.stopListening, "abort")
        return listening

    def endpoint(
        self, port: int, sock: socket.socket | int, host: str = "127.0.0.1"
    ) -> KCPClientEndpoint:
        """
        @return: a client's.
        """
        return KCPClientEndpoint(self.reactor, host, port, NULL, socket=sock)

    async def connect(self, endpoint: KCPClientEndpoint) -> Caller:
        """
        @return: a caller, connected.
        """
        protocol: Any = await endpoint.connect(Factory.forProtocol(Caller))
        self.addCleanup(lambda: protocol.lost)
        self.addCleanup(protocol.transport.abortConnection)
        assert isinstance(protocol, Caller)
        return protocol


class LiveTests(GivenCase):
    """
    Over real sockets.
    """

    async def check(self, host: str) -> None:
        """
        Both ends use sockets of the application's, which goes on with them afterwards.
        """
        ours, theirs = self.open(host), self.open(host)
        port = await self.listen(theirs)
        self.assertEqual(port.getHost().port, theirs.getsockname()[1])
        caller = await self.connect(self.endpoint(port.getHost().port, ours, host))
        peer = caller.transport.getHost()
        self.assertEqual((peer.host, peer.port), ours.getsockname()[:2])
        data = bytes(range(256)) * 2000
        self.assertEqual(await caller.call(data), data)
        (session,) = port.sessions
        self.assertEqual(session.getPeer().port, ours.getsockname()[1])
        caller.transport.loseConnection()
        self.assertIsInstance(await caller.lost, ConnectionDone)
        await port.stopListening()
        await self.closed(ours)
        theirs.settimeout(5)
        ours.sendto(b"goes on", theirs.getsockname())
        # Last copies of the connection's segments may come first.
        while theirs.recv(2000) != b"goes on":
            pass

    async def closed(self, sock: socket.socket) -> None:
        """
        Wait until no client has a socket any more.
        """
        turns = 0
        while not sock.getblocking() or not _blocks(sock):
            turns += 1
            self.assertLess(turns, 1000)
            await _turn()

    async def test_ipv4(self) -> None:
        """
        Over IPv4.
        """
        await self.check("127.0.0.1")

    async def test_ipv6(self) -> None:
        """
        Over IPv6.
        """
        await self.check("::1")

    async def test_holePunching(self) -> None:
        """
        Datagrams of others, and those that were sent before, do not disturb the connection.
        """
        ours, theirs, stun = self.open(), self.open(), self.open()
        for sock, other in ((ours, theirs), (theirs, ours), (stun, ours), (stun, theirs)):
            sock.sendto(b"punch", other.getsockname())
        port = await self.listen(theirs)
        caller = await self.connect(self.endpoint(port.getHost().port, ours))
        stun.sendto(b"late answer", ours.getsockname())
        self.assertEqual(await caller.call(b"x" * 5000), b"x" * 5000)
        # Two of others, and the peer's own, which is no KCP.
        self.assertEqual(caller.transport.portStats.InErrs, 3)

    async def test_closedEarly(self) -> None:
        """
        The application may close its own socket as soon as connect and listen have returned.
        """
        ours, theirs = self.open(), self.open()
        port = await self.listen(theirs)
        theirs.close()
        endpoint = self.endpoint(port.getHost().port, ours)
        connecting = endpoint.connect(Factory.forProtocol(Caller))
        ours.close()
        caller: Any = await connecting
        self.assertEqual(await caller.call(b"hello"), b"hello")
        caller.transport.abortConnection()
        await caller.lost

    async def test_inUse(self) -> None:
        """
        Two connections, or two ports, on one socket are refused, by whatever endpoint; when the
        first has ended the next may begin.
        """
        theirs, ours = self.open(), self.open()
        port = await self.listen(theirs)
        number = port.getHost().port
        endpoint = self.endpoint(number, ours)
        first = await self.connect(endpoint)
        for other in (endpoint, self.endpoint(number, ours), self.endpoint(number, ours.fileno())):
            problem = await self.assertFailure(other.connect(ECHO), CannotListenError)
            self.assertIn("socket is in use by another connection or port", str(problem))
        server = KCPServerEndpoint(reactor, 0, NULL, socket=theirs)
        await self.assertFailure(server.listen(ECHO), CannotListenError)
        first.transport.abortConnection()
        await first.lost
        await self.closed(ours)
        second = await self.connect(endpoint)
        self.assertEqual(await second.call(b"again"), b"again")

    async def test_strings(self) -> None:
        """
        Endpoint strings take descriptors; a server's needs no port.
        """
        ours, theirs = self.open(), self.open()
        number = theirs.getsockname()[1]
        for text in (
            "kcp:fd={}",
            "kcp:0:fd={}",
            f"kcp:{number}:fd={{}}",
            f"kcp:fd={{}}:port={number}",
        ):
            server = serverFromString(reactor, text.format(theirs.fileno()) + ":crypt=null")
            port: Any = await server.listen(ECHO)
            self.assertEqual(port.getHost().port, number)
            await port.stopListening()
        port = await self.listen(theirs)
        text = f"kcp:127.0.0.1:{number}:fd={ours.fileno()}:crypt=null"
        endpoint = clientFromString(reactor, text)
        assert isinstance(endpoint, KCPClientEndpoint)
        caller = await self.connect(endpoint)
        self.assertEqual(await caller.call(b"hello"), b"hello")

    async def test_systemd(self) -> None:
        """
        A server's endpoint string takes a socket of systemd's, by its number or its name.
        """
        ours = self.open()
        given = {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "kcp", "LISTEN_PID": str(os.getpid())}
        self.patch(os, "environ", {**os.environ, **given})
        self.patch(activation, "START", ours.fileno())
        for text in ("kcp:systemd=0", "kcp:0:systemd=kcp"):
            server = serverFromString(reactor, f"{text}:crypt=null")
            port: Any = await server.listen(ECHO)
            self.assertEqual(port.getHost().port, ours.getsockname()[1])
            await port.stopListening()
        for text, expected in (
            ("kcp:systemd=1", "systemd must be less than 1"),
            ("kcp:systemd=other", "systemd must be a number or one of kcp, not 'other'"),
            ("kcp:systemd=0:fd=3", "fd and systemd exclude each other"),
            ("kcp:systemd=0:interface=1.2.3.4", "interface must be left out with systemd=0"),
            ("kcp:systemd=0:workers=2", "workers must be 1 with systemd=0"),
        ):
            error = self.assertRaises(ValueError, serverFromString, reactor, f"{text}:crypt=null")
            self.assertIn(expected, str(error))
        error = self.assertRaises(
            ValueError,
            KCPServerEndpoint,
            reactor,
            0,
            KCPOptions(crypt="null", systemd="0"),
            socket=ours,
        )
        self.assertIn("socket and systemd exclude each other", str(error))

    async def test_repr(self) -> None:
        """
        Endpoints show what they use.
        """
        server = KCPServerEndpoint(reactor, 0, KCPOptions(crypt="null", fd=3))
        self.assertEqual(repr(server), "<KCPServerEndpoint :0 with fd=3>")
        self.assertEqual(
            repr(self.endpoint(4000, self.open())),
            "<KCPClientEndpoint 127.0.0.1:4000 with socket>",
        )

    async def test_connected(self) -> None:
        """
        A client's socket may be connected to the server, and to nobody else.
        """
        port = await self.listen()
        ours, other = self.open(), self.open()
        ours.connect(("127.0.0.1", port.getHost().port))
        caller = await self.connect(self.endpoint(port.getHost().port, ours))
        self.assertEqual(await caller.call(b"hello"), b"hello")
        other.connect(ours.getsockname())
        endpoint = self.endpoint(port.getHost().port, other)
        problem = await self.assertFailure(endpoint.connect(ECHO), ValueError)
        self.assertIn("which socket is connected to", str(problem))

    async def test_dualStack(self) -> None:
        """
        A socket of both families reaches an IPv4 server by its mapped address.
        """
        port = await self.listen()
        ours = self.open("::")
        caller = await self.connect(
            self.endpoint(port.getHost().port, ours, host="::ffff:127.0.0.1")
        )
        self.assertEqual(await caller.call(b"hello"), b"hello")

    async def test_timeout(self) -> None:
        """
        A client that nobody answers gives its socket back.
        """
        ours, silent = self.open(), self.open()
        number = silent.getsockname()[1]
        endpoint = KCPClientEndpoint(reactor, "127.0.0.1", number, QUICK, socket=ours)
        await self.assertFailure(endpoint.connect(ECHO), TimeoutError)
        await self.closed(ours)

    async def test_unresolved(self) -> None:
        """
        If the host has no address, or the look-up is cancelled, the socket is given back.
        """
        ours = self.open()
        names = Names()
        endpoint = KCPClientEndpoint(names, "a.example", 4000, NULL, socket=ours)
        await self.assertFailure(endpoint.connect(ECHO), DNSLookupError)
        self.assertTrue(_blocks(ours))
        names.silent = True
        connecting = endpoint.connect(ECHO)
        self.assertFalse(_blocks(ours))
        connecting.cancel()
        await self.assertFailure(connecting, ConnectingCancelledError)
        self.assertTrue(_blocks(ours))

    async def test_otherPort(self) -> None:
        """
        A server's port, if it is not 0, must be that of the socket.
        """
        theirs = self.open()
        number = theirs.getsockname()[1]
        endpoint = KCPServerEndpoint(reactor, number % 65535 + 1, NULL, socket=theirs)
        problem = await self.assertFailure(endpoint.listen(ECHO), ValueError)
        self.assertIn(f"port must be 0 or {number}, that of socket", str(problem))
        self.assertTrue(_blocks(theirs))

    async def test_connectedServer(self) -> None:
        """
        A server cannot use a socket that has one peer.
        """
        theirs = self.open()
        theirs.connect(("127.0.0.1", 9))
        endpoint = KCPServerEndpoint(reactor, 0, NULL, socket=theirs)
        problem = await self.assertFailure(endpoint.listen(ECHO), ValueError)
        self.assertIn("socket must have no peer", str(problem))

    async def test_family(self) -> None:
        """
        A host of the other family is refused, and the socket given back.
        """
        ours = self.open("::1")
        endpoint = self.endpoint(4000, ours)
        problem = await self.assertFailure(endpoint.connect(ECHO), ValueError)
        self.assertIn("host must be of IPv6, as socket is, not '127.0.0.1'", str(problem))
        self.assertTrue(_blocks(ours))

    async def test_layersTooLarge(self) -> None:
        """
        If the layers leave no room for data, the socket is given back.
        """

        class Huge(DatagramLayer):
            ownOverhead = 1400

        ours = self.open()
        client = KCPClientEndpoint(reactor, "127.0.0.1", 4000, NULL, [Huge], socket=ours)
        server = KCPServerEndpoint(reactor, 0, NULL, [Huge], socket=ours)
        await self.assertFailure(client.connect(ECHO), ValueError)
        self.assertTrue(_blocks(ours))
        await self.assertFailure(server.listen(ECHO), ValueError)
        self.assertTrue(_blocks(ours))

    async def test_wrongKind(self) -> None:
        """
        Wrong sockets are refused by both ends, by connect and listen.
        """
        with socket.socket() as stream:
            stream.bind(("127.0.0.1", 0))
            outcomes: list[Deferred[Any]] = [
                self.endpoint(4000, stream).connect(ECHO),
                KCPServerEndpoint(reactor, 0, NULL, socket=stream).listen(ECHO),
            ]
            for outcome in outcomes:
                problem = await self.assertFailure(outcome, ValueError)
                self.assertIn("socket must be a bound UDP socket", str(problem))


class AdoptingTests(LiveTests):
    """
    The same on a reactor that only adopts sockets.
    """

    def setUp(self) -> None:
        """
        Have the reactor.
        """
        self.reactor = AdoptingReactor()

    async def listen(self, sock: socket.socket | None = None, port: int = 0) -> Any:
        """
        A socket that is not given takes a reactor that can open one.
        """
        if sock is None:
            self.reactor, adopting = reactor, self.reactor
            try:
                return await super().listen(sock, port)
            finally:
                self.reactor = adopting
        return await super().listen(sock, port)


class ArgumentTests(SynchronousTestCase):
    """
    What does not go together.
    """

    def test_refused(self) -> None:
        """
        Two sockets, a second address, and workers are refused when the endpoint is made.
        """
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for options, expected in (
                ({"fd": 3}, "socket and fd exclude each other: give one"),
                ({"bindAddress": "127.0.0.1"}, "bindAddress must be left out with socket"),
                ({"interface": "127.0.0.1"}, "interface must be left out with socket"),
                ({"workers": 2}, "workers must be 1 with socket"),
            ):
                given: Any = options
                parsed = KCPOptions(crypt="null", **given)
                for make in (
                    lambda parsed=parsed: KCPServerEndpoint(object(), 0, parsed, socket=sock),
                    lambda parsed=parsed: KCPClientEndpoint(object(), "a", 1, parsed, socket=sock),
                ):
                    problem = self.assertRaises(ValueError, make)
                    self.assertIn(expected, str(problem))

    def test_reactor(self) -> None:
        """
        A reactor that can take no socket says so.
        """
        host = SimulatedNetwork().host("10.0.0.1")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            outcomes: list[Deferred[Any]] = [
                KCPServerEndpoint(host, 0, NULL, socket=sock).listen(ECHO),
                KCPClientEndpoint(host, "10.0.0.2", 4000, NULL, socket=sock).connect(ECHO),
            ]
            for outcome in outcomes:
                problem = self.failureResultOf(outcome, CannotListenError)
                self.assertIn("takes no sockets", problem.getErrorMessage())
            self.assertTrue(_blocks(sock))


def _blocks(sock: socket.socket) -> bool:
    """
    Whether a socket blocks, whatever its object says.
    """
    return os.get_blocking(sock.fileno())


def _turn() -> Deferred[None]:
    """
    @return: fires in the next turn.
    """
    later: Deferred[None] = Deferred()
    reactor.callLater(0, later.callback, None)
    return later
