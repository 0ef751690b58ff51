"""
Tests for L{kcptwisted.stack.sessions}.
"""

from __future__ import annotations

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure

from kcptwisted.options import KCPOptions
from kcptwisted.session.session import KCPSession
from tests.callers import push
from tests.plain import needsPlain
from tests.stack.sockets import FIRST, HERE, NEXT, THERE, StackTestCase

DONE = Failure(ConnectionDone())


class SessionTableTests(StackTestCase):
    """
    A socket's sessions.
    """

    def established(self) -> tuple[int, int, int]:
        """
        @return: how many there are, as they are counted, and the most that there were.
        """
        stats = self.stack.stats
        return len(self.sessions), stats.CurrEstab, stats.MaxConn

    def test_found(self) -> None:
        """
        A session is found by its peer's address, and counted, until it is forgotten.
        """
        one, other = self.add(), self.add(5, THERE)
        self.assertEqual(self.established(), (2, 2, 2))
        self.assertIs(self.sessions.at(HERE), one.session)
        self.assertIs(self.sessions.at(THERE), other.session)
        self.assertIs(self.sessions.stackOf(one.session), one)
        self.assertEqual(self.sessions.addresses(), [HERE, THERE])
        self.assertEqual(self.sessions.live(), [one.session, other.session])
        self.assertEqual(
            self.sessions.transports(), [one.session.transport, other.session.transport]
        )
        self.assertTrue(self.sessions.forget(one.session, DONE))
        self.assertIs(self.sessions.at(HERE), None)
        self.assertIs(self.sessions.stackOf(one.session), None)
        self.assertEqual(self.established(), (1, 1, 2))
        self.assertFalse(self.sessions.isEmpty)
        self.assertTrue(self.sessions.forget(other.session, DONE))
        self.assertTrue(self.sessions.isEmpty)

    def test_moved(self) -> None:
        """
        Where its peer has moved to it is found, and nowhere else.
        """
        stack = self.add()
        self.sessions.move(stack.session, THERE)
        self.assertEqual(stack.session.address, THERE)
        self.assertEqual(self.sessions.addresses(), [THERE])
        self.give(FIRST, address=THERE)
        self.give(NEXT, address=HERE)
        self.assertEqual(self.user.events, [("strange", [NEXT], HERE)])
        self.assertEqual(stack.session.stats.InPkts, 1)
        self.assertTrue(self.sessions.forget(stack.session, DONE))
        self.assertTrue(self.sessions.isEmpty)

    def test_unread(self) -> None:
        """
        One that is over, but for what its application has yet to read, counts no more, and its
        address is another one's; it is forgotten without that one.
        """
        former = self.add().session
        self.sessions.keepUnread(former)
        self.assertEqual(self.established(), (0, 0, 1))
        self.assertFalse(self.sessions.isEmpty)
        later = self.add(6).session
        self.assertEqual(self.sessions.everyone(), [later, former])
        self.assertEqual(self.sessions.live(), [later])
        self.assertIs(self.sessions.stackOf(former), None)
        self.assertFalse(self.sessions.forget(former, DONE))
        self.assertIs(self.sessions.at(HERE), later)
        self.assertEqual(self.sessions.everyone(), [later])

    def test_own(self) -> None:
        """
        What a session sends that has lost its address to another one is not counted as that one's.
        """
        former = self.add()
        self.sessions.keepUnread(former.session)
        later = self.add(6)
        former.writeDatagrams([b"x"], HERE)
        self.assertEqual((former.session.stats.OutPkts, later.session.stats.OutPkts), (1, 0))

    def test_leaveAll(self) -> None:
        """
        When the socket closes, all leave, those with something unread as well, whatever becomes of
        one of them; that the port was closed is a loss to them.
        """
        needsPlain()
        left: list[tuple[KCPSession, object]] = []

        def leave(session: KCPSession, reason: Failure) -> None:
            left.append((session, type(reason.value)))
            raise ZeroDivisionError("leaving")

        self.patch(KCPSession, "leave", leave)
        unread = self.add().session
        self.sessions.keepUnread(unread)
        live = self.add(6).session
        for reason, expected in (
            (ConnectionDone(), ConnectionLost),
            (RuntimeError("the reactor"), RuntimeError),
        ):
            left.clear()
            self.sessions.leaveAll(Failure(reason))
            self.assertEqual(left, [(live, expected), (unread, expected)])
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    def test_foreign(self) -> None:
        """
        What is of another conversation is given back, also if the session is not live any more.
        """
        session = self.add().session
        other = push(6, 0)
        self.assertEqual(self.sessions.takeForeign(session, [other]), [other])
        self.sessions.forget(session, DONE)
        self.assertEqual(self.sessions.takeForeign(session, [other]), [other])


class FECTests(StackTestCase):
    """
    The FEC of sessions.
    """

    def test_forgotten(self) -> None:
        """
        A session that ends with a group half-filled leaves nothing for the clock to do.
        """
        self.build(KCPOptions(crypt="null", dataShards=3, parityShards=1, fecFlush=1000))
        for end in (lambda each: self.sessions.forget(each, DONE), self.sessions.keepUnread):
            session = self.add().session
            session.askAgain()
            session.flush(0)
            self.assertEqual(len(self.below.sent), 1)
            session.connectionLost(Failure(ConnectionDone()))
            end(session)
            self.clock.advance(0)
            self.assertEqual(self.clock.getDelayedCalls(), [])
            self.below.sent.clear()

    def test_random(self) -> None:
        """
        They begin anywhere: what is under way of a former session must not be taken for shards of
        its successor's groups.
        """
        self.build(KCPOptions(crypt="null", dataShards=3, parityShards=1))
        begun = set()
        for number in range(20):
            stack = self.add(5, ("192.0.2.3", number + 1))
            stack.session.askAgain()
            stack.session.flush(0)
            ((datagrams, _),) = self.below.sent
            begun.add(datagrams[0][:4])
            self.below.sent.clear()
        self.assertGreater(len(begun), 15)
