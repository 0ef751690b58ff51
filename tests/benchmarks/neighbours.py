"""
Several servers in one process, on one reactor: what does one of them get while another is busy?

Each argument is C{ROLE=ENDPOINT}, with a role of C{kcptwisted.bench.peer}'s servers.  For each it
prints C{listening HOST:PORT}; it ends when standard input does.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.task import react

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kcptwisted.bench.peer import SERVERS, inputEnds


async def serve(reactor: Any, asked: list[str]) -> None:
    """
    Serve all until standard input ends.
    """
    for one in asked:
        role, _, endpoint = one.partition("=")
        factory = Factory.forProtocol(SERVERS[role])
        port: Any = await serverFromString(reactor, endpoint).listen(factory)
        address = port.getHost()
        print(f"listening {address.host}:{address.port}", flush=True)
    await inputEnds(reactor)


if __name__ == "__main__":
    react(lambda reactor, *asked: Deferred.fromCoroutine(serve(reactor, list(asked))), sys.argv[1:])
