"""
Tests for L{tests.benchmarks.installations}, without pip.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.benchmarks import installations
from tests.benchmarks.contenders import OURS, PLAIN
from tests.benchmarks.installations import installed
from tests.interop.gopeer import BuildError


class InstalledTests(SynchronousTestCase):
    """
    Tests for L{installed}.
    """

    def setUp(self) -> None:
        """
        Stand in for the sources, for pip, and for the Python that is asked what is there.
        """
        self.directory = Path(self.mktemp()).resolve()
        self.directory.mkdir()
        self.patch(installations, "ownDirectory", lambda: self.directory)
        self.patch(installations, "_run", self.run_)
        tree = Path(self.mktemp()).resolve()
        for name in (
            *("kcptwisted/native/aead.c", "kcptwisted/native/_aead.abi3.so", "twisted/plugin.py"),
            *("setup.py", "setup.cfg", "pyproject.toml", "README.md"),
        ):
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(name)
        self.patch(installations, "ROOT", tree)
        self.asked: list[str] = []
        self.found: list[Path] = []
        self.lies = False

    def run_(self, arguments: list[str], directory: Path, environment: Mapping[str, str]) -> str:
        """
        @return: what is printed.
        """
        if arguments[0] == "pip":
            self.asked.append(environment["KCPTWISTED_COMPILE"])
            sources = Path(arguments[-1])
            self.assertTrue((sources / "kcptwisted/native/aead.c").is_file())
            self.assertEqual(list(sources.rglob("*.so")), [])
            (target,) = [one for one in arguments if one.startswith("--target=")]
            Path(target.partition("=")[2]).mkdir()
            return ""
        self.found.append(directory)
        compiled = "compiled" in directory.name and not self.lies
        return json.dumps([str(directory / "kcptwisted/__init__.py"), "as asked", compiled])

    def test_both(self) -> None:
        """
        Both are installed, each once.
        """
        for _ in range(2):
            found = installed()
            assert found.plain is not None
            self.assertEqual((found.default.name, found.plain.name), (OURS, PLAIN))
            self.assertEqual([found.default.directory, found.plain.directory], self.found[-2:])
            self.assertEqual(found.about(), "as asked and as asked")
        self.assertEqual(self.asked, ["yes", "no"])

    def test_otherSources(self) -> None:
        """
        Other sources are installed anew; sources that change meanwhile are not.
        """
        for name in ("first", "second"):
            self.patch(installations, "_fingerprint", lambda name=name: name)
            installed()
        self.assertEqual(self.asked, ["yes", "no"] * 2)
        fingerprints = iter(("third", "fourth"))
        self.patch(installations, "_fingerprint", lambda: next(fingerprints))
        problem = self.assertRaises(BuildError, installed)
        self.assertIn("changed", str(problem))
        self.assertEqual(len(list(self.directory.iterdir())), 4)

    def test_notCompiled(self) -> None:
        """
        What should be compiled and is not, because a compiler failed, is told.
        """
        self.lies = True
        problem = self.assertRaises(BuildError, installed)
        self.assertIn("should have what is compiled", str(problem))
