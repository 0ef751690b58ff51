"""
Tests for L{kcptwisted.workers.role}.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.workers.role import VARIABLE, Place, Role, Roster, rosterOf, workerNumber

ROLE = Role(1, 3, Place("::1", 4000, 2), True)


class RoleTests(SynchronousTestCase):
    """
    What a worker is told by its environment.
    """

    def test_roundTrip(self) -> None:
        """
        A role comes out as it went in.
        """
        self.assertEqual(Role.decode(ROLE.encode()), ROLE)

    def test_malformed(self) -> None:
        """
        What no master has written is an error that names the variable.
        """
        for text in ("", "1", "[1, 2]", "[1, 2, 3, true]", '["x", 2, ["", 1, 2], true]', "{}"):
            problem = self.assertRaises(ValueError, Roster, {VARIABLE: text})
            self.assertIn(VARIABLE, str(problem))


class RosterTests(SynchronousTestCase):
    """
    What a process knows of itself.
    """

    def test_worker(self) -> None:
        """
        A worker knows its role; the programs that it starts do not take it for theirs.
        """
        environ = {VARIABLE: ROLE.encode(), "OTHER": "x"}
        self.assertEqual(Roster(environ).role, ROLE)
        self.assertEqual(environ, {"OTHER": "x"})

    def test_none(self) -> None:
        """
        Any other process has none.
        """
        self.assertIs(Roster({}).role, None)

    def test_order(self) -> None:
        """
        Ports with the same interface and number are told apart by the order in which they come.
        """
        roster = Roster({})
        places = [roster.arrive(*place) for place in (("", 0), ("", 1), ("", 0), ("::", 0))]
        self.assertEqual(
            places, [Place("", 0, 0), Place("", 1, 0), Place("", 0, 1), Place("::", 0, 0)]
        )

    def test_oneAReactor(self) -> None:
        """
        There is one for each reactor, and the environment is looked at once.
        """
        reactor, other = Clock(), Clock()
        environ = {VARIABLE: ROLE.encode()}
        roster = rosterOf(reactor, environ)
        self.assertIs(rosterOf(reactor, environ), roster)
        self.assertEqual((workerNumber(reactor), workerNumber(other)), (1, None))
