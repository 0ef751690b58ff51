"""
Tests for L{kcptwisted.server.secondsignal}.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from twisted.internet.defer import inlineCallbacks
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.server.secondsignal import onSecondSignal
from tests.programs import ProgramTestCase


class SignalledReactor(MemoryReactor):
    """
    A reactor that handles signals as Twisted's do.

    @ivar stops: signals that it took itself.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stops: list[int] = []

    def takeSignal(self, number: int, frame: FrameType | None = None) -> None:
        """
        What the first one calls.
        """
        self.stops.append(number)

    def callFromThread(
        self, callable: Callable[..., object], *args: object, **kwargs: object
    ) -> None:
        """
        Call at once.
        """
        callable(*args, **kwargs)

    def removeSystemEventTrigger(self, triggerID: object) -> None:
        """
        Only of the kind that is of interest here.
        """
        self.triggers["before"]["shutdown"].remove(triggerID)

    def addSystemEventTrigger(  # type: ignore[override]
        self,
        phase: str,
        eventType: str,
        callable: Callable[..., object],
        *args: object,
        **kw: object,
    ) -> object:
        """
        Note.
        """
        trigger = (callable, args, kw)
        self.triggers.setdefault(phase, {}).setdefault(eventType, []).append(trigger)
        return trigger

    def beginToStop(self) -> None:
        """
        Fire what waits for it.
        """
        triggers = self.triggers.get("before", {}).get("shutdown", [])
        while triggers:
            function, arguments, keywords = triggers.pop(0)
            function(*arguments, **keywords)


class OnSecondSignalTests(SynchronousTestCase):
    """
    Tests for L{onSecondSignal}, with real signals.
    """

    def setUp(self) -> None:
        """
        Have the signals handled by a reactor.
        """
        self.reactor = SignalledReactor()
        for number in (signal.SIGINT, signal.SIGTERM):
            self.addCleanup(signal.signal, number, signal.getsignal(number))
            signal.signal(number, self.reactor.takeSignal)
        self.calls: list[str] = []

    def watch(self, name: str = "it") -> Callable[[], None]:
        """
        @return: what C{onSecondSignal} does.
        """
        return onSecondSignal(self.reactor, lambda: self.calls.append(name))

    def test_second(self) -> None:
        """
        The first signal is Twisted's, each one after the reactor has begun to stop is ours.
        """
        self.watch()
        signal.raise_signal(signal.SIGTERM)
        self.assertEqual((self.reactor.stops, self.calls), ([signal.SIGTERM], []))
        self.reactor.beginToStop()
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        self.assertEqual((self.reactor.stops, self.calls), ([signal.SIGTERM], ["it", "it"]))

    def test_several(self) -> None:
        """
        All that is waited for is called, also what was added while the reactor stops, and not what
        was taken back.
        """
        self.watch("a")
        takeBack = self.watch("b")
        self.watch("c")
        self.reactor.beginToStop()
        takeBack()
        takeBack()
        self.watch("d")
        signal.raise_signal(signal.SIGINT)
        self.assertEqual(self.calls, ["a", "c", "d"])

    def test_oneFails(self) -> None:
        """
        What one raises is logged, and the others are called.
        """
        onSecondSignal(self.reactor, lambda: 1 // 0)
        self.watch()
        self.reactor.beginToStop()
        signal.raise_signal(signal.SIGINT)
        self.assertEqual(self.calls, ["it"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_takenBack(self) -> None:
        """
        When nothing is waited for, nothing is left in the reactor, and the signals stay as they
        are; what is added then is called again.
        """
        for takeBack in (self.watch(), self.watch()):
            takeBack()
        self.assertEqual(self.reactor.triggers["before"]["shutdown"], [])
        self.watch("later")
        self.reactor.beginToStop()
        signal.raise_signal(signal.SIGINT)
        self.assertEqual(self.calls, ["later"])

    def test_otherHandler(self) -> None:
        """
        A signal that the program handles itself is left to it.
        """
        seen: list[int] = []
        signal.signal(signal.SIGINT, lambda number, _: seen.append(number))
        self.watch()
        self.reactor.beginToStop()
        signal.raise_signal(signal.SIGINT)
        self.assertEqual((seen, self.calls), ([signal.SIGINT], []))

    def test_otherThread(self) -> None:
        """
        A reactor of another thread cannot handle signals.
        """
        self.watch()
        thread = threading.Thread(target=self.reactor.beginToStop)
        thread.start()
        thread.join()
        self.assertEqual(signal.getsignal(signal.SIGINT), self.reactor.takeSignal)

    def test_noReactorCore(self) -> None:
        """
        Where there is no stop to wait for, nothing is done.
        """
        onSecondSignal(Clock(), lambda: None)()


PROGRAM = """
import os, signal
from twisted.internet import reactor
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.protocol import Factory, Protocol

class Writing(Protocol):
    def connectionMade(self):
        self.transport.write(bytes(50_000_000))
    def connectionLost(self, reason):
        print("writer", type(reason.value).__name__, flush=True)

class Paused(Protocol):
    def connectionMade(self):
        self.transport.pauseProducing()
        signalSelf()

def signalSelf():
    reactor.callLater(0.1, os.kill, os.getpid(), signal.SIGTERM)

def listening(port):
    def stop():
        signalSelf()
        return port.stopListening()
    reactor.addSystemEventTrigger("before", "shutdown", stop)
    where = f"kcp:127.0.0.1:{port.getHost().port}:crypt=null"
    clientFromString(reactor, where).connect(Factory.forProtocol(Paused))

serverFromString(reactor, "kcp:0:interface=127.0.0.1:crypt=null:stopTimeout=1000").listen(
    Factory.forProtocol(Writing)
).addCallback(listening)
reactor.run()
print("over", flush=True)
"""


class RealTests(ProgramTestCase):
    """
    A program that is told twice.
    """

    @inlineCallbacks
    def test_twice(self) -> Any:
        """
        The first time it lets its connections close, the second time it aborts them.
        """
        program = self.start("-c", PROGRAM)
        yield program.ended()
        self.assertIn("writer ConnectionAborted\nover\n", program.output)
        self.assertNotIn("Traceback", program.output)
