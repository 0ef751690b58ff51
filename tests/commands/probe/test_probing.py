"""
Tests for L{kcptwisted.commands.probe.probing} and L{kcptwisted.commands.probe.prober}: what is
found is what the links are like.
"""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.error import ConnectionDone
from zope.interface.verify import verifyObject

from kcptwisted.commands.probe.prober import Bounds
from kcptwisted.interfaces import IDatagramProtocol, IDatagramTransport
from kcptwisted.options import KCPOptions
from kcptwisted.testing.link import Link
from tests.commands.probe.networks import CLIENT, PLAIN, PORT, SERVER, ProbingTestCase

#: The server gathers ACKs for so long, seconds.
INTERVAL = 0.03

KEY = KCPOptions(key="one", environ={})


class FindingTests(ProbingTestCase):
    """
    Whole runs.
    """

    def assertBetween(self, value: float | None, low: float, high: float) -> None:
        """
        Fail unless it is known and within bounds.
        """
        assert value is not None
        self.assertGreaterEqual(value, low)
        self.assertLessEqual(value, high)

    def test_roundTrip(self) -> None:
        """
        The shortest round trip is the links', and the longest has the server's interval in it,
        which is known.
        """
        found = self.measure(Link(delay=0.03), Link(delay=0.02))
        trips = found.roundTrips
        assert trips is not None
        self.assertBetween(trips.minimum, 0.05, 0.055)
        self.assertBetween(trips.median, 0.055, 0.05 + INTERVAL)
        self.assertBetween(trips.p99, trips.p90, 0.05 + INTERVAL + 0.002)
        self.assertBetween(found.interval, INTERVAL - 0.008, INTERVAL + 0.002)
        self.assertBetween(found.connected, 0.05, 0.1)
        self.assertTrue(found.isOurs)

    def test_undisturbed(self) -> None:
        """
        The server's application gets a connection that ends cleanly, and no data.
        """
        self.measure(Link(delay=0.01))
        self.network.run(5)
        self.assertEqual(self.witness.received, b"")
        assert self.witness.reason is not None
        self.assertTrue(self.witness.reason.check(ConnectionDone))
        self.assertEqual((self.client.ports, self.probing.problem), ({}, None))

    def test_layer(self) -> None:
        """
        What takes the ACKs is a layer.
        """
        self.measure(Link(delay=0.01))
        (layer,) = self.probing._layers
        verifyObject(IDatagramProtocol, layer)
        verifyObject(IDatagramTransport, layer)

    def test_jitter(self) -> None:
        """
        Jitter of the links is jitter of the round trips.
        """
        quick = KCPOptions(crypt="null", interval=10, environ={})
        steady = self.measure(Link(delay=0.02), server=quick).roundTrips
        shaky = self.measure(Link(delay=0.02, jitter=0.05), server=quick).roundTrips
        assert steady is not None and shaky is not None
        self.assertLess(steady.jitter, 0.01)
        # The mean difference of two sums of two uniform numbers each, below 50 ms.
        self.assertBetween(shaky.jitter, 0.012, 0.04)

    def test_lossThere(self) -> None:
        """
        What is lost on the way there is told from what is lost on the way back.
        """
        loss = self.measure(Link(delay=0.02, loss=0.1), Link(delay=0.02)).loss
        assert loss is not None
        self.assertBetween(loss.there, 0.07, 0.13)
        self.assertBetween(loss.back, 0, 0.02)

    def test_lossBack(self) -> None:
        """
        Likewise the other way around.
        """
        loss = self.measure(Link(delay=0.02), Link(delay=0.02, loss=0.1)).loss
        assert loss is not None
        self.assertBetween(loss.there, 0, 0.02)
        self.assertBetween(loss.back, 0.04, 0.18)

    def test_lossUntold(self) -> None:
        """
        A server that answers each datagram by itself leaves open which way is lost.
        """
        server = KCPOptions(crypt="null", ackNoDelay=True, environ={})
        loss = self.measure(Link(delay=0.02, loss=0.1, jitter=0.1), server=server).loss
        assert loss is not None
        self.assertEqual((loss.there, loss.back), (None, None))
        self.assertBetween(loss.both, 0.13, 0.25)
        self.assertNotEqual(loss.why, "")

    def test_mtu(self) -> None:
        """
        The largest payload is found to the byte, though datagrams are lost.
        """
        for mtu in (1500, 1499, 1393, 1333, 560):
            found = self.measure(Link(delay=0.01, loss=0.05, mtu=mtu))
            self.assertEqual(found.mtu, mtu)

    def test_mtuWithCipher(self) -> None:
        """
        It is that of UDP, not of what is in the cipher.
        """
        found = self.measure(Link(delay=0.01, mtu=1400), options=KEY, server=KEY)
        self.assertEqual(found.mtu, 1400)

    def test_mtuFragments(self) -> None:
        """
        A path that would fragment is not taken for a wide one; nor is anything said of one where
        fragments are not forbidden.
        """
        link = Link(delay=0.01, mtu=1300, fragments=True, reportsMtu=True)
        self.assertEqual(self.measure(link).mtu, 1300)
        fixed = KCPOptions(crypt="null", mtu=1200, environ={})
        found = self.measure(link, options=fixed)
        self.assertEqual(found.mtu, None)
        self.assertIn("mtu=", found.mtuWhy)

    def test_rate(self) -> None:
        """
        The rate of the link is found, whichever it is.
        """
        for rate in (0.5e6, 5e6, 24e6):
            found = self.measure(Link(delay=0.02, rate=rate / 8, queue=200_000), Link(delay=0.02))
            self.assertBetween(found.rate, 0.8 * rate, 1.02 * rate)
            self.assertTrue(found.isLimit, found.rateWhy)

    def test_rateShortQueue(self) -> None:
        """
        Likewise where what is too much is dropped.
        """
        found = self.measure(Link(delay=0.02, rate=1e6, queue=8000), Link(delay=0.02))
        self.assertBetween(found.rate, 0.8 * 8e6, 1.02 * 8e6)
        self.assertTrue(found.isLimit, found.rateWhy)

    def test_rateUnlimited(self) -> None:
        """
        Where nothing limits it, the bytes do, and that is said.
        """
        found = self.measure(Link(delay=0.02, loss=0.02, jitter=0.01))
        assert found.rate is not None
        self.assertGreater(found.rate, 10e6)
        self.assertFalse(found.isLimit, found.rateWhy)
        self.assertIn("no bytes were left", found.rateWhy)

    def test_bounds(self) -> None:
        """
        No more is sent than was said, nor for longer.
        """
        near, far = Link(delay=0.03, loss=0.05, mtu=600), Link(delay=0.5)
        for bounds, link in (
            (Bounds(10, 2_000_000), near),
            (Bounds(10, 100_000), replace(near, loss=0.3)),
            (Bounds(2, 100_000), near),
            (Bounds(1, 50_000), near),
            (Bounds(3, 2_000_000), far),
        ):
            found = self.measure(link, bounds=bounds)
            # The connection itself, and its own search for the MTU, are not in it.
            self.assertLessEqual(self.sent, bounds.size + 30_000)
            # Connecting and closing are not in it.
            self.assertLessEqual(self.network.clock.seconds(), bounds.seconds + 4)
            self.assertGreater(found.spent, 4000)

    def test_fec(self) -> None:
        """
        ACKs in FEC groups are found; what FEC had to rebuild counts as lost.
        """
        coded = KCPOptions(crypt="null", dataShards=5, parityShards=3, environ={})
        link = Link(delay=0.02)
        for options in (PLAIN, coded):
            loss = self.measure(
                link, Link(delay=0.02, loss=0.1), options=options, server=coded
            ).loss
            assert loss is not None
            self.assertBetween(loss.back, 0.04, 0.18)
            self.assertBetween(loss.there, 0, 0.02)

    def test_fecReordered(self) -> None:
        """
        What parity overtook is late and not lost.
        """
        coded = KCPOptions(crypt="null", dataShards=2, parityShards=2, interval=10, environ={})
        found = self.measure(Link(delay=0.02), Link(delay=0.02, jitter=0.01), server=coded)
        assert found.loss is not None
        self.assertEqual(found.loss.both, 0)


class EndingTests(ProbingTestCase):
    """
    Runs that do not get far.
    """

    def test_nobody(self) -> None:
        """
        Where nobody listens, that is said.
        """
        self.listen()
        probing = self.begin(port=PORT + 1)
        self.network.runUntil(lambda: bool(self.done))
        self.assertIn("Nothing listens", str(probing.problem))
        self.assertEqual(probing.findings().connected, None)

    def test_wrongKey(self) -> None:
        """
        With another key than the server's there is no answer.
        """
        self.listen(KEY)
        probing = self.begin(KCPOptions(key="two", timeout=3, environ={}))
        self.network.runUntil(lambda: bool(self.done))
        self.assertIn("no answer", str(probing.problem))

    def test_noRoom(self) -> None:
        """
        A server whose window holds one segment acknowledges nothing, and that is said.
        """
        self.listen(KCPOptions(crypt="null", receiveWindow=1, congestion="none", environ={}))
        probing = self.begin()
        self.network.runUntil(lambda: bool(self.done))
        self.assertEqual(probing.problem, "no probe was acknowledged")
        self.assertLess(self.network.clock.seconds(), 10)

    def test_stopped(self) -> None:
        """
        A run that is stopped tells what is known, and closes the connection.
        """
        self.listen()
        for source, destination in ((CLIENT, SERVER), (SERVER, CLIENT)):
            self.network.setLink(source, destination, Link(delay=0.2))
        probing = self.begin()
        self.network.run(2)
        probing.stop()
        found = probing.findings()
        self.network.runUntil(lambda: bool(self.done))
        assert found.roundTrips is not None and found.loss is not None
        self.assertGreater(found.roundTrips.count, 10)
        # What is under way is not lost.
        self.assertEqual(found.loss.both, 0)
        self.assertEqual((found.mtu, found.rate, probing.problem), (None, None, None))
        self.network.run(5)
        assert self.witness.reason is not None
        self.assertTrue(self.witness.reason.check(ConnectionDone))

    def test_stoppedWhileConnecting(self) -> None:
        """
        So does one that has no connection yet.
        """
        self.listen(KEY)
        probing = self.begin()
        self.network.run(1)
        probing.stop()
        self.assertEqual((self.done, probing.problem, self.client.ports), ([None], None, {}))
        self.assertTrue(probing.interrupted)

    def test_serverLeaves(self) -> None:
        """
        If the server ends the connection, that is said, and what was known is told.
        """
        self.listen()
        probing = self.begin()
        self.network.run(2)
        assert self.witness.transport is not None
        self.witness.transport.loseConnection()
        self.network.runUntil(lambda: bool(self.done))
        self.assertIn("the connection ended", str(probing.problem))
        self.assertIsNotNone(probing.findings().roundTrips)
