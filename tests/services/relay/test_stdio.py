"""
Tests for L{kcptwisted.services.relay.stdio}, and for pairs with standard input and output.
"""

from __future__ import annotations

from io import StringIO
from typing import Any

from twisted.application.service import Application, IService, IServiceCollection
from twisted.internet.endpoints import StandardIOEndpoint
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.logger import ILogObserver, Logger, LogPublisher
from zope.interface.verify import verifyObject

from kcptwisted.services.relay import stdio
from kcptwisted.services.relay.pairs import Pair
from kcptwisted.services.relay.routes import Route
from kcptwisted.services.relay.stdio import HANG_UP, StdioService, problemsOnly
from kcptwisted.services.relay.stream import StreamRelay
from tests.services.relay.test_pairs import LENGTH, PairCase


class Pipes:
    """
    Standard input and output, as L{twisted.internet.stdio.StandardIO} has them.

    @ivar written: what the program has written.
    """

    def __init__(self, protocol: Any, reactor: object = None) -> None:
        self.protocol = protocol
        self.written = b""
        self.reads = True
        self.producer: Any = None
        self.disconnected = False
        self._output = self._input = True
        protocol.makeConnection(self)

    def getPeer(self) -> str:
        """
        @return: a name.
        """
        return "stdio"

    def write(self, data: bytes) -> None:
        """
        Note, while there is a reader.
        """
        if self._output:
            self.written += data

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Note.
        """
        self.producer = producer

    def unregisterProducer(self) -> None:
        """
        Forget.
        """
        self.producer = None

    def pauseProducing(self) -> None:
        """
        Note.
        """
        self.reads = False

    def resumeProducing(self) -> None:
        """
        Note.
        """
        self.reads = True

    def loseWriteConnection(self) -> None:
        """
        Twisted leaves the descriptor open.
        """
        if self._output:
            self.closeOutput()

    def loseConnection(self) -> None:
        """
        Nothing more is called if there is nothing more to close.
        """
        self.disconnected = True

    # What the shell does.

    def closeOutput(self) -> None:
        """
        The reader goes away.
        """
        self._output = False
        IHalfCloseableProtocol(self.protocol).writeConnectionLost()

    def closeInput(self) -> None:
        """
        The writer goes away.
        """
        IHalfCloseableProtocol(self.protocol).readConnectionLost()


class StdioCase(PairCase):
    """
    A relay between pipes and a server.
    """

    def setUp(self) -> None:
        """
        Connect.
        """
        super().setUp()
        self.over: list[Pair] = []
        self.factory.ended = self.over.append
        self.pipes = Pipes(self.factory.buildProtocol(None))
        self.pump(0.1)

    @property
    def why(self) -> str:
        """
        Why it is over.
        """
        (pair,) = self.over
        return pair.why


class PipesTests(StdioCase):
    """
    How such a connection ends.
    """

    def test_endOfInput(self) -> None:
        """
        The end of input passes, and it is over with the server's end.
        """
        self.pipes.protocol.dataReceived(bytes(LENGTH))
        self.pipes.closeInput()
        self.pump()
        self.assertWhole(self.server, bytes(LENGTH))
        self.assertEqual(self.over, [])
        self.server.write(b"answer")
        self.server.transport.loseConnection()
        self.pump()
        self.assertEqual((self.pipes.written, self.why), (b"answer", "closed"))

    def test_bothClosed(self) -> None:
        """
        A program that goes away closes both pipes, in any order: the server gets all, and the end
        of it, and nobody waits for its answer.
        """
        for calls in (("closeInput", "closeOutput"), ("closeOutput", "closeInput")):
            self.pipes.protocol.dataReceived(bytes(LENGTH))
            for call in calls:
                getattr(self.pipes, call)()
            self.pump()
            self.assertWhole(self.servers[-1], bytes(LENGTH))
            self.pump(40)
            self.assertEqual(self.why, "closed")
            self.setUp()

    def test_nobodyReads(self) -> None:
        """
        When nobody takes the output, a server that goes on sending is told with a reset, also one
        that the relay had not read for a while.
        """
        for paused in (False, True):
            if paused:
                self.pipes.producer.pauseProducing()
                self.server.write(b"before")
                self.pump(0.1)
            self.pipes.closeOutput()
            self.pump(1)
            if not paused:
                self.assertEqual(self.over, [])
                self.server.write(b"more")
            self.pump()
            self.assertAborted(self.servers[-1])
            self.assertEqual(self.why, "the other side takes nothing more")
            self.setUp()

    def test_nobodyReadsYet(self) -> None:
        """
        The same where the output was closed before the server was there.
        """
        self.target.delay = 3
        pipes = Pipes(self.factory.buildProtocol(None))
        pipes.closeOutput()
        self.pump(4)
        self.servers[-1].write(b"more")
        self.pump()
        self.assertAborted(self.servers[-1])


class StdioServiceTests(PairCase):
    """
    The program around it.
    """

    def setUp(self) -> None:
        """
        Make a service whose reactor only notes that it is stopped.
        """
        super().setUp()
        self.exits: list[str] = []
        self.patch(StandardIOEndpoint, "_stdio", self.open)
        self.patch(stdio, "stop", lambda reactor: self.exits.append("0"))
        self.patch(stdio, "stopWithFailure", lambda reactor: self.exits.append("1"))
        self.patch(stdio, "onHangUp", self.onHangUp)
        self.errors = StringIO()
        relay = StreamRelay(
            self.clock, StandardIOEndpoint, lambda _: self.target, Route("stdio:", "tcp:")
        )
        self.relay = relay
        self.service = StdioService(self.clock, relay, problemsOnly(self.errors))

    def onHangUp(self, reactor: object, callback: Any) -> Any:
        """
        @return: takes it back.
        """
        self.hangUp = callback
        return lambda: None

    def open(self, protocol: Any, reactor: object) -> Pipes:
        """
        @return: the pipes.
        """
        self.pipes = Pipes(protocol)
        return self.pipes

    def start(self) -> None:
        """
        Begin.
        """
        self.service.privilegedStartService()
        self.service.startService()
        self.pump(0.1)

    def test_interface(self) -> None:
        """
        What twistd sees.
        """
        verifyObject(IService, self.service)

    def test_log(self) -> None:
        """
        The log of the application goes to the given stream: what is wrong, and nothing else.
        """
        application = Application("kcp-relay")
        self.service.setServiceParent(application)
        self.assertEqual(list(IServiceCollection(application)), [self.service])
        publisher = LogPublisher(ILogObserver(application))
        log = Logger(observer=publisher)
        log.info("fine")
        log.error("not {what}", what="fine")
        try:
            raise ValueError("worse")
        except ValueError:
            log.failure("")
        self.assertEqual(self.errors.getvalue(), "kcp-relay: not fine\nkcp-relay: worse\n")

    def test_status(self) -> None:
        """
        The program ends with 0 if all went well, else with 1.
        """
        self.start()
        self.pipes.closeInput()
        self.server.transport.loseConnection()
        self.pump()
        self.assertEqual(self.exits, ["0"])
        self.setUp()
        self.start()
        self.server.transport.abortConnection()
        self.pump()
        self.assertEqual(self.exits, ["1"])
        self.setUp()
        self.target.delay = None
        self.start()
        self.pump()
        self.assertEqual(self.exits, ["1"])

    def test_hangUp(self) -> None:
        """
        After SIGHUP it has a moment for the end of its input.
        """
        self.start()
        self.hangUp()
        self.pump(HANG_UP / 2)
        self.assertEqual(self.exits, [])
        self.pipes.closeInput()
        self.pipes.closeOutput()
        self.pump(40)
        self.assertTrue(self.server.sawEnd)
        self.assertEqual(set(self.exits), {"0"})
