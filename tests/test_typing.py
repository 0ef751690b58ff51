"""
What mypy says about users' programs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = Path(__file__).resolve().parent / "typing"

#: The program with the plugin goes on like this, which is wrong.
WRONG = """
wrong: int = KCPServerEndpoint(object(), 4000).listen(Factory.forProtocol(Talker))

def misuse(port: IKCPListeningPort, transport: IKCPTransport) -> None:
    port.stopListening(sessions=3)
    port.stats.BytesSnet
    port.sessions[0].stats.BytesSnet
    transport.registerProducer(b"producer", True)
    transport.stats.BytesSnet
    transport.resumeProducing(1)
    rate: str = transport.smoothedRTT
    transport.smoothedRtt
    transport.configure(1200)
"""

#: Part of the error for each wrong line.
ERRORS = (
    '"Deferred[IKCPListeningPort]", variable has type "int"',
    'incompatible type "int"; expected "str"',
    '"PortStats" has no attribute "BytesSnet"',
    '"SessionStats" has no attribute "BytesSnet"',
    'incompatible type "bytes"; expected "IProducer"',
    '"SessionStats" has no attribute "BytesSnet"',
    'Too many arguments for "resumeProducing"',
    'expression has type "float", variable has type "str"',
    '"IKCPTransport" has no attribute "smoothedRtt"',
    'Too many arguments for "configure"',
)


class ProgramTests(SynchronousTestCase):
    """
    C{mypy --strict} on the programs in C{tests/typing}.
    """

    if find_spec("mypy") is None:
        skip = "mypy is not installed"

    def mypy(self, name: str, more: str = "", plugin: bool = False) -> list[str]:
        """
        @param name: of a program.
        @param more: what it goes on with.
        @param plugin: whether mypy has mypy-zope.
        @return: the errors.
        """
        directory = Path(self.mktemp()).resolve()
        directory.mkdir()
        program = directory / "program.py"
        program.write_text((PROGRAMS / name).read_text("utf-8") + more, "utf-8")
        # As for an installed package, only what is wrong in the program counts.
        settings = "[mypy]\nstrict = True\nfollow_imports = silent\n"
        settings += "plugins = mypy_zope:plugin\n" if plugin else ""
        (directory / "mypy.ini").write_text(settings, "utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "--cache-dir", os.devnull, program.name],
            env=os.environ | {"MYPYPATH": str(ROOT)},
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.assertEqual(done.stderr, "")
        errors = [line for line in done.stdout.splitlines() if ": error: " in line]
        self.assertEqual(done.returncode, 1 if errors else 0, done.stdout)
        return errors

    def test_withoutPlugin(self) -> None:
        """
        Without it a program goes by the classes, in the way that docs/transports.md says.
        """
        self.assertEqual(self.mypy("withoutplugin.py"), [])

    def test_wrong(self) -> None:
        """
        With mypy-zope a program goes by the interfaces, as with all of Twisted.  What is wrong is
        seen, and nothing else: no type is C{Any}.
        """
        errors = self.mypy("withplugin.py", WRONG, plugin=True)
        self.assertEqual(len(errors), len(ERRORS), errors)
        for error, expected in zip(errors, ERRORS, strict=True):
            self.assertIn(expected, error)

    if find_spec("mypy_zope") is None:
        test_wrong.skip = "mypy-zope is not installed"  # type: ignore[attr-defined]


class MarkerTests(SynchronousTestCase):
    """
    What tells type checkers that the package has types.
    """

    def test_marker(self) -> None:
        """
        The package holds it.
        """
        self.assertTrue((files("kcptwisted") / "py.typed").is_file())
