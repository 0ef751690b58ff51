"""
Tests for L{kcptwisted.moved}.
"""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted import session
from kcptwisted.moved import MOVED, MovedFinder

#: Imports each, and prints the warnings and whether it is the successor.
PROGRAM = """
import warnings
from importlib import import_module
from kcptwisted.moved import MOVED
for old, new in MOVED.items():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        former, successor = import_module(old), import_module(new)
    names = [name for name in dir(successor) if not name.startswith("__")]
    same = all(getattr(former, name) is getattr(successor, name) for name in names)
    print([str(each.message) for each in caught], same)
"""


class MovedTests(SynchronousTestCase):
    """
    Names that were documented once.
    """

    def test_imports(self) -> None:
        """
        Each is still there, warns, and has what its successor has.
        """
        run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
        expected = [f"{[f'{old} is {new} now']} True" for old, new in MOVED.items()]
        self.assertEqual(run.stdout.splitlines(), expected, run.stderr)

    def test_others(self) -> None:
        """
        Other modules are found as ever, or not at all.
        """
        self.assertIs(MovedFinder().find_spec("kcptwisted.options"), None)
        self.assertRaises(ImportError, import_module, "kcptwisted.nothing")

    def test_session(self) -> None:
        """
        The transport has its former name, too.
        """
        self.assertIs(session.KCPSession, session.KCPTransport)
