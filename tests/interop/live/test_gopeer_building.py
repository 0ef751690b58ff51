"""
Tests for L{tests.interop.gopeer}, and what becomes of tests where it cannot build the peer.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.interop import gopeer
from tests.interop.gopeer import BuildError
from tests.interop.peers import VARIABLE, goPeerBinary


class BuildingTests(SynchronousTestCase):
    """
    The Go peer cannot be built.
    """

    def setUp(self) -> None:
        """
        Let this be the first attempt, with an empty cache.
        """
        gopeer._buildOnce.cache_clear()
        self.addCleanup(gopeer._buildOnce.cache_clear)
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        self.patch(gopeer, "ownDirectory", lambda: directory)
        self.environ = {**os.environ}
        self.environ.pop(VARIABLE, None)
        self.patch(os, "environ", self.environ)

    def test_withoutGo(self) -> None:
        """
        Without Go a test is skipped, and says why.
        """
        self.patch(gopeer, "findGo", lambda: None)
        skipped = self.assertRaises(SkipTest, goPeerBinary)
        self.assertEqual(str(skipped), "there is no go command")

    def test_required(self) -> None:
        """
        Where live peers are required it fails.
        """
        self.patch(gopeer, "findGo", lambda: None)
        self.environ[VARIABLE] = "required"
        self.assertRaises(BuildError, goPeerBinary)

    def test_withoutModules(self) -> None:
        """
        Without a network, and with nothing fetched before, it is skipped.
        """
        if gopeer.findGo() is None:
            raise SkipTest("there is no go command")
        modules = str(Path(self.mktemp()).absolute())
        self.environ.update(GOPROXY="off", GOMODCACHE=modules)
        skipped = self.assertRaises(SkipTest, goPeerBinary)
        self.assertIn("kcp-go cannot be built here", str(skipped))
