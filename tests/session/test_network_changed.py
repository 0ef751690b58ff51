"""
The call that says that the network has changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from twisted.internet.error import CannotListenError
from zope.interface.verify import verifyObject

from kcptwisted.interfaces import IKCPListeningPort, IKCPTransport
from kcptwisted.options import KCPOptions
from kcptwisted.testing import Link
from tests.connections import CLIENT, SERVER, ConnectionTestCase, RecordingProtocol
from tests.inside import sessionOf

AEAD = KCPOptions(key="k", crypt="aes-128-gcm")

#: Where the client appears to be when it has moved.
PLACE = ("10.9.0.1", 77)

#: Seconds.
ROUND_TRIP = 0.04

LINK = Link(delay=ROUND_TRIP / 2)


class NetworkTestCase(ConnectionTestCase):
    """
    A client that has another network.
    """

    options = AEAD

    def start(self, options: KCPOptions = AEAD) -> None:
        """
        Connect, and talk.
        """
        self.client, self.server = self.connect(options, LINK)
        self.client.session.write(b"hello")
        self.network.run(1)
        self.server.session.write(b"hello")
        self.network.run(1)

    def move(self) -> None:
        """
        From now on what is sent to where the client was is lost, and its datagrams come from
        elsewhere.
        """
        host = self.client.session.getHost()
        self.network.translate((host.host, host.port), PLACE)

    def timeTo(self, condition: Callable[[], bool]) -> float:
        """
        Returns how many seconds it takes.
        """
        began = self.network.clock.seconds()
        self.network.runUntil(condition, 100)
        return self.network.clock.seconds() - began

    def isFollowed(self) -> bool:
        """
        Whether the server sends to where the client is.
        """
        return self.server.session.getPeer() == self.client.session.getHost()

    def timeToReceive(self, protocol: RecordingProtocol, size: int) -> float:
        """
        Returns how many seconds it takes until a protocol has so many bytes.
        """
        return self.timeTo(lambda: len(protocol.received) >= size)


class ClientTests(NetworkTestCase):
    """
    A client whose server follows it.
    """

    def test_download(self) -> None:
        """
        What the server sends arrives two round trips after the call, one of which shows that the
        client is there.  Without it, not before the client finds the server silent.
        """
        times = []
        for called in (True, False):
            self.setUp()
            self.start()
            self.move()
            self.server.session.write(bytes(10_000))
            self.network.run(0.5)
            self.assertEqual(self.client.received, b"hello")
            if called:
                self.client.session.networkChanged()
            times.append(self.timeToReceive(self.client, 6))
            self.assertLess(self.timeToReceive(self.client, 10_005), ROUND_TRIP)
        self.assertLess(times[0], 2.1 * ROUND_TRIP)
        self.assertGreater(times[1], 5)

    def test_upload(self) -> None:
        """
        What the client has sent in vain arrives as fast, though its timeouts have grown.
        """
        self.start()
        self.bothWays(Link(loss=1))
        self.client.session.write(bytes(10_000))
        self.network.run(8)
        self.bothWays(LINK)
        self.move()
        self.client.session.networkChanged()
        self.assertLess(self.timeToReceive(self.server, 6), 2.1 * ROUND_TRIP)
        self.assertLess(self.timeToReceive(self.server, 10_005), ROUND_TRIP)

    def test_lossy(self) -> None:
        """
        That the question, the server's challenge and the answer may be lost costs moments, and not
        the time of the next sign of life.
        """
        for seed in range(20):
            self.setUp()
            self.network = type(self.network)(seed=seed)
            self.start()
            self.bothWays(replace(LINK, loss=0.15))
            self.move()
            self.client.session.networkChanged()
            self.assertLess(self.timeTo(self.isFollowed), 4, seed)

    def test_forgotten(self) -> None:
        """
        What is known of the path before does not count for the next.
        """
        self.start()
        self.client.session.write(bytes(500_000))
        self.network.run(3)
        sender = sessionOf(self.client.session).connection.conversation.sender
        self.assertGreater(self.client.session.mtu, 1400)
        self.client.session.networkChanged()
        self.assertEqual((sender.rtt.smoothed, sender.rtt.least), (0, -1))
        self.assertLess(self.client.session.mtu, 1400)

    def test_noNetwork(self) -> None:
        """
        While there is no socket to be had for another network, the client tries again and again.
        """
        self.start()
        host = self.network.host(CLIENT)

        def unavailable(*arguments: object, **more: object) -> None:
            raise CannotListenError("", 0, OSError())

        patch = self.patch(host, "listenUDP", unavailable)
        asked: list[tuple[str, int]] = []
        self.network.taps.append(lambda source, *_: asked.append(source))
        self.client.session.networkChanged()
        before = self.client.session.getHost()
        self.network.run(0)
        self.assertEqual(asked, [(before.host, before.port)])
        self.bothWays(Link(loss=1))
        self.network.run(2)
        self.assertEqual(self.client.session.getHost(), before)
        patch.restore()
        self.bothWays(LINK)
        self.client.session.networkChanged()
        self.client.session.write(b"again")
        self.assertLess(self.timeToReceive(self.server, 10), 2.2 * ROUND_TRIP)
        self.assertNotEqual(self.client.session.getHost(), before)
        self.network.run(20)
        self.assertEqual(list(host.ports), [self.client.session.getHost().port])

    def test_often(self) -> None:
        """
        Any number of calls, also where nothing has changed, does no harm.
        """
        self.start()
        self.client.session.write(bytes(300_000))
        for _ in range(50):
            self.client.session.networkChanged()
            self.server.session.networkChanged()
            self.network.run(0.02)
        self.network.run(5)
        self.assertEqual(len(self.server.received), 300_005)
        self.assertEqual((self.client.reasons, self.server.reasons), ([], []))
        self.assertEqual(len(self.network.host(CLIENT).ports), 1)
        self.finish(self.port)
        self.assertEqual(self.network.clock.getDelayedCalls(), [])

    def test_over(self) -> None:
        """
        Nothing happens on a connection that is over.
        """
        self.start()
        client = self.client.session
        client.abortConnection()
        self.network.run(1)
        client.networkChanged()
        self.finish(self.port)
        self.assertEqual(self.network.host(CLIENT).ports, {})

    def test_silent(self) -> None:
        """
        An idle client whose former address is dead finds that by itself, too, and the server
        follows to the first of its new sockets.
        """
        self.start()
        self.bothWays(Link(loss=1))
        self.network.run(9)
        self.move()
        sent: list[tuple[str, int]] = []

        def note(source: tuple[str, int], to: tuple[str, int], datagram: bytes) -> None:
            # The former address reaches nobody.
            if source[0] == CLIENT and source not in sent:
                sent.append(source)

        self.network.taps.append(note)
        self.network.runUntil(lambda: len(sent) == 2, 30)
        self.bothWays(LINK)
        self.network.run(1.5)
        self.assertEqual(self.server.session.getPeer().port, sent[1][1])
        self.network.run(60)
        self.assertEqual(len(sent), 2)


class FixedTests(NetworkTestCase):
    """
    A client whose server does not follow it, as kcp-go's does not.
    """

    def check(self, server: KCPOptions, client: KCPOptions) -> None:
        """
        The call opens no other socket, and sends again at once.
        """
        self.port = self.listen(server)
        connecting = self.begin(client)
        self.network.run(0.1)
        self.successResultOf(connecting)
        protocol, answering = self.clientFactory.made[0], self.serverFactory.made[0]
        self.bothWays(LINK)
        protocol.session.write(b"hello")
        self.network.run(1)
        before = protocol.session.getHost()
        self.assertFalse(sessionOf(protocol.session).connection.controls.roams)
        self.bothWays(Link(loss=1))
        protocol.session.write(bytes(10_000))
        self.network.run(8)
        self.bothWays(LINK)
        protocol.session.networkChanged()
        self.assertLess(self.timeToReceive(answering, 6), 0.6 * ROUND_TRIP)
        self.assertEqual(protocol.session.getHost(), before)
        self.finish(self.port)

    def test_withoutAuthentication(self) -> None:
        """
        A cipher that does not authenticate does not show who has moved.
        """
        options = KCPOptions(key="k", crypt="aes")
        self.check(options, options)

    def test_withoutControl(self) -> None:
        """
        A peer without control frames.
        """
        small = replace(AEAD, mtu=60)
        self.check(small, AEAD)


class ServerTests(NetworkTestCase):
    """
    The server's end.
    """

    def test_interfaces(self) -> None:
        """
        Transports and ports have the call.
        """
        self.start()
        self.assertTrue(verifyObject(IKCPTransport, self.client.session))
        self.assertTrue(verifyObject(IKCPListeningPort, self.port))

    def test_port(self) -> None:
        """
        The call on the port concerns all its connections.
        """
        self.start()
        others = [self.begin() for _ in range(4)]
        self.network.run(1)
        for other in others:
            self.successResultOf(other)
        self.network.setLink(SERVER, CLIENT, Link(loss=1))
        for protocol in self.serverFactory.made:
            protocol.session.write(bytes(5000))
        self.network.run(8)
        self.bothWays(LINK)
        self.port.networkChanged()
        took = self.timeTo(lambda: all(len(one.received) > 5 for one in self.clientFactory.made))
        self.assertLess(took, 0.6 * ROUND_TRIP)
