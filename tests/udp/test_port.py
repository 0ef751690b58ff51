"""
Tests for L{kcptwisted.udp.port}.
"""

from __future__ import annotations

import errno

from twisted.internet.interfaces import (
    IHalfCloseableDescriptor,
    IReadDescriptor,
    IWriteDescriptor,
)
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from kcptwisted.interfaces import IDatagramTransport
from kcptwisted.udp import reading
from kcptwisted.udp.backlog import MAXIMUM_DEFERRED
from kcptwisted.udp.reading import READ_BUDGET
from kcptwisted.udp.writing import RETRY
from tests.udp.fakes import PortTestCase


class FailingSocketTests(PortTestCase):
    """
    What the port does when the kernel refuses.
    """

    def test_interfaces(self) -> None:
        """
        The port is a descriptor for the reactor and a transport for layers.
        """
        verifyObject(IReadDescriptor, self.port)
        verifyObject(IWriteDescriptor, self.port)
        verifyObject(IHalfCloseableDescriptor, self.port)
        verifyObject(IDatagramTransport, self.port)

    def test_errorTakenForEnd(self) -> None:
        """
        A reactor that takes an ICMP error for the end of the input is put right.
        """
        self.reactor.removeReader(self.port)
        self.socket.incoming = [ConnectionRefusedError(errno.ECONNREFUSED, "refused")]
        self.port.readConnectionLost(Failure(Exception()))
        self.assertEqual(self.protocol.refusals, 1)
        self.assertIn(self.port, self.reactor.readers)

    def test_segmented(self) -> None:
        """
        Datagrams of one length go in one call, and are counted one by one.
        """
        self.write(b"aa", b"bb", b"c")
        self.assertEqual(self.socket.sent, [(b"aabbc", True)])
        self.assertEqual((self.stats.OutPkts, self.stats.OutBytes), (3, 5))

    def test_full(self) -> None:
        """
        What the kernel does not take now is kept, in order, and sent when it is writable.
        """
        self.socket.problems = [0, errno.EAGAIN]
        self.write(b"aa", b"bbb", b"cccc")
        self.assertEqual(self.socket.sent, [(b"aa", False)])
        self.assertEqual(self.stats.OutDeferred, 2)
        self.assertIn(self.port, self.reactor.writers)
        self.write(b"d")
        self.port.doWrite()
        self.assertEqual([data for data, _ in self.socket.sent], [b"aa", b"bbb", b"ccccd"])
        self.assertNotIn(self.port, self.reactor.writers)
        self.assertEqual((self.stats.OutDropped, self.stats.OutPkts), (0, 4))

    def test_fullSegmented(self) -> None:
        """
        A run that the kernel does not take now is kept whole.
        """
        self.socket.problems = [errno.ENOBUFS]
        self.write(b"aa", b"bb")
        self.assertEqual((self.socket.sent, self.stats.OutDeferred), ([], 2))
        self.port.doWrite()
        self.assertEqual(self.socket.sent, [(b"aabb", True)])

    def test_stillFull(self) -> None:
        """
        A writable socket that takes nothing after all is waited for again.
        """
        self.socket.problems = [errno.EAGAIN, errno.EAGAIN]
        self.write(b"aa")
        self.port.doWrite()
        self.assertIn(self.port, self.reactor.writers)
        self.assertEqual(self.socket.sent, [])

    def test_keepsNoMoreThanLimit(self) -> None:
        """
        No more than a bound is kept; the rest is dropped and counted.
        """
        self.socket.problems = [errno.EAGAIN]
        self.write(*[b"a"] * (MAXIMUM_DEFERRED + 10))
        self.write(b"b")
        self.assertEqual(self.stats.OutDeferred, MAXIMUM_DEFERRED)
        self.assertEqual(self.stats.OutDropped, 11)

    def test_noMemory(self) -> None:
        """
        A kernel that has no room though the socket is writable, as on BSD, is tried again after a
        moment, not as soon as the reactor says that it is writable.
        """
        self.socket.problems = [errno.ENOBUFS, errno.ENOBUFS]
        self.write(b"aa")
        self.write(b"bb")
        for _ in range(2):
            self.assertEqual((self.reactor.writers, self.socket.sent), (set(), []))
            self.assertEqual(len(self.reactor.getDelayedCalls()), 1)
            self.reactor.advance(RETRY)
        self.assertEqual(self.socket.sent, [(b"aabb", True)])
        self.assertEqual((self.reactor.writers, self.reactor.getDelayedCalls()), (set(), []))

    def test_noMemoryCloses(self) -> None:
        """
        Nothing is tried again when the port closes.
        """
        self.socket.problems = [errno.ENOBUFS]
        self.write(b"aa")
        self.port.connectionLost(Failure(Exception()))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_refusedDatagram(self) -> None:
        """
        A datagram that the kernel refuses for good is counted, and the next one goes.
        """
        self.socket.problems = [errno.EPERM]
        self.write(b"aa")
        self.write(b"bb")
        self.assertEqual(self.socket.sent, [(b"bb", False)])
        self.assertEqual((self.stats.OutErrs, self.stats.OutDropped), (1, 0))

    def test_connectionRefusedOnSend(self) -> None:
        """
        A refusal that shows when sending reaches the protocol, but not from inside the write.
        """
        self.socket.problems = [errno.ECONNREFUSED]
        self.write(b"aa")
        self.assertEqual(self.protocol.refusals, 0)
        self.reactor.advance(0)
        self.assertEqual(self.protocol.refusals, 1)

    def test_connectionRefusedOnRead(self) -> None:
        """
        A refusal that shows when reading reaches the protocol, as Windows says it, too.
        """
        for problem in (errno.ECONNREFUSED, errno.ECONNRESET):
            with self.subTest(problem=problem):
                self.setUp()
                self.socket.incoming = [b"aa", OSError(problem, "refused")]
                self.port.doRead()
                self.assertEqual(self.protocol.refusals, 1)
                self.assertEqual(self.protocol.received, [([b"aa"], ("10.0.0.1", 1))])

    def test_otherReadError(self) -> None:
        """
        An ICMP error about something else harms nothing.
        """
        self.socket.incoming = [OSError(errno.EHOSTUNREACH, "no route"), b"aa"]
        self.port.doRead()
        self.port.doRead()
        self.assertEqual(self.protocol.received, [([b"aa"], ("10.0.0.1", 1))])

    def test_readBudget(self) -> None:
        """
        One turn reads no more than the budget, so that others get their turn.
        """
        self.socket.incoming = [bytes(60000)] * 100
        self.port.doRead()
        self.assertLessEqual(self.stats.InBytes, READ_BUDGET + 60000)
        self.assertGreater(len(self.socket.incoming), 50)

    def test_emptyDatagramsEnd(self) -> None:
        """
        A flood of empty datagrams does not hold the reactor for ever.
        """
        self.patch(reading, "READ_BUDGET", 1000)
        self.socket.incoming = [b""] * 1010
        self.port.doRead()
        self.assertEqual(len(self.socket.incoming), 10)

    def test_protocolRaises(self) -> None:
        """
        A protocol that raises does not cost the port.
        """

        def fail() -> None:
            raise ZeroDivisionError

        self.protocol.onReceived = fail
        self.socket.incoming = [b"aa"]
        self.port.doRead()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertIn(self.port, self.reactor.readers)
        self.assertEqual(self.protocol.batches, 1)

    def test_stop(self) -> None:
        """
        Stopping closes the socket in the next turn, tells the protocol once, and counts what was
        kept as dropped.
        """
        self.socket.problems = [errno.EAGAIN]
        self.write(b"aa")
        first = self.port.stopListening()
        second = self.port.stopListening()
        self.assertNoResult(first)
        self.reactor.advance(0)
        self.successResultOf(first)
        self.successResultOf(second)
        self.assertTrue(self.socket.closed)
        self.assertEqual(len(self.protocol.lost), 1)
        self.assertEqual(self.stats.OutDropped, 1)
        self.assertEqual((self.port.fileno(), self.reactor.readers), (-1, set()))
        self.write(b"bb")
        self.assertEqual(self.socket.sent, [])
