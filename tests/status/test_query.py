"""
Tests for L{kcptwisted.status.query}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.status.columns import COLUMNS
from kcptwisted.status.query import LONGEST_TEXT, MOST_ROWS, Query, parseQuery


class QueryTests(SynchronousTestCase):
    """
    What a request's arguments say.
    """

    def test_usual(self) -> None:
        """
        Without any, all sessions are meant, the oldest first.
        """
        self.assertEqual(parseQuery({}), Query("age", True, "", 0, 100, ""))
        self.assertEqual(parseQuery({b"page": [b""], b"order": [b""]}), Query())

    def test_all(self) -> None:
        """
        Each can be said; of several the last counts.
        """
        found = parseQuery(
            {
                b"sort": [b"age", b"rtt"],
                b"order": [b"up"],
                b"find": ["GRÜN".encode()],
                b"page": [b"3"],
                b"rows": [b"7"],
                b"watch": [b"1@x"],
            }
        )
        self.assertEqual(found, Query("rtt", False, "grün", 3, 7, "1@x"))
        for column in COLUMNS:
            self.assertEqual(parseQuery({b"sort": [column.key.encode()]}).sort, column.key)

    def test_wrong(self) -> None:
        """
        What is wrong is named, with what is allowed.
        """
        for name, value, allowed in (
            (b"sort", b"colour", "peer, port"),
            (b"order", b"sideways", "up or down"),
            (b"page", b"-1", "0 to"),
            (b"page", b"1e3", "0 to"),
            (b"page", b"9" * 400, "0 to"),
            (b"page", b"\xff", "0 to"),
            (b"rows", b"0", "1 to"),
            (b"rows", b"%d" % (MOST_ROWS + 1), str(MOST_ROWS)),
            (b"find", b"x" * (LONGEST_TEXT + 1), str(LONGEST_TEXT)),
            (b"watch", b"x" * (LONGEST_TEXT + 1), str(LONGEST_TEXT)),
            (b"kill", b"all", ""),
        ):
            problem = str(self.assertRaises(ValueError, parseQuery, {name: [value]}))
            self.assertIn(name.decode(), problem)
            self.assertIn(allowed, problem)
