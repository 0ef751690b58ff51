"""
Tests for L{kcptwisted.arq.sender.Sender.deadLink}: which links are dead and which only slow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.recovery import DEAD_LINK
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.options import KCPOptions
from kcptwisted.wire.segment import OVERHEAD
from tests.arq.link import SETTINGS, Link, goodFate
from tests.arq.single import ack, alone, sent


def _modes() -> Iterator[tuple[str, ARQSettings, bool]]:
    """
    @return: each mode's name and settings, with segments of a hundred bytes, with and without
        congestion control.
    """
    for mode in ("normal", "fast", "fast2", "fast3"):
        settings = KCPOptions(mode=mode, keepAlive=0, environ={}).arqSettings(0)
        for congested in (False, True):
            yield mode, replace(settings, mtu=OVERHEAD + 100), congested


class Bottleneck:
    """
    The fate of datagrams that queue up before a narrow path.

    @ivar link: where the path is.
    """

    link: Link

    def __init__(self, spacing: int, room: int) -> None:
        """
        @param spacing: milliseconds that one datagram takes.
        @param room: milliseconds that one waits at most; it is lost if it would have to wait
            longer.
        """
        self._spacing = spacing
        self._room = room
        self._free = 0

    def __call__(self) -> list[int]:
        """
        @return: when one that leaves now arrives.
        """
        start = max(self.link.now, self._free)
        if start - self.link.now > self._room:
            return []
        self._free = start + self._spacing
        return [self._free - self.link.now]


class Way:
    """
    The fate of datagrams on a way that can change.

    @ivar delay: milliseconds; None if all are lost.
    """

    delay: int | None = 5

    def __call__(self) -> list[int]:
        """
        @return: when one that leaves now arrives.
        """
        return [] if self.delay is None else [self.delay]


class SlowTests(SynchronousTestCase):
    """
    Links that are slow but alive.
    """

    def survive(self, link: Link, size: int) -> int:
        """
        Send bytes.

        @return: how often a segment was sent at most.
        """
        sender, reader = link.ends
        reader.received.clear()
        sender.conversation.write(bytes(size))
        sender.conversation.flushBy(link.now)
        core = sender.conversation.sender
        most = 0

        def check() -> None:
            nonlocal most
            self.assertFalse(core.deadLink, f"at {link.now}")
            again = getattr(core._recovery, "_resends", None)
            sent = [each.transmissions for each in (again or {}).values()]
            most = max([most, *sent])

        link.run(lambda: sender.conversation.drained, check)
        self.assertEqual(b"".join(reader.received), bytes(size))
        return most

    def test_longWay(self) -> None:
        """
        A round trip of five seconds from the beginning.
        """
        for mode, settings, congested in _modes():
            link = Link((lambda: [2500], lambda: [2500]), settings=settings, congested=congested)
            self.assertGreater(self.survive(link, 20_000), 3, mode)

    def test_suddenlyLongWay(self) -> None:
        """
        A round trip that was short and becomes eight seconds: with timeouts of the short one a
        segment is sent far more than twenty times before its ACK can come.
        """
        hurried = []
        for _, settings, congested in _modes():
            way = Way()
            link = Link((way, way), settings=settings, congested=congested)
            for _ in range(20):
                self.survive(link, 1000)
            way.delay = 4000
            hurried.append(self.survive(link, 1000))
        self.assertGreater(max(hurried), DEAD_LINK)

    def test_narrow(self) -> None:
        """
        A path on which a window takes a minute, with a buffer of five seconds, of half a minute,
        or without end.
        """
        for room in (5000, 30_000, 1 << 40):
            for _, settings, congested in _modes():
                bottleneck = Bottleneck(117, room)
                link = Link((bottleneck, goodFate), settings=settings, congested=congested)
                bottleneck.link = link
                self.survive(link, 512 * 100)
                self.assertGreater(link.now, 50_000)


class DeadTests(SynchronousTestCase):
    """
    Links that are dead.
    """

    def test_fromTheBeginning(self) -> None:
        """
        A peer that never answers is given up, in all modes.
        """
        for mode, settings, congested in _modes():
            link = Link((lambda: [], goodFate), settings=settings, congested=congested)
            sender = link.ends[0].conversation
            sender.write(bytes(2000))
            sender.flushBy(0)
            link.run(lambda: sender.sender.deadLink)  # noqa: B023
            self.assertLess(link.now, 60_000, mode)

    def test_midway(self) -> None:
        """
        So is one that answered until now, ten seconds after its last ACK when twenty copies are
        sent sooner, by one of the copies that follow.
        """
        for mode, settings, congested in _modes():
            way = Way()
            link = Link((way, Way()), settings=settings, congested=congested)
            sender = link.ends[0].conversation
            for _ in range(20):
                sender.write(b"data")
                sender.flushBy(link.now)
                link.run(lambda: sender.drained)  # noqa: B023
            link.runFor(60_000)
            way.delay = None
            began = link.now
            sender.write(b"data")
            sender.flushBy(began)
            link.run(lambda: sender.sender.deadLink)  # noqa: B023
            self.assertGreaterEqual(link.now - began, settings.deadLinkAfter, mode)
            self.assertLess(link.now - began, 30_000, mode)
            self.assertGreaterEqual(link.stats[0].RetransSegs, DEAD_LINK - 1)
            self.assertEqual(link.stats[0].RetransSegs > DEAD_LINK, settings.nodelay)


class SilenceTests(SynchronousTestCase):
    """
    What ends the silence.
    """

    def copies(self, acks: dict[int, tuple[int, int]]) -> int | None:
        """
        Send ten segments on a link with the shortest timeouts, and none of their copies arrives.

        @param acks: sn and una of the ACKs that arrive, by the time when they do.
        @return: when the link was found dead, ms; None if it was not within 25 seconds.
        """
        conversation = alone(replace(SETTINGS, resend=0))
        conversation.write(bytes(100))
        sent(conversation, 0)
        conversation.receive([ack(0, ts=0)], 1)
        conversation.write(bytes(1000))
        for now in range(1000, 26_000, 10):
            sent(conversation, now)
            if now in acks:
                sn, una = acks[now]
                conversation.receive([ack(sn, una, ts=now)], now)
            if conversation.sender.deadLink:
                return now
        return None

    def test_none(self) -> None:
        """
        Ten seconds count from when the oldest segment in flight was first sent.
        """
        found = self.copies({})
        assert found is not None
        self.assertGreaterEqual(found, 11_000)
        self.assertLess(found, 11_600)

    def test_newlyAcknowledged(self) -> None:
        """
        Or from the last new acknowledgement, by ACK or una.
        """
        for acks in ({5000: (7, 1)}, {5000: (0, 3)}):
            found = self.copies(acks)
            assert found is not None
            self.assertGreaterEqual(found, 15_000)
            self.assertLess(found, 15_600)

    def test_nothingNew(self) -> None:
        """
        An acknowledgement that says nothing new does not count.
        """
        found = self.copies({5000: (7, 1), 6000: (7, 1), 7000: (0, 1)})
        assert found is not None
        self.assertLess(found, 15_600)

    def test_again(self) -> None:
        """
        As long as something is newly acknowledged, copies do not matter.
        """
        acks = {1000 + 8000 * number: (10 - number, 1) for number in range(1, 4)}
        self.assertIs(self.copies(acks), None)


class OptionsTests(SynchronousTestCase):
    """
    How long nothing may be acknowledged with which options.
    """

    def test_keepAlive(self) -> None:
        """
        As long as the keepalive waits for a sign of life, and never less than without it.
        """
        for keepAlive, deadAfter, expected in (
            (10.0, 30.0, 40_000),
            (10.0, 300.0, 310_000),
            (0.5, 1.0, 10_000),
            (0.0, 300.0, 10_000),
        ):
            options = KCPOptions(keepAlive=keepAlive, deadAfter=deadAfter, environ={})
            self.assertEqual(options.arqSettings(0).deadLinkAfter, expected)
