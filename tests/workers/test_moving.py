"""
Clients that move from one worker of a port to another.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from zope.interface.verify import verifyObject

from kcptwisted.errors import PeerRestarted
from kcptwisted.server.routing import IRouting
from kcptwisted.testing import Link
from kcptwisted.wire.control import Reset
from kcptwisted.workers.interfaces import IStrayTaker
from kcptwisted.workers.strays import StrayTaker
from tests.callers import AEAD, ATTACKER, blocksOf, hello, push
from tests.connections import CLIENT, SERVER
from tests.inside import sessionOf
from tests.server.test_paths import AEAD_FEC, PLACES
from tests.workers.shared import ROOM, SharedTestCase

TOKEN = bytes(range(1, 9))


class MovingTests(SharedTestCase):
    """
    The session stays at the worker that has it.
    """

    total = 3

    def test_interfaces(self) -> None:
        """
        Listener and siblings are what each other expects.
        """
        self.start()
        siblings = self.boxes[0].reader
        assert siblings is not None
        verifyObject(IRouting, siblings)
        verifyObject(IStrayTaker, StrayTaker(self.ports[0]._listener))

    def test_transfer(self) -> None:
        """
        Several moves in the middle of a transfer in both directions, over a link that loses
        datagrams, with FEC and without: either stream arrives whole, in one connection, and what
        comes to other workers is passed on.
        """
        data = self.data(600_000)
        for options in (replace(AEAD, rateLimit=200_000), replace(AEAD_FEC, rateLimit=200_000)):
            self.start(options, link=Link(delay=0.02, loss=0.1))
            self.client.session.write(data)
            self.server.session.write(data[::-1])
            for worker, place in zip((1, 2, 0, 1), PLACES, strict=True):
                before = len(self.server.received), len(self.client.received)
                self.moveTo(place, worker)
                self.network.runUntil(partial(self.isAt, place))
                self.network.runUntil(partial(self.hasMore, *before), limit=5)
                self.assertLess(len(self.server.received), len(data))
            # Not longer: questions of the keepalive may be lost, and the client then moves.
            allButOne = len(data) - 1
            self.network.runUntil(partial(self.hasMore, allButOne, allButOne), limit=60)
            self.assertEqual(self.server.received, data)
            self.assertEqual(self.client.received, data[::-1])
            self.assertEqual((self.client.reasons, self.server.reasons), ([], []))
            self.assertEqual(len(self.serverFactory.made), 1)
            first, *others = self.count("SessionsMoved")
            # When the link loses two answers in a row, the client moves by itself.
            self.assertGreaterEqual(first, len(PLACES))
            self.assertEqual(others, [0, 0])
            passed = self.count("StraysPassed")
            self.assertEqual(passed[0], 0)
            self.assertGreater(min(passed[1:]), 10)
            self.assertEqual(sum(passed), self.count("StraysTaken")[0])
            self.assertEqual(self.count("StraysDropped"), [0, 0, 0])
            self.assertEqual(self.count("InErrs")[1:], [0, 0])

    def test_quick(self) -> None:
        """
        It takes a round trip, as with one process.
        """
        self.start()
        self.moveTo(PLACES[0])
        self.client.session.write(b"moved")
        self.network.run(0.065)
        self.assertAt(PLACES[0])
        self.assertEqual(self.server.received, b"moved")

    def test_idle(self) -> None:
        """
        A client without data to send moves when it asks whether the server is there.
        """
        self.start()
        for worker, place in zip((1, 2, 1, 0), PLACES, strict=True):
            self.moveTo(place, worker)
            self.network.run(15)
            self.assertAt(place)
        self.assertTalk()

    def test_back(self) -> None:
        """
        A client that returns to where it was is heard by its own worker again.
        """
        self.start()
        self.moveTo(PLACES[0])
        self.assertTalk()
        passed = self.count("StraysPassed")
        self.elsewhere[PLACES[1]] = 0
        self.move(PLACES[1])
        self.assertTalk()
        self.assertAt(PLACES[1])
        self.assertEqual(self.count("StraysPassed"), passed)

    def test_parityFirst(self) -> None:
        """
        What has no conversation id follows what had one.
        """
        self.start(AEAD_FEC)
        self.moveTo(PLACES[0])
        self.assertTalk()
        parity = b"\0\0\0\0\xf2\0" + bytes(50)
        before = self.count("StraysPassed")[1]
        self.inject(self.sealed(parity), PLACES[0])
        self.network.run(0.1)
        self.assertEqual(self.count("StraysPassed")[1], before + 1)
        self.assertEqual(self.count("InErrs")[1], 0)

    def test_probe(self) -> None:
        """
        A client of whom no datagram says that the session is an old one does not get a new one from
        the other worker: it has received nothing, and asks for the window.
        """
        self.start(replace(AEAD, receiveWindow=4), AEAD)
        self.server.session.pauseProducing()
        self.client.session.write(self.data(50_000))
        self.network.run(2)
        self.moveTo(PLACES[0])
        self.network.run(5)
        self.assertAt(PLACES[0])
        self.server.session.resumeProducing()
        self.network.run(5)
        self.assertEqual(self.server.received, self.data(50_000))
        self.assertEqual(len(self.serverFactory.made), 1)

    def test_notGreetedYet(self) -> None:
        """
        A client whose hello was answered to where it is no more is answered where it is.
        """
        self.setUp()
        self.port = self.listen(AEAD)
        self.network.setLink(SERVER, CLIENT, Link(loss=1))
        connecting = self.dial(5, AEAD)
        self.network.run(0.1)
        self.home = self.sent[0].source
        self.moveTo(PLACES[0])
        self.bothWays(Link())
        self.network.run(5)
        self.client = self.clientFactory.made[0]
        self.successResultOf(connecting)
        self.assertEqual(len(self.serverFactory.made), 1)
        self.assertEqual(self.count("SessionsMoved"), [1, 0, 0])


class StrangerTests(SharedTestCase):
    """
    What is of no session of any worker's.
    """

    def test_reset(self) -> None:
        """
        Who takes the server for another one is told so at once.
        """
        self.start()
        self.client.session.abortConnection()
        self.network.run(1)
        other = self.reach(6, AEAD, "10.0.0.3")
        here = self.addressOf(other)
        self.crash(SERVER)
        self.serverFactory.made.clear()
        self.listen(AEAD)
        self.elsewhere[here] = 1
        sessionOf(other.session).askAgain()
        self.network.run(0.1)
        self.assertIsInstance(self.reasonOf(other), PeerRestarted)
        self.assertEqual(self.count("StraysPassed"), [0, 0])

    def test_newHere(self) -> None:
        """
        Where a client has moved to and gone from, another one is let in by the worker that the
        kernel chose, not by that of the other's session.
        """
        self.start()
        self.moveTo(PLACES[0])
        self.assertTalk()
        self.client.session.abortConnection()
        self.network.run(1)
        here = self.madeBy(1)
        before = self.count("StraysPassed")[1], self.count("StraysTaken")[0]
        for _ in range(2):
            self.inject(self.sealed(push(6, 3)), PLACES[0])
            self.network.run(0.1)
        after = self.count("StraysPassed")[1], self.count("StraysTaken")[0]
        self.assertEqual(after, (before[0] + 1, before[1]))
        self.inject(self.sealed(hello(6, b"another1")), PLACES[0])
        self.network.run(0.1)
        self.assertEqual(len(here.made), 1)
        self.inject(self.sealed(push(6, 0, b"hello")), PLACES[0])
        self.assertEqual(here.made[0].received, b"hello")

    def test_sameAgain(self) -> None:
        """
        So is one with the same conversation id.
        """
        self.start()
        self.moveTo(PLACES[0])
        self.assertTalk()
        self.client.session.abortConnection()
        self.network.run(1)
        here = self.madeBy(1)
        self.inject(self.sealed(hello(5, b"another1")), PLACES[0])
        self.network.run(0.1)
        self.assertEqual(len(here.made), 1)

    def test_sameConversation(self) -> None:
        """
        A newcomer with the conversation id of another worker's session gets one of its own.
        """
        self.start()
        here = self.madeBy(1)
        self.elsewhere[PLACES[1]] = 1
        self.inject(self.sealed(hello(5, TOKEN)), PLACES[1])
        self.network.run(0.1)
        self.assertEqual(len(here.made), 1)
        self.assertTalk()
        self.assertEqual(self.count("SessionsMoved"), [0, 0])
        self.assertEqual(self.count("StraysPassed"), [0, 0])

    def test_over(self) -> None:
        """
        When a session has ended the others need not ask whose it was.
        """
        self.start()
        late = self.sealed(push(5, 3, una=1))
        self.elsewhere[PLACES[1]] = 1
        self.inject(late, PLACES[1])
        self.network.run(0.1)
        self.assertEqual(self.count("StraysPassed"), [0, 1])
        self.client.session.abortConnection()
        self.network.run(1)
        self.elsewhere[PLACES[2]] = 1
        self.inject(late, PLACES[2])
        self.network.run(0.1)
        self.assertEqual((self.count("StraysPassed"), self.count("InErrs")[1]), ([0, 1], 1))

    def test_outdated(self) -> None:
        """
        A worker that is thought to have a session, and has none any more, gives back what it gets,
        and who sent it is told.  That hinders nobody who moves later.
        """
        self.start()
        self.network.setLink(SERVER, CLIENT, Link(loss=1))
        self.boxes[1].room = 0
        self.server.session.abortConnection()
        self.network.run(0.01)
        self.boxes[1].room = ROOM
        self.bothWays(Link())
        self.moveTo(PLACES[0])
        sessionOf(self.client.session).askAgain()
        self.network.run(0.1)
        self.assertIsInstance(self.reasonOf(self.client), PeerRestarted)
        self.assertEqual(self.count("StraysPassed"), [0, 1])
        self.client = self.reach(9, AEAD, "10.0.0.3")
        self.server = self.serverFactory.made[1]
        self.home = self.addressOf(self.client)
        self.moveTo(PLACES[1])
        self.assertTalk()
        self.assertAt(PLACES[1])

    def test_lastWord(self) -> None:
        """
        The last word of a session whose client had moved is said again when it is asked for.
        """
        self.start()
        self.moveTo(PLACES[0])
        self.assertTalk()
        asked = self.fromClient()[-1]
        self.server.session.abortConnection()
        self.network.run(1)
        for _ in range(2):
            self.sent.clear()
            self.inject(asked, PLACES[0])
            self.network.run(0.6)
            (answer,) = self.sentTo(PLACES[0])
            (block,) = blocksOf(self.openedBy(AEAD, answer))
            self.assertNotEqual(block.source, bytes(8))
            self.assertIsNotNone(block.find(Reset))

    def test_recordings(self) -> None:
        """
        What opened a session at one worker opens none at another, wherever it comes from.
        """
        self.start()
        self.client.session.write(b"pay 100")
        self.network.run(1)
        here = self.madeBy(1)
        self.client.session.abortConnection()
        self.network.run(1)
        self.elsewhere[ATTACKER] = 1
        for datagram in self.fromClient():
            self.inject(datagram, ATTACKER)
            self.network.run(0.1)
        self.assertEqual(here.made, [])
        self.assertGreater(self.count("InReplayed")[1], 0)

    def test_recordingsOfPlain(self) -> None:
        """
        The same for clients without control frames.
        """
        self.start()
        here = self.madeBy(1)
        first = self.sealed(push(7, 0, b"pay 100"))
        self.inject(first, PLACES[1])
        self.network.run(0.1)
        self.assertEqual(len(self.serverFactory.made), 2)
        self.elsewhere[ATTACKER] = 1
        self.inject(first, ATTACKER)
        self.assertEqual(here.made, [])
        self.assertEqual(self.count("InReplayed"), [0, 1])
        self.inject(self.sealed(push(8, 0, b"pay 100")), ATTACKER)
        self.assertEqual(len(here.made), 1)

    def test_recordingsFromElsewhere(self) -> None:
        """
        A recording of a live session's datagrams that comes to another worker causes challenges, no
        faster than it would at its own, and moves nothing.
        """
        self.start()
        self.client.session.write(self.data(100_000))
        self.network.run(1)
        self.elsewhere[ATTACKER] = 1
        recorded = self.fromClient()
        for _ in range(100):
            for datagram in recorded[-5:]:
                self.inject(datagram, ATTACKER)
            self.network.run(0.01)
        self.assertLessEqual(len(self.sentTo(ATTACKER)), 5)
        self.assertEqual(self.count("SessionsMoved"), [0, 0])
        self.moveTo(PLACES[0])
        self.assertTalk()
        self.assertAt(PLACES[0])


class DeathTests(SharedTestCase):
    """
    Workers that die and are replaced.
    """

    def test_others(self) -> None:
        """
        The next one learns which sessions the others have, and passes on what is theirs.
        """
        self.start()
        self.replace(1)
        self.moveTo(PLACES[0])
        self.assertTalk()
        self.assertAt(PLACES[0])
        self.assertGreater(self.count("StraysPassed")[1], 0)

    def test_own(self) -> None:
        """
        A client of one that has died is told at once when it asks, also where it has moved to; and
        the others take the dead one's conversations for gone.
        """
        self.start()
        self.moveTo(PLACES[0])
        self.assertTalk()
        self.replace(0)
        passed = self.count("StraysPassed")[1]
        sessionOf(self.client.session).askAgain()
        self.network.run(0.1)
        self.assertIsInstance(self.reasonOf(self.client), PeerRestarted)
        self.assertEqual(self.count("StraysPassed")[1], passed)

    def test_meanwhile(self) -> None:
        """
        What is passed on while the worker with the session is dead is given back by the next one,
        and answered.
        """
        self.start()
        self.moveTo(PLACES[0])
        self.assertTalk()
        self.kill(0)
        sessionOf(self.client.session).askAgain()
        self.network.run(0.1)
        self.assertEqual(self.client.reasons, [])
        self.replace(0)
        self.assertIsInstance(self.reasonOf(self.client), PeerRestarted)

    def test_stopped(self) -> None:
        """
        A port that is closed reads no messages, also those that it has begun to read, and sends
        none.
        """
        self.start()
        self.boxes[0].waiting.clear()
        self.boxes[1].waiting += [b"noise", b"noise"]
        siblings = self.boxes[1].reader
        assert siblings is not None
        self.successResultOf(self.ports[1].stopListening())
        self.assertEqual(siblings.fileno(), -1)
        siblings.doRead()
        self.assertEqual(len(self.boxes[1].waiting), 2)
        siblings.claim(5, [b"x"], ATTACKER)
        self.assertEqual((self.count("StraysDropped"), len(self.boxes[0].waiting)), ([0, 1], 0))


class SlowTests(SharedTestCase):
    """
    A worker that does not read what the others tell it.
    """

    def test_strays(self) -> None:
        """
        What it has no room for is dropped and counted, and comes again: when it reads, the client
        moves.
        """
        self.start()
        self.boxes[0].room = 0
        self.moveTo(PLACES[0])
        self.client.session.write(b"moved")
        self.network.run(1)
        self.assertGreater(self.count("StraysDropped")[1], 0)
        self.assertEqual(self.client.reasons, [])
        self.boxes[0].room = ROOM
        self.network.run(5)
        self.assertEqual(self.server.received, b"moved")

    def test_returned(self) -> None:
        """
        What it would be given back is dropped and counted too.
        """
        self.start()
        self.moveTo(PLACES[0])
        self.assertTalk()
        self.client.session.abortConnection()
        self.network.run(1)
        self.boxes[1].room = 0
        self.inject(self.sealed(push(6, 3)), PLACES[0])
        self.network.run(0.1)
        self.assertEqual(self.count("StraysDropped"), [1, 0])

    def test_news(self) -> None:
        """
        It is told later of the sessions that have begun and ended meanwhile.
        """
        self.start()
        self.boxes[1].room = 0
        gone, self.client = self.client, self.reach(9, AEAD, "10.0.0.3")
        self.server = self.serverFactory.made[1]
        self.home = self.addressOf(self.client)
        gone.session.abortConnection()
        self.network.run(1)
        self.assertGreater(self.count("SiblingErrs")[0], 0)
        self.boxes[1].room = ROOM
        self.network.run(2)
        self.moveTo(PLACES[0])
        self.assertTalk()
        self.assertAt(PLACES[0])
        siblings = self.boxes[1].reader
        assert siblings is not None
        self.assertFalse(siblings.claim(5, [b"x"], ATTACKER))

    def test_beginning(self) -> None:
        """
        One that could not ask what the others have asks again.
        """
        self.start()
        self.boxes[0].room = 0
        self.replace(1)
        self.boxes[0].room = ROOM
        self.network.run(2)
        self.moveTo(PLACES[0])
        self.assertTalk()
        self.assertAt(PLACES[0])

    def test_malformed(self) -> None:
        """
        What is no message, or of no other worker, is dropped and counted.
        """
        self.start()
        movable = b"\x02\x07\x05\x00\x00\x00"
        for noise in (b"", b"\x09\x01", b"\x01\x00", movable, b"\x04\x01abc"):
            self.boxes[0].send(noise)
        self.network.run(0.1)
        self.assertEqual(self.count("SiblingErrs"), [5, 0])
        self.assertTalk()
