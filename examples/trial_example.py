"""
Tests of a program that uses KCP: on a network in memory, whose time the tests advance.

Run it with trial::

    python -m twisted.trial examples/trial_example.py

The program is L{Adder}, a server that adds the numbers that it receives, one in each line.  The
tests open no socket and do not wait: minutes of the network's time pass in a moment.
"""

from __future__ import annotations

from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.errors import PeerTimeout
from kcptwisted.options import KCPOptions
from kcptwisted.testing import Link, SimulatedNetwork

CLIENT = "10.0.0.1"
SERVER = "10.0.0.2"
PORT = 4000
MTU = 1200


class Adder(LineReceiver):
    """
    Answers each number with the sum so far.
    """

    delimiter = b"\n"

    def __init__(self) -> None:
        self._sum = 0

    def lineReceived(self, line: bytes) -> None:
        """
        Adds a number, and answers.
        """
        self._sum += int(line)
        self.sendLine(str(self._sum).encode())


class Caller(LineReceiver):
    """
    Collects answers.
    """

    delimiter = b"\n"

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.reason: Failure | None = None

    def lineReceived(self, line: bytes) -> None:
        """
        Collects an answer.
        """
        self.answers.append(int(line))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Remembers why the connection ended.
        """
        self.reason = reason


class AdderTests(SynchronousTestCase):
    """
    Tests for L{Adder}.
    """

    def setUp(self) -> None:
        """
        Makes the hosts of a client and of a server, 25 ms apart.
        """
        self.network = SimulatedNetwork(seed=1, link=Link(delay=0.025))
        self.options = KCPOptions(key="sesame", mtu=MTU)
        self.client = self.network.host(CLIENT)
        self.server = self.network.host(SERVER, "adder.example")

    def serve(self) -> None:
        """
        Starts the server.
        """
        endpoint = KCPServerEndpoint(self.server, PORT, self.options)
        self.port = self.successResultOf(endpoint.listen(Factory.forProtocol(Adder)))

    def call(self) -> Caller:
        """
        Connects to the server.
        """
        endpoint = KCPClientEndpoint(self.client, "adder.example", PORT, self.options)
        connecting = endpoint.connect(Factory.forProtocol(Caller))
        self.network.run(5)
        caller = self.successResultOf(connecting)
        assert isinstance(caller, Caller)
        return caller

    def test_adds(self) -> None:
        """
        The answer arrives after one round trip, 50 ms.
        """
        self.serve()
        caller = self.call()
        caller.sendLine(b"3")
        self.network.run(0.051)
        self.assertEqual(caller.answers, [3])

    def test_badLink(self) -> None:
        """
        Answers arrive complete and in order over a link that loses, delays and repeats datagrams.
        """
        bad = Link(delay=0.025, jitter=0.02, loss=0.2, duplicate=0.1)
        self.network.setLink(CLIENT, SERVER, bad)
        self.network.setLink(SERVER, CLIENT, bad)
        self.serve()
        caller = self.call()
        for _ in range(100):
            caller.sendLine(b"2")
            self.network.run(0.01)
        self.network.runUntil(lambda: len(caller.answers) == 100)
        self.assertEqual(caller.answers, list(range(2, 202, 2)))
        self.assertGreater(self.network.model(CLIENT, SERVER).lost, 0)

    def test_noServer(self) -> None:
        """
        Without a server the connection is refused.
        """
        endpoint = KCPClientEndpoint(self.client, "adder.example", PORT, self.options)
        connecting = endpoint.connect(Factory.forProtocol(Caller))
        self.network.run(1)
        self.failureResultOf(connecting, ConnectionRefusedError)

    def test_cutOff(self) -> None:
        """
        A caller that can no longer reach the server learns so within a minute, even if it sends
        nothing: after C{keepAlive} of silence the server is asked, and C{deadAfter} later the
        connection ends.
        """
        self.serve()
        caller = self.call()
        for source, destination in ((CLIENT, SERVER), (SERVER, CLIENT)):
            self.network.setLink(source, destination, Link(loss=1))
        self.network.run(60)
        assert caller.reason is not None
        caller.reason.trap(PeerTimeout)

    def test_closed(self) -> None:
        """
        When the server stops, its callers' connections are closed.
        """
        self.serve()
        caller = self.call()
        self.port.stopListening()
        self.network.run(1)
        assert caller.reason is not None
        caller.reason.trap(ConnectionDone)

    def test_secret(self) -> None:
        """
        The data cannot be read on the way, and the datagrams keep to the mtu.
        """
        datagrams: list[bytes] = []
        self.network.taps.append(lambda source, destination, datagram: datagrams.append(datagram))
        self.serve()
        self.call().sendLine(b"1234567890" * 300)
        self.network.run(1)
        self.assertGreater(len(datagrams), 3)
        self.assertNotIn(b"1234567890", b"".join(datagrams))
        self.assertLessEqual(max(map(len, datagrams)), MTU)
