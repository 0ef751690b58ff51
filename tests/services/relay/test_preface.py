"""
Tests for the PROXY protocol at the target of a relay, in a simulated network.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.protocol import Factory
from twisted.protocols.haproxy._v2parser import V2Parser

from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.options import KCPOptions
from kcptwisted.services.relay.factory import RelayFactory
from kcptwisted.services.relay.proxied import ProxiedFactory
from kcptwisted.services.relay.proxyprotocol import header
from kcptwisted.services.relay.routes import Route
from tests.connections import RecordingFactory, RecordingProtocol
from tests.services.relay.udpworld import (
    CLIENT,
    ENTRY,
    FAR,
    NEAR,
    SERVER,
    TARGET,
    RelayedUDPCase,
)

PLAIN = KCPOptions(crypt="null")


class DatagramTests(RelayedUDPCase):
    """
    A target of datagrams.
    """

    def opened(self, data: bytes) -> tuple[Any, Any, bytes]:
        """
        @return: the addresses that a datagram's header names, and the rest.
        """
        info, rest = V2Parser().feed(data)
        assert info is not None and rest is not None
        return info.source, info.destination, rest

    def test_each(self) -> None:
        """
        Each datagram has its header, and the answers have none.
        """
        self.relay(NEAR, Route(f"udp:{ENTRY}", f"udp:{SERVER}:{TARGET}", proxyProtocol="v2"))
        self.server.answers = False
        client = self.client(1234)
        for data in (b"a", b"b", b""):
            client.send(data)
        self.run_()
        peer, host = IPv4Address("UDP", CLIENT, 1234), IPv4Address("UDP", NEAR, ENTRY)
        self.assertEqual(
            [self.opened(data) for data in self.server.data],
            [(peer, host, b"a"), (peer, host, b"b"), (peer, host, b"")],
        )
        self.server.transport.write(b"answer", self.server.got[0][1])
        self.run_()
        self.assertEqual(client.data, [b"answer"])

    def test_throughKCP(self) -> None:
        """
        The header of the near relay reaches a target behind another one, reliably or not.
        """
        for reliable in (False, True):
            self.setUp()
            self.relay(
                FAR, Route("kcp:4000:crypt=null", f"udp:{SERVER}:{TARGET}", reliable=reliable)
            )
            near = Route(
                f"udp:{ENTRY}",
                f"kcp:{FAR}:4000:crypt=null",
                reliable=reliable,
                proxyProtocol="v2",
            )
            self.relay(NEAR, near)
            self.client(1234).send(b"a")
            self.run_()
            ((peer, _, rest),) = map(self.opened, self.server.data)
            self.assertEqual((peer, rest), (IPv4Address("UDP", CLIENT, 1234), b"a"))


class StreamTests(RelayedUDPCase):
    """
    A target of a stream, here KCP as well.
    """

    def relayed(self, version: str, source: Any = None) -> tuple[Any, RecordingFactory]:
        """
        @return: a client's protocol, and the target's factory.
        """
        targets = RecordingFactory()
        endpoint = KCPServerEndpoint(self.host(SERVER), 80, PLAIN)
        self.successResultOf(endpoint.listen(targets))
        near = self.host(NEAR)
        target = KCPClientEndpoint(near, SERVER, 80, PLAIN)
        route = Route("kcp:", "kcp:", proxyProtocol=version)
        factory: Any = RelayFactory(target, near, route)
        server = KCPServerEndpoint(near, ENTRY, PLAIN)
        self.successResultOf(server.listen(source(near, factory) if source else factory))
        calling = KCPClientEndpoint(self.host(CLIENT), NEAR, ENTRY, PLAIN)
        connected = calling.connect(Factory.forProtocol(RecordingProtocol))
        self.run_()
        return self.successResultOf(connected), targets

    def test_first(self) -> None:
        """
        The header comes first, says that a stream follows, and names the KCP client.
        """
        for version in ("v1", "v2"):
            self.setUp()
            client, targets = self.relayed(version)
            client.transport.write(b"data")
            self.run_()
            (target,) = targets.made
            peer, host = client.transport.getHost(), IPv4Address("UDP", NEAR, ENTRY)
            peer = IPv4Address("UDP", CLIENT, peer.port)
            self.assertEqual(target.received, header(version, peer, host) + b"data")

    def test_serverFirst(self) -> None:
        """
        It comes also if the client says nothing.
        """
        _, targets = self.relayed("v1")
        (target,) = targets.made
        self.assertTrue(target.received.startswith(b"PROXY TCP4 10.0.0.1 "))

    def test_passedOn(self) -> None:
        """
        A client that C{haproxy:} has told of is the one that the target is told of.
        """
        client, targets = self.relayed("v2", ProxiedFactory)
        self.assertEqual(targets.made, [])
        peer, host = IPv4Address("TCP", "192.0.2.1", 1), IPv4Address("TCP", "192.0.2.2", 2)
        given = header("v1", peer, host)
        client.transport.write(given[:20])
        self.run_()
        self.assertEqual(targets.made, [])
        client.transport.write(given[20:])
        self.run_()
        (target,) = targets.made
        self.assertEqual(target.received, header("v2", peer, host))
        client.transport.write(b"data")
        self.run_()
        self.assertEqual(target.received, header("v2", peer, host) + b"data")

    def test_none(self) -> None:
        """
        Without the option there is no header.
        """
        client, targets = self.relayed("")
        client.transport.write(b"data")
        self.run_()
        (target,) = targets.made
        self.assertEqual(target.received, b"data")
