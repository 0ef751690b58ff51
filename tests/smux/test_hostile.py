"""
A peer that sends any frames, while applications do anything.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.smux.errors import SmuxSessionClosed
from kcptwisted.smux.frames import FIN, NOP, PSH, SYN, FrameParser, header, update
from kcptwisted.smux.options import SmuxOptions
from kcptwisted.smux.protocol import SmuxProtocol
from tests.properties import effort, given, strategies
from tests.smux.driving import Accepting, HalfRecorder, Lower, Recorder

BUDGET = 200

_ids = strategies.integers(2, 6)

_frames = strategies.one_of(
    strategies.tuples(strategies.sampled_from([SYN, FIN, NOP]), _ids).map(
        lambda drawn: header(2, drawn[0], 0, drawn[1])
    ),
    strategies.tuples(_ids, strategies.binary(max_size=150)).map(
        lambda drawn: header(2, PSH, len(drawn[1]), drawn[0]) + drawn[1]
    ),
    strategies.tuples(_ids, strategies.integers(0, 300), strategies.integers(0, 0xFFFFFFFF)).map(
        lambda drawn: update(*drawn)
    ),
)

#: What is done to a stream's transport.
_CALLS = (
    "pauseProducing",
    "resumeProducing",
    "loseConnection",
    "loseWriteConnection",
    "abortConnection",
    "unregisterProducer",
)

_steps = strategies.one_of(
    strategies.tuples(strategies.just("frames"), strategies.lists(_frames, max_size=6)),
    strategies.tuples(strategies.sampled_from(_CALLS), strategies.integers(0, 9)),
    strategies.tuples(strategies.just("write"), strategies.integers(0, 9)),
    strategies.tuples(
        strategies.sampled_from(["open", "press", "release", "turn", "wait"]), strategies.just(0)
    ),
    strategies.tuples(strategies.just("produce"), strategies.integers(0, 9)),
)


class Endless:
    """
    A push producer that never has enough.
    """

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._isPaused = False

    def pauseProducing(self) -> None:
        """
        Stop for now.
        """
        self._isPaused = True

    def resumeProducing(self) -> None:
        """
        Write all that is taken.
        """
        self._isPaused = False
        for _ in range(3):
            if not self._isPaused:
                self._transport.write(bytes(30_000))

    def stopProducing(self) -> None:
        """
        Stop for good.
        """
        self._isPaused = True


class HostileTests(SynchronousTestCase):
    """
    Nothing is raised, and everything ends.
    """

    def begin(self) -> None:
        """
        Connect a server.
        """
        self.clock = Clock()
        self.factory = Accepting()
        kinds = iter([Recorder, HalfRecorder] * 1000)
        self.factory.make = lambda: next(kinds)()
        options = SmuxOptions(sessionBuffer=BUDGET, streamBuffer=50, frameSize=1000, maxStreams=4)
        self.session = SmuxProtocol(self.clock, options, isClient=False, factory=self.factory)
        self.lower = Lower()
        self.session.makeConnection(self.lower)

    def step(self, what: str, how: Any) -> None:
        """
        Do one thing.
        """
        made = self.factory.made
        if what == "frames":
            self.session.dataReceived(b"".join(how))
        elif what == "press":
            self.lower.pressed()
        elif what == "release":
            self.lower.released()
        elif what == "turn":
            self.clock.advance(0)
        elif what == "wait":
            self.clock.pump([0.5] * 21)
        elif what == "open":
            opened = self.session.openStream(Factory.forProtocol(self.factory.make))
            opened.addCallbacks(made.append, lambda failure: failure.trap(SmuxSessionClosed))
        elif made:
            transport = made[how % len(made)].transport
            if what == "write":
                transport.write(b"w" * 120)
            elif what == "produce":
                transport.unregisterProducer()
                transport.registerProducer(Endless(transport), True)
            else:
                getattr(transport, what)()

    def check(self) -> None:
        """
        The budget is that of what is unread, and what leaves is made of frames.
        """
        engine = self.session.engine
        unread = sum(stream.unread for stream in engine.streams.values())
        self.assertEqual(engine.room, BUDGET - unread)
        self.assertLess(unread, BUDGET + 150)
        parser = FrameParser(2)
        parser.parse(self.lower.value())
        self.assertIsNone(parser.error)

    @effort(150)
    @given(strategies.lists(_steps, max_size=40))
    def test_anything(self, steps: list[tuple[str, Any]]) -> None:
        """
        Whatever the peer and applications do.
        """
        self.begin()
        for what, how in steps:
            self.step(what, how)
            self.check()
        self.session.connectionLost(Failure(ConnectionDone()))
        self.assertEqual([made for made in self.factory.made if made.lost is None], [])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.session.liveStreams, 0)
        self.assertEqual(self.flushLoggedErrors(), [])
