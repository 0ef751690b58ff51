"""
Connections over real sockets on loopback, in trial's reactor.
"""

from __future__ import annotations

import socket
from random import Random
from typing import Any

from twisted.internet import error
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.python.filepath import FilePath
from twisted.trial.unittest import TestCase
from twisted.web import tap as web
from twisted.web.client import Agent, readBody
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from kcptwisted.testing.link import Link
from kcptwisted.testing.lossyrelay import LossyRelay
from tests.recording import RecordingTransport

LENGTH = 2_000_000


class Echo(Protocol):
    """
    Writes back what it receives.
    """

    transport: Any

    def dataReceived(self, data: bytes) -> None:
        """
        Write back.
        """
        self.transport.write(data)


class Collector(Protocol):
    """
    Gathers so many bytes.
    """

    transport: Any

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.missing = LENGTH
        self.complete: Deferred[bytes] = Deferred()
        self.lost: Deferred[object] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        """
        Gather.
        """
        self.pieces.append(data)
        self.missing -= len(data)
        if self.missing <= 0 and not self.complete.called:
            self.complete.callback(b"".join(self.pieces))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Note.
        """
        self.lost.callback(reason.value)


class LiveTestCase(TestCase):
    """
    An echo server, and clients of it.
    """

    timeout = 60

    def setUp(self) -> None:
        """
        Use trial's reactor.
        """
        from twisted.internet import reactor

        self.reactor: Any = reactor

    @inlineCallbacks
    def serve(self, string: str) -> Any:
        """
        @return: a Deferred of a port that echoes, and is closed after the test.
        """
        factory = Factory.forProtocol(Echo)
        factory.noisy = False
        port = yield serverFromString(self.reactor, string).listen(factory)

        def stop() -> Deferred[None]:
            for session in port.sessions:
                session.abortConnection()
            stopped: Deferred[None] = port.stopListening()
            return stopped

        self.addCleanup(stop)
        return port

    @inlineCallbacks
    def echo(self, string: str) -> Any:
        """
        Connect, have bytes echoed, and close.

        @return: a Deferred of the client's protocol.
        """
        factory = Factory.forProtocol(Collector)
        factory.noisy = False
        client = yield clientFromString(self.reactor, string).connect(factory)
        data = Random(5).randbytes(LENGTH)
        client.transport.write(data)
        received = yield client.complete
        self.assertEqual(received, data)
        client.transport.loseConnection()
        reason = yield client.lost
        self.assertIsInstance(reason, error.ConnectionDone)
        return client


class EchoTests(LiveTestCase):
    """
    Bytes go there and back.
    """

    @inlineCallbacks
    def check(self, options: str, interface: str = "127.0.0.1", host: str = "127.0.0.1") -> Any:
        """
        The same options at both ends.
        """
        port = yield self.serve(f"kcp:0:interface={interface}:{options}")
        yield self.echo(f"kcp:{host}:{port.getHost().port}:{options}")

    def test_null(self) -> Any:
        """
        Without a cipher.
        """
        return self.check("crypt=null")

    def test_name(self) -> Any:
        """
        To a host by its name.
        """
        return self.check("crypt=null", host="localhost")

    def test_ipv6(self) -> Any:
        """
        Over IPv6.
        """
        return self.check("key=k", interface="\\:\\:1", host="\\:\\:1")

    @inlineCallbacks
    def test_spellings(self) -> Any:
        """
        To an address in another spelling than the kernel's.
        """
        for interface, host in (
            ("127.0.0.1", "0.0.0.0"),
            ("\\:\\:1", "0\\:0\\:0\\:0\\:0\\:0\\:0\\:1"),
        ):
            yield self.check("crypt=null", interface=interface, host=host)

    def test_interfaceName(self) -> Any:
        """
        Listening at a host name, sending from one.
        """
        return self.check("crypt=null", interface="localhost", host="localhost")

    def test_fec(self) -> Any:
        """
        With a cipher, FEC, and everything else that is not the default.
        """
        return self.check(
            "crypt=aes-192:rawKey=" + "5a" * 24 + ":dataShards=5:parityShards=2:mode=fast3:mtu=900"
            ":sendWindow=256:receiveWindow=200:ackNoDelay=yes:writeDelay=yes:dscp=46"
            ":socketBuffer=65536:linger=3"
        )

    @inlineCallbacks
    def test_bindAddress(self) -> Any:
        """
        A client's datagrams come from its bindAddress.
        """
        port = yield self.serve("kcp:0:interface=127.0.0.1:crypt=null")
        client = yield self.echo(
            f"kcp:127.0.0.1:{port.getHost().port}:crypt=null:bindAddress=127.0.0.7"
        )
        self.assertEqual(client.transport.getHost().host, "127.0.0.7")

    @inlineCallbacks
    def test_lossyRelay(self) -> Any:
        """
        Through a relay that loses, delays and reorders; it counts what it did.
        """
        port = yield self.serve("kcp:0:interface=127.0.0.1:key=k:mode=fast3")
        target = ("127.0.0.1", port.getHost().port)
        relay = LossyRelay(self.reactor, target, Link(loss=0.05, delay=0.005, jitter=0.002), 3)
        number = relay.start()
        self.addCleanup(relay.stop)
        client = yield self.echo(f"kcp:127.0.0.1:{number}:key=k:mode=fast3")
        self.assertGreater(relay.outward.lost, 0)
        self.assertGreater(relay.inward.lost, 0)
        self.assertGreater(client.transport.stats.RetransSegs, 0)


def closedPort() -> int:
    """
    @return: a UDP port that nobody listens on.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        number: int = sock.getsockname()[1]
        return number


@implementer(IAgentEndpointFactory)
class KCPEndpoints:
    """
    Has an HTTP client connect by KCP.
    """

    def __init__(self, reactor: Any, string: str) -> None:
        self._endpoint = clientFromString(reactor, string)

    def endpointForURI(self, uri: object) -> Any:
        """
        @return: the endpoint, whatever the URI.
        """
        return self._endpoint


class WebTests(LiveTestCase):
    """
    C{twistd web --listen kcp:...}.
    """

    @inlineCallbacks
    def test_web(self) -> Any:
        """
        Twisted's own web service takes the endpoint, and its HTTP client fetches a file there.
        """
        directory = FilePath(self.mktemp())
        directory.makedirs()
        content = Random(2).randbytes(LENGTH)
        directory.child("file").setContent(content)
        end = f"{closedPort()}:key=k"
        options = web.Options()
        listen = f"kcp:{end}:interface=127.0.0.1"
        options.parseOptions(["--path", directory.path, "--listen", listen])
        service = web.makeService(options)
        service.startService()
        self.addCleanup(service.stopService)
        endpoints = KCPEndpoints(self.reactor, f"kcp:127.0.0.1:{end}")
        agent = Agent.usingEndpointFactory(self.reactor, endpoints)
        response = yield agent.request(b"GET", b"http://server.example/file")
        body = yield readBody(response)
        self.assertEqual((response.code, body), (200, content))


class FailureTests(LiveTestCase):
    """
    What goes wrong on real sockets.
    """

    @inlineCallbacks
    def test_refused(self) -> Any:
        """
        ICMP's port unreachable is a ConnectionRefusedError.
        """
        endpoint = clientFromString(self.reactor, f"kcp:127.0.0.1:{closedPort()}:crypt=null")
        yield self.assertFailure(
            endpoint.connect(Factory.forProtocol(Collector)), error.ConnectionRefusedError
        )

    @inlineCallbacks
    def abandoned(self) -> Any:
        """
        Connect to a server.

        @return: a Deferred of the client's protocol and the server's port.
        """
        port = yield self.serve("kcp:0:interface=127.0.0.1:crypt=null")
        factory = Factory.forProtocol(Collector)
        factory.noisy = False
        client = yield clientFromString(
            self.reactor, f"kcp:127.0.0.1:{port.getHost().port}:crypt=null:deadAfter=0.5"
        ).connect(factory)
        return client, port

    @inlineCallbacks
    def test_serverStops(self) -> Any:
        """
        A server that stops says so, and the connection is closed cleanly.
        """
        client, port = yield self.abandoned()
        yield port.stopListening()
        reason = yield client.lost
        self.assertIsInstance(reason, error.ConnectionDone)

    @inlineCallbacks
    def test_serverGone(self) -> Any:
        """
        One that is killed, and so cannot say anything, is noticed with the next write.
        """
        client, port = yield self.abandoned()
        for stack in port._listener.stack.sessions.values():
            stack._transport = RecordingTransport()
        yield port.stopListening("abort")
        client.transport.write(b"anybody?")
        reason = yield client.lost
        self.assertIsInstance(reason, error.ConnectionRefusedError)

    @inlineCallbacks
    def test_cancelLookup(self) -> Any:
        """
        Connecting can be cancelled while Twisted's own resolver, which cannot, looks a name up.
        """
        factory = Factory.forProtocol(Collector)
        connecting = clientFromString(self.reactor, "kcp:localhost:4000:crypt=null").connect(
            factory
        )
        connecting.cancel()
        yield self.assertFailure(connecting, error.ConnectingCancelledError)

    @inlineCallbacks
    def test_addressTaken(self) -> Any:
        """
        A port that is taken cannot be listened on.
        """
        port = yield self.serve("kcp:0:interface=127.0.0.1:crypt=null")
        endpoint = serverFromString(
            self.reactor, f"kcp:{port.getHost().port}:interface=127.0.0.1:crypt=null"
        )
        yield self.assertFailure(
            endpoint.listen(Factory.forProtocol(Echo)), error.CannotListenError
        )

    @inlineCallbacks
    def test_bindAddressUnknown(self) -> Any:
        """
        An address that this host does not have cannot be sent from.
        """
        endpoint = clientFromString(
            self.reactor, "kcp:127.0.0.1:4000:crypt=null:bindAddress=192.0.2.1"
        )
        yield self.assertFailure(
            endpoint.connect(Factory.forProtocol(Collector)), error.CannotListenError
        )
