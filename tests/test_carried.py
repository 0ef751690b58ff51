"""
Twisted's protocols over KCP.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Cooperator
from twisted.names import dns
from twisted.protocols import basic, haproxy, policies
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.web import client as webclient
from twisted.web import http, resource, server, static
from twisted.web.iweb import IAgentEndpointFactory
from twisted.words.protocols import irc
from zope.interface import implementer

from kcptwisted.errors import PeerReset
from tests.carrying import CarryingTestCase
from tests.connections import RecordingFactory, RecordingProtocol
from tests.tlscases import NAME, clientContext, serverContext, skipTLS

BIG = bytes(range(256)) * 8192


class Upload(resource.Resource):
    """
    Says what came.
    """

    isLeaf = True

    def render_GET(self, request: Any) -> bytes:
        """
        @return: a short text.
        """
        request.setHeader(b"content-type", b"text/plain")
        return b"secure" if request.isSecure() else b"hello"

    def render_POST(self, request: Any) -> bytes:
        """
        @return: how much came.
        """
        return b"%d" % len(request.content.read())


@implementer(IAgentEndpointFactory)
class OneEndpoint:
    """
    Connects to the same server whatever the URI says.
    """

    def __init__(self, endpoint: Any) -> None:
        self._endpoint = endpoint

    def endpointForURI(self, uri: Any) -> Any:
        """
        @return: the endpoint.
        """
        return self._endpoint


class WebTests(CarryingTestCase):
    """
    twisted.web, server and agent.
    """

    def site(self, root: Any, **options: Any) -> Any:
        """
        @return: a site on the simulated reactor.
        """
        return server.Site(root, reactor=self.serverHost, **options)

    def agent(self, endpoint: Any = None) -> Any:
        """
        @return: an agent that keeps its connections.
        """
        pool = webclient.HTTPConnectionPool(self.clientHost, persistent=True)
        endpoints = OneEndpoint(endpoint or self.client)
        return webclient.Agent.usingEndpointFactory(self.clientHost, endpoints, pool)

    def test_keepAlive(self) -> None:
        """
        Requests one after the other go over one connection, which the server closes when it has
        been idle.
        """
        port = self.serve(self.site(Upload(), timeout=60))
        agent = self.agent()

        async def ask() -> None:
            for _ in range(5):
                response = await agent.request(b"GET", b"http://kcp/")
                self.assertEqual(await webclient.readBody(response), b"hello")

        self.wait(ask())
        self.assertEqual(port.stats.PassiveOpens, 1)
        self.assertTrue(port.sessions[0].getTcpNoDelay())
        self.network.run(400)
        self.assertEqual(port.sessions, [])
        self.close(port)

    def test_upload(self) -> None:
        """
        A large body arrives whole.
        """
        port = self.serve(self.site(Upload()))
        cooperator = Cooperator(lambda: lambda: True, self.schedule)

        async def upload() -> bytes:
            body = webclient.FileBodyProducer(BytesIO(BIG), cooperator)
            response = await self.agent().request(b"POST", b"http://kcp/", None, body)
            received: bytes = await webclient.readBody(response)
            return received

        self.assertEqual(self.wait(upload()), b"%d" % len(BIG))
        self.close(port)

    def test_download(self) -> None:
        """
        So does a large file, whose producer is a pull producer.
        """
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(BIG)
        root = resource.Resource()
        root.putChild(b"file", static.File(path, defaultType="text/plain"))
        port = self.serve(self.site(root))

        async def download() -> bytes:
            response = await self.agent().request(b"GET", b"http://kcp/file")
            received: bytes = await webclient.readBody(response)
            return received

        self.assertEqual(self.wait(download()), BIG)
        self.close(port)

    def test_continue(self) -> None:
        """
        A client that waits for "100 Continue" gets it.
        """
        port = self.serve(self.site(Upload()))
        raw = RecordingFactory()
        self.wait(self.client.connect(raw))
        (protocol,) = raw.made
        protocol.session.write(
            b"POST / HTTP/1.1\r\nHost: kcp\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
        )
        self.network.runUntil(lambda: b"100 Continue\r\n\r\n" in protocol.received)
        protocol.session.write(b"12345")
        self.network.runUntil(lambda: protocol.received.endswith(b"\r\n\r\n5"))
        self.close(port)

    def test_slowClient(self) -> None:
        """
        A client that neither reads nor closes is aborted when the server's time is up.
        """
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(BIG)
        root = resource.Resource()
        root.putChild(b"file", static.File(path, defaultType="text/plain"))
        port = self.serve(self.site(root, timeout=60))
        raw = RecordingFactory()
        self.wait(self.client.connect(raw))
        (protocol,) = raw.made
        protocol.session.pauseProducing()
        protocol.session.write(b"GET /file HTTP/1.1\r\nHost: kcp\r\n\r\n")
        self.network.run(1)
        (session,) = port.sessions
        channel: Any = session.protocol
        channel._channel.timeOut = 60
        channel._channel.setTimeout(60)
        self.network.run(200)
        self.assertEqual(port.sessions, [])
        protocol.session.resumeProducing()
        self.network.run(1)
        self.close(port)

    def test_https(self) -> None:
        """
        TLS around it all, as C{tls:} and C{ssl:} have it.
        """
        if skipTLS is not None:
            self.skipTest(skipTLS)
        from twisted.internet.endpoints import wrapClientTLS
        from twisted.protocols import tls

        site = self.site(Upload())
        site.noisy = False
        port = self.serve(tls.TLSMemoryBIOFactory(serverContext(), False, site, self.serverHost))
        self.patch(tls, "_get_default_clock", lambda: self.clientHost)
        agent = self.agent(wrapClientTLS(clientContext(), self.client))

        async def ask() -> bytes:
            response = await agent.request(b"GET", b"http://%s/" % NAME.encode())
            received: bytes = await webclient.readBody(response)
            return received

        self.assertEqual(self.wait(ask()), b"secure")
        self.close(port)


class Adder(pb.Root):
    """
    A remote object.
    """

    def remote_add(self, first: int, second: int) -> int:
        """
        @return: the sum.
        """
        return first + second

    def remote_echo(self, data: bytes) -> bytes:
        """
        @return: the data.
        """
        return data

    def remote_fail(self) -> None:
        """
        @raise pb.Error: always.
        """
        raise pb.Error("no")


class PerspectiveBrokerTests(CarryingTestCase):
    """
    twisted.spread.
    """

    def test_calls(self) -> None:
        """
        Remote objects answer, and raise; when the connection goes they say so.
        """
        port = self.serve(pb.PBServerFactory(Adder()))
        factory = pb.PBClientFactory()
        factory.noisy = False
        self.wait(self.client.connect(factory))

        async def talk() -> None:
            root = await factory.getRootObject()
            self.assertEqual(await root.callRemote("add", 2, 3), 5)
            data = BIG[:500000]
            self.assertEqual(await root.callRemote("echo", data), data)
            with self.assertRaises(pb.RemoteError):
                await root.callRemote("fail")
            gone: Deferred[Any] = Deferred()
            root.notifyOnDisconnect(gone.callback)
            factory.disconnect()
            await gone
            with self.assertRaises(pb.DeadReferenceError):
                await root.callRemote("add", 1, 1)

        self.wait(talk())
        self.close(port)


class Lines(basic.LineReceiver):
    """
    Lines, and after "raw N" N bytes as they are; pauses after each line.
    """

    host: Any = None

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.left = 0

    def lineReceived(self, line: bytes) -> None:
        """
        Note, pause, and go on a second later.
        """
        self.seen.append(line)
        if line.startswith(b"raw "):
            self.left = int(line[4:])
            self.setRawMode()
        elif line == b"close":
            transport: Any = self.transport
            transport.loseConnection()
        else:
            self.pauseProducing()
            self.host.callLater(1, self.resumeProducing)

    def rawDataReceived(self, data: bytes) -> None:
        """
        Note, and go back to lines.
        """
        raw, rest = data[: self.left], data[self.left :]
        self.left -= len(raw)
        self.seen.append(raw)
        if not self.left:
            self.setLineMode(rest)


class BasicTests(CarryingTestCase):
    """
    twisted.protocols.basic.
    """

    def made(self, make: Any) -> tuple[Any, list[Any]]:
        """
        @return: a factory, and what it has made.
        """
        made: list[Any] = []

        class Server(Factory):
            def buildProtocol(self, addr: Any) -> Any:
                made.append(make())
                return made[-1]

        return Server(), made

    def test_lines(self) -> None:
        """
        Lines, raw data and pauses in turn; nothing is parsed after a close.
        """
        factory, made = self.made(Lines)
        self.patch(Lines, "host", self.serverHost)
        port = self.serve(factory)
        raw = RecordingFactory()
        self.wait(self.client.connect(raw))
        data = b"one\r\ntwo\r\nraw 9\r\n\r\n123\r\n\r\nthree\r\nclose\r\nfour\r\n"
        raw.made[0].session.write(data)
        self.network.run(10)
        (server,) = made
        self.assertEqual(
            [server.seen[0:3], b"".join(server.seen[3:-2]), server.seen[-2:]],
            [[b"one", b"two", b"raw 9"], b"\r\n123\r\n\r\n", [b"three", b"close"]],
        )
        self.assertEqual(len(raw.made[0].reasons), 1)
        self.close(port)

    def test_fileSender(self) -> None:
        """
        A file, by a pull producer.
        """
        port = self.serve(RecordingFactory())
        raw = RecordingFactory()
        self.wait(self.client.connect(raw))
        self.network.run(1)
        sent = basic.FileSender().beginFileTransfer(BytesIO(BIG), raw.made[0].session)
        self.assertEqual(self.wait(sent), BIG[-1:])
        (session,) = port.sessions
        self.network.runUntil(lambda: session.stats.BytesReceived == len(BIG))
        self.close(port)

    def test_strings(self) -> None:
        """
        Strings with a length before them.
        """
        for base in (basic.Int32StringReceiver, basic.NetstringReceiver):
            seen: list[bytes] = []

            class Receiver(base):  # type: ignore[valid-type,misc]
                MAX_LENGTH = len(BIG)

                def stringReceived(self, string: bytes, seen: list[bytes] = seen) -> None:
                    seen.append(string)

            port = self.serve(Factory.forProtocol(Receiver))
            sender = self.wait(self.client.connect(Factory.forProtocol(Receiver)))
            for string in (b"", b"x", BIG):
                sender.sendString(string)
            self.network.runUntil(lambda seen=seen: len(seen) == 3)  # type: ignore[misc]
            self.assertEqual(seen, [b"", b"x", BIG])
            self.close(port)


class Impatient(Protocol, policies.TimeoutMixin):
    """
    Waits five seconds.
    """

    def connectionMade(self) -> None:
        """
        Begin.
        """
        self.setTimeout(5)

    def dataReceived(self, data: bytes) -> None:
        """
        Begin anew.
        """
        self.resetTimeout()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Wait no more.
        """
        self.setTimeout(None)


class PoliciesTests(CarryingTestCase):
    """
    twisted.protocols.policies and haproxy.
    """

    def connected(self) -> RecordingProtocol:
        """
        @return: a new client.
        """
        factory = RecordingFactory()
        self.wait(self.client.connect(factory))
        return factory.made[0]

    def test_timeout(self) -> None:
        """
        A time-out closes the connection.
        """
        self.patch(Impatient, "callLater", staticmethod(self.serverHost.callLater))
        port = self.serve(Factory.forProtocol(Impatient))
        client = self.connected()
        for _ in range(3):
            client.session.write(b"x")
            self.network.run(4)
        self.assertEqual(client.reasons, [])
        self.network.run(3)
        self.assertIsInstance(client.reasons[0].value, ConnectionDone)
        self.close(port)

    def test_throttling(self) -> None:
        """
        A throttled server reads and writes at its rate, and nothing is lost.
        """
        inner = RecordingFactory()
        factory: Any = policies.ThrottlingFactory(inner, readLimit=10000, writeLimit=10000)
        factory.callLater = self.serverHost.callLater
        port = self.serve(factory)
        client = self.connected()
        client.session.write(BIG[:100000])
        self.network.run(2)
        client.session.write(BIG[100000:200000])
        self.network.run(3)
        self.assertLess(len(inner.made[0].received), 200000)
        self.network.run(60)
        self.assertEqual(inner.made[0].received, BIG[:200000])
        client.session.loseConnection()
        self.network.run(60)
        self.assertIsInstance(inner.made[0].reasons[0].value, ConnectionDone)
        self.close(port)

    def test_wrapping(self) -> None:
        """
        A wrapping protocol is in nobody's way, and shows the transport's interfaces.
        """
        inner = RecordingFactory()
        port = self.serve(policies.WrappingFactory(inner))
        client = self.connected()
        client.session.write(b"hello")
        self.network.run(1)
        wrapped: Any = inner.made[0].transport
        self.assertEqual(inner.made[0].received, b"hello")
        wrapped.setTcpNoDelay(True)
        self.assertFalse(ISSLTransport.providedBy(wrapped))
        wrapped.abortConnection()
        self.network.run(1)
        self.assertIsInstance(inner.made[0].reasons[0].value, ConnectionAborted)
        self.assertIsInstance(client.reasons[0].value, PeerReset)
        self.close(port)

    def test_haproxy(self) -> None:
        """
        A PROXY header tells the server where the client really is.
        """
        inner = RecordingFactory()
        port = self.serve(HAProxyWrappingFactory(inner))
        client = self.connected()
        client.session.write(b"PROXY TCP4 192.0.2.1 192.0.2.2 1111 2222\r\nhello")
        self.network.run(1)
        transport: Any = inner.made[0].transport
        self.assertEqual(inner.made[0].received, b"hello")
        self.assertEqual((transport.getPeer().host, transport.getPeer().port), ("192.0.2.1", 1111))
        self.assertTrue(haproxy.proxyEndpoint)
        self.close(port)


class OtherTests(CarryingTestCase):
    """
    Some of the rest.
    """

    def test_dns(self) -> None:
        """
        DNS, as over TCP.
        """

        class Controller:
            def connectionMade(self, protocol: Any) -> None:
                pass

            def connectionLost(self, protocol: Any) -> None:
                pass

            def messageReceived(self, message: Any, protocol: Any) -> None:
                message.answer = 1
                message.answers = [dns.RRHeader(b"kcp", payload=dns.Record_A("192.0.2.1"))]
                protocol.writeMessage(message)

        host = self.clientHost
        port = self.serve(Factory.forProtocol(lambda: dns.DNSProtocol(Controller())))
        factory = Factory.forProtocol(lambda: dns.DNSProtocol(Controller(), host))
        protocol = self.wait(self.client.connect(factory))
        answer = self.wait(protocol.query([dns.Query(b"kcp")]))
        self.assertEqual(answer.answers[0].payload.dottedQuad(), "192.0.2.1")
        self.close(port)

    def test_irc(self) -> None:
        """
        IRC, whose client greets first.
        """
        seen: list[tuple[str, list[str]]] = []

        class Server(irc.IRC):
            def handleCommand(self, command: str, prefix: str, params: list[str]) -> None:
                seen.append((command, params))

        class Client(irc.IRCClient):
            nickname = "kcp"
            heartbeatInterval: Any = None

        port = self.serve(Factory.forProtocol(Server))
        client = self.wait(self.client.connect(Factory.forProtocol(Client)))
        client.msg("#twisted", "hello")
        self.network.run(1)
        self.assertIn(("NICK", ["kcp"]), seen)
        self.assertIn(("PRIVMSG", ["#twisted", "hello"]), seen)
        self.close(port)

    def test_pipelining(self) -> None:
        """
        HTTP requests that come together are answered in order.
        """
        site = server.Site(Upload(), reactor=self.serverHost)
        port = self.serve(site)
        factory = RecordingFactory()
        self.wait(self.client.connect(factory))
        protocol = factory.made[0]
        protocol.session.write(b"GET / HTTP/1.1\r\nHost: kcp\r\n\r\n" * 20)
        self.network.runUntil(lambda: protocol.received.count(b"hello") == 20)
        self.assertIsInstance(http.HTTPChannel, type)
        self.close(port)
