"""
Tests for the reasons of L{kcptwisted.session.session} and L{kcptwisted.session.controlled}: what
protocols and the log are told of a connection's end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from twisted.internet import error
from twisted.logger import ILogObserver, LogLevel, globalLogPublisher
from twisted.python.failure import Failure

from kcptwisted import errors
from kcptwisted.options import KCPOptions
from kcptwisted.testing.link import Link
from tests.connections import CLIENT, SERVER, RecordingProtocol
from tests.controlling import ControlledTestCase

SLOW = Link(delay=0.02)

#: Not for the end of a connection, but for a call that is refused.
CALLS = (errors.MessageTooLong, errors.OutOfBandRefused)

ENDS = [
    value
    for name, value in sorted(vars(errors).items())
    if name in errors.__all__ and value not in CALLS
]


class ReasonsTestCase(ControlledTestCase):
    """
    Listens to the log.

    @ivar events: what was logged.
    """

    def setUp(self) -> None:
        """
        Observe.
        """
        super().setUp()
        self.events: list[dict[str, Any]] = []
        observer = cast(ILogObserver, self.events.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def ends(self) -> list[dict[str, Any]]:
        """
        @return: the lines about the end of a connection.
        """
        return [event for event in self.events if "duration" in event]


class ExceptionTests(ReasonsTestCase):
    """
    The exceptions themselves.
    """

    def test_kinds(self) -> None:
        """
        Each is a kind of what Twisted programs expect at the end of a connection.
        """
        self.assertGreater(len(ENDS), 8)
        for kind in ENDS:
            with self.subTest(kind=kind.__name__):
                self.assertTrue(
                    issubclass(
                        kind,
                        (error.ConnectionLost, error.TimeoutError, error.ConnectionRefusedError,
                         error.NoRouteError),
                    )
                )  # fmt: skip

    def test_texts(self) -> None:
        """
        Each says in a sentence what happened, not the same as another or as Twisted's, and takes
        details.
        """
        texts = {str(kind()) for kind in ENDS}
        self.assertEqual(len(texts), len(ENDS))
        for kind in ENDS:
            with self.subTest(kind=kind.__name__):
                self.assertGreater(len(str(kind()).split()), 3)
                self.assertNotIn(str(kind()), {str(base()) for base in kind.__bases__})
                detailed = (
                    kind(string="the details")
                    if issubclass(kind, error.ConnectError)
                    else kind("the details")
                )
                self.assertIn("the details", str(detailed))
                self.assertIn(str(kind()).rstrip("."), str(detailed))


class LogTests(ReasonsTestCase):
    """
    The line in the log.
    """

    def test_line(self) -> None:
        """
        One line at level info for each end of each connection, with duration, bytes, round trip
        and the share of segments that were sent again.
        """
        client, server = self.connect(link=Link(delay=0.02, loss=0.1))
        client.session.write(self.data(100_000))
        server.session.write(self.data(50_000))
        self.network.runUntil(lambda: len(client.received + server.received) == 150_000)
        self.assertEqual(self.ends(), [])
        sessions = {end.session.getPeer(): end.session for end in (client, server)}
        client.session.loseConnection()
        self.network.runUntil(lambda: bool(client.reasons and server.reasons))
        lines = self.ends()
        self.assertEqual({line["peer"] for line in lines}, set(sessions))
        self.assertEqual(len(lines), 2)
        for line in lines:
            session = sessions[line["peer"]]
            stats = session.stats
            self.assertIs(line["log_level"], LogLevel.info)
            self.assertEqual(line["log_namespace"], "kcptwisted.session.KCPTransport")
            self.assertEqual(line["conv"], session.conv)
            self.assertApproximates(line["duration"], self.network.clock.seconds(), 0.5)
            self.assertEqual(
                (line["sent"], line["received"]), (stats.BytesSent, stats.BytesReceived)
            )
            self.assertTrue(35 <= line["rtt"] <= 200, line["rtt"])
            self.assertGreater(line["retransmitted"], 0)
            self.assertEqual(line["retransmitted"], stats.RetransSegs / stats.OutSegs)
            self.assertIsInstance(line["reason"].value, error.ConnectionDone)
            text = line["log_format"].format(**line)
            self.assertIn(line["reason"].getErrorMessage(), text)
            self.assertIn(f"{stats.BytesSent} bytes sent", text)

    def test_logsEnds(self) -> None:
        """
        There is none, and none about a connection that never came about, if the factory does not
        want it.
        """
        for factory in (self.clientFactory, self.serverFactory):
            factory.logsEnds = False
        client, _ = self.connect()
        client.session.abortConnection()
        self.network.run(1)
        self.assertEqual(self.ends(), [])

    def test_nothingMoved(self) -> None:
        """
        So it is for a connection over which nothing ever went.
        """
        client, _ = self.connect()
        client.session.abortConnection()
        self.network.run(1)
        for line in self.ends():
            self.assertEqual((line["sent"], line["received"], line["retransmitted"]), (0, 0, 0))
            line["log_format"].format(**line)
        self.assertEqual(len(self.ends()), 2)

    def test_neverAnswered(self) -> None:
        """
        And for one that never came about.
        """
        self.bothWays(Link(loss=1))
        connecting = self.begin(KCPOptions(crypt="null", timeout=2))
        self.network.run(3)
        self.failureResultOf(connecting, error.TimeoutError)
        (line,) = self.ends()
        self.assertApproximates(line["duration"], 2, 0.01)
        self.assertIn("timeout=2", line["log_format"].format(**line))


class TraceTests(ReasonsTestCase):
    """
    The option C{trace}.
    """

    def segments(self) -> list[dict[str, Any]]:
        """
        @return: the lines about segments.
        """
        return [event for event in self.events if "direction" in event]

    def test_trace(self) -> None:
        """
        With it each segment is logged, at level debug, and the connection works as it does
        without.
        """
        for parity in (0, 1):
            with self.subTest(parity=parity):
                self.setUp()
                options = KCPOptions(
                    crypt="null", trace=True, dataShards=2 * parity, parityShards=parity
                )
                self.network.taps.clear()
                client, server = self.connect(options, link=SLOW)
                client.session.write(self.data(5000))
                client.session.loseConnection()
                self.network.run(1)
                self.assertEqual(server.received, self.data(5000))
                self.assertIsInstance(self.reasonOf(client), error.ConnectionDone)
                lines = self.segments()
                self.assertEqual({line["log_level"] for line in lines}, {LogLevel.debug})
                seen = {(line["direction"], line["cmd"]) for line in lines}
                self.assertTrue({("out", "PUSH"), ("in", "PUSH"), ("out", "WASK")} <= seen, seen)

    def test_off(self) -> None:
        """
        Without it none is.
        """
        client, _ = self.connect()
        client.session.write(b"x")
        self.network.run(1)
        self.assertEqual(self.segments(), [])


class EveryEndTests(ReasonsTestCase):
    """
    connectionLost always has a reason.
    """

    def check(self, act: Callable[[RecordingProtocol, RecordingProtocol], object]) -> None:
        """
        However a connection ends, each protocol is told once, by a Failure whose text says what
        happened.
        """
        options = KCPOptions(crypt="null", keepAlive=1, deadAfter=2, linger=1, sendQueueLimit=9999)
        client, server = self.connect(options, link=SLOW)
        act(client, server)
        self.network.run(30)
        for protocol in (client, server):
            (reason,) = protocol.reasons
            self.assertIsInstance(reason, Failure)
            self.assertTrue(
                isinstance(
                    reason.value,
                    (error.ConnectionLost, error.ConnectionDone, error.ConnectionAborted,
                     error.TimeoutError, error.ConnectionRefusedError),
                )
            )  # fmt: skip
            self.assertGreater(len(reason.getErrorMessage().split()), 3)
        self.assertEqual(len(self.ends()), 2)

    def test_everyEnd(self) -> None:
        """
        By either end's close or abort, by silence, by a queue that is too long, by the end of
        either's socket.
        """

        def cut(client: RecordingProtocol, server: RecordingProtocol) -> None:
            self.bothWays(Link(loss=1))

        def die(host: str) -> Callable[[RecordingProtocol, RecordingProtocol], None]:
            return lambda client, server: (
                self.network.host(host).ports.copy().popitem()[1].loseConnection()
            )

        for number, act in enumerate(
            (
                lambda client, server: client.session.loseConnection(),
                lambda client, server: server.session.loseConnection(),
                lambda client, server: client.session.abortConnection(),
                lambda client, server: server.session.abortConnection(),
                lambda client, server: server.session.write(bytes(10_000)),
                lambda client, server: self.port.stopListening("abort"),
                cut,
                die(CLIENT),
                die(SERVER),
            )
        ):
            with self.subTest(number=number):
                self.setUp()
                self.check(act)
