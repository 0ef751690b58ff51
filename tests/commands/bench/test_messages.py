"""
Tests for L{kcptwisted.commands.bench.messages}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.bench.loads import WrongBytes
from kcptwisted.commands.bench.messages import MessageClient, PingPongClient, Schedule
from kcptwisted.commands.bench.stream import Pattern


class MessageTestCase(SynchronousTestCase):
    """
    Has a clock, in nanoseconds for what measures.
    """

    def setUp(self) -> None:
        """
        Begin at a time that is not 0.
        """
        self.clock = Clock()
        self.clock.advance(5)

    def now(self) -> int:
        """
        @return: the time in nanoseconds.
        """
        return round(self.clock.seconds() * 1e9)

    def connect(self, client: MessageClient) -> Any:
        """
        @return: the client's transport.
        """
        transport = StringTransport()
        client.makeConnection(transport)
        return transport


class MessageClientTests(MessageTestCase):
    """
    Tests for L{MessageClient}.
    """

    def test_latencies(self) -> None:
        """
        The latency of a message counts from when it was due to when all of it is back, however the
        bytes come.
        """
        client = MessageClient(10, now=self.now)
        transport = self.connect(client)
        done = client.expect(3)
        due = self.now()
        for number in range(3):
            client.send(due + number * 1_000_000)
        echo = transport.value()
        self.assertEqual(echo, Pattern().take(30))
        self.clock.advance(0.010)
        client.dataReceived(echo[:9])
        self.assertEqual((client.latencies, client.unanswered), ([], 3))
        self.clock.advance(0.010)
        client.dataReceived(echo[9:25])
        self.assertEqual((client.latencies, client.unanswered), ([20_000_000, 19_000_000], 1))
        self.assertNoResult(done)
        self.clock.advance(0.010)
        client.dataReceived(echo[25:])
        self.successResultOf(done)
        self.assertEqual(client.latencies[2:], [28_000_000])

    def test_anew(self) -> None:
        """
        Another job forgets the latencies of the one before, and goes on in the stream.
        """
        client = MessageClient(10, now=self.now)
        transport = self.connect(client)
        for _ in range(2):
            done = client.expect(1)
            client.send(self.now())
            client.dataReceived(transport.value())
            transport.clear()
            self.successResultOf(done)
            self.assertEqual(client.latencies, [0])

    def test_wrong(self) -> None:
        """
        Other bytes than were sent are a failure, and so is more than was sent.
        """
        for received in (b"\0" * 10, Pattern().take(11)):
            client = MessageClient(10, now=self.now)
            self.connect(client)
            done = client.expect(2)
            client.send(self.now())
            client.dataReceived(received)
            self.failureResultOf(done, WrongBytes)


class PingPongTests(MessageTestCase):
    """
    Tests for L{PingPongClient}.
    """

    def test_turns(self) -> None:
        """
        Each message goes when the one before is back, and none after the last.
        """
        client = PingPongClient(10, now=self.now)
        transport = self.connect(client)
        done = client.play(3)
        stream = Pattern()
        for _ in range(3):
            self.assertNoResult(done)
            message = stream.take(10)
            self.assertEqual(transport.value(), message)
            transport.clear()
            self.clock.advance(0.002)
            client.dataReceived(message)
        self.successResultOf(done)
        self.assertEqual(transport.value(), b"")
        self.assertEqual(client.latencies, [2_000_000] * 3)


class ScheduleTests(MessageTestCase):
    """
    Tests for L{Schedule}.
    """

    def schedule(self, sessions: int, count: int, rate: float) -> tuple[Schedule, list[Any]]:
        """
        @return: a schedule, and what each message was sent with: session, when, due when, in
            milliseconds from now.
        """
        sent: list[Any] = []
        began = self.now()

        class Noting(MessageClient):
            """
            Notes what it is told to send.
            """

            def send(client, due: int) -> None:
                moments = ((moment - began) / 1e6 for moment in (self.now(), due))
                sent.append((clients.index(client), *moments))

        clients: list[MessageClient] = [Noting(10) for _ in range(sessions)]
        return Schedule(self.clock, clients, count, rate, self.now), sent

    def test_spread(self) -> None:
        """
        Messages of all sessions are spread evenly, each session's at its rate.
        """
        schedule, sent = self.schedule(4, 3, 50)
        schedule.start()
        for _ in range(12):
            self.clock.advance(0.005)
        self.assertEqual(sent, [(number % 4, 5.0 * number, 5.0 * number) for number in range(12)])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_late(self) -> None:
        """
        A process that stood still sends what it missed at once, and says when each was due.
        """
        schedule, sent = self.schedule(1, 5, 100)
        schedule.start()
        self.clock.advance(0.025)
        self.assertEqual(sent, [(0, 0.0, 0.0), (0, 25.0, 10.0), (0, 25.0, 20.0)])
        self.clock.advance(0.005)
        self.assertEqual(sent[3:], [(0, 30.0, 30.0)])

    def test_stop(self) -> None:
        """
        A schedule that is stopped sends no more.
        """
        schedule, sent = self.schedule(1, 5, 100)
        schedule.start()
        schedule.stop()
        self.clock.advance(1)
        self.assertEqual(len(sent), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])
