"""
Tests for L{kcptwisted.stack.unreadable}, and for what it is told by the two ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.error import TimeoutError
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.interfaces import Address
from kcptwisted.options import KCPOptions
from kcptwisted.stack.unreadable import LOG_INTERVAL, PLAIN, SEALED, UnreadableLog
from tests.callers import CallerTestCase
from tests.connections import CLIENT, SERVER

HERE = ("192.0.2.1", 1000)
THERE: Address = ("2001:db8::1", 1001, 0, 0)

NULL = KCPOptions(crypt="null")


def lines(events: Sequence[Any]) -> list[tuple[int, str]]:
    """
    @return: number and sender of each line.
    """
    return [
        (event["count"], event["peer"].host)
        for event in events
        if event["log_level"] is LogLevel.warn
        and event["log_namespace"] == "kcptwisted.stack.unreadable.UnreadableLog"
    ]


class LineTests(SynchronousTestCase):
    """
    L{UnreadableLog}.
    """

    def test_once(self) -> None:
        """
        There is a line at once, then one a minute at most, with all that came since, and the last
        address.
        """
        times = [5]
        log = UnreadableLog(SEALED, lambda: times[0])
        with capturedLogs() as events:
            log.add(3, HERE)
            self.assertEqual(lines(events), [(3, HERE[0])])
            for times[0] in (5, 6, 4 + LOG_INTERVAL):
                log.add(2, HERE)
            self.assertEqual(len(lines(events)), 1)
            times[0] = 5 + LOG_INTERVAL
            log.add(1, THERE)
            self.assertEqual(lines(events)[1:], [(7, THERE[0])])
            times[0] = 10 * LOG_INTERVAL
            log.add(1, HERE)
            self.assertEqual(lines(events)[2:], [(1, HERE[0])])

    def test_text(self) -> None:
        """
        The lines are those that docs/relay.md tells to look for, and give the number of datagrams.
        """
        for line, start in (
            (SEALED, "Datagrams that did not open: 1, the last one from "),
            (PLAIN, "Datagrams that were no KCP: 1, the last one from "),
        ):
            with capturedLogs() as events:
                UnreadableLog(line, lambda: 0).add(1, HERE)
            (event,) = events
            self.assertTrue(formatEvent(event).startswith(start))


class MismatchTests(CallerTestCase):
    """
    Two ends that do not understand each other.
    """

    def dialled(self, server: KCPOptions, client: KCPOptions) -> Sequence[Any]:
        """
        @return: what is logged while a client tries in vain, 30 s.
        """
        self.setUp()
        port = self.listen(server)
        with capturedLogs() as events:
            connecting = self.dial(5, client)
            self.network.run(31)
            self.failureResultOf(connecting, TimeoutError)
        self.finish(port)
        return events

    def test_mismatches(self) -> None:
        """
        Whatever differs, the server says so once in the time, and never a key.
        """
        keyed = KCPOptions(key="secret one")
        for server, client in (
            (keyed, KCPOptions(key="secret two")),
            (KCPOptions(key="secret one", crypt="aes"), KCPOptions(key="secret two", crypt="aes")),
            (keyed, KCPOptions(key="secret one", crypt="aes")),
            (KCPOptions(key="secret one", crypt="aes"), keyed),
            (keyed, NULL),
            (KCPOptions(crypt="none"), NULL),
            (NULL, keyed),
            (NULL, KCPOptions(crypt="none")),
            (KCPOptions(), keyed),
            (KCPOptions(crypt="null", dataShards=3, parityShards=2), keyed),
        ):
            events = self.dialled(server, client)
            self.assertEqual(lines(events), [(1, CLIENT)])
            self.assertNotIn("secret", repr(events))

    def test_everyMinute(self) -> None:
        """
        While it goes on there is a line a minute, and no timer beside.
        """
        port = self.listen(KCPOptions(key="one"))
        with capturedLogs() as events:
            for _ in range(300):
                self.inject(b"garbage " * 9)
                self.network.run(1)
        self.assertEqual([count for count, _ in lines(events)], [1, 60, 60, 60, 60])
        self.assertEqual(port.stats.InCsumErrors, 300)
        self.finish(port)

    def test_same(self) -> None:
        """
        Nothing is said where all is well, nor of parity that comes first.
        """
        for options in (KCPOptions(key="k"), NULL):
            self.setUp()
            port = self.listen(options)
            with capturedLogs() as events:
                self.reach(5, options)
                self.inject(bytes(4) + b"\xf2\x00" + bytes(40))
            self.assertEqual(lines(events), [] if options is NULL else [(1, "10.6.6.6")])
            self.finish(port)

    def test_client(self) -> None:
        """
        A client says so, too, and its error tells how many came.
        """
        connecting = self.dial(5, KCPOptions(key="one"))
        (port,) = self.network.host(CLIENT).ports.values()
        with capturedLogs() as events:
            for size in (5, 50, 500):
                port.receive(bytes(size), (SERVER, 4000))
        self.assertEqual(lines(events), [(1, SERVER)])
        self.network.run(31)
        failure = self.failureResultOf(connecting, TimeoutError)
        self.assertIn("timeout=30 seconds; 3 datagrams came", str(failure.value))

    def test_clientInSilence(self) -> None:
        """
        If none came, the error says nothing of it.
        """
        self.listen(KCPOptions(key="two"))
        connecting = self.dial(5, KCPOptions(key="one"))
        self.network.run(31)
        failure = self.failureResultOf(connecting, TimeoutError)
        self.assertTrue(str(failure.value).endswith("no answer within timeout=30 seconds."))
