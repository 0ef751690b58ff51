"""
A program with workers, in a process of its own; run by L{tests.interop.test_workers}.

Listens at all the endpoints of its command line, one after the other, and prints what happens.  A
client may say C{who}, and is told which of the endpoints it has reached, which worker, and its
process id; or C{stats}, for the counters of its port there; anything else comes back.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.task import react
from twisted.protocols.basic import LineOnlyReceiver

from kcptwisted.workers.role import workerNumber


class Answering(LineOnlyReceiver):
    """
    Answers.
    """

    delimiter = b"\n"
    transport: Any

    def __init__(self, index: int, number: int | None) -> None:
        """
        @param index: of the endpoint.
        @param number: of the worker.
        """
        self._index = index
        self._number = number

    def lineReceived(self, line: bytes) -> None:
        """
        Answer.
        """
        if line == b"who":
            line = json.dumps([self._index, self._number, os.getpid()]).encode()
        elif line == b"stats":
            line = json.dumps(self.transport.portStats.asDict()).encode()
        self.sendLine(line)


async def main(reactor: Any, *endpoints: str) -> None:
    """
    Listen, and go on until the reactor stops.
    """
    number = workerNumber(reactor)
    if number is not None:
        print("started", flush=True)
        if number == 1 and "KCPTWISTED_TEST_CRASH" in os.environ:
            sys.exit("no luck")
    for index, endpoint in enumerate(endpoints):
        factory = Factory.forProtocol(lambda index=index: Answering(index, number))  # type: ignore[misc]
        factory.noisy = False
        port = await serverFromString(reactor, endpoint).listen(factory)
        print(f"endpoint {index} on port {port.getHost().port}", flush=True)
        reactor.addSystemEventTrigger("before", "shutdown", port.stopListening, "close")
    await Deferred()


if __name__ == "__main__":
    react(main, sys.argv[1:])
