"""
Relays of UDP, as processes of their own, with the programs that people put behind them.
"""

from __future__ import annotations

import re
import socket
from typing import Any

from twisted.internet import reactor as installedReactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import LoopingCall
from twisted.names.authority import BindAuthority
from twisted.names.client import Resolver
from twisted.names.dns import DNSDatagramProtocol
from twisted.names.server import DNSServerFactory

from tests.interop.cases import Settings
from tests.interop.peers import GoClient, GoServer, goPeerBinary
from tests.programs import PATIENCE, freePort
from tests.services.relay.programs import RelaysCase

reactor: Any = installedReactor

#: Seconds after which a client of UDP tries again, as all of them do.
AGAIN = 1.0

#: WireGuard's datagrams: at most the interface's MTU and 32 bytes.
WIREGUARD_MTU = 1420

ZONE = b"""
$ORIGIN example.com.
$TTL 60
example.com. IN SOA ns.example.com. root.example.com. 1 60 60 60 60
www.example.com. IN A 192.0.2.80
www.example.com. IN AAAA 2001:db8::80
"""


class UDPPeer(DatagramProtocol):
    """
    A UDP program.

    @ivar got: what has come, with its sender.
    """

    def __init__(self, echoes: bool = False) -> None:
        """
        @param echoes: whether it sends all back.
        """
        self.got: list[tuple[bytes, Any]] = []
        self._echoes = echoes
        self._awaited: list[tuple[Any, Deferred[None]]] = []

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """
        Note, and echo.
        """
        self.got.append((datagram, addr))
        if self._echoes:
            transport: Any = self.transport
            transport.write(datagram, addr)
        for item in list(self._awaited):
            if item[0]():
                self._awaited.remove(item)
                item[1].callback(None)

    def until(self, condition: Any) -> Deferred[None]:
        """
        @return: fires when C{condition()} holds, which is asked with each datagram.
        """
        done: Deferred[None] = Deferred()
        self._awaited.append((condition, done))
        return done


class UDPRelaysCase(RelaysCase):
    """
    Sockets around relays.
    """

    def open(self, peer: UDPPeer, host: str = "127.0.0.1") -> int:
        """
        @return: the port of a new socket.
        """
        port = reactor.listenUDP(0, peer, host, maxPacketSize=65535)
        self.addCleanup(port.stopListening)
        return int(port.getHost().port)

    async def relays(
        self, target: str, *options: str, entry: str = "", kcp: str = "key=k"
    ) -> tuple[Any, Any, int]:
        """
        @param target: after C{udp:}.
        @param entry: more of where the near one listens.
        @return: the near relay, the far one, and the near one's port.
        """
        between, near = freePort(), freePort()
        far = await self.listening(
            f"kcp:{between}:interface=127.0.0.1:{kcp}", f"udp:{target}", *options
        )
        first = await self.listening(
            f"udp:{near}{entry}", f"kcp:127.0.0.1:{between}:{kcp}", *options
        )
        return first, far, near

    async def exchange(self, peer: UDPPeer, sent: list[bytes], address: tuple[str, int]) -> None:
        """
        Send, and again what has not been answered, until all has been.
        """
        transport: Any = peer.transport

        def send() -> None:
            answered = {data for data, sender in peer.got if sender == address}
            for data in sent:
                if data not in answered:
                    transport.write(data, address)

        wanted = set(sent)
        over = peer.until(
            lambda: wanted <= {data for data, sender in peer.got if sender == address}
        )
        over.addTimeout(PATIENCE, reactor)
        again = LoopingCall(send)
        again.start(AGAIN)
        try:
            await over
        finally:
            again.stop()


class DNSTests(UDPRelaysCase):
    """
    A name server behind two relays.
    """

    async def check(self, *options: str) -> None:
        """
        Ask for addresses.
        """
        zone = self.mktemp()
        with open(zone, "wb") as file:
            file.write(ZONE)
        server = DNSDatagramProtocol(DNSServerFactory([BindAuthority(zone)]))
        port = reactor.listenUDP(0, server, "127.0.0.1")
        self.addCleanup(port.stopListening)
        _, _, entry = await self.relays(f"127.0.0.1:{port.getHost().port}", *options)
        resolver: Any = Resolver(servers=[("127.0.0.1", entry)], timeout=(1, 3, 11, 15))
        found = await resolver.lookupAddress("www.example.com")
        self.assertEqual([answer.payload.dottedQuad() for answer in found[0]], ["192.0.2.80"])
        found = await resolver.lookupIPV6Address("www.example.com")
        expected = socket.inet_pton(socket.AF_INET6, "2001:db8::80")
        self.assertEqual([answer.payload.address for answer in found[0]], [expected])

    async def test_unreliable(self) -> None:
        """
        Questions and answers pass, each by itself.
        """
        await self.check()

    async def test_reliable(self) -> None:
        """
        They pass as messages.
        """
        await self.check("--reliable")


class WireGuardTests(UDPRelaysCase):
    """
    Streams of large datagrams.
    """

    async def check(self, lengths: range, kcp: str) -> None:
        """
        Send many, in both directions, each with its number.
        """
        server, client = UDPPeer(True), UDPPeer()
        target = self.open(server)
        self.open(client)
        _, _, entry = await self.relays(f"127.0.0.1:{target}", kcp=kcp)
        numbers = iter(range(1 << 30))
        for length in lengths:
            batch = [next(numbers).to_bytes(4, "big") * (length // 4) for _ in range(16)]
            await self.exchange(client, batch, ("127.0.0.1", entry))
        self.assertEqual({data for data, _ in client.got}, {data for data, _ in server.got})
        self.assertEqual(len({address for _, address in server.got}), 1)

    async def test_encrypted(self) -> None:
        """
        From 1,200 bytes up to the largest that fit beside AES-GCM.
        """
        await self.check(range(1200, 1433, 4), "key=k")

    async def test_full(self) -> None:
        """
        Those of WireGuard's usual MTU, without a cipher: it has its own.
        """
        await self.check(range(1400, WIREGUARD_MTU + 33, 4), "crypt=null")


class AddressTests(UDPRelaysCase):
    """
    Hosts with several addresses.
    """

    async def test_asked(self) -> None:
        """
        Answers come from the address that was asked, also if one socket asks two.
        """
        server, client = UDPPeer(True), UDPPeer()
        target = self.open(server)
        self.open(client, "127.0.0.1")
        _, _, entry = await self.relays(f"127.0.0.1:{target}")
        for host in ("127.0.0.2", "127.0.0.3", "127.0.0.2"):
            client.got.clear()
            await self.exchange(client, [f"to {host}".encode()], (host, entry))
            self.assertEqual({address for _, address in client.got}, {(host, entry)})

    async def test_bothFamilies(self) -> None:
        """
        A relay on all addresses of IPv6 takes IPv4, too, and the target may be of the other one.
        """
        server = UDPPeer(True)
        target = self.open(server, "::1")
        _, _, entry = await self.relays(rf"\:\:1:{target}", entry=r":interface=\:\:")
        for host in ("127.0.0.1", "::1"):
            client = UDPPeer()
            self.open(client, host)
            await self.exchange(client, [host.encode()], (host, entry))
        self.assertEqual({address[0] for _, address in server.got}, {"::1"})


class LifeTests(UDPRelaysCase):
    """
    What ends flows, and what does not.
    """

    async def test_refused(self) -> None:
        """
        While nothing listens at the target its host says so (ICMP).  The flow goes on, with the
        same socket.
        """
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
            held.bind(("127.0.0.1", 0))
            target = held.getsockname()[1]
        near, far, entry = await self.relays(f"127.0.0.1:{target}")
        before, client = UDPPeer(True), UDPPeer()
        self.open(client)
        address = ("127.0.0.1", entry)
        port = reactor.listenUDP(target, before, "127.0.0.1")
        await self.exchange(client, [b"before"], address)
        await port.stopListening()
        transport: Any = client.transport
        for _ in range(5):
            transport.write(b"into the void", address)
        after = UDPPeer(True)
        port = reactor.listenUDP(target, after, "127.0.0.1")
        self.addCleanup(port.stopListening)
        await self.exchange(client, [b"after"], address)
        self.assertEqual({place for _, place in before.got}, {place for _, place in after.got})
        for program in (near, far):
            self.assertNotIn("ended after", program.output)

    async def test_idle(self) -> None:
        """
        An idle flow ends at both relays, and the next datagram begins another.
        """
        server, client = UDPPeer(True), UDPPeer()
        target = self.open(server)
        self.open(client)
        near, far, entry = await self.relays(f"127.0.0.1:{target}", "--flow-idle", "0.5")
        await self.exchange(client, [b"first"], ("127.0.0.1", entry))
        await near.printed(
            r"ended after .*: (closed|client: no datagram for 0\.5 s); 5 bytes there, 5 back"
        )
        await far.printed("ended after")
        await self.exchange(client, [b"second"], ("127.0.0.1", entry))
        self.assertEqual(len({address for _, address in server.got}), 2)

    async def test_tooLong(self) -> None:
        """
        What is too long is dropped, and the log says so once, and with how many at the end.
        """
        server, client = UDPPeer(True), UDPPeer()
        target = self.open(server)
        self.open(client)
        near, _, entry = await self.relays(f"127.0.0.1:{target}")
        transport: Any = client.transport
        address = ("127.0.0.1", entry)
        await self.exchange(client, [b"first"], address)
        for length in (1433, 9000, 65_000):
            transport.write(b"x" * length, address)
        await self.exchange(client, [b"last"], address)
        self.kill(near, "TERM")
        await near.ended()
        self.assertEqual(len(re.findall("A datagram of 1433 bytes is dropped", near.output)), 1)
        self.assertNotIn("of 9000 bytes", near.output)
        self.assertIn(f"At udp:{entry}: flows: 1, ", near.output)
        self.assertIn("dropped: 0 that waited, 3 too long, 0 empty", near.output)
        self.assertLessEqual({data for data, _ in server.got}, {b"first", b"last"})


class KCPGoTests(UDPRelaysCase):
    """
    A program of kcp-go's in place of the other relay.
    """

    async def test_handler(self) -> None:
        """
        kcp-go's handler of out-of-band datagrams gets each datagram as it is, and what it sends
        back comes out.
        """
        settings = Settings(crypt="aes-256-gcm", dataShards=10, parityShards=3)
        server = GoServer("oob", *settings.flags())
        server.start(reactor, goPeerBinary())
        self.addCleanup(server.stop)
        port = await server.port
        entry = freePort()
        options = f"crypt=aes-256-gcm:key={settings.key}:mtu=1400"
        await self.listening(f"udp:{entry}", f"kcp:127.0.0.1:{port}:{options}")
        client = UDPPeer()
        self.open(client)
        sent = [b"", b"x", b"y" * 1360]
        await self.exchange(client, sent, ("127.0.0.1", entry))
        self.assertEqual({data for data, _ in client.got}, set(sent))
        await server.stop()

    async def test_client(self) -> None:
        """
        A kcp-go client's out-of-band datagrams reach a UDP server behind a relay, from the first
        one on, which opens the session.
        """
        settings = Settings(crypt="aes-256-gcm", dataShards=10, parityShards=3)
        server, port = UDPPeer(True), freePort()
        target = self.open(server)
        options = f"crypt=aes-256-gcm:key={settings.key}:mtu=1400"
        await self.listening(f"kcp:{port}:{options}", f"udp:127.0.0.1:{target}")
        client = GoClient("oob", port, *settings.flags(), "-bytes=0")
        client.start(reactor, goPeerBinary())
        result = await client.result
        self.assertEqual((result["messages"], result["size"]), (3, 1360))
        self.assertEqual([len(data) for data, _ in server.got], [0, 1, 1360])
