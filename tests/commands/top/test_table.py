"""
Tests for L{kcptwisted.commands.top.table} and L{kcptwisted.commands.top.events}.
"""

from __future__ import annotations

from io import StringIO

from rich.console import Console
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.top.events import events
from kcptwisted.commands.top.table import screen, shown

STATE = {
    "ports": [
        {
            "name": "[::]:4000",
            "live": 2,
            "rateIn": 1234.0,
            "rateOut": None,
            "unreadable": 7,
            "refused": 0,
            "dropped": 0,
        }
    ],
    "live": 2000,
    "found": 1,
    "rows": [["1@x", "10.0.0.1:5", 62.0, 12.34, 0.0123]],
}

COLUMNS = [
    {"key": "peer", "label": "Peer", "unit": ""},
    {"key": "age", "label": "Age", "unit": "s"},
    {"key": "rtt", "label": "RTT", "unit": "ms"},
    {"key": "resent", "label": "Sent again", "unit": "share"},
]


class EventsTests(SynchronousTestCase):
    """
    A stream of events.
    """

    def test_parsed(self) -> None:
        """
        Events have names and data, of one or several lines; all else is left out.
        """
        stream = (
            b"retry: 1000\n\nevent: one\ndata: 1\n\ndata: 2\ndata: 3\r\n\r\n: comment\n\n"
            b"event: none\n\nevent: two\ndata:\xff\n\nevent: cut\ndata: off"
        )
        self.assertEqual(
            list(events(stream.splitlines(keepends=True))),
            [("one", "1"), ("message", "2\n3"), ("two", "\ufffd")],
        )


class TableTests(SynchronousTestCase):
    """
    What the terminal shows.
    """

    def test_cells(self) -> None:
        """
        Numbers have three digits and their units.
        """
        for value, unit, text in (
            (None, "ms", "–"),
            ("aes", "", "aes"),
            (59.9, "s", "59 s"),
            (3599, "s", "59 min"),
            (172_799, "s", "47 h"),
            (172_800, "s", "2 d"),
            (999, "B", "999 B"),
            (1234, "B/s", "1.23 kB/s"),
            (12_345_678, "B", "12.3 MB"),
            (9e14, "B", "900 TB"),
            (3e15, "B", "3000 TB"),
            (9.96, "ms", "10.0 ms"),
            (123.4, "ms", "123 ms"),
            (0.0123, "share", "1.23 %"),
            (0.5, "share", "50.0 %"),
            (1234567, "", "1,234,567"),
        ):
            self.assertEqual(shown(value, unit), text)

    def test_screen(self) -> None:
        """
        Ports and sessions are tables; a mark shows what is sorted by.
        """
        output = StringIO()
        Console(file=output, width=120).print(screen(STATE, COLUMNS, "rtt", True))
        lines = [" ".join(line.split()) for line in output.getvalue().splitlines()]
        self.assertEqual(
            lines,
            [
                "Port Sessions In Out Unreadable Refused Dropped",
                "[::]:4000 2 1.23 kB/s – 7 0 0",
                "",
                "1 of 2,000 sessions",
                "Peer Age RTT▼ Sent again",
                "10.0.0.1:5 1 min 12 ms 1.23 %",
            ],
        )
