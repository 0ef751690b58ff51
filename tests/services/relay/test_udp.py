"""
Tests for UDP at the ends of a relay: L{kcptwisted.services.relay.udpserver}, C{udpclient},
C{overkcp} and C{flows}, in a simulated network.
"""

from __future__ import annotations

import struct
from typing import Any

from twisted.internet.interfaces import (
    IListeningPort,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from zope.interface.verify import verifyObject

from kcptwisted.interfaces import IDatagramProtocol, IOutOfBandProtocol
from kcptwisted.services.relay.datagramtransport import MOST_WAITING
from kcptwisted.services.relay.flowtable import FlowStats
from kcptwisted.services.relay.overkcp import KCPFlow
from kcptwisted.services.relay.routes import Route
from kcptwisted.services.relay.sides import sourceOf
from kcptwisted.services.relay.udpsettings import FlowLimits
from kcptwisted.testing.link import Link
from kcptwisted.udp.asked import askedAddress, readOwnAddress
from tests.services.relay.udpworld import (
    CLIENT,
    ENTRY,
    FAR,
    NEAR,
    SERVER,
    TARGET,
    RelayedUDPCase,
)


class FlowTests(RelayedUDPCase):
    """
    Datagrams there and back.
    """

    def test_answer(self) -> None:
        """
        A question reaches the server, and the answer comes from the address that was asked.
        """
        self.relays()
        client = self.client()
        client.send(b"question")
        self.run_()
        self.assertEqual(self.server.data, [b"question"])
        self.assertEqual(self.server.got[0][1][0], FAR)
        self.assertEqual(client.got, [(b"QUESTION", (NEAR, ENTRY))])

    def test_boundaries(self) -> None:
        """
        Datagrams stay as they are, also one without a byte, and all that come before the KCP
        connection is there.
        """
        self.relays()
        client = self.client()
        sent = [b"a", b"", b"b" * 1400, b"c" * 2]
        for data in sent:
            client.send(data)
        self.run_()
        for data in sent:
            client.send(data)
        self.run_()
        self.assertEqual(self.server.data, sent * 2)
        self.assertEqual(client.data, [data.upper() for data in sent] * 2)

    def test_apart(self) -> None:
        """
        Each sender has a flow of its own, with its own source at the server.
        """
        self.relays()
        first, second = self.client(), self.client()
        other = self.client(address="10.0.0.9")
        for number, client in enumerate((first, second, other)):
            client.send(b"from %d" % number)
        self.run_()
        self.assertEqual(first.data, [b"FROM 0"])
        self.assertEqual(second.data, [b"FROM 1"])
        self.assertEqual(other.data, [b"FROM 2"])
        self.assertEqual(len({address for _, address in self.server.got}), 3)

    def test_unreliable(self) -> None:
        """
        What is lost between the relays is not sent again, and holds up nothing.
        """
        self.relays()
        client = self.client()
        client.send(b"first")
        self.run_()
        self.network.setLink(NEAR, FAR, Link(loss=1.0))
        client.send(b"lost")
        self.run_(0.03)
        self.network.setLink(NEAR, FAR, self.link)
        client.send(b"last")
        self.run_(5)
        self.assertEqual(self.server.data, [b"first", b"last"])

    def test_reliable(self) -> None:
        """
        With C{reliable} it is sent again, and keeps its order.
        """
        self.relays(reliable=True)
        client = self.client()
        self.network.setLink(NEAR, FAR, Link(loss=0.3, delay=0.02))
        sent = [b"%d" % number for number in range(50)]
        for data in sent:
            client.send(data)
            self.run_(0.02)
        self.run_(10)
        self.assertEqual(self.server.data, sent)

    def test_large(self) -> None:
        """
        With C{reliable} the longest datagrams pass, and those without a byte do not.
        """
        self.relays(reliable=True)
        client = self.client()
        client.send(b"x" * 65_000)
        client.send(b"")
        client.send(b"y")
        self.run_(10)
        self.assertEqual(self.server.data, [b"x" * 65_000, b"y"])
        self.assertEqual(self.targets[NEAR].stats.empty, 1)

    def test_largest(self) -> None:
        """
        Out-of-band, datagrams pass up to what a KCP datagram holds.  Longer ones are dropped and
        counted, and the log says so once.
        """
        self.relays(options="key=k")
        events = self.listen()
        client = self.client()
        for length in (1433, 1432, 1500):
            client.send(b"x" * length)
        self.run_()
        self.assertEqual(self.server.data, [b"x" * 1432])
        self.assertEqual(self.targets[NEAR].stats.tooLong, 2)
        said = [event for event in events if "too long" in event.get("log_format", "")]
        self.assertEqual(len(said), 1)
        self.assertEqual(said[0]["length"], 1433)

    def test_mtu(self) -> None:
        """
        A given C{mtu} stays.
        """
        self.relays(options="crypt=null:mtu=1000:dataShards=2:parityShards=1")
        client = self.client()
        for length in (988, 989):
            client.send(b"x" * length)
        self.run_()
        self.assertEqual([len(data) for data in self.server.data], [988])

    def test_mismatch(self) -> None:
        """
        If only one end is reliable, nothing passes, and the other one counts it and says so once.
        """
        self.relay(FAR, Route("kcp:4000:crypt=null", f"udp:{SERVER}:{TARGET}"))
        near = Route(f"udp:{ENTRY}", f"kcp:{FAR}:4000:crypt=null", reliable=True)
        self.relay(NEAR, near)
        events = self.listen()
        client = self.client()
        for data in (b"a", b"b"):
            client.send(data)
            self.run_()
        self.assertEqual(self.server.data, [])
        said = [event for event in events if "--reliable" in event.get("log_format", "")]
        self.assertEqual([event["what"] for event in said], ["The peer sends reliably"])

    def test_withoutKCP(self) -> None:
        """
        From UDP to UDP.
        """
        self.relay(NEAR, Route(f"udp:{ENTRY}", f"udp:{SERVER}:{TARGET}"))
        client = self.client()
        client.send(b"question")
        self.run_()
        self.assertEqual(client.data, [b"QUESTION"])

    def test_name(self) -> None:
        """
        The target may be a name.
        """
        self.network.host(SERVER, "server.example")
        self.relay(NEAR, Route(f"udp:{ENTRY}", f"udp:server.example:{TARGET}"))
        client = self.client()
        client.send(b"question")
        self.run_()
        self.assertEqual(client.data, [b"QUESTION"])

    def test_noName(self) -> None:
        """
        If there is no such name, the flow ends, and the next datagram tries again.
        """
        self.relay(NEAR, Route(f"udp:{ENTRY}", f"udp:server.example:{TARGET}"))
        client = self.client()
        client.send(b"question")
        self.run_()
        self.network.host(SERVER, "server.example")
        client.send(b"again")
        self.run_()
        self.assertEqual(client.data, [b"AGAIN"])

    def test_asked(self) -> None:
        """
        A client that asks at two of the host's addresses has two flows, each with its own.
        """
        self.relay(NEAR, Route(f"udp:{ENTRY}", f"udp:{SERVER}:{TARGET}"))
        port, peers = self.ports[NEAR], []
        for host in (1, 2, 1):
            data = struct.pack("=i4s4s", 0, bytes((192, 0, 2, host)), bytes(4))
            own = readOwnAddress(data)
            assert own is not None
            port.datagramsReceived([b"a"], askedAddress((CLIENT, 1234), own))
            self.run_()
            peers.append(self.server.got[-1][1])
        self.assertEqual(port.stats.opened, 2)
        self.assertEqual(peers[0], peers[2])
        self.assertNotEqual(peers[0], peers[1])
        pairs: Any = self.factories[NEAR]._pairs
        hosts = [pair.incoming.transport.getHost().host for pair in pairs]
        self.assertEqual(sorted(hosts), ["192.0.2.1", "192.0.2.2"])


class LifeTests(RelayedUDPCase):
    """
    How flows begin and end.
    """

    def sockets(self) -> tuple[int, int]:
        """
        @return: how many the two relays have, beside those that they listen at.
        """
        return len(self.host(NEAR).ports) - 1, len(self.host(FAR).ports) - 1

    def test_idle(self) -> None:
        """
        A flow in which nothing moves for its idle time is over at both relays, with its sockets.
        What moves in either direction counts.
        """
        events = self.listen()
        self.relays(flowIdle=30.0)
        client = self.client(1000)
        client.send(b"a")
        self.run_(20)
        _, source = self.server.got[0]
        self.server.transport.write(b"from there", source)
        self.run_(20)
        self.assertEqual(self.sockets(), (1, 1))
        self.assertEqual(client.data, [b"A", b"from there"])
        self.run_(11)
        self.assertEqual(self.sockets(), (0, 0))
        self.assertEqual(self.ports[NEAR].stats.idle, 1)
        # One line for each relay.
        ended = [event for event in events if "ended after" in event.get("log_format", "")]
        self.assertEqual(len(ended), 2)
        self.assertEqual(
            {event["why"] for event in ended}, {"closed", "client: no datagram for 30 s"}
        )
        client.send(b"b")
        self.run_(1)
        self.assertEqual(client.data[-1], b"B")

    def test_oneWay(self) -> None:
        """
        What is sent and never answered keeps a flow alive at both relays, and so does what comes
        from the target alone.
        """
        self.relays(flowIdle=30.0)
        self.server.answers = False
        client = self.client()
        for _ in range(5):
            client.send(b"a")
            self.run_(20)
        ((source),) = {address for _, address in self.server.got}
        for _ in range(5):
            self.server.transport.write(b"b", source)
            self.run_(20)
        self.assertEqual(client.data, [b"b"] * 5)
        self.assertEqual(self.ports[NEAR].stats.opened, 1)

    def test_idleTimeout(self) -> None:
        """
        An endpoint's C{idleTimeout} does not count out-of-band datagrams, as docs/relay.md says.
        """
        self.relays(options="crypt=null:idleTimeout=10")
        client = self.client()
        for _ in range(5):
            client.send(b"a")
            self.run_(4)
        self.assertEqual(self.ports[NEAR].stats.opened, 2)

    def test_changed(self) -> None:
        """
        Other limits hold from now on, for the flows that there are as well.
        """
        self.relays(flowIdle=100.0)
        self.client().send(b"a")
        self.client().send(b"b")
        self.run_(20)
        self.ports[NEAR].configure(FlowLimits(30.0, 2))
        self.run_(5)
        self.assertEqual(self.sockets(), (2, 2))
        self.client().send(b"c")
        self.run_(1)
        self.assertEqual(self.sockets(), (2, 2))
        self.run_(10)
        self.assertEqual(self.sockets(), (1, 1))

    def test_quiet(self) -> None:
        """
        When no flow is left, nothing is planned.
        """
        self.relays(flowIdle=30.0)
        self.client().send(b"a")
        self.run_(100)
        self.assertEqual(self.host(NEAR).getDelayedCalls(), [])

    def test_evicted(self) -> None:
        """
        There are no more flows than may be.  The one that was idle for the longest time ends, and
        is counted; the log says so once.
        """
        self.relay(FAR, Route("kcp:4000:crypt=null", f"udp:{SERVER}:{TARGET}"))
        near = Route(f"udp:{ENTRY}", f"kcp:{FAR}:4000:crypt=null", maxFlows=2)
        self.relay(NEAR, near)
        events = self.listen()
        first, second, third, fourth = (self.client() for _ in range(4))
        for client in (first, second, first, third, fourth):
            client.send(b"a")
            self.run_(1)
        self.assertEqual(self.sockets(), (2, 2))
        self.assertEqual(self.ports[NEAR].stats.evicted, 2)
        said = [event for event in events if "--max-flows" in event.get("log_format", "")]
        self.assertEqual(len(said), 1)
        ended = [event["why"] for event in events if "ended after" in event.get("log_format", "")]
        self.assertEqual(ended.count("client: another flow needed its place"), 2)
        self.assertEqual(first.data, [b"A", b"A"])
        self.assertEqual(fourth.data, [b"A"])

    def test_restartedFar(self) -> None:
        """
        If the far relay ends a flow, the next datagram begins another.
        """
        self.relays()
        client = self.client()
        client.send(b"a")
        self.run_()
        self.factories[FAR].abort()
        self.run_()
        self.assertEqual(self.sockets(), (0, 0))
        client.send(b"b")
        self.run_()
        self.assertEqual(client.data, [b"A", b"B"])

    def test_noFar(self) -> None:
        """
        Without a far relay, some datagrams wait, and those beyond are counted.  They are sent when
        it is there in time.
        """
        far = Route("kcp:4000:crypt=null", f"udp:{SERVER}:{TARGET}")
        self.relay(NEAR, Route(f"udp:{ENTRY}", f"kcp:{FAR}:4000:crypt=null:timeout=20"))
        self.network.setLink(NEAR, FAR, Link(loss=1.0))
        client = self.client()
        for number in range(MOST_WAITING + 3):
            client.send(b"%d" % number)
        self.run_(3)
        self.relay(FAR, far)
        self.network.setLink(NEAR, FAR, self.link)
        self.run_(6)
        self.assertEqual(self.server.data, [b"%d" % number for number in range(MOST_WAITING)])
        self.assertEqual(self.ports[NEAR].stats.overflowed, 3)

    def test_fails(self) -> None:
        """
        While the target cannot be had, here because its name is unknown, a busy sender leads to one
        attempt a second, not one for each datagram.
        """
        self.relay(NEAR, Route(f"udp:{ENTRY}", f"udp:server.example:{TARGET}"))
        client = self.client()
        for _ in range(500):
            client.send(b"a")
            self.run_(0.01)
        self.assertIn(self.factories[NEAR].counts.taken, (4, 5))
        self.assertGreater(self.ports[NEAR].stats.overflowed, 450)
        self.network.host(SERVER, "server.example")
        self.run_(1)
        client.send(b"b")
        self.run_(1)
        self.assertEqual(client.data, [b"B"])

    def test_refused(self) -> None:
        """
        That nothing listens at the target (ICMP) ends no flow.
        """
        self.relays()
        self.host(SERVER).ports[TARGET].stopListening()
        client = self.client()
        client.send(b"a")
        self.run_()
        client.send(b"b")
        self.run_()
        self.assertEqual(self.sockets(), (1, 1))
        self.assertGreater(self.targets[FAR].stats.refused, 0)
        self.host(SERVER).listenUDP(TARGET, self.server)
        client.send(b"c")
        self.run_()
        self.assertEqual(client.data, [b"C"])

    def test_stop(self) -> None:
        """
        A stop ends the flows at once, and closes the port.
        """
        self.relays()
        self.client().send(b"a")
        self.run_()
        stopped = self.ports[NEAR].stopListening()
        self.run_(0.001)
        self.assertNoResult(stopped)
        self.factories[NEAR].stop()
        self.run_(1)
        self.successResultOf(stopped)
        self.successResultOf(self.ports[NEAR].stopListening())
        self.assertEqual(self.host(NEAR).ports, {})

    def test_newcomerWhileStopping(self) -> None:
        """
        A port that stops takes no new flow.
        """
        self.relays()
        self.client().send(b"a")
        self.run_()
        self.ports[NEAR].stopListening()
        self.client().send(b"b")
        self.run_()
        self.assertEqual(self.server.data, [b"a"])

    def test_stopReliable(self) -> None:
        """
        With C{reliable}, a stop of the relay delivers what was read.
        """
        self.relays(reliable=True)
        client = self.client()
        client.send(b"first")
        self.run_()
        self.network.setLink(NEAR, FAR, Link(loss=1.0))
        client.send(b"last")
        self.run_(0.05)
        stopped = self.factories[NEAR].stop()
        self.network.setLink(NEAR, FAR, self.link)
        self.run_(5)
        self.successResultOf(stopped)
        self.assertEqual(self.server.data, [b"first", b"last"])

    def test_maxConnections(self) -> None:
        """
        A flow is a connection to C{--max-connections}: one too many is refused, and counted.
        """
        self.relay(FAR, Route("kcp:4000:crypt=null", f"udp:{SERVER}:{TARGET}"))
        near = Route(f"udp:{ENTRY}", f"kcp:{FAR}:4000:crypt=null", maxConnections=1)
        self.relay(NEAR, near)
        first, second = self.client(), self.client()
        for client in (first, second, first):
            client.send(b"a")
            self.run_()
        self.assertEqual((len(first.data), len(second.data)), (2, 0))
        self.assertEqual(self.factories[NEAR].counts.refused, 1)
        self.assertEqual(self.sockets(), (1, 1))

    def test_refusedByFactory(self) -> None:
        """
        If the factory takes no more connections, the datagram is dropped, and a later one may begin
        the flow.
        """
        self.relays()
        factory = self.factories[NEAR]
        self.patch(factory, "buildProtocol", lambda _: None)
        client = self.client()
        client.send(b"a")
        self.run_()
        del factory.buildProtocol
        client.send(b"b")
        self.run_()
        self.assertEqual(self.server.data, [b"b"])


class InterfaceTests(RelayedUDPCase):
    """
    What the parts say that they provide.
    """

    def test_interfaces(self) -> None:
        """
        They do.
        """
        self.relays()
        self.client().send(b"a")
        self.run_()
        verifyObject(IListeningPort, self.ports[NEAR])
        verifyObject(IDatagramProtocol, self.ports[NEAR])
        verifyObject(IStreamClientEndpoint, self.targets[NEAR])
        verifyObject(IStreamClientEndpoint, self.targets[FAR])
        verifyObject(IOutOfBandProtocol, KCPFlow(Any, False, FlowStats()))  # type: ignore[arg-type]
        (flow,) = self.targets[FAR].flows.values()
        verifyObject(IDatagramProtocol, flow)
        self.assertEqual(self.ports[NEAR].getHost().port, ENTRY)
        given = Route(f"udp:{ENTRY}", "kcp:host:1:crypt=null")
        verifyObject(IStreamServerEndpoint, sourceOf(self.host(NEAR), given))
        given = Route("kcp:1:crypt=null", f"udp:host:{ENTRY}")
        verifyObject(IStreamServerEndpoint, sourceOf(self.host(NEAR), given))
