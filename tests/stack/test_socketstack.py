"""
Tests for L{kcptwisted.stack.socketstack}.
"""

from __future__ import annotations

import errno
import gc
import sys
from types import FrameType

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from kcptwisted.interfaces import Address, IDatagramProtocol, IDatagramTransport
from kcptwisted.options.table import MAXIMUM_MTU
from kcptwisted.wire.control import TOKEN
from kcptwisted.wire.segment import OVERHEAD
from tests.callers import push
from tests.stack.sockets import FIRST, HERE, NEXT, NULL, THERE, StackTestCase


class ReceivingTests(StackTestCase):
    """
    What arrives at a socket.
    """

    def test_interfaces(self) -> None:
        """
        It is the protocol of what is below it, and the transport of what is above.
        """
        verifyObject(IDatagramProtocol, self.stack)
        verifyObject(IDatagramTransport, self.stack)

    def test_strangers(self) -> None:
        """
        Datagrams from an address without a session are the user's, those from another one the
        session's alone.
        """
        session = self.add().session
        self.give(FIRST, NEXT)
        self.give(FIRST, address=THERE)
        self.assertEqual(self.user.events, [("strange", [FIRST], THERE)])
        size = len(FIRST) + len(NEXT)
        self.assertEqual(self.counted(session)[::2], (2, size))
        self.assertEqual(session.stats.InSegs, 2)

    def test_oversized(self) -> None:
        """
        What is larger than any KCP peer sends is dropped and counted, wherever it is in a batch;
        a batch that is larger as a whole is not.
        """
        session = self.add().session
        largest = push(5, 0, bytes(MAXIMUM_MTU - OVERHEAD))
        larger = push(5, 0, bytes(MAXIMUM_MTU - OVERHEAD + 1))
        self.give(largest, largest)
        self.assertEqual((session.stats.InPkts, self.stack.stats.InOversized), (2, 0))
        self.give(larger)
        self.give(larger, NEXT, larger)
        self.give(larger, FIRST, address=THERE)
        self.give()
        self.assertEqual((session.stats.InPkts, self.stack.stats.InOversized), (3, 4))
        self.assertEqual(session.stats.InBytes, 2 * MAXIMUM_MTU + len(NEXT))
        self.assertEqual(self.user.events, [("strange", [FIRST], THERE)])

    def test_recovered(self) -> None:
        """
        What a layer has rebuilt is the session's, but has not arrived; there is nothing to do about
        it without a session.
        """
        session = self.add().session
        for address in (HERE, THERE):
            self.stack.datagramsRecovered([FIRST], address)
        self.assertEqual((session.stats.InPkts, session.stats.InSegs), (0, 1))
        self.assertEqual(self.user.events, [])

    def test_news(self) -> None:
        """
        What the network and the system say is passed up.
        """
        problem = OSError(errno.EHOSTUNREACH, "no")
        self.stack.connectionRefused()
        self.stack.peerUnreachable(problem)
        self.stack.sendingFailed(problem)
        self.assertEqual(
            self.user.events, [("refused",), ("unreachable", problem), ("sending", problem)]
        )

    def test_closed(self) -> None:
        """
        When the socket closes the user is told, and no delayed call is left, even if that raises.
        """
        for raises in (False, True):
            with self.subTest(raises=raises):
                self.build(NULL)
                self.add()
                self.stack.clock.wantFlush(self.sessions.live()[0])
                self.assertNotEqual(self.clock.getDelayedCalls(), [])
                reason = Failure(ConnectionDone())
                if raises:
                    self.user.events = None  # type: ignore[assignment]
                    self.assertRaises(AttributeError, self.stack.connectionLost, reason)
                else:
                    self.stack.connectionLost(reason)
                    self.assertEqual(self.user.events, [("closed", reason)])
                self.assertEqual(self.clock.getDelayedCalls(), [])


class SendingTests(StackTestCase):
    """
    What leaves past a session's layers.
    """

    def test_counted(self) -> None:
        """
        It counts as the session's that is at the address, if there is one.
        """
        session = self.add().session
        for address in (HERE, THERE):
            self.stack.writeDatagrams([b"abc", b"d"], address)
        self.assertEqual(self.below.sent, [([b"abc", b"d"], HERE), ([b"abc", b"d"], THERE)])
        self.assertEqual(self.counted(session)[1::2], (2, 4))

    def test_unproven(self) -> None:
        """
        To a peer that has yet to show where it is no more leaves than three times what came.
        """
        session = self.sessions.add(5, HERE).session
        session.accept(True, 100)
        self.stack.writeDatagrams([bytes(200), bytes(200)], HERE)
        self.assertEqual(self.below.sent, [([bytes(200)], HERE)])
        self.assertEqual((session.stats.OutPkts, self.stack.stats.OutUnproven), (1, 1))
        self.stack.writeDatagrams([bytes(200)], HERE)
        self.assertEqual((len(self.below.sent), self.stack.stats.OutUnproven), (1, 2))

    def test_stateless(self) -> None:
        """
        An answer to nobody's session that a layer refuses to send is not sent, and nothing else.
        """

        def refuse(datagrams: object, address: object) -> None:
            raise ConnectionLost("no more")

        self.stack.sendStateless([b"x"], HERE)
        self.patch(self.below, "writeDatagrams", refuse)
        self.stack.sendStateless([b"y"], HERE)
        self.assertEqual(self.below.sent, [([b"x"], HERE)])


class SharedTests(StackTestCase):
    """
    What the sessions of a socket share.
    """

    def test_tokens(self) -> None:
        """
        No two tokens are the same.
        """
        tokens = {self.stack.newToken() for _ in range(100)}
        self.assertEqual((len(tokens), {len(token) for token in tokens}), (100, {TOKEN}))


class CallTests(StackTestCase):
    """
    What a datagram costs between the port and a session without layers.
    """

    def calls(self, function: object, *arguments: object) -> tuple[list[str], list[str]]:
        """
        @return: the Python and the C functions that are called, but for C{function} itself.
        """
        python: list[str] = []
        native: list[str] = []

        def note(frame: FrameType, event: str, argument: object) -> None:
            if event == "call":
                python.append(frame.f_code.co_name)
            elif event == "c_call":
                native.append(getattr(argument, "__name__", ""))

        assert callable(function)
        # What collects garbage may have callbacks, and would be taken for the path's.
        gc.disable()
        self.addCleanup(gc.enable)
        sys.setprofile(note)
        try:
            function(*arguments)
        finally:
            sys.setprofile(None)
        # The last is this test's own, which ends it.
        self.assertEqual(native.pop(), "setprofile")
        return python, native

    def test_known(self) -> None:
        """
        A datagram for a known address costs at most four calls of Python, of which the last is the
        session's, and four of C; one that leaves two and two.
        """
        stack = self.add()
        taken: list[bytes] = []

        class Lowest:
            def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
                taken.extend(datagrams)

        stack.lowest = Lowest()  # type: ignore[assignment]
        python, native = self.calls(self.stack.datagramsReceived, [FIRST], HERE)
        self.assertEqual(taken, [FIRST])
        native.remove("extend")
        self.assertLessEqual(len(python), 4, python)
        self.assertLessEqual(len(native), 4, native)
        self.assertEqual(python[-1], "datagramsReceived")
        python, native = self.calls(stack.writeDatagrams, [FIRST], HERE)
        native.remove("append")
        self.assertLessEqual(len(python), 2, python)
        self.assertLessEqual(len(native), 2, native)
