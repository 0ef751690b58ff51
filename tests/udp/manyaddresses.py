"""
A program that runs in a network of its own (see L{tests.udp.test_asked_live}), where it gives the
loopback device addresses, and says what clients of each of them get.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.wire import Echo

from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.options import KCPOptions

#: Enough for batches that the kernel segments.
SIZE = 300_000

ADDRESSES = ("10.9.0.1", "10.9.0.2", "fd09::1", "fd09::2")

#: All of these networks are the host's.
LOCAL = ("10.77.0.0/24", "fd77::/64")

#: An address that only small datagrams reach unfragmented.
NARROW = "10.9.0.3"


def run(*command: str) -> None:
    """
    Run C{ip}.
    """
    subprocess.run(["ip", *command], check=True)


def prepare() -> str:
    """
    Give addresses to the host.

    @return: a link-local one, with its scope.
    """
    run("link", "set", "lo", "up")
    for address in (*ADDRESSES, NARROW):
        if ":" in address:
            run("address", "add", f"{address}/128", "dev", "lo", "nodad")
        else:
            run("address", "add", f"{address}/32", "dev", "lo")
    run("route", "add", "local", LOCAL[0], "dev", "lo")
    run("-6", "route", "add", "local", LOCAL[1], "dev", "lo")
    run("route", "replace", "local", f"{NARROW}/32", "dev", "lo", "table", "local", "mtu", "1000")
    run("address", "add", "fe80::9/64", "dev", "lo", "nodad")
    return "fe80::9%lo"


class Counter(Protocol):
    """
    Waits for as much as it has written.
    """

    def __init__(self) -> None:
        self.left = SIZE
        self.done: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """
        Write.
        """
        assert self.transport is not None
        self.transport.write(bytes(SIZE))

    def dataReceived(self, data: bytes) -> None:
        """
        Count.
        """
        self.left -= len(data)
        if not self.left:
            self.done.callback(None)


async def exchange(reactor: Any, host: str, port: int, source: str) -> None:
    """
    Write to the server at C{host} from C{source}, and say how that went.
    """
    options = KCPOptions(crypt="null", timeout=5, bindAddress=source)
    endpoint = KCPClientEndpoint(reactor, host, port, options)
    try:
        client: Any = await endpoint.connect(Factory.forProtocol(Counter))
        client.done.addTimeout(20, reactor)
        await client.done
    except Exception as problem:
        print(f"{host}: {problem!r}")
    else:
        print(f"{host}: ok")
        client.transport.abortConnection()


async def main(reactor: Any, interface: str, hosts: list[tuple[str, str]]) -> None:
    """
    Serve on all addresses, and be a client of each.
    """
    asked: list[str] = []

    class Server(Echo):
        def connectionMade(self) -> None:
            transport: Any = self.transport
            asked.append(transport.getHost().host)

    server: Any = KCPServerEndpoint(reactor, 0, KCPOptions(crypt="null", interface=interface))
    port: Any = await server.listen(Factory.forProtocol(Server))
    for host, source in hosts:
        await exchange(reactor, host, port.getHost().port, source)
    print("asked", *asked)
    print("refused", port.stats.OutErrs)
    reactor.stop()


if __name__ == "__main__":
    link = prepare()
    from twisted.internet import reactor as installed

    family = sys.argv[1]
    there = [(host, "") for host in (*ADDRESSES, "10.77.0.7", "fd77::7", link)]
    # What the server sends to this one has to be cut up.
    there.append(("10.9.0.1", NARROW))
    if family == "4":
        there = [pair for pair in there if ":" not in pair[0]]
    running: Any = installed
    every = "0.0.0.0" if family == "4" else "::"
    running.callWhenRunning(lambda: ensureDeferred(main(running, every, there)))
    running.callLater(60, os._exit, 1)
    running.run()
