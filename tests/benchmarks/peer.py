"""
An end of ours for measurements, in a process of its own.

A server prints C{listening HOST:PORT} and ends when its standard input does; a client prints one
line of JSON.  The roles are those of C{tests/interop/gopeer}.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import connectProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.stdio import StandardIO
from twisted.internet.task import react
from twisted.python.failure import Failure

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.options import KCPOptions
from tests.interop.roles import EchoClient, EchoServer, SinkClient, SinkServer

SERVERS: dict[str, type[Protocol]] = {"echo": EchoServer, "sink": SinkServer}
CLIENTS: dict[str, type[EchoClient | SinkClient]] = {"echo": EchoClient, "sink": SinkClient}


class StandardInput(Protocol):
    """
    Waits for the end of standard input.

    @ivar ended: fires then.
    """

    def __init__(self) -> None:
        self.ended: Deferred[None] = Deferred()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        That was it.
        """
        self.ended.callback(None)


def parse() -> argparse.Namespace:
    """
    @return: the command line.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    end = parser.add_mutually_exclusive_group(required=True)
    end.add_argument("--listen", metavar="HOST:PORT", help="serve there")
    end.add_argument("--dial", metavar="HOST:PORT", help="be a client of that server")
    parser.add_argument("--role", choices=sorted(SERVERS), required=True)
    parser.add_argument("--bytes", type=int, default=1 << 20, help="client: how many to move")
    parser.add_argument(
        "--options", default="crypt=null", help="as in an endpoint string: name=value:name=value"
    )
    return parser.parse_args()


def split(address: str) -> tuple[str, int]:
    """
    @return: host and port.
    """
    host, _, port = address.rpartition(":")
    return host, int(port)


async def serve(reactor: Any, arguments: argparse.Namespace, given: dict[str, str]) -> None:
    """
    Serve until standard input ends.
    """
    host, port = split(arguments.listen)
    options = KCPOptions.fromStrings({**given, "interface": host}, "server")
    endpoint = KCPServerEndpoint(reactor, port, options)
    listening = await endpoint.listen(Factory.forProtocol(SERVERS[arguments.role]))
    address = cast(IPv4Address, listening.getHost())
    print(f"listening {address.host}:{address.port}", flush=True)
    standardInput = StandardInput()
    StandardIO(standardInput, reactor=reactor)
    await standardInput.ended


async def move(reactor: Any, arguments: argparse.Namespace, given: dict[str, str]) -> None:
    """
    Be a client, and tell how long it took.
    """
    host, port = split(arguments.dial)
    endpoint = KCPClientEndpoint(reactor, host, port, KCPOptions.fromStrings(given, "client"))
    client = CLIENTS[arguments.role](arguments.bytes)
    await connectProtocol(endpoint, client)
    await client.done
    moved = client.counted if isinstance(client, SinkClient) else client.received
    print(json.dumps({"bytes": moved, "seconds": client.seconds}))


def main(reactor: Any) -> Deferred[None]:
    """
    Run either end.
    """
    arguments = parse()
    given = dict(pair.split("=", 1) for pair in arguments.options.split(":"))
    run = move if arguments.dial else serve
    return Deferred.fromCoroutine(run(reactor, arguments, given))


if __name__ == "__main__":
    react(main)
