"""
Tests for L{kcptwisted.udp.buffers}.
"""

from __future__ import annotations

import errno
import socket
import sys
from typing import Any, cast

from twisted.logger import ILogObserver, LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.udp import buffers as buffersModule
from kcptwisted.udp.buffers import SMALLEST, setBuffers

#: Linux says twice what it grants.
FACTOR = 2 if sys.platform.startswith("linux") else 1


class StubSocket:
    """
    Grants up to a limit: silently, as Linux does, or refusing more, as BSD does.
    """

    def __init__(self, limit: int, refuses: bool) -> None:
        self._limit = limit
        self._refuses = refuses
        self.sizes: dict[int, int] = {}

    def setsockopt(self, level: int, option: int, value: int) -> None:
        """
        Take it, or not.
        """
        if self._refuses and value > self._limit:
            raise OSError(errno.ENOBUFS, "as told")
        self.sizes[option] = min(value, self._limit)

    def getsockopt(self, level: int, option: int) -> int:
        """
        @return: what was granted.
        """
        return FACTOR * self.sizes.get(option, 0)


class BuffersTests(SynchronousTestCase):
    """
    Tests for L{setBuffers}.
    """

    def setUp(self) -> None:
        """
        Listen to the log, as in a process that has not said anything.
        """
        self.patch(buffersModule, "_warned", set())
        self.events: list[dict[str, Any]] = []
        observer = cast(ILogObserver, self.events.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def set(self, limit: int, refuses: bool = False, size: int = 1 << 22) -> list[int]:
        """
        @return: what a socket has then.
        """
        sock = StubSocket(limit, refuses)
        setBuffers(sock, size)  # type: ignore[arg-type]
        return [sock.sizes.get(option, 0) for option in (socket.SO_RCVBUF, socket.SO_SNDBUF)]

    def warnings(self) -> list[dict[str, Any]]:
        """
        @return: those that were logged.
        """
        return [event for event in self.events if event["log_level"] is LogLevel.warn]

    def test_granted(self) -> None:
        """
        Nothing is said where all is granted.
        """
        self.assertEqual(self.set(1 << 22), [1 << 22] * 2)
        self.assertEqual(self.warnings(), [])

    def test_less(self) -> None:
        """
        Where it is less, that is said once for each direction, with the figure and the sysctl.
        """
        self.patch(sys, "platform", "linux")
        for _ in range(3):
            self.assertEqual(self.set(212_992), [212_992] * 2)
        said = self.warnings()
        self.assertEqual([event["granted"] for event in said], [212_992 * FACTOR // 2] * 2)
        self.assertEqual(
            [event["sysctl"] for event in said], ["net.core.rmem_max", "net.core.wmem_max"]
        )

    def test_halved(self) -> None:
        """
        A system that refuses is asked for half as much until it agrees.
        """
        self.assertEqual(self.set(1_864_135, refuses=True), [1 << 20] * 2)
        self.assertEqual(len(self.warnings()), 2)

    def test_none(self) -> None:
        """
        If it grants nothing at all, the socket is as it was.
        """
        self.assertEqual(self.set(SMALLEST - 1, refuses=True), [0, 0])

    def test_otherError(self) -> None:
        """
        Another error is one.
        """

        class Broken(StubSocket):
            def setsockopt(self, level: int, option: int, value: int) -> None:
                raise OSError(errno.EBADF, "as told")

        self.assertRaises(OSError, setBuffers, cast(Any, Broken(0, True)), 1 << 20)
