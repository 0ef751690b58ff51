"""
Tests for L{kcptwisted.endpoints} and L{kcptwisted.endpointstrings.parsers}.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import makedirs
from typing import Any

from twisted.internet import error
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.interfaces import (
    IHostnameResolver,
    IHostResolution,
    IResolutionReceiver,
    IStreamClientEndpoint,
    IStreamClientEndpointStringParserWithReactor,
    IStreamServerEndpoint,
    IStreamServerEndpointStringParser,
)
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.plugin import IPlugin, getPlugins
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint, randomConversation
from kcptwisted.endpointstrings.parsers import KCPClientParser, KCPServerParser
from kcptwisted.interfaces import Address, IDatagramProtocol
from kcptwisted.layer import DatagramLayer
from kcptwisted.options import KCPOptions
from kcptwisted.session.session import KCPSession
from kcptwisted.testing.names import FinishedResolution
from kcptwisted.wire.segment import ACK, Segment, decodeSegments
from tests.connections import CLIENT, PORT, SERVER, ConnectionTestCase, RecordingProtocol

NULL = KCPOptions(crypt="null")


class ParserTests(SynchronousTestCase):
    """
    Endpoint strings.
    """

    def test_interfaces(self) -> None:
        """
        The parsers are what Twisted's plugin system looks for, and it finds them.
        """
        for parser, interface in (
            (KCPClientParser(), IStreamClientEndpointStringParserWithReactor),
            (KCPServerParser(), IStreamServerEndpointStringParser),
        ):
            verifyObject(interface, parser)
            verifyObject(IPlugin, parser)
            self.assertIn(
                "kcp", [getattr(plugin, "prefix", None) for plugin in getPlugins(interface)]
            )

    def test_client(self) -> None:
        """
        A client string gives a client endpoint.
        """
        endpoint = clientFromString(object(), "kcp:example.com:4000:crypt=aes:key=secret")
        verifyObject(IStreamClientEndpoint, endpoint)
        assert isinstance(endpoint, KCPClientEndpoint)
        self.assertEqual((endpoint._host, endpoint._port), ("example.com", 4000))
        self.assertEqual(endpoint._options, KCPOptions(crypt="aes", key="secret"))

    def test_clientIPv6(self) -> None:
        """
        An IPv6 address goes with its colons escaped.
        """
        endpoint = clientFromString(object(), "kcp:fe80\\:\\:1:4000:crypt=null")
        assert isinstance(endpoint, KCPClientEndpoint)
        self.assertEqual(endpoint._host, "fe80::1")

    def test_server(self) -> None:
        """
        A server string gives a server endpoint.
        """
        endpoint = serverFromString(object(), "kcp:4000:interface=127.0.0.1:mode=fast3:crypt=null")
        verifyObject(IStreamServerEndpoint, endpoint)
        assert isinstance(endpoint, KCPServerEndpoint)
        self.assertEqual(
            endpoint.options, KCPOptions(crypt="null", mode="fast3", interface="127.0.0.1")
        )

    def test_secretsStayHidden(self) -> None:
        """
        No endpoint shows its key.
        """
        for endpoint in (
            clientFromString(object(), "kcp:example.com:4000:key=hunter2"),
            serverFromString(object(), "kcp:4000:key=hunter2"),
        ):
            self.assertNotIn("hunter2", repr(endpoint) + repr(vars(endpoint)))

    def test_errors(self) -> None:
        """
        What is wrong with a string is a ValueError that names it and what is allowed.
        """
        for text, expected in {
            "kcp:host": "host and port",
            "kcp:host:1:surplus": "host and port",
            "kcp:host:http": "port",
            "kcp:host:0": "port must be 1 to 65535",
            "kcp:host:65536": "port must be 1 to 65535",
            "kcp::4000": "host",
            "kcp:host:1:crypt=rot13": "crypt must be one of null, none, aes",
            "kcp:host:1:speed=9": "unknown client option 'speed'; allowed are bindAddress, fd",
            "kcp:host:1:fd=socket": "fd must be a number, 0 to 2147483647",
            "kcp:host:1:fd=3:bindAddress=::1": "host and port",
            "kcp:host:1:fd=3:bindAddress=1.2.3.4": "bindAddress must be left out with fd=3",
            "kcp:host:1:interface=lo": "unknown client option 'interface'",
            "kcp:host:1:receiveWindow=65536": "receiveWindow must be 1 to 65535 segments",
        }.items():
            with self.subTest(text=text):
                problem = self.assertRaises(ValueError, clientFromString, object(), text)
                self.assertIn(expected, str(problem))
        for text, expected in {
            "kcp": "the port",
            "kcp:1:2": "the port",
            "kcp:-1": "port",
            "kcp:4000:fd=3:interface=1.2.3.4": "interface must be left out with fd=3",
            "kcp:4000:fd=3:workers=2": "workers must be 1 with fd=3",
            "kcp:4000:timeout=3": "unknown server option 'timeout'",
            "kcp:4000:mtu=20:crypt=null": "mtu must be 25 to 1500",
        }.items():
            with self.subTest(text=text):
                problem = self.assertRaises(ValueError, serverFromString, object(), text)
                self.assertIn(expected, str(problem))


class ArgumentTests(SynchronousTestCase):
    """
    Endpoints in code.
    """

    def test_bounds(self) -> None:
        """
        Host and port are checked when the endpoint is made.
        """
        for port in (0, 65536, "4000", None):
            self.assertRaises(ValueError, KCPClientEndpoint, object(), "host", port)
        for host in ("", b"host", None):
            self.assertRaises(ValueError, KCPClientEndpoint, object(), host, 4000)
        self.assertRaises(ValueError, KCPServerEndpoint, object(), -1)

    def test_randomConversation(self) -> None:
        """
        Conversation ids are 32-bit numbers, not 0, and differ.
        """
        found = {randomConversation() for _ in range(1000)}
        self.assertGreater(len(found), 990)
        self.assertTrue(all(0 < conv < 1 << 32 for conv in found))


class Inverter(DatagramLayer):
    """
    A layer of a user's own: one byte more, all bits turned round.
    """

    ownOverhead = 1

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Turn and pass down.
        """
        super().writeDatagrams([self.turn(datagram) + b"!" for datagram in datagrams], address)

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Turn and pass up.
        """
        super().datagramsReceived([self.turn(datagram[:-1]) for datagram in datagrams], address)

    @staticmethod
    def turn(datagram: bytes) -> bytes:
        """
        @return: all bits turned round.
        """
        return bytes([byte ^ 0xFF for byte in datagram])


@implementer(IHostnameResolver)
class Silent:
    """
    A resolver that does not answer.

    @ivar receiver: what waits for the answer.
    """

    receiver: Any

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Any = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """
        Begin.
        """
        self.receiver = resolutionReceiver
        resolution = FinishedResolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)
        return resolution


class ConnectTests(ConnectionTestCase):
    """
    Names, addresses and layers.
    """

    def connectTo(self, host: str, options: KCPOptions = NULL) -> RecordingProtocol:
        """
        @return: the client's protocol.
        """
        endpoint = KCPClientEndpoint(self.network.host(CLIENT), host, PORT, options)
        connecting = endpoint.connect(self.clientFactory)
        self.network.run(0.5)
        protocol = self.successResultOf(connecting)
        assert isinstance(protocol, RecordingProtocol)
        return protocol

    def test_name(self) -> None:
        """
        A name is looked up.
        """
        self.network.host(SERVER, "server.example")
        self.listen()
        client = self.connectTo("server.example")
        self.assertEqual(client.session.getPeer(), IPv4Address("UDP", SERVER, PORT))

    def test_unknownName(self) -> None:
        """
        A name without address is a DNSLookupError.
        """
        endpoint = KCPClientEndpoint(self.network.host(CLIENT), "nowhere.example", PORT, NULL)
        failure = self.failureResultOf(endpoint.connect(self.clientFactory))
        self.assertTrue(failure.check(error.DNSLookupError))

    def test_malformedName(self) -> None:
        """
        A name that no host can have fails at once, and nobody is asked.
        """
        host = self.network.host(CLIENT)
        host.installNameResolver(Silent())
        for name in ("foo..bar", "a" * 64 + ".example"):
            endpoint = KCPClientEndpoint(host, name, PORT, NULL)
            failure = self.failureResultOf(endpoint.connect(self.clientFactory), ValueError)
            self.assertIn("host must be a name", str(failure.value))

    def test_unicodeName(self) -> None:
        """
        A name may be written in any script.
        """
        self.network.host(SERVER, "b\u00fccher.example")
        self.listen()
        self.connectTo("b\u00fccher.example")

    def test_silentResolver(self) -> None:
        """
        A look-up that is not answered fails after the timeout.
        """
        host = self.network.host(CLIENT)
        host.installNameResolver(Silent())
        options = KCPOptions(crypt="null", timeout=2)
        connecting = KCPClientEndpoint(host, "server.example", PORT, options).connect(
            self.clientFactory
        )
        self.network.run(1.9)
        self.assertNoResult(connecting)
        self.network.run(0.2)
        self.failureResultOf(connecting, error.DNSLookupError)
        self.assertEqual(self.network.clock.getDelayedCalls(), [])

    def test_silentAboutBindAddress(self) -> None:
        """
        So does that of the bindAddress.
        """
        host = self.network.host(CLIENT)
        host.installNameResolver(Silent())
        options = KCPOptions(crypt="null", timeout=2, bindAddress="me.example")
        connecting = KCPClientEndpoint(host, SERVER, PORT, options).connect(self.clientFactory)
        self.network.run(2.1)
        failure = self.failureResultOf(connecting, error.DNSLookupError)
        self.assertIn("me.example", str(failure.value))

    def test_silentAboutInterface(self) -> None:
        """
        So does that of a server's interface.
        """
        host = self.network.host(SERVER)
        host.installNameResolver(Silent())
        options = KCPOptions(crypt="null", interface="me.example")
        listening = KCPServerEndpoint(host, PORT, options).listen(self.serverFactory)
        self.network.run(30.1)
        failure = self.failureResultOf(listening, error.DNSLookupError)
        self.assertIn("me.example", str(failure.value))

    def test_lookUpCounts(self) -> None:
        """
        The time that a look-up took is not there for connecting any more.
        """
        host = self.network.host(CLIENT)
        resolver = Silent()
        host.installNameResolver(resolver)
        options = KCPOptions(crypt="null", timeout=2)
        connecting = KCPClientEndpoint(host, "server.example", PORT, options).connect(
            self.clientFactory
        )
        self.network.run(1.5)
        resolver.receiver.addressResolved(IPv4Address("UDP", "10.0.0.77", PORT))
        resolver.receiver.resolutionComplete()
        self.network.run(0.4)
        self.assertNoResult(connecting)
        self.network.run(0.2)
        self.failureResultOf(connecting, error.TimeoutError)

    def test_nextAddress(self) -> None:
        """
        If a name's first address refuses, the next one is tried.
        """
        self.network.host("10.0.0.8", "server.example")
        self.network.host(SERVER, "server.example")
        self.listen()
        client = self.connectTo("server.example")
        self.assertEqual(client.session.getPeer(), IPv4Address("UDP", SERVER, PORT))

    def test_lastAddress(self) -> None:
        """
        If all addresses refuse, the connection is refused.
        """
        self.network.host("10.0.0.8", "server.example")
        self.network.host(SERVER, "server.example")
        endpoint = KCPClientEndpoint(self.network.host(CLIENT), "server.example", PORT, NULL)
        connecting = endpoint.connect(self.clientFactory)
        self.network.run(0.5)
        self.failureResultOf(connecting, error.ConnectionRefusedError)

    def test_ipv6(self) -> None:
        """
        IPv6 addresses work at both ends.
        """
        server = self.network.host("fd00::2")
        options = KCPOptions(crypt="null", interface="fd00::2")
        self.successResultOf(KCPServerEndpoint(server, PORT, options).listen(self.serverFactory))
        endpoint = KCPClientEndpoint(self.network.host("fd00::1"), "fd00::2", PORT, NULL)
        connecting = endpoint.connect(self.clientFactory)
        self.network.run(0.1)
        self.successResultOf(connecting)
        peer = self.serverFactory.made[0].session.getPeer()
        self.assertIsInstance(peer, IPv6Address)
        self.assertEqual(peer.host, "fd00::1")

    def test_bindAddressOfOtherKind(self) -> None:
        """
        A bindAddress of the wrong kind is a ValueError that names it.
        """
        options = KCPOptions(crypt="null", bindAddress="::1")
        endpoint = KCPClientEndpoint(self.network.host(CLIENT), SERVER, PORT, options)
        failure = self.failureResultOf(endpoint.connect(self.clientFactory), ValueError)
        self.assertIn("bindAddress", str(failure.value))

    def test_layers(self) -> None:
        """
        A user's own layer sits around the cipher at both ends, and its bytes count in the mtu.
        """
        sizes: list[int] = []
        self.network.taps.append(lambda source, to, datagram: sizes.append(len(datagram)))
        options = KCPOptions(key="k", mtu=300)
        made: list[IDatagramProtocol] = []

        def layer(wrapped: IDatagramProtocol) -> IDatagramProtocol:
            made.append(Inverter(wrapped))
            return made[-1]

        self.listen(options, layers=[layer])
        connecting = self.begin(options, layers=[layer])
        self.network.run(0.1)
        self.successResultOf(connecting)
        data = self.data(5000)
        self.clientFactory.made[0].session.write(data)
        self.network.run(1)
        self.assertEqual(self.serverFactory.made[0].received, data)
        self.assertEqual((len(made), max(sizes)), (2, 300))

    def test_layerTooLarge(self) -> None:
        """
        A layer that leaves no room for a byte is a ValueError that names the mtu.
        """
        options = KCPOptions(crypt="null", mtu=25)
        endpoint = KCPServerEndpoint(self.network.host(SERVER), PORT, options, [Inverter])
        failure = self.failureResultOf(endpoint.listen(self.serverFactory), ValueError)
        self.assertIn("mtu must be 26 to 1500", str(failure.value))
        client = self.begin(options, layers=[Inverter])
        self.assertIn("mtu", str(self.failureResultOf(client, ValueError).value))
        self.assertEqual(self.network.host(CLIENT).ports, {})

    def test_layerMissingAtOneEnd(self) -> None:
        """
        A layer that only one end has keeps the ends apart.
        """
        port = self.listen(KCPOptions(key="k"))
        connecting = self.begin(KCPOptions(key="k", timeout=1), layers=[Inverter])
        self.network.run(2)
        self.failureResultOf(connecting, error.TimeoutError)
        self.assertGreater(port.stats.InCsumErrors, 0)


class SessionLayerTests(ConnectionTestCase):
    """
    A layer around a session.
    """

    def test_segments(self) -> None:
        """
        It sees the segments of its session and no others, inside the cipher and FEC, also where the
        connection is recorded.
        """
        directory = self.mktemp()
        makedirs(directory)
        for options in (
            KCPOptions(key="k", dataShards=2, parityShards=1),
            KCPOptions(key="k", dataShards=2, parityShards=1, qlog=directory),
        ):
            self.setUp()
            self.listen(KCPOptions(key="k", dataShards=2, parityShards=1))
            layers: list[Watcher] = []

            def wrap(
                above: IDatagramProtocol, session: KCPSession, layers: list[Watcher] = layers
            ) -> DatagramLayer:
                layers.append(Watcher(above, session))
                return layers[-1]

            endpoint = KCPClientEndpoint(
                self.network.host(CLIENT), SERVER, PORT, options, sessionLayer=wrap
            )
            self.assertEqual((endpoint.host, endpoint.port), (SERVER, PORT))
            connecting = endpoint.connect(self.clientFactory)
            self.network.run(1)
            protocol: Any = self.successResultOf(connecting)
            protocol.transport.write(b"hello")
            self.network.run(1)
            self.assertEqual(self.serverFactory.made[0].received, b"hello")
            (layer,) = layers
            self.assertIs(layer.session.transport, protocol.transport)
            self.assertIn(b"hello", [each.data for each in layer.sent])
            self.assertEqual({each.conv for each in layer.sent + layer.came}, {layer.session.conv})
            self.assertIn(ACK, [each.cmd for each in layer.came])


class Watcher(DatagramLayer):
    """
    Notes segments.
    """

    def __init__(self, wrapped: IDatagramProtocol, session: KCPSession) -> None:
        super().__init__(wrapped)
        self.session = session
        self.sent: list[Segment] = []
        self.came: list[Segment] = []

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Note.
        """
        for datagram in datagrams:
            self.sent += decodeSegments(datagram)
        super().writeDatagrams(datagrams, address)

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Note.
        """
        for datagram in datagrams:
            self.came += decodeSegments(datagram)
        super().datagramsReceived(datagrams, address)


class WarningTests(ConnectionTestCase):
    """
    Going without encryption.
    """

    def warnings(self, options: KCPOptions) -> int:
        """
        @return: how many warnings a listener logs.
        """
        with capturedLogs() as events:
            self.successResultOf(self.listen(options).stopListening())
        return len([event for event in events if event["log_level"] is LogLevel.warn])

    def test_keyUnused(self) -> None:
        """
        If KCP_KEY is set and no cipher asked for, the warning says that it is not used.
        """
        for environ, said in (
            ({"KCP_KEY": "hunter2"}, True),
            ({"KCP_KEY": ""}, False),
            ({}, False),
        ):
            with capturedLogs() as events:
                port = self.listen(KCPOptions(environ=environ))
                self.successResultOf(port.stopListening())
            texts = [formatEvent(event) for event in events]
            (text,) = [text for text in texts if "goes without encryption" in text]
            self.assertEqual("KCP_KEY is set, but" in text, said)
            self.assertEqual("crypt=aes-128-gcm" in text, said)
            self.assertNotIn("hunter2", text)
        self.assertEqual(self.warnings(KCPOptions(crypt="null", environ={"KCP_KEY": "x"})), 0)
        self.assertEqual(self.warnings(KCPOptions(key="k", environ={"KCP_KEY": "x"})), 0)

    def test_unprotected(self) -> None:
        """
        Neither key nor cipher is worth one warning; a choice or a key is worth none.
        """
        self.assertEqual(self.warnings(KCPOptions()), 1)
        self.assertEqual(self.warnings(KCPOptions(crypt="null")), 0)
        self.assertEqual(self.warnings(KCPOptions(key="k")), 0)
