"""
One end of a session on a transport in memory, and protocols for its streams.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from kcptwisted.smux.frames import FIN, PSH, SYN, Frame, FrameParser, header
from kcptwisted.smux.options import SmuxOptions
from kcptwisted.smux.protocol import SmuxProtocol
from kcptwisted.smux.transport import SmuxTransport

P = TypeVar("P", bound="Recorder")


class Lower(StringTransport):
    """
    The connection below.

    @ivar producer: who is to be paused, if anybody.
    """

    producer: Any
    aborting = False

    def pressed(self) -> None:
        """
        Have the session write nothing.
        """
        self.producer.pauseProducing()

    def released(self) -> None:
        """
        Have it write again.
        """
        self.producer.resumeProducing()

    def abortConnection(self) -> None:
        """
        Note it.
        """
        self.aborting = True


class Recorder(Protocol):
    """
    Notes what happens to a stream.

    @ivar lost: why it ended; None before.
    """

    transport: SmuxTransport

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.lost: BaseException | None = None

    @property
    def data(self) -> bytes:
        """
        All that came.
        """
        return b"".join(self.received)

    def dataReceived(self, data: bytes) -> None:
        """
        Note.
        """
        self.received.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Note.
        """
        assert self.lost is None
        self.lost = reason.value


@implementer(IHalfCloseableProtocol)
class HalfRecorder(Recorder):
    """
    Goes on when the peer has finished.

    @ivar ends: "read" and "write", as they ended.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[str] = []

    def readConnectionLost(self) -> None:
        """
        Note.
        """
        self.ends.append("read")

    def writeConnectionLost(self) -> None:
        """
        Note.
        """
        self.ends.append("write")


class Accepting(Factory):
    """
    Makes protocols, and keeps them.

    @ivar addresses: for whom.
    """

    noisy = False

    def __init__(self, make: Callable[[], Recorder] = Recorder) -> None:
        self.make = make
        self.made: list[Any] = []
        self.addresses: list[IAddress | None] = []

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """
        Make one.
        """
        self.addresses.append(addr)
        protocol = self.make()
        self.made.append(protocol)
        return protocol


class ProtocolCase(SynchronousTestCase):
    """
    Has a server and a client end, whose peers are the tests.
    """

    version = 2

    def setUp(self) -> None:
        """
        Connect a server.
        """
        self.clock = Clock()
        self.factory = Accepting()
        self.begin()

    def begin(self, isClient: bool = False, **options: Any) -> None:
        """
        Connect an end.
        """
        self.options = SmuxOptions(version=self.version, **options)
        self.session = SmuxProtocol(
            self.clock,
            self.options,
            isClient=isClient,
            factory=None if isClient else self.factory,
        )
        self.lower = Lower()
        self.parser = FrameParser(self.version)
        self.session.makeConnection(self.lower)
        self.ended: list[BaseException] = []
        self.session.whenEnded().addCallback(self.ended.append)

    def sent(self) -> list[Frame]:
        """
        @return: the frames that left since the last call.
        """
        data = self.lower.value()
        self.lower.clear()
        return self.parser.parse(data)

    def sentData(self) -> bytes:
        """
        @return: the data among these.
        """
        return b"".join(frame.payload for frame in self.sent())

    def arrive(self, *frames: Frame) -> None:
        """
        Have the peer send SYN, FIN and PSH frames, in one piece.
        """
        self.session.dataReceived(
            b"".join(
                header(self.version, frame.command, len(frame.payload), frame.stream)
                + frame.payload
                for frame in frames
            )
        )

    def accept(self, make: Callable[[], P], number: int = 3) -> P:
        """
        @return: the protocol of a stream that the peer opens.
        """
        self.factory.make = make
        self.arrive(Frame(SYN, number))
        found: P = self.factory.made[-1]
        return found

    def push(self, data: bytes, number: int = 3) -> None:
        """
        Have the peer send data.
        """
        self.arrive(Frame(PSH, number, data))

    def fin(self, number: int = 3) -> None:
        """
        Have the peer finish a stream.
        """
        self.arrive(Frame(FIN, number))

    def wait(self, seconds: float) -> None:
        """
        Let time pass, in halves of seconds.
        """
        self.clock.pump([0.5] * round(2 * seconds))

    def turn(self) -> None:
        """
        Let the reactor turn.
        """
        self.clock.advance(0)

    def opened(self, make: Callable[[], P]) -> P:
        """
        @return: the protocol of a stream that this end opens.
        """
        protocol = make()
        self.successResultOf(self.session.openStream(Factory.forProtocol(lambda: protocol)))
        return protocol

    def lose(self, reason: BaseException) -> None:
        """
        End the connection.
        """
        self.session.connectionLost(Failure(reason))
