"""
Tests for L{kcptwisted.options.table}, and for the table that is made of it.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.crypt.registry import CIPHERS
from kcptwisted.options import KCPOptions, optionTable
from kcptwisted.options.table import MODES, OPTIONS
from tests.optionvalues import BOUNDS, CLIENTS, SERVERS, TEXTS, TRUTHS


class MarkdownTests(SynchronousTestCase):
    """
    Tests for L{optionTable}.
    """

    def test_rows(self) -> None:
        """
        There is a row for each option, with its default and what is allowed.
        """
        rows = [
            [cell.strip() for cell in line.strip("|").split("|")]
            for line in optionTable().splitlines()
        ]
        self.assertEqual({len(row) for row in rows}, {5})
        cells = {row[0].strip("`"): row[1:] for row in rows[2:]}
        self.assertEqual(set(cells), {*BOUNDS, *TRUTHS, *TEXTS})
        self.assertEqual(cells["mtu"][:3], ["both", "auto", "25 to 1500 bytes or auto"])
        self.assertEqual(cells["timeout"][:3], ["client", "30", "0.001 to 86400 seconds"])
        self.assertEqual(cells["stream"][:3], ["both", "yes", "yes or no (1 or 0)"])
        self.assertEqual(cells["interface"][0], "server")
        self.assertEqual(cells["crypt"][2], ", ".join([*CIPHERS, "or one of your own"]))
        self.assertEqual(cells["fecFlush"][:3], ["both", "0", "0 to 5000 ms"])
        self.assertEqual(cells["keepAlive"][:3], ["both", "10", "0 to 86400 seconds"])
        self.assertEqual(cells["maxSessions"][:3], ["server", "32768", "1 to 1048576"])
        self.assertEqual(cells["acceptRate"][:3], ["server", "2000", "1 to 1048576 per second"])
        self.assertEqual(cells["retry"][:2], ["server", "no"])

    def test_meanings(self) -> None:
        """
        Each option is explained by a sentence.
        """
        for option in OPTIONS:
            self.assertTrue(option.meaning[0].isupper(), option.name)
            self.assertTrue(option.meaning.endswith("."), option.name)


class TableTests(SynchronousTestCase):
    """
    Tests for L{OPTIONS} and L{MODES}.
    """

    def test_parameters(self) -> None:
        """
        Each option is a parameter with a default of its kind, or None.
        """
        for option in OPTIONS:
            default = getattr(KCPOptions, option.name)
            self.assertIn(type(default), (option.kind, type(None)), option.name)

    def test_ends(self) -> None:
        """
        An option is for both ends unless it makes sense at one only.
        """
        for option in OPTIONS:
            expected = {option.name in CLIENTS: "client", option.name in SERVERS: "server"}
            self.assertEqual(option.ends, expected.get(True, "both"), option.name)

    def test_kinds(self) -> None:
        """
        Numbers have bounds that hold their default, others have none.
        """
        for option in OPTIONS:
            if option.name in BOUNDS:
                self.assertEqual((option.low, option.high), BOUNDS[option.name], option.name)
                default = getattr(KCPOptions, option.name)
                if default is not None:
                    self.assertTrue(option.low <= default <= option.high, option.name)
            else:
                self.assertIn(option.kind, (bool, str), option.name)
                self.assertEqual((option.low, option.high), (0, 0), option.name)

    def test_modes(self) -> None:
        """
        The modes are choices of the option, and set what can be given beside them.
        """
        (option,) = [option for option in OPTIONS if option.name == "mode"]
        self.assertEqual(option.choices, tuple(MODES))
        names = {option.name for option in OPTIONS}
        for mode in MODES.values():
            self.assertEqual(set(mode._fields) - names, set())
