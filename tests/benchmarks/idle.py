"""
What idle sessions cost a server: memory, and the share of a core that their keepalives take.

A client, of ours or kcp-go's, opens the sessions over loopback and sends a byte on each, which is
echoed: so all are established and have used their parts once.  Then nothing is written.  Memory is
the growth of the server's resident set, from after the first session to after the last; it holds
the protocols of the application too.  CPU time is that of the server while it is watched.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Any, cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.endpoints import connectProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.stdio import StandardIO
from twisted.internet.task import Cooperator, react
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.options import KCPOptions
from tests.interop.gopeer import buildGoPeer

ROOT = Path(__file__).resolve().parents[2]

#: Sessions that are being opened at once; more would overrun the server's socket buffer.
OPENING = 64

#: Seconds after the last session was opened until the watch begins: timeouts and the first
#: questions of the server are over by then.
SETTLING = 3

#: Seconds that a process may take to end.
ENDING = 30

#: Lines of the tables of files and of types.
LINES = 25

Process = subprocess.Popen[str]


class Echo(Protocol):
    """
    Writes back what arrives.
    """

    def dataReceived(self, data: bytes) -> None:
        """
        Write back.
        """
        assert self.transport is not None
        self.transport.write(data)


class Once(Protocol):
    """
    Sends a byte and waits for it to come back.

    @ivar answered: fires then.
    """

    def __init__(self) -> None:
        self.answered: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """
        Send.
        """
        assert self.transport is not None
        self.transport.write(b"x")

    def dataReceived(self, data: bytes) -> None:
        """
        It is back.
        """
        self.answered.callback(None)


class Inventory(LineOnlyReceiver):
    """
    Answers each line with a line of JSON: what the process holds.

    @ivar ended: fires when there are no more lines.
    """

    delimiter = b"\n"

    def __init__(self) -> None:
        self.ended: Deferred[None] = Deferred()

    def lineReceived(self, line: bytes) -> None:
        """
        Count.
        """
        gc.collect()
        files: Counter[str] = Counter()
        if tracemalloc.is_tracing():
            for found in tracemalloc.take_snapshot().statistics("filename"):
                files[found.traceback[0].filename] += found.size
        types = Counter(type(each).__qualname__ for each in gc.get_objects())
        self.sendLine(json.dumps({"bytes by file": files, "objects by type": types}).encode())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        That was it.
        """
        self.ended.callback(None)


async def serve(reactor: Any, options: dict[str, str]) -> None:
    """
    Serve until standard input ends.
    """
    endpoint = KCPServerEndpoint(reactor, 0, KCPOptions.fromStrings(options, "server"))
    listening = await endpoint.listen(Factory.forProtocol(Echo))
    print(f"listening {cast(IPv4Address, listening.getHost()).port}", flush=True)
    inventory = Inventory()
    StandardIO(inventory, reactor=reactor)
    await inventory.ended


async def hold(reactor: Any, port: int, sessions: int, options: dict[str, str]) -> None:
    """
    Open sessions, and keep them until standard input ends.
    """
    endpoint = KCPClientEndpoint(
        reactor, "127.0.0.1", port, KCPOptions.fromStrings(options, "client")
    )

    async def openOne() -> None:
        once = Once()
        await connectProtocol(endpoint, once)
        await once.answered

    tasks: Iterator[Deferred[None]] = (Deferred.fromCoroutine(openOne()) for _ in range(sessions))
    cooperator = Cooperator(scheduler=lambda work: reactor.callLater(0, work))
    await DeferredList([cooperator.coiterate(tasks) for _ in range(OPENING)], fireOnOneErrback=True)
    print("ready", flush=True)
    inventory = Inventory()
    StandardIO(inventory, reactor=reactor)
    await inventory.ended


@contextmanager
def started(command: Sequence[str]) -> Iterator[tuple[Process, str]]:
    """
    Run a process that says one line when it is ready, and ends when its standard input does.

    @return: it, and the last word of that line.
    """
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"did not start: {' '.join(command)}")
        yield process, line.split()[-1]
    finally:
        process.stdin.close()
        try:
            process.wait(ENDING)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


class Watch:
    """
    What the kernel knows of a process (Linux: proc(5)).
    """

    def __init__(self, process: Process) -> None:
        self._path = Path(f"/proc/{process.pid}")

    def resident(self) -> int:
        """
        @return: its memory, bytes.
        """
        pages = int((self._path / "statm").read_text().split()[1])
        return pages * resource.getpagesize()

    def seconds(self) -> float:
        """
        @return: CPU seconds that it has used so far (fields 14 and 15 of stat).
        """
        fields = (self._path / "stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wakes(self) -> int:
        """
        @return: how often it has gone to sleep so far.
        """
        for line in (self._path / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                return int(line.split()[1])
        raise RuntimeError("the kernel does not count context switches")


def ask(process: Process) -> dict[str, Counter[str]]:
    """
    @return: what a server holds, by file and by type.
    """
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return {name: Counter(found) for name, found in json.loads(process.stdout.readline()).items()}


def tell(title: str, growth: Counter[str], sessions: int) -> None:
    """
    Print the largest entries, for each session.
    """
    print(f"\n{title}")
    for name, found in growth.most_common(LINES):
        if found >= sessions / 10:
            print(f"{found / sessions:10.1f}  {name}")
    print(f"{sum(growth.values()) / sessions:10.1f}  in all")


def clients(arguments: argparse.Namespace, port: str, sessions: int) -> list[str]:
    """
    @return: the command line of a process that opens C{sessions}.
    """
    if arguments.go:
        command = [buildGoPeer(), f"-dial=127.0.0.1:{port}", "-role=idle", "-mode=fast3"]
        return [*command, f"-sessions={sessions}", "-timeout=0"]
    command = [sys.executable, __file__, f"--dial={port}", f"--sessions={sessions}"]
    return [*command, f"--client={arguments.client}"]


def measure(arguments: argparse.Namespace) -> None:
    """
    Print what sessions cost.
    """
    sessions, seconds = arguments.sessions, arguments.seconds
    traced = ["-X", "tracemalloc"] if arguments.trace else []
    command = [sys.executable, *traced, __file__, "--serve", f"--server={arguments.server}"]
    with started(command) as (server, port):
        watch = Watch(server)
        held: dict[str, Counter[str]] = {}
        with started(clients(arguments, port, 1)):
            if arguments.trace:
                held = ask(server)
            before = watch.resident()
            with started(clients(arguments, port, sessions)):
                if arguments.trace:
                    for kind, now in ask(server).items():
                        now.subtract(held[kind])
                        tell(f"{kind}, a session", now, sessions)
                    return
                after = watch.resident()
                sleep(SETTLING)
                used, woken = watch.seconds(), watch.wakes()
                sleep(seconds)
                used, woken = watch.seconds() - used, watch.wakes() - woken
                print(f"{sessions} sessions, {(after - before) / 1024 / sessions:.2f} KiB each")
                print(
                    f"CPU of the server, idle for {seconds:g} s: {used / seconds:.2%} of a core,"
                    f" {woken / seconds:.0f} wakes a second"
                )


def pairs(given: str) -> dict[str, str]:
    """
    @param given: C{name=value:name=value}.
    """
    return dict(pair.split("=", 1) for pair in given.split(":") if pair)


def main() -> None:
    """
    Be the server, be the client, or run both and measure.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=25, help="how long they are watched")
    parser.add_argument("--go", action="store_true", help="the client is kcp-go")
    parser.add_argument(
        "--trace",
        action="store_true",
        help="only say what the memory is used for",
    )
    parser.add_argument("--server", default="crypt=null", help="options: name=value:name=value")
    parser.add_argument("--client", default="crypt=null", help="the same")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--dial", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    arguments.server += ":acceptRate=1000000:maxSessionsPerHost=1000000:maxSessions=1000000"
    if arguments.serve:
        react(serve, (pairs(arguments.server),))
    elif arguments.dial:
        react(hold, (arguments.dial, arguments.sessions, pairs(arguments.client)))
    else:
        measure(arguments)


if __name__ == "__main__":
    main()
