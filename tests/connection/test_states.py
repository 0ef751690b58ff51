"""
Tests for L{kcptwisted.connection.states}: connections go through all that the tables have, and
through nothing else; and docs/control.md has the same tables.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from itertools import product
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.connection import states
from kcptwisted.connection.events import Cause, End
from kcptwisted.connection.states import (
    RECEIVING,
    SENDING,
    STATES,
    ReceiveStep,
    Receiving,
    Sending,
    SendStep,
    State,
    Step,
)
from kcptwisted.wire.segment import WINS
from tests.connection.datagrams import segment
from tests.connection.driving import PLAIN, Party
from tests.connection.peers import Peer, established
from tests.test_docs import DOCS, rows, section

Ends = tuple[Party, Peer]


class Recorded(Mapping[Any, Any]):
    """
    A table that takes note of what it is asked.

    @ivar taken: pairs that led somewhere.
    """

    def __init__(self, table: Mapping[Any, Any]) -> None:
        self._table = table
        self.taken: set[tuple[Enum, Enum]] = set()

    def __getitem__(self, pair: Any) -> Any:
        following = self._table[pair]
        self.taken.add(pair)
        return following

    def __iter__(self) -> Iterator[Any]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)


# The connection.


def connecting() -> Ends:
    """
    @return: an end that has called.
    """
    party = Party()
    party.call()
    party.flush()
    party.take()
    return party, Peer(party)


def closing() -> Ends:
    """
    @return: an end that has closed, and has not been answered.
    """
    party, peer = established()
    party.write(b"data")
    party.close()
    party.flush()
    return party, peer


def holding() -> Ends:
    """
    @return: an end whose application has paused, and has something to read.
    """
    party, peer = established()
    party.pause()
    party.receive([peer.push(0, b"data")])
    return party, peer


def unread() -> Ends:
    """
    @return: an end that the peer has ended while its application had paused.
    """
    party, peer = holding()
    party.end(End(Cause.PEER_RESET))
    return party, peer


def over() -> Ends:
    """
    @return: an end whose connection is over.
    """
    party, peer = established()
    party.abort()
    party.flush()
    return party, peer


def lose(ends: Ends) -> None:
    """
    The path ends a connection.
    """
    ends[0].end(End(Cause.PEER_TIMEOUT))


BEGINNINGS: dict[State, Callable[[], Ends]] = {
    State.CONNECTING: connecting,
    State.ESTABLISHED: holding,
    State.CLOSING: closing,
    State.UNREAD: unread,
    State.CLOSED: over,
}

STEPS: dict[Step, Callable[[Ends], object]] = {
    Step.ESTABLISH: lambda ends: ends[0].receive([segment(WINS)]),
    Step.CLOSE: lambda ends: ends[0].connection.close(ends[0].now),
    Step.LOSE: lose,
    Step.END: lambda ends: ends[0].connection.end(End(Cause.ABORTED), ends[0].now),
}


# The direction to the peer.


def ready() -> Ends:
    """
    @return: an end that has written, and has not sent it.
    """
    party, peer = established()
    party.write(b"data")
    return party, peer


def finishing() -> Ends:
    """
    @return: an end that has closed its output, and has told nobody yet.
    """
    party, peer = ready()
    party.connection.closeOutput()
    return party, peer


def dataSent() -> Ends:
    """
    @return: an end that has sent its FIN.
    """
    party, peer = ready()
    party.closeOutput()
    party.flush()
    return party, peer


def dataReceived() -> Ends:
    """
    @return: an end whose FIN has been answered.
    """
    party, peer = dataSent()
    acknowledge((party, peer))
    return party, peer


def discarded() -> Ends:
    """
    @return: an end that has sent its FIN, whose peer has closed the connection, and whose
        application has yet to read the rest.
    """
    party, peer = dataSent()
    party.pause()
    party.receive([peer.push(0, b"rest")])
    discard((party, peer))
    return party, peer


def acknowledge(ends: Ends) -> None:
    """
    The peer has everything.
    """
    party, peer = ends
    party.receive([peer.ack(0), peer.finAck(1, False)])
    party.resume()
    party.flush()


def discard(ends: Ends) -> None:
    """
    The peer closes the connection.
    """
    party, peer = ends
    party.receive([peer.fin(party.connection.conversation.receiver.next)])


SENDING_BEGINNINGS: dict[Sending, Callable[[], Ends]] = {
    Sending.READY: ready,
    Sending.FINISHING: finishing,
    Sending.DATA_SENT: dataSent,
    Sending.DATA_RECEIVED: dataReceived,
    Sending.DISCARDED: discarded,
}

SEND_STEPS: dict[SendStep, Callable[[Ends], object]] = {
    SendStep.FINISH: lambda ends: ends[0].connection.closeOutput(),
    SendStep.SEND_FIN: lambda ends: ends[0].flush(),
    SendStep.ACKNOWLEDGE: acknowledge,
    SendStep.DISCARD: discard,
}


# The direction from the peer.


def receiving() -> Ends:
    """
    @return: an end whose application has paused, and has nothing to read.
    """
    party, peer = established()
    party.pause()
    return party, peer


def sizeKnown() -> Ends:
    """
    @return: an end that the peer has told how much comes, and that has not all of it.
    """
    party, peer = receiving()
    receiveFin((party, peer))
    return party, peer


def dataRead() -> Ends:
    """
    @return: an end that has read all that the peer has sent.
    """
    party, peer = sizeKnown()
    readAll((party, peer))
    return party, peer


def receiveFin(ends: Ends) -> None:
    """
    A FIN arrives.
    """
    party, peer = ends
    party.receive([peer.fin(1, False)])


def readAll(ends: Ends) -> None:
    """
    The application reads what the peer has sent.
    """
    party, peer = ends
    party.receive([peer.push(0, b"x")])
    party.resume()
    party.flush()


RECEIVING_BEGINNINGS: dict[Receiving, Callable[[], Ends]] = {
    Receiving.RECEIVING: receiving,
    Receiving.SIZE_KNOWN: sizeKnown,
    Receiving.DATA_READ: dataRead,
}

RECEIVE_STEPS: dict[ReceiveStep, Callable[[Ends], object]] = {
    ReceiveStep.RECEIVE_FIN: receiveFin,
    ReceiveStep.READ_ALL: readAll,
}


class TransitionTests(SynchronousTestCase):
    """
    Connections, driven with plain values, follow the tables.
    """

    def setUp(self) -> None:
        """
        Take note of all transitions.
        """
        self.recorded = [Recorded(table) for table in (STATES, SENDING, RECEIVING)]
        for name, recorded in zip(("STATES", "SENDING", "RECEIVING"), self.recorded, strict=True):
            for module in list(sys.modules.values()):
                isOurs = module.__name__.startswith("kcptwisted.") and module is not states
                if isOurs and hasattr(module, name):
                    self.patch(module, name, recorded)

    def test_connection(self) -> None:
        """
        Each step leads from each state where the table says, and else nowhere.  What loses a
        connection that has nothing to read ends it.
        """
        for state, step in product(State, Step):
            with self.subTest(state=state, step=step):
                ends = BEGINNINGS[state]()
                self.assertIs(ends[0].state, state)
                STEPS[step](ends)
                following = STATES.get((state, step), state)
                if step is Step.LOSE and (state, step) not in STATES:
                    following = STATES.get((state, Step.END), state)
                    if state is State.UNREAD:
                        # It is lost already, and what is left can still be read.
                        following = State.CLOSED
                self.assertIs(ends[0].state, following)
        self.assertEqual(self.recorded[0].taken, set(STATES))

    def test_sending(self) -> None:
        """
        So it is with the direction to the peer.
        """
        for state, step in product(Sending, SendStep):
            with self.subTest(state=state, step=step):
                ends = SENDING_BEGINNINGS[state]()
                self.assertIs(ends[0].sending, state)
                SEND_STEPS[step](ends)
                if (state, step) == (Sending.FINISHING, SendStep.ACKNOWLEDGE):
                    # It takes a FIN to be acknowledged, unless the peer knows none.
                    continue
                self.assertIs(ends[0].sending, SENDING.get((state, step), state))
        party = Party(PLAIN)
        party.call()
        party.flush()
        party.receive([segment(WINS)])
        party.write(b"data")
        party.closeOutput()
        party.flush()
        self.assertIs(party.sending, Sending.FINISHING)
        party.receive([Peer(party).ack(0)])
        party.flush()
        self.assertIs(party.sending, Sending.DATA_RECEIVED)
        self.assertEqual(self.recorded[1].taken, set(SENDING))

    def test_receiving(self) -> None:
        """
        And with the one from the peer.
        """
        for state, step in product(Receiving, ReceiveStep):
            with self.subTest(state=state, step=step):
                ends = RECEIVING_BEGINNINGS[state]()
                self.assertIs(ends[0].receiving, state)
                RECEIVE_STEPS[step](ends)
                self.assertIs(ends[0].receiving, RECEIVING.get((state, step), state))
        self.assertEqual(self.recorded[2].taken, set(RECEIVING))


class TableTests(SynchronousTestCase):
    """
    The tables themselves.
    """

    def test_ends(self) -> None:
        """
        Each state can be reached from the first one, and from each the last one.
        """
        for table, first, last in (
            (STATES, State.CONNECTING, {State.CLOSED}),
            (SENDING, Sending.READY, {Sending.DATA_RECEIVED}),
            (RECEIVING, Receiving.RECEIVING, {Receiving.DATA_READ}),
        ):
            edges = {(before, after) for (before, _), after in table.items()}
            nodes = set(type(first))
            self.assertEqual(reached(first, edges), nodes)
            for node in nodes:
                self.assertTrue(reached(node, edges) & last, node)
            # There is no way back.
            for node in nodes:
                others = reached(node, edges) - {node}
                self.assertFalse([other for other in others if node in reached(other, edges)])

    def test_documented(self) -> None:
        """
        docs/control.md has the same tables, and says something of each state.
        """
        for heading, table in (
            ("States", STATES),
            ("The direction to the peer", SENDING),
            ("The direction from the peer", RECEIVING),
        ):
            text = section(DOCS / "control.md", heading)
            expected = [
                [state.value, step.value, after.value] for (state, step), after in table.items()
            ]
            found = [row for row in rows(text) if len(row) == 3]
            self.assertEqual(found[2:], expected)
            described = [row[0] for row in rows(text) if len(row) == 2][2:]
            self.assertEqual(described, [state.value for state in type(next(iter(table))[0])])


def reached(first: Enum, edges: set[tuple[Any, Any]]) -> set[Any]:
    """
    @return: all that can be reached from C{first}, itself included.
    """
    found: set[Any] = {first}
    while more := {after for before, after in edges if before in found} - found:
        found |= more
    return found
