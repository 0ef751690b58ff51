"""
Tests for L{kcptwisted.services.relay.pairs} with smux on one side.
"""

from __future__ import annotations

from twisted.internet.protocol import Factory

from kcptwisted.services.relay.factory import RelayFactory
from kcptwisted.services.relay.half import DRAIN_TIMEOUT
from kcptwisted.smux.client import SmuxClientEndpoint
from kcptwisted.smux.protocol import SmuxProtocol
from kcptwisted.smux.stream import INITIAL_WINDOW
from tests.machines.relays import Talker
from tests.machines.streams import StreamClient
from tests.services.relay.test_pairs import PairCase


class OverSmuxTests(PairCase):
    """
    Outgoing connections that are streams of a smux session, which have no reset.
    """

    def setUp(self) -> None:
        """
        The relay is a smux client.
        """
        super().setUp()
        self.talkers = Factory.forProtocol(self.stream)
        self.talkers.noisy = False
        target = StreamClient(self.clock, self.session)
        self.factory = RelayFactory(SmuxClientEndpoint(self.clock, target), self.clock)
        self.port.listen(self.factory)

    def session(self) -> SmuxProtocol:
        """
        @return: the server's session.
        """
        return SmuxProtocol(self.clock, isClient=False, factory=self.talkers)

    def stream(self) -> Talker:
        """
        @return: the server's end of a stream, which reads nothing at first.
        """
        talker = self.accept()
        talker.makeConnection = lambda transport: (  # type: ignore[method-assign]
            Talker.makeConnection(talker, transport),
            transport.pauseProducing(),
        )
        return talker

    def stall(self) -> None:
        """
        Have more on its way than the stream takes.
        """
        self.connect()
        self.pump(0.5)
        self.client.write(bytes(INITIAL_WINDOW + 20_000))
        self.pump(1)

    def assertDelivered(self) -> None:
        """
        Fail if the server does not get all of it when it reads on.
        """
        self.server.transport.resumeProducing()
        self.pump()
        self.assertEqual(len(self.server.received), INITIAL_WINDOW + 20_000)
        self.assertTrue(self.server.sawEnd)

    def test_resetAfterData(self) -> None:
        """
        What was read before a reset is delivered.
        """
        self.stall()
        self.client.transport.abortConnection()
        self.pump(1)
        self.assertDelivered()

    def test_stop(self) -> None:
        """
        So is what was read before a stop.
        """
        self.stall()
        stopped = self.factory.stop()
        self.pump(DRAIN_TIMEOUT / 2)
        self.assertNoResult(stopped)
        self.assertDelivered()
        self.successResultOf(stopped)

    def test_drainTimeout(self) -> None:
        """
        Nobody waits for ever.
        """
        self.stall()
        stopped = self.factory.stop()
        self.pump(DRAIN_TIMEOUT + 2)
        self.successResultOf(stopped)
