"""
Tests for L{kcptwisted.udp.sending}.
"""

from __future__ import annotations

import errno

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.udp.unsegmented import MAXIMUM_UNSEGMENTED, SINGLY, Unsegmented
from tests.udp.fakes import PortTestCase


class UnsegmentedTests(SynchronousTestCase):
    """
    What is remembered of destinations.
    """

    def test_time(self) -> None:
        """
        Each for so long, from when it was last found.
        """
        hosts = Unsegmented()
        hosts.add("10.0.0.1", 0)
        hosts.add("10.0.0.1", 1)
        self.assertTrue(hosts.holds("10.0.0.1", SINGLY))
        self.assertFalse(hosts.holds("10.0.0.2", SINGLY))
        self.assertFalse(hosts.holds("10.0.0.1", SINGLY + 1))
        self.assertEqual(len(hosts), 0)

    def test_bounded(self) -> None:
        """
        Of more than there is room for, the oldest are forgotten.
        """
        hosts = Unsegmented()
        for number in range(MAXIMUM_UNSEGMENTED + 10):
            hosts.add(str(number), 0)
        self.assertEqual(len(hosts), MAXIMUM_UNSEGMENTED)
        self.assertEqual([hosts.holds(str(number), 0) for number in (9, 10)], [False, True])


class DestinationTests(PortTestCase):
    """
    A kernel that does not segment.
    """

    def test_destination(self) -> None:
        """
        If it does not for one destination it is not asked to for a while, for that one; nothing is
        lost.
        """
        for problem in (errno.EINVAL, errno.EMSGSIZE):
            with self.subTest(problem=problem):
                self.setUp()
                self.socket.problems = [problem]
                self.write(b"aa", b"bb")
                self.write(b"cc", b"dd", host="10.0.0.2")
                self.write(b"ee", b"ff")
                self.reactor.advance(SINGLY)
                self.write(b"gg", b"hh")
                self.assertEqual(
                    self.socket.sent,
                    [
                        *((b"aa", False), (b"bb", False), (b"ccdd", True)),
                        *((b"ee", False), (b"ff", False), (b"gghh", True)),
                    ],
                )
                self.assertEqual(self.stats.OutErrs, 0)

    def test_device(self) -> None:
        """
        If its device cannot, it is not asked again at all.
        """
        self.socket.problems = [errno.EIO]
        self.write(b"aa", b"bb")
        self.reactor.advance(SINGLY)
        self.write(b"cc", b"dd", host="10.0.0.2")
        singly = [(data, False) for data in (b"aa", b"bb", b"cc", b"dd")]
        self.assertEqual((self.socket.sent, self.stats.OutErrs), (singly, 0))


class ConnectedTests(PortTestCase):
    """
    A socket with one peer, of which the system tells in place of sending what an earlier datagram
    met.
    """

    connected = True

    def told(self) -> tuple[int, list[int | None], list[int | None]]:
        """
        @return: what the protocol has been told, refusals, answers of the network and failures.
        """
        self.reactor.advance(0)
        protocol = self.protocol
        return (
            protocol.refusals,
            [problem.errno for problem in protocol.unreachable],
            [problem.errno for problem in protocol.failures],
        )

    def test_earlier(self) -> None:
        """
        Nothing is lost, and the protocol is told, not from inside the write.
        """
        self.socket.problems = [errno.EHOSTUNREACH]
        self.write(b"aa")
        self.socket.problems = [errno.EACCES]
        self.write(b"bb", b"cc")
        self.assertEqual(self.protocol.unreachable, [])
        self.assertEqual(self.socket.sent, [(b"aa", False), (b"bbcc", True)])
        self.assertEqual((self.stats.OutPkts, self.stats.OutErrs), (3, 0))
        # Once a turn is enough.
        self.assertEqual(self.told(), (0, [errno.EHOSTUNREACH], []))

    def test_refused(self) -> None:
        """
        So it is with a refusal.
        """
        self.socket.problems = [errno.ECONNREFUSED]
        self.write(b"aa", b"bb")
        self.assertEqual(self.socket.sent, [(b"aabb", True)])
        self.assertEqual(self.told(), (1, [], []))

    def test_path(self) -> None:
        """
        A path that has become too narrow for what was sent is the kernel's concern.
        """
        self.socket.problems = [errno.EMSGSIZE]
        self.write(b"aa")
        self.socket.incoming = [OSError(errno.EMSGSIZE, "as told")]
        self.port.doRead()
        self.assertEqual((self.socket.sent, self.told()), ([(b"aa", False)], (0, [], [])))

    def test_cannotSend(self) -> None:
        """
        If it fails twice the system cannot send, which is another matter.
        """
        self.socket.problems = [errno.ENETUNREACH] * 2
        self.write(b"aa")
        self.assertEqual((self.socket.sent, self.stats.OutErrs), ([], 1))
        self.assertEqual(self.told(), (0, [], [errno.ENETUNREACH]))

    def test_read(self) -> None:
        """
        What shows when reading is the network's answer.
        """
        self.socket.incoming = [OSError(errno.EHOSTUNREACH, "prohibited"), b"aa"]
        self.port.doRead()
        self.assertEqual(self.told(), (0, [errno.EHOSTUNREACH], []))
        self.port.doRead()
        self.assertEqual(self.protocol.received, [([b"aa"], ("10.0.0.1", 1))])
