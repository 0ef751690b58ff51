"""
A socket's stack without a socket, for the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from kcptwisted.interfaces import Address, IDatagramTransport
from kcptwisted.options import KCPOptions
from kcptwisted.session.session import KCPSession
from kcptwisted.stack.sessions import SessionTable
from kcptwisted.stack.sessionstack import SessionStack
from kcptwisted.stack.socketstack import SocketStack
from kcptwisted.wire.control import Block
from tests.callers import push

HERE = ("192.0.2.1", 1000)
THERE = ("192.0.2.2", 1000)

NULL = KCPOptions(crypt="null")


@implementer(IDatagramTransport)
class Below:
    """
    Takes what leaves.

    @ivar sent: the lists, each with its address.
    """

    overhead = 0

    def __init__(self) -> None:
        self.sent: list[tuple[list[bytes], Address]] = []

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Note.
        """
        self.sent.append((list(datagrams), address))


class User:
    """
    What a listener or a connector is for the stack and the sessions: it notes what it is told.

    @ivar events: names of methods, each with its arguments.
    """

    logsEnds = True

    def __init__(self) -> None:
        self.events: list[tuple[object, ...]] = []

    def strangeDatagrams(self, datagrams: list[bytes], address: Address) -> None:
        """
        Note.
        """
        self.events.append(("strange", datagrams, address))

    def connectionRefused(self) -> None:
        """
        Note.
        """
        self.events.append(("refused",))

    def peerUnreachable(self, problem: OSError) -> None:
        """
        Note.
        """
        self.events.append(("unreachable", problem))

    def sendingFailed(self, problem: OSError) -> None:
        """
        Note.
        """
        self.events.append(("sending", problem))

    def socketClosed(self, reason: Failure) -> None:
        """
        Note.
        """
        self.events.append(("closed", reason))

    def sessionEstablished(self, session: KCPSession) -> None:
        """
        Note.
        """
        self.events.append(("established", session))

    def sessionGreeted(self, session: KCPSession) -> None:
        """
        Note.
        """
        self.events.append(("greeted", session))

    def anotherGreeted(self, session: KCPSession, block: Block) -> None:
        """
        Note.
        """
        self.events.append(("another", session, block))

    def pathSilent(self, session: KCPSession) -> None:
        """
        Note.
        """
        self.events.append(("silent", session))

    def networkChanged(self, session: KCPSession) -> None:
        """
        Find no other way out of this host.
        """

    def sessionUnread(self, session: KCPSession, reason: Failure) -> None:
        """
        Note.
        """
        self.events.append(("unread", session, reason))

    def sessionEnded(self, session: KCPSession, reason: Failure) -> None:
        """
        Note.
        """
        self.events.append(("ended", session, reason))

    def foreignDatagrams(self, session: KCPSession, datagrams: list[bytes]) -> None:
        """
        Note.
        """
        self.events.append(("foreign", session, datagrams))


class StackTestCase(SynchronousTestCase):
    """
    A stack between a transport and a user that note everything.
    """

    def setUp(self) -> None:
        """
        Make it.
        """
        self.build(NULL)

    def build(self, options: KCPOptions) -> None:
        """
        Make another one.
        """
        self.clock = Clock()
        self.user = User()
        self.below = Below()
        randomBytes = Random(1).randbytes
        self.stack = SocketStack(self.clock, options, self.user, False, randomBytes)
        self.stack.makeConnection(self.below)
        self.sessions = SessionTable(self.stack, options, self.user, randomBytes)

    def add(self, conv: int = 5, address: Address = HERE) -> SessionStack:
        """
        @return: a new session that waits for nothing.
        """
        stack = self.sessions.add(conv, address)
        stack.session.accept(False, 0)
        self.user.events.clear()
        return stack

    def give(self, *datagrams: bytes, address: Address = HERE) -> None:
        """
        Have datagrams arrive as one batch.
        """
        self.stack.datagramsReceived(list(datagrams), address)
        self.stack.batchFinished()

    def counted(self, session: KCPSession) -> tuple[int, int, int, int]:
        """
        @return: datagrams in and out, and bytes in and out.
        """
        stats = session.stats
        return stats.InPkts, stats.OutPkts, stats.InBytes, stats.OutBytes


#: A datagram that opens a session, and one that follows.
FIRST, NEXT = push(5, 0), push(5, 1)
