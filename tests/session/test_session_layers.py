"""
Tests for L{kcptwisted.session.session}: a layer below it that cannot send.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet import error

from kcptwisted.crypt import aead
from kcptwisted.errors import KeyExhausted
from kcptwisted.interfaces import Address, IDatagramProtocol
from kcptwisted.layer import DatagramLayer
from kcptwisted.options import KCPOptions
from kcptwisted.stack.socketstack import SocketLayer
from tests.connections import CLIENT, PORT, SERVER, ConnectionTestCase, RecordingProtocol
from tests.inside import sessionOf


class FailingLayer(DatagramLayer):
    """
    A layer of a user's own that fails when it is told to.

    @ivar problem: what to raise, to whom.
    """

    def __init__(self, wrapped: IDatagramProtocol) -> None:
        super().__init__(wrapped)
        self.problem: tuple[Exception, Address] | None = None

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Fail, or pass down.
        """
        if self.problem is not None and self.problem[1] == address:
            raise self.problem[0]
        super().writeDatagrams(datagrams, address)


class LayerBelowTests(ConnectionTestCase):
    """
    A layer that cannot send ends the connection whose datagrams they are, and no other.
    """

    options = KCPOptions(crypt="null", dataShards=3, parityShards=1)

    def failing(self) -> tuple[FailingLayer, RecordingProtocol, RecordingProtocol]:
        """
        Connect twice to a server with such a layer.

        @return: the layer, and the server's two protocols.
        """
        layers: list[FailingLayer] = []

        def make(wrapped: IDatagramProtocol) -> FailingLayer:
            layers.append(FailingLayer(wrapped))
            return layers[0]

        making: list[SocketLayer] = [make]
        self.port = self.listen(layers=making)
        for _ in range(2):
            self.begin()
        self.network.run(0.1)
        first, second = self.serverFactory.made
        return layers[0], first, second

    def end(self, problem: Exception, outOfBand: bool) -> None:
        """
        Have the layer raise C{problem} for one connection: it ends with it, from outside the call.
        """
        self.setUp()
        layer, first, second = self.failing()
        layer.problem = problem, sessionOf(first.session).address
        if outOfBand:
            first.session.sendOutOfBand(b"position")
        else:
            first.session.write(b"stream")
        self.assertEqual(first.reasons, [])
        second.session.write(b"stream")
        self.network.run(0.1)
        self.assertIs(self.reasonOf(first), problem)
        self.assertEqual(second.reasons, [])
        self.assertEqual(self.clientFactory.made[1].received, b"stream")
        self.finish(self.port)

    def test_connectionLost(self) -> None:
        """
        A ConnectionLost is the layer's way to end it: nothing is logged.
        """
        for problem in (error.ConnectionLost("full up"), KeyExhausted()):
            for outOfBand in (False, True):
                with self.subTest(problem=problem, outOfBand=outOfBand):
                    self.end(problem, outOfBand)
                    self.assertEqual(self.flushLoggedErrors(), [])

    def test_otherException(self) -> None:
        """
        Any other exception is a fault of the layer's, and logged.
        """
        for outOfBand in (False, True):
            with self.subTest(outOfBand=outOfBand):
                self.end(ZeroDivisionError("in the layer"), outOfBand)
                self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_keyExhausted(self) -> None:
        """
        A cipher's key that has sealed its last datagram ends the connection with an error that
        says so, whatever was to be sent.
        """
        self.patch(aead, "SEND_LIMIT", 10)
        for outOfBand in (False, True):
            with self.subTest(outOfBand=outOfBand):
                self.setUp()
                client, _ = self.connect(KCPOptions(key="k", dataShards=3, parityShards=1))
                send = client.session.sendOutOfBand if outOfBand else client.session.write
                # Less than the limit with the parity and what connecting took.
                for _ in range(5):
                    send(b"x" * 20)
                    self.network.run(0.01)
                self.assertEqual(client.reasons, [])
                for _ in range(5):
                    send(b"x" * 20)
                    self.network.run(0.01)
                self.assertIsInstance(self.reasonOf(client), KeyExhausted)
                self.assertIn("key", str(self.reasonOf(client)))
                self.assertEqual(self.network.host(CLIENT).ports, {})

    def test_whileConnecting(self) -> None:
        """
        A client whose first datagram cannot be sent fails to connect, with the layer's reason.
        """
        problem = error.ConnectionLost("full up")

        def make(wrapped: IDatagramProtocol) -> FailingLayer:
            layer = FailingLayer(wrapped)
            layer.problem = problem, (SERVER, PORT)
            return layer

        self.listen()
        connecting = self.begin(layers=[make])
        self.network.run(0.1)
        self.assertIs(self.failureResultOf(connecting).value, problem)
        self.assertEqual(self.clientFactory.made, [])
        self.assertEqual(self.network.host(CLIENT).ports, {})
