"""
KCP under each of Twisted's reactors that has file descriptors.
"""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import inlineCallbacks
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import TestCase

ROOT = str(Path(__file__).resolve().parent.parent)


class ReactorTests(TestCase):
    """
    An echo in a process of its own, for each reactor.
    """

    timeout = 60

    @inlineCallbacks
    def check(self, name: str) -> Any:
        """
        All bytes come back.
        """
        output, errors, status = yield getProcessOutputAndValue(
            sys.executable, ["-m", "tests.reactorecho", name], os.environ, ROOT
        )
        self.assertEqual(status, 0, (output + errors).decode())

    def test_epoll(self) -> Any:
        """
        The epoll reactor.
        """
        return self.check("epollreactor")

    if not hasattr(select, "epoll"):
        test_epoll.skip = "this system has no epoll"  # type: ignore[attr-defined]

    def test_poll(self) -> Any:
        """
        The poll reactor.
        """
        return self.check("pollreactor")

    if not hasattr(select, "poll"):
        test_poll.skip = "this system has no poll"  # type: ignore[attr-defined]

    def test_select(self) -> Any:
        """
        The select reactor.
        """
        return self.check("selectreactor")

    def test_asyncio(self) -> Any:
        """
        The asyncio reactor.
        """
        return self.check("asyncioreactor")
