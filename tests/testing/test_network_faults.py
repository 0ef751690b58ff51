"""
Tests for L{kcptwisted.testing}: addresses that change, and hosts that are suspended.
"""

from __future__ import annotations

from kcptwisted.testing import Link
from kcptwisted.timing.clock import FlushClock
from kcptwisted.timing.runningtime import LATENESS_TOLERANCE
from tests.clocks import Flushed
from tests.hosts import NetworkTestCase, Recorder


class TranslationTests(NetworkTestCase):
    """
    Tests for L{SimulatedNetwork.translate}.
    """

    private = ("10.0.0.1", 49152)
    first = ("198.51.100.1", 1111)
    second = ("198.51.100.2", 2222)

    def ask(self, question: bytes) -> tuple[str, int]:
        """
        @return: the address that a datagram from the one port to the other arrives from.
        """
        self.here.transport.write(question, ("10.0.0.2", 9))
        self.network.run(1)
        _, datagram, address = self.there.received[-1]
        self.assertEqual(datagram, question)
        return address

    def answer(self, data: bytes, address: tuple[str, int]) -> list[bytes]:
        """
        @return: what has arrived at the one port when the other has sent to an address.
        """
        self.there.transport.write(data, address)
        self.network.run(2)
        return [datagram for _, datagram, _ in self.here.received]

    def test_bothWays(self) -> None:
        """
        Datagrams arrive as from the public address, and what is sent there reaches the source;
        what is sent to the address before is lost.
        """
        self.assertEqual(self.ask(b"one"), self.private)
        self.network.translate(self.private, self.first)
        self.assertEqual(self.ask(b"two"), self.first)
        self.assertEqual(self.answer(b"found", self.first), [b"found"])
        self.assertEqual(self.answer(b"lost", self.private), [b"found"])

    def test_again(self) -> None:
        """
        It can be done again and again, also back to an address of before; only the present address
        leads to the source.
        """
        every = [self.private, self.first, self.second]
        for public in (self.first, self.second, self.first, self.private, self.second):
            self.network.translate(self.private, public)
            self.assertEqual(self.ask(b"?"), public)
            self.here.received.clear()
            for address in every:
                self.there.transport.write(repr(address).encode(), address)
            self.network.run(2)
            arrived = [datagram for _, datagram, _ in self.here.received]
            self.assertEqual(arrived, [repr(public).encode()])

    def test_same(self) -> None:
        """
        To translate to the present address changes nothing.
        """
        for public in (self.private, self.first, self.first):
            self.network.translate(self.private, public)
            self.assertEqual(self.ask(b"?"), public)
            self.assertEqual(self.answer(b"!", public)[-1:], [b"!"])
            self.here.received.clear()

    def test_silently(self) -> None:
        """
        Nobody refuses what is sent to a dead address.
        """
        self.there.transport.connect(*self.first)
        self.network.translate(self.private, self.first)
        self.network.translate(self.private, self.second)
        self.there.transport.write(b"anybody?")
        self.network.run(5)
        self.assertEqual(self.there.refusals, [])

    def test_underWay(self) -> None:
        """
        What is under way to the address when it dies is lost; what has been sent from there
        arrives as sent.
        """
        self.there.transport.write(b"to", self.private)
        self.here.transport.write(b"from", ("10.0.0.2", 9))
        self.network.run(0.25)
        self.network.translate(self.private, self.first)
        self.network.run(2)
        self.assertEqual(self.here.received, [])
        self.assertEqual(self.there.received, [(0.5, b"from", self.private)])

    def test_onePort(self) -> None:
        """
        The other ports of the host are seen as they are.
        """
        self.network.translate(self.private, self.first)
        other = Recorder(self.network)
        self.one.listenUDP(7, other)
        other.transport.write(b"?", ("10.0.0.2", 9))
        self.network.run(1)
        self.assertEqual(self.there.received[-1][2], ("10.0.0.1", 7))

    def test_connected(self) -> None:
        """
        A port behind the NAT whose peer is fixed hears it, and of its refusal; one whose peer is
        the public address hears the source.
        """
        self.network.translate(self.private, self.first)
        self.here.transport.connect("10.0.0.2", 9)
        self.there.transport.connect(*self.first)
        self.here.transport.write(b"ping")
        self.there.transport.write(b"pong")
        self.network.run(1)
        self.assertEqual((len(self.there.received), len(self.here.received)), (1, 1))
        self.there.transport.stopListening()
        self.here.transport.write(b"ping")
        self.network.run(2)
        self.assertEqual(len(self.here.refusals), 1)

    def test_links(self) -> None:
        """
        Both directions go over the links of the hosts themselves, and taps know these.
        """
        taken: list[object] = []
        self.network.taps.append(lambda *what: taken.append(what[0]))
        self.network.setLink("10.0.0.2", "10.0.0.1", Link(loss=1))
        self.network.translate(self.private, self.first)
        self.ask(b"?")
        self.assertEqual(self.answer(b"lost", self.first), [])
        self.assertEqual(taken, [self.private, ("10.0.0.2", 9)])

    def test_taken(self) -> None:
        """
        An address stands for one source at a time.
        """
        self.network.translate(self.private, self.first)
        other = ("10.0.0.1", 7)
        self.assertRaises(ValueError, self.network.translate, other, self.first)
        self.assertEqual(self.ask(b"?"), self.first)
        self.network.translate(self.private, self.second)
        self.network.translate(other, self.first)


class SuspensionTests(NetworkTestCase):
    """
    Tests for L{SimulatedHost.suspend} and L{SimulatedHost.resume}.
    """

    def setUp(self) -> None:
        """
        Note the order of things.
        """
        super().setUp()
        self.order: list[tuple[float, str]] = []

    def note(self, what: str) -> None:
        """
        Note what happens, and when.
        """
        self.order.append((self.one.seconds(), what))

    def test_calls(self) -> None:
        """
        Delayed calls wait, those made before and those made meanwhile, and then happen at once in
        the order of their times; those that are not due yet happen when they are.
        """
        for delay, what in ((3, "late"), (1, "soon"), (20, "after")):
            self.one.callLater(delay, self.note, what)
        self.network.run(0.5)
        self.one.suspend()
        self.one.callLater(1, self.note, "meanwhile")
        self.network.run(10)
        self.assertEqual((self.order, self.one.seconds()), ([], 10.5))
        self.one.resume()
        self.network.run(20)
        self.assertEqual(
            self.order, [(10.5, "soon"), (10.5, "meanwhile"), (10.5, "late"), (20, "after")]
        )

    def test_others(self) -> None:
        """
        Other hosts, and the network, go on.
        """
        self.one.suspend()
        self.two.callLater(1, self.note, "two")
        self.network.clock.callLater(2, self.note, "network")
        self.network.run(5)
        self.assertEqual(self.order, [(1, "two"), (2, "network")])

    def test_datagrams(self) -> None:
        """
        What arrives waits, among the delayed calls; what was sent before is under way.
        """
        self.here.transport.write(b"sent", ("10.0.0.2", 9))
        self.one.suspend()
        self.one.callLater(0.75, self.here.transport.write, b"timer", ("10.0.0.2", 9))
        for data in (b"a", b"b"):
            self.there.transport.write(data, self.port.address)
            self.network.run(0.5)
        self.network.run(9)
        self.assertEqual((self.here.received, len(self.there.received)), ([], 1))
        self.one.resume()
        self.network.run(1)
        sender = ("10.0.0.2", 9)
        self.assertEqual(self.here.received, [(10, b"a", sender), (10, b"b", sender)])
        self.assertEqual([when for when, _, _ in self.there.received], [0.5, 10.5])

    def test_refusal(self) -> None:
        """
        A refusal waits, too.
        """
        self.here.transport.connect("10.0.0.2", 7)
        self.here.transport.write(b"anybody?")
        self.one.suspend()
        self.network.run(5)
        self.assertEqual(self.here.refusals, [])
        self.one.resume()
        self.network.run(1)
        self.assertEqual(self.here.refusals, [5])

    def test_closed(self) -> None:
        """
        A port that is closed before its turn comes hears nothing more.
        """
        self.one.callLater(0.25, self.port.stopListening)
        self.one.suspend()
        self.there.transport.write(b"late", self.port.address)
        self.network.run(5)
        self.one.resume()
        self.network.run(5)
        self.assertEqual((self.here.received, self.here.stopped), ([], 1))

    def test_cancel(self) -> None:
        """
        A call that waits, or has waited, is active and can be cancelled.
        """
        for resumed in (False, True):
            call = self.one.callLater(1, self.note, "cancelled")
            self.one.suspend()
            self.network.run(5)
            if resumed:
                self.one.resume()
            self.assertTrue(call.active())
            call.cancel()
            self.one.resume()
            self.network.run(5)
        self.assertEqual(self.order, [])
        self.assertEqual(self.network.clock.getDelayedCalls(), [])

    def test_cancelEachOther(self) -> None:
        """
        So it can by another one that had waited.
        """
        self.one.callLater(1, lambda: second.cancel())
        second = self.one.callLater(2, self.note, "cancelled")
        self.one.suspend()
        self.network.run(5)
        self.one.resume()
        self.network.run(5)
        self.assertEqual(self.order, [])

    def test_repeated(self) -> None:
        """
        To suspend or resume twice is the same as once.
        """
        self.one.callLater(1, self.note, "once")
        self.one.resume()
        self.one.suspend()
        self.one.suspend()
        self.network.run(5)
        self.one.resume()
        self.one.resume()
        self.network.run(5)
        self.assertEqual(self.order, [(5, "once")])

    def test_flushClock(self) -> None:
        """
        The flush clock of a suspended host stands still.
        """
        clock = FlushClock(self.one)
        flushed = Flushed(clock)
        flushed.setDue(5000)
        self.one.suspend()
        self.network.run(1000)
        self.one.resume()
        self.network.run(1)
        self.assertLessEqual(clock.now(), 5000 + 1000 * (LATENESS_TOLERANCE + 1))
        self.assertEqual(len(flushed.flushed), 1)
