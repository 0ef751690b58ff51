"""
Tests for L{kcptwisted.udp.port}: the socket is closed, or replaced.
"""

from __future__ import annotations

import errno

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from tests.plain import needsPlain
from tests.udp.fakes import FakeSocket, PortTestCase


class ClosingTests(PortTestCase):
    """
    While the port closes, its protocol can take its leave.
    """

    def close(self) -> None:
        """
        Do as the reactor does when it ends.
        """
        self.port.connectionLost(Failure(ConnectionLost()))

    def test_leave(self) -> None:
        """
        What is written in connectionLost goes out, past what was kept for later; then the socket
        is closed.
        """
        self.socket.problems = [errno.EAGAIN]
        self.write(b"kept")
        closedBefore: list[bool] = []

        def leave() -> None:
            self.write(b"bye", b"bye")
            closedBefore.append(self.socket.closed)

        self.protocol.onLost = leave
        self.close()
        self.assertEqual(self.socket.sent, [(b"byebye", True)])
        self.assertEqual((closedBefore, self.socket.closed), ([False], True))
        self.assertEqual((self.stats.OutPkts, self.stats.OutDropped), (2, 1))
        self.assertEqual((self.reactor.readers, self.reactor.writers), (set(), set()))
        self.assertEqual((self.port.fileno(), self.reactor.removed), (-1, [3]))

    def test_nothingIsKept(self) -> None:
        """
        What the kernel does not take then is dropped and counted.
        """
        self.socket.problems = [0, errno.EAGAIN]
        self.protocol.onLost = lambda: self.write(b"a", b"bb", b"ccc")
        self.close()
        self.assertEqual(self.socket.sent, [(b"a", False)])
        self.assertEqual((self.stats.OutDropped, self.stats.OutDeferred), (2, 0))
        self.assertEqual(self.reactor.writers, set())

    def test_refused(self) -> None:
        """
        A refusal that shows then is nobody's concern.
        """
        self.socket.problems = [errno.ECONNREFUSED]
        self.protocol.onLost = lambda: self.write(b"bye")
        self.close()
        self.assertEqual((self.stats.OutErrs, self.reactor.getDelayedCalls()), (1, []))

    def test_raises(self) -> None:
        """
        A protocol that raises costs a log entry, and the socket is closed all the same.
        """

        def fail() -> None:
            raise ZeroDivisionError

        self.protocol.onLost = fail
        stopped = self.port.stopListening()
        self.reactor.advance(0)
        self.successResultOf(stopped)
        self.assertTrue(self.socket.closed)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_twice(self) -> None:
        """
        The protocol is told once, even if the port is closed again from there, and afterwards.
        """
        self.protocol.onLost = self.close
        self.close()
        self.close()
        self.assertEqual(len(self.protocol.lost), 1)
        self.assertTrue(self.socket.closed)

    def test_readAfterwards(self) -> None:
        """
        A reactor that calls once more finds nothing, and no error of a closed socket is reported.
        """
        self.close()
        self.socket.incoming = [OSError(errno.EBADF, "closed")]
        self.port.doRead()
        self.port.doWrite()
        self.assertEqual((self.socket.calls, self.protocol.batches), ([], 0))

    def test_stopInside(self) -> None:
        """
        What stopListening gives from there fires when the socket is closed, and so does what it
        gives afterwards.
        """
        results: list[Deferred[None]] = []

        def stop() -> None:
            results.append(self.port.stopListening())
            self.assertNoResult(results[0])

        self.protocol.onLost = stop
        self.close()
        self.successResultOf(results[0])
        self.successResultOf(self.port.stopListening())
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_reactorEnds(self) -> None:
        """
        So does what it gave before the reactor ended.
        """
        stopped = self.port.stopListening()
        self.close()
        self.successResultOf(stopped)
        self.reactor.advance(0)
        self.assertEqual(len(self.protocol.lost), 1)


class RebindTests(PortTestCase):
    """
    Tests for L{BatchPort.rebind}.
    """

    def setUp(self) -> None:
        """
        Have another socket.
        """
        super().setUp()
        self.other = FakeSocket(5, 5000)

    def rebind(self) -> bool:
        """
        Go on with it.
        """
        return self.port.rebind(self.other)  # type: ignore[arg-type]

    def test_goesOn(self) -> None:
        """
        The port reads from the other socket, writes to it and tells its address; the former one
        is taken out of the reactor by its own number and closed.
        """
        self.assertTrue(self.rebind())
        self.assertEqual((self.reactor.removed, self.socket.closed), ([3], True))
        self.assertEqual((self.reactor.readers, self.reactor.writers), ({self.port}, set()))
        self.assertEqual((self.port.fileno(), self.port.getHost().port), (5, 5000))
        self.socket.incoming = [b"former"]
        self.other.incoming = [b"present"]
        self.port.doRead()
        self.assertEqual(self.protocol.received, [([b"present"], ("10.0.0.1", 1))])
        self.write(b"answer")
        self.assertEqual((self.socket.sent, self.other.sent), ([], [(b"answer", False)]))
        self.assertEqual((self.protocol.lost, self.other.closed), ([], False))

    def test_kept(self) -> None:
        """
        What was kept for later goes out through the other socket.
        """
        self.socket.problems = [errno.EAGAIN]
        self.write(b"aa", b"bb")
        self.rebind()
        self.assertEqual(self.reactor.writers, {self.port})
        self.port.doWrite()
        self.assertEqual(self.other.sent, [(b"aabb", True)])
        self.assertEqual(self.stats.OutDropped, 0)

    def test_offload(self) -> None:
        """
        What the other socket can do is found out anew, even if it was the former that could not.
        """
        needsPlain()
        self.socket.problems = [errno.EIO]
        self.write(b"aa", b"bb")
        self.rebind()
        self.write(b"cc", b"dd")
        self.assertEqual(self.other.sent, [(b"ccdd", True)])
        self.offload(False)
        third = self.other = FakeSocket(6, 6000)
        self.rebind()
        self.write(b"ee", b"ff")
        self.assertEqual(third.sent, [(b"ee", False), (b"ff", False)])
        third.incoming = [b"whole"]
        self.port.doRead()
        self.assertEqual(third.calls, ["recvfrom", "recvfrom"])

    def test_refusals(self) -> None:
        """
        A refusal that the former socket met is not taken for one of the peer's.
        """
        self.socket.problems = [errno.ECONNREFUSED]
        self.write(b"aa")
        self.rebind()
        self.reactor.advance(0)
        self.assertEqual(self.protocol.refusals, 0)
        self.other.problems = [errno.ECONNREFUSED]
        self.write(b"aa")
        self.reactor.advance(0)
        self.assertEqual(self.protocol.refusals, 1)

    def test_closed(self) -> None:
        """
        A port that is closed, or about to be, stays so, and the other socket is closed.
        """
        results: list[bool] = []
        self.protocol.onLost = lambda: results.append(self.rebind())
        self.port.connectionLost(Failure(ConnectionLost()))
        self.assertEqual((results, self.other.closed), ([False], True))
        self.other = FakeSocket()
        self.assertFalse(self.rebind())
        self.assertTrue(self.other.closed)
        self.assertEqual(self.reactor.readers, set())
