"""
Tests for L{kcptwisted.connection.mtusearch}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.settings import ARQSettings
from kcptwisted.connection.connection import Connection
from kcptwisted.connection.mtusearch import MTUSearch, resized, searchOf, tooBig
from kcptwisted.connection.mtusizes import BASE_MTU, LARGEST_MTU, LARGEST_PLAIN_MTU
from kcptwisted.connection.pathmtu import MAX_PROBES, RAISE_TIMER, Phase
from kcptwisted.connection.settings import ConnectionSettings
from kcptwisted.testing.link import Link
from kcptwisted.wire.control import PADDING, Feature, Probe, decodeBlock
from kcptwisted.wire.segment import OVERHEAD, WASK, decodeSegments
from tests.connection.driving import PLAIN, SETTINGS, Party, changed
from tests.connection.pairs import Pair

#: What the layers below take.
LAYERS = 36

SEARCHING = ConnectionSettings(
    arq=ARQSettings(mtu=BASE_MTU - LAYERS, leastMtu=BASE_MTU - LAYERS, interval=10),
    overhead=LAYERS,
    searchesMtu=True,
    features=Feature.PROBES,
)

#: One of ours of an earlier version.
EARLIER = changed(SEARCHING, features=Feature.NONE)

SLOW = 0.01


def carrying(mtu: int, **more: float) -> Link:
    """
    @return: a path that carries UDP payloads of so many bytes.
    """
    return Link(delay=SLOW, mtu=mtu - LAYERS, **more)  # type: ignore[arg-type]


def sizeOf(party: Party) -> int:
    """
    @return: the largest UDP payload that an end sends; 0 if it has not searched.
    """
    search = party.connection.search
    return 0 if search is None else search.path.size


class SearchTestCase(SynchronousTestCase):
    """
    Sends over a path.
    """

    def connect(self, link: Link, server: ConnectionSettings = SEARCHING) -> Pair:
        """
        @return: two ends that know each other.
        """
        pair = Pair(SEARCHING, server, carrying(2000)).connect()
        pair.setLink(link)
        return pair

    def send(self, pair: Pair, milliseconds: int, party: Party | None = None) -> None:
        """
        Has the client, or another end, write all the time, and sees that it arrives.
        """
        party = party or pair.client
        other = pair.server if party is pair.client else pair.client
        before, written = len(other.data), 0
        for _ in range(milliseconds // 50):
            party.write(bytes(20_000))
            written += 20_000
            pair.run(50)
        pair.run(10_000)
        self.assertEqual(len(other.data) - before, written)


class FoundTests(SearchTestCase):
    """
    The size that the path carries is found.
    """

    def test_ours(self) -> None:
        """
        Between two of ours, each direction by itself, up to the largest that a peer takes.
        """
        for there, back, found in (
            (2000, 2000, (LARGEST_MTU, LARGEST_MTU)),
            (1400, 1300, (1392, 1292)),
        ):
            pair = self.connect(carrying(2000))
            pair.models[0].link, pair.models[1].link = carrying(there), carrying(back)
            self.send(pair, 20_000)
            self.send(pair, 20_000, pair.server)
            self.assertEqual((sizeOf(pair.client), sizeOf(pair.server)), found)
            for party in pair.ends:
                self.assertEqual((party.stats.KCPInErrors, party.stats.ControlErrs), (0, 0))

    def test_counted(self) -> None:
        """
        Probes are counted, and those that are not answered: three of each size that does not pass.
        """
        pair = self.connect(carrying(2000))
        self.send(pair, 20_000)
        stats = pair.client.stats
        self.assertEqual((stats.MTUProbes, stats.MTUProbesLost), (1, 0))
        pair = self.connect(carrying(LARGEST_PLAIN_MTU))
        self.send(pair, 20_000)
        stats = pair.client.stats
        self.assertEqual((stats.MTUProbes, stats.MTUProbesLost), (MAX_PROBES + 1, MAX_PROBES))

    def test_plain(self) -> None:
        """
        Towards a peer without control frames, with small datagrams of its own, too.
        """
        for carries, found in ((2000, LARGEST_PLAIN_MTU), (1400, 1392), (1240, BASE_MTU)):
            pair = self.connect(carrying(carries), PLAIN)
            self.send(pair, 30_000)
            self.assertEqual(sizeOf(pair.client), found)
            self.assertIsNone(pair.server.connection.search)
            self.assertEqual((pair.server.stats.KCPInErrors, pair.server.foreign), (0, []))

    def test_earlier(self) -> None:
        """
        Towards one of ours that knows nothing of probes it is as towards others.
        """
        pair = self.connect(carrying(1400), EARLIER)
        self.send(pair, 30_000)
        self.assertEqual(sizeOf(pair.client), 1392)

    def test_badPath(self) -> None:
        """
        With loss, and where answers take long.
        """
        for settings in (SEARCHING, PLAIN):
            for link in (
                carrying(1400, loss=0.1),
                Link(delay=0.6, mtu=1400 - LAYERS),
                carrying(1400, duplicate=0.3, jitter=0.05),
            ):
                pair = self.connect(link, settings)
                self.send(pair, 60_000)
                self.assertIn(sizeOf(pair.client), (1352, 1372, 1392), (settings, link))

    def test_nothingToSend(self) -> None:
        """
        A connection without a full datagram does not search, and has no part for it.
        """
        pair = self.connect(carrying(2000))
        for _ in range(100):
            pair.client.write(b"x" * 1000)
            pair.run(50)
        self.assertIsNone(pair.client.connection.search)
        self.assertIsNone(pair.server.connection.search)

    def test_unlimited(self) -> None:
        """
        With an mtu of its own it does not search either.
        """
        fixed = changed(mtu=1400 - LAYERS)
        pair = Pair(fixed, fixed, carrying(1400)).connect()
        self.send(pair, 2000)
        self.assertIsNone(pair.client.connection.search)

    def test_rest(self) -> None:
        """
        When the search is over, nothing is due until there are data.
        """
        pair = self.connect(carrying(1500))
        self.send(pair, 2000)
        search = pair.client.connection.search
        assert search is not None
        self.assertIs(search.path.phase, Phase.COMPLETE)
        passed = pair.passed
        pair.run(2 * RAISE_TIMER)
        # Keepalive alone.
        self.assertLess(pair.passed - passed, 2 * 2 * 2 * RAISE_TIMER / 10_000)


class SegmentTests(SearchTestCase):
    """
    Segments of other sizes.
    """

    def test_waiting(self) -> None:
        """
        Bytes of a stream that wait are cut anew by the size that was found; what arrives is the
        same.
        """
        pair = self.connect(carrying(1500))
        sent: list[int] = []
        data = bytes(range(256)) * 8000
        pair.client.write(data)
        for _ in range(100):
            pair.run(20)
            sent.append(pair.client.connection.conversation.sender.sendQueue.mss)
        self.assertEqual(pair.server.data, data)
        self.assertEqual(sent[-1], LARGEST_MTU - LAYERS - OVERHEAD)
        segments = pair.client.connection.conversation.sender.next
        self.assertLess(segments, len(data) / (BASE_MTU - LAYERS - OVERHEAD) - 100)

    def test_messages(self) -> None:
        """
        A message may be no longer than the base size allows: the path may carry less later.
        """
        settings = changed(SEARCHING, stream=False)
        pair = Pair(settings, settings, carrying(1500)).connect()
        most = 255 * (BASE_MTU - LAYERS - OVERHEAD)
        for _ in range(10):
            pair.client.write(bytes(most))
            pair.run(2000)
        self.assertEqual(sizeOf(pair.client), LARGEST_MTU)
        pair.client.write(bytes(most))
        self.assertRaises(ValueError, pair.client.write, bytes(most + 1))
        queue = pair.client.connection.conversation.sender.sendQueue
        before = len(queue.segments)
        tooBig(pair.client.connection, 1300, True, pair.now)
        pair.client.write(bytes(most))
        self.assertEqual(len(queue.segments) - before, 255)

    def test_fragments(self) -> None:
        """
        As long as larger segments are in flight, datagrams may be fragmented.
        """
        pair = self.connect(carrying(1500))
        self.send(pair, 1000)
        connection = pair.client.connection
        pair.client.write(bytes(10_000))
        pair.client.flush()
        self.assertFalse(connection.fragments)
        tooBig(connection, 1300, True, pair.now)
        pair.client.flush()
        self.assertTrue(connection.fragments)
        pair.client.take()
        pair.run(5000)
        pair.client.write(bytes(10_000))
        pair.run(1000)
        self.assertFalse(connection.fragments)

    def test_oneObject(self) -> None:
        """
        Connections that found the same size share their settings.
        """
        one, other = (resized(SEARCHING.arq, 1400) for _ in range(2))
        self.assertIs(one, other)

    def test_configure(self) -> None:
        """
        Another mtu ends the search, and none begins it.
        """
        pair = self.connect(carrying(1500))
        self.send(pair, 1000)
        connection = pair.client.connection
        connection.configure(changed(SEARCHING, searchesMtu=False, mtu=1000), pair.now)
        self.assertIsNone(connection.search)
        self.send(pair, 500)
        self.assertEqual(connection.conversation.sender.sendQueue.mss, 1000 - OVERHEAD)
        connection.configure(SEARCHING, pair.now)
        self.send(pair, 1000)
        self.assertEqual(sizeOf(pair.client), LARGEST_MTU)

    def test_otherSettings(self) -> None:
        """
        Other changes keep what was found.
        """
        pair = self.connect(carrying(1500))
        self.send(pair, 1000)
        connection = pair.client.connection
        connection.configure(changed(SEARCHING, sendWindow=99), pair.now)
        self.assertEqual(sizeOf(pair.client), LARGEST_MTU)
        mss = connection.conversation.sender.sendQueue.mss
        self.assertEqual(mss, LARGEST_MTU - LAYERS - OVERHEAD)


class ProbeTests(SearchTestCase):
    """
    Probes.
    """

    def probing(self, settings: ConnectionSettings) -> tuple[Pair, MTUSearch]:
        """
        @return: a client that has sent a probe.
        """
        pair = self.connect(carrying(1500), settings)
        pair.client.write(bytes(20_000))
        search = searchOf(pair.client.connection, pair.now)
        for _ in range(5000):
            if search.path.isAwaiting:
                return pair, search
            pair.client.write(bytes(2000))
            pair.run(1)
        raise AssertionError("no probe")

    def test_ours(self) -> None:
        """
        A probe is a question for the window with a frame, padded to its size, and answered by
        number.
        """
        _, search = self.probing(SEARCHING)
        lower = 20
        (segment,) = decodeSegments(search.datagram(lower, 0))
        self.assertEqual(len(segment.data) + OVERHEAD + lower, LARGEST_MTU)
        self.assertEqual(segment.cmd, WASK)
        block = decodeBlock(segment.data)
        assert block is not None
        self.assertEqual(block.frames, (Probe(search.path.number),))

    def test_plain(self) -> None:
        """
        To others it holds nothing but padding, which one of ours would pass over.
        """
        _, search = self.probing(PLAIN)
        (segment,) = decodeSegments(search.datagram(0, 0))
        self.assertEqual(segment.data, bytes([PADDING]) * (LARGEST_PLAIN_MTU - OVERHEAD))
        party = Party(SETTINGS)
        party.accept()
        party.receive([search.datagram(0, 0)])
        self.assertEqual((party.stats.ControlErrs, party.stats.KCPInErrors), (0, 0))

    def test_storm(self) -> None:
        """
        A peer that tells its window all the time does not hold datagrams at a size that vanishes.
        """
        pair = self.connect(carrying(1300), PLAIN)
        conversation = pair.server.connection.conversation
        written = 0
        for turn in range(8000):
            if turn % 20 == 0 and turn < 6000:
                pair.client.write(bytes(2000))
                written += 2000
            pair.inject(0, conversation.windowDatagram(pair.now))
            pair.run(5)
            # What is in flight with a size that vanishes is fragmented, and passes.
            fragments = pair.client.connection.fragments
            pair.models[0].link = carrying(1500 if fragments else 1300)
        self.assertEqual(len(pair.server.data), written)
        self.assertEqual(sizeOf(pair.client), BASE_MTU)

    def test_unproven(self) -> None:
        """
        Nothing is probed at an address that may be forged.
        """
        party = Party(SEARCHING)
        party.accept(unproven=True, received=2000)
        party.write(bytes(20_000))
        party.passTo(party.now + 5000)
        self.assertIsNone(party.connection.search)

    def test_newPath(self) -> None:
        """
        On another path the search begins anew.
        """
        pair = self.connect(carrying(1500))
        self.send(pair, 1000)
        connection: Connection = pair.client.connection
        pair.setLink(carrying(1350))
        connection.pathChanged(pair.now, True)
        self.assertEqual(sizeOf(pair.client), BASE_MTU)
        self.send(pair, 20_000)
        self.assertEqual(sizeOf(pair.client), 1332)
