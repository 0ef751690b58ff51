"""
Tests for L{kcptwisted.session.producers}.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IPullProducer, IPushProducer
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from kcptwisted.arq.limits import LEAST_UNGOVERNED
from kcptwisted.arq.sender import Sender
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.session.producers import PULLS, ProducerGate
from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import OVERHEAD

#: A window of a hundred segments of a thousand bytes.
HIGH = 100_000
SETTINGS = ARQSettings(mtu=OVERHEAD + 1000, sendWindow=100)


@implementer(IPushProducer, IPullProducer)
class Producer:
    """
    @ivar calls: the methods called, in order.
    """

    def __init__(self, resumed: Callable[[], None] = lambda: None) -> None:
        """
        @param resumed: called when it is to produce.
        """
        self.resumed = resumed
        self.calls: list[str] = []

    def pauseProducing(self) -> None:
        """
        Note the call.
        """
        self.calls.append("pause")

    def resumeProducing(self) -> None:
        """
        Note the call, and produce.
        """
        self.calls.append("resume")
        self.resumed()

    def stopProducing(self) -> None:
        """
        Note the call.
        """
        self.calls.append("stop")


class GateTestCase(SynchronousTestCase):
    """
    Holds a gate before a sender.
    """

    def setUp(self) -> None:
        """
        Begin anew.
        """
        self.sender = Sender(SETTINGS, SessionStats())
        self.sender.remoteWindow = 1000
        self.gate = ProducerGate(self.sender)

    def write(self, count: int) -> None:
        """
        Write as a session does.
        """
        self.sender.write(bytes(count))
        self.gate.wrote()

    def drain(self, left: int = 0) -> None:
        """
        Let all but C{left} bytes of the queue leave.
        """
        while self.sender.queuedBytes > left:
            self.sender.sendQueue.take(1)


class StreamingTests(GateTestCase):
    """
    Producers that go on by themselves.
    """

    def test_fake(self) -> None:
        """
        The producer here is one of either kind.
        """
        verifyObject(IPushProducer, Producer())
        verifyObject(IPullProducer, Producer())

    def test_pause(self) -> None:
        """
        A producer is paused when a window's worth is queued, once.
        """
        producer = Producer()
        self.gate.register(producer, True)
        self.write(HIGH - 1)
        self.assertEqual(producer.calls, [])
        self.write(1)
        self.assertEqual(producer.calls, ["pause"])
        self.write(1)
        self.assertEqual(producer.calls, ["pause"])

    def test_resume(self) -> None:
        """
        It is resumed when half of that is left, once.
        """
        producer = Producer()
        self.gate.register(producer, True)
        self.write(HIGH)
        self.drain(HIGH // 2 + 1000)
        self.gate.resume()
        self.assertEqual(producer.calls, ["pause"])
        self.drain(HIGH // 2)
        self.gate.resume()
        self.gate.resume()
        self.assertEqual(producer.calls, ["pause", "resume"])

    def test_again(self) -> None:
        """
        After that it can be paused again, also while it is resumed.
        """
        producer = Producer(lambda: self.write(HIGH))
        self.gate.register(producer, True)
        self.write(HIGH)
        self.drain()
        self.assertTrue(self.gate.resume())
        self.assertEqual(producer.calls, ["pause", "resume", "pause"])

    def test_neverPaused(self) -> None:
        """
        A producer that was not paused is not resumed.
        """
        producer = Producer()
        self.gate.register(producer, True)
        self.write(10)
        self.assertFalse(self.gate.resume())
        self.assertEqual(producer.calls, [])

    def test_fullAlready(self) -> None:
        """
        A producer that comes when the queue is full is paused at once.
        """
        self.write(HIGH)
        producer = Producer()
        self.gate.register(producer, True)
        self.assertEqual(producer.calls, ["pause"])

    def test_smallWindow(self) -> None:
        """
        With a small window as much is queued as makes writing worth while.
        """
        small = ARQSettings(sendWindow=1)
        sender = Sender(small, SessionStats())
        gate = ProducerGate(sender)
        producer = Producer()
        gate.register(producer, True)
        sender.write(bytes(LEAST_UNGOVERNED - 1))
        gate.wrote()
        self.assertEqual(producer.calls, [])
        sender.write(bytes(1))
        gate.wrote()
        self.assertEqual(producer.calls, ["pause"])

    def test_somethingNew(self) -> None:
        """
        It is told whether a resumed producer has written anything.
        """
        producer = Producer()
        self.gate.register(producer, True)
        self.write(HIGH)
        self.drain()
        self.assertFalse(self.gate.resume())
        self.write(HIGH)
        self.drain()
        producer.resumed = lambda: self.write(1)
        self.assertTrue(self.gate.resume())


class PullTests(GateTestCase):
    """
    Producers that produce when they are asked.
    """

    def test_asked(self) -> None:
        """
        A producer is asked until half a window's worth is queued.
        """
        producer = Producer(lambda: self.write(10_000))
        self.gate.register(producer, False)
        self.assertTrue(self.gate.resume())
        self.assertEqual(producer.calls, ["resume"] * 6)
        self.assertFalse(self.gate.resume())
        self.drain(HIGH // 2)
        self.assertTrue(self.gate.resume())
        self.assertEqual(producer.calls, ["resume"] * 7)

    def test_notPaused(self) -> None:
        """
        It is never paused.
        """
        producer = Producer()
        self.gate.register(producer, False)
        self.write(2 * HIGH)
        self.assertEqual(producer.calls, [])

    def test_nothingYet(self) -> None:
        """
        One that has nothing yet is not asked over and over.
        """
        producer = Producer()
        self.gate.register(producer, False)
        self.assertFalse(self.gate.resume())
        self.assertEqual(producer.calls, ["resume"])

    def test_smallPieces(self) -> None:
        """
        One that gives little at a time does not hold up others.
        """
        producer = Producer(lambda: self.write(1))
        self.gate.register(producer, False)
        self.gate.resume()
        self.assertEqual(len(producer.calls), PULLS)

    def test_finished(self) -> None:
        """
        One that ends while it is asked is not asked again.
        """

        def last() -> None:
            self.write(1)
            self.gate.unregister()

        producer = Producer(last)
        self.gate.register(producer, False)
        self.assertTrue(self.gate.resume())
        self.assertEqual(producer.calls, ["resume"])


class RegistrationTests(GateTestCase):
    """
    Producers that come and go.
    """

    def test_none(self) -> None:
        """
        Without a producer there is nothing to do.
        """
        self.write(2 * HIGH)
        self.drain()
        self.assertFalse(self.gate.resume())
        self.gate.stop()
        self.assertFalse(self.gate.producing)

    def test_second(self) -> None:
        """
        There is no room for a second one.
        """
        first = Producer()
        self.gate.register(first, True)
        self.assertRaises(RuntimeError, self.gate.register, Producer(), True)
        self.write(HIGH)
        self.assertEqual(first.calls, ["pause"])

    def test_unregister(self) -> None:
        """
        One that is gone is left alone, and makes room for another.
        """
        producer = Producer()
        self.gate.register(producer, True)
        self.assertTrue(self.gate.producing)
        self.gate.unregister()
        self.assertFalse(self.gate.producing)
        self.write(HIGH)
        self.gate.resume()
        self.gate.stop()
        self.assertEqual(producer.calls, [])
        self.drain()
        self.gate.register(Producer(), True)

    def test_pausedOneLeaves(self) -> None:
        """
        That one was paused is forgotten with it.
        """
        self.gate.register(Producer(), True)
        self.write(HIGH)
        self.gate.unregister()
        self.drain()
        second = Producer()
        self.gate.register(second, True)
        self.gate.resume()
        self.assertEqual(second.calls, [])

    def test_stop(self) -> None:
        """
        When the connection is over a producer is stopped, once.
        """
        producer = Producer()
        self.gate.register(producer, True)
        self.gate.stop()
        self.gate.stop()
        self.assertEqual(producer.calls, ["stop"])
        self.assertFalse(self.gate.producing)

    def test_holdsOpen(self) -> None:
        """
        A close waits for a producer that has yet to be asked for the rest, not for one that could
        have written it.
        """
        self.assertFalse(self.gate.holdsOpen)
        self.gate.register(Producer(), True)
        self.assertFalse(self.gate.holdsOpen)
        self.write(HIGH)
        self.assertTrue(self.gate.holdsOpen)
        self.drain()
        self.gate.resume()
        self.assertFalse(self.gate.holdsOpen)
        self.gate.unregister()
        self.gate.register(Producer(), False)
        self.assertTrue(self.gate.holdsOpen)
        self.gate.unregister()
        self.assertFalse(self.gate.holdsOpen)
