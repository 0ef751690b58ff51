"""
A program in which C C{ikcp} counts what it is sent, and answers as the sinks of the others do.

C{python -m tests.interop.csink HOST PORT} prints a line when it listens.  When its standard input
ends, it prints the length of the longest datagram that came, as JSON, to its standard error.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from twisted.internet import task, threads
from twisted.internet.defer import Deferred

from kcptwisted.commands.bench.loads import SinkServer
from tests.interop.cpeer import CPeer


class Sink(CPeer):
    """
    Counts the bytes of each transfer.

    @ivar longest: bytes of the longest datagram that came.
    """

    longest = 0

    def __init__(self) -> None:
        """
        Begin with nothing.
        """
        counter = SinkServer()
        counter.transport = self
        super().__init__(lambda _, message: counter.dataReceived(message))

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """
        Take a datagram.
        """
        self.longest = max(self.longest, len(datagram))
        super().datagramReceived(datagram, addr)


def main(reactor: Any, host: str, port: str) -> Deferred[None]:
    """
    Serves until standard input ends.
    """
    sink = Sink()
    sink.start(reactor, host, int(port))
    print(flush=True)
    ended: Deferred[str] = threads.deferToThread(sys.stdin.read)

    def tell(_: str) -> None:
        print(json.dumps({"longest": sink.longest}), file=sys.stderr)

    return ended.addCallback(tell)


if __name__ == "__main__":
    task.react(main, sys.argv[1:])
