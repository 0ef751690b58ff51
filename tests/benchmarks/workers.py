"""
What a second worker brings: echoes of two clients with one worker and with two, alternating.

On two cores the clients take as much as the server, so that a second worker has no core of its own.
What a worker more is worth shows where the server is what is scarce, which can be had in two ways:

- C{work}: the server answers with what it was sent, deflated.  That costs it several times as much
  as KCP costs the clients.
- C{share}: each worker gets a fixed share of a core, by a control group (root only), and echoes.

C{plain} is neither.  Each client has one connection, and each a worker of its own if there are two:
it connects until it has reached the right one.  The rate is what both clients together were sent
back, before it was deflated.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import connectProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.stdio import StandardIO
from twisted.internet.task import deferLater, react
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.options import KCPOptions
from kcptwisted.session import KCPTransport
from kcptwisted.workers.role import workerNumber

ROOT = Path(__file__).resolve().parents[2]

#: Bytes of a request, and how many of them are under way.
REQUEST = 32768
UNDERWAY = 16

CLIENTS = 2

#: Microseconds of a control group's period: short, so that nothing times out while a worker waits.
PERIOD = 20000

GROUPS = Path("/sys/fs/cgroup")

Process = subprocess.Popen[str]


def text() -> bytes:
    """
    @return: a request: words, as a text of any language has.
    """
    random = Random(1)
    words = [
        "".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=size)) for size in range(2, 12)
    ] * 30
    words += ["".join(random.choices("etaoinshrdlu", k=random.randint(1, 9))) for _ in range(700)]
    return " ".join(random.choices(words, k=REQUEST)).encode()[:REQUEST]


class Server(Protocol):
    """
    Says who it is, then answers requests.
    """

    transport: KCPTransport

    def __init__(self, number: int, work: bool) -> None:
        """
        @param number: of the worker.
        @param work: whether to deflate.
        """
        self._number = number
        self._work = work
        self._rest = b""

    def connectionMade(self) -> None:
        """
        Say so: number and process id.
        """
        self.transport.registerProducer(self.transport, True)
        self.transport.write(b"%d %d\n" % (self._number, os.getpid()))

    def dataReceived(self, data: bytes) -> None:
        """
        Answer each whole request.
        """
        if not self._work:
            self.transport.write(data)
            return
        data = self._rest + data
        whole = len(data) - len(data) % REQUEST
        for at in range(0, whole, REQUEST):
            deflated = zlib.compress(data[at : at + REQUEST])
            self.transport.write(len(deflated).to_bytes(4, "little") + deflated)
        self._rest = data[whole:]


class Client(Protocol):
    """
    Keeps requests under way.

    @ivar server: fires with number and process id of the worker.
    @ivar answered: how many bytes of requests have been answered.
    """

    transport: KCPTransport

    def __init__(self, work: bool) -> None:
        """
        @param work: whether answers are deflated.
        """
        self._work = work
        self._buffer = b""
        self._known = False
        self._request = text()
        self.server: Deferred[tuple[int, int]] = Deferred()
        self.answered = 0

    def begin(self) -> None:
        """
        Send.
        """
        for _ in range(UNDERWAY):
            self.transport.write(self._request)

    def dataReceived(self, data: bytes) -> None:
        """
        Count, and send as many again.
        """
        data = self._buffer + data
        if not self._known:
            line, end, data = data.partition(b"\n")
            if not end:
                self._buffer = line
                return
            self._known = True
            number, pid = line.split()
            self.server.callback((int(number), int(pid)))
        at = 0
        while len(data) - at >= 4:
            size = 4 + int.from_bytes(data[at : at + 4], "little") if self._work else REQUEST
            if len(data) - at < size:
                break
            at += size
            self.answered += REQUEST
            self.transport.write(self._request)
        self._buffer = data[at:]


class Commands(LineOnlyReceiver):
    """
    Standard input.

    @ivar go: fires with its first line.
    @ivar ended: fires with its end.
    """

    delimiter = b"\n"

    def __init__(self) -> None:
        self.go: Deferred[None] = Deferred()
        self.ended: Deferred[None] = Deferred()

    def lineReceived(self, line: bytes) -> None:
        """
        Begin.
        """
        self.go.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        That was it.
        """
        self.ended.callback(None)


async def serve(reactor: Any, arguments: argparse.Namespace) -> None:
    """
    Serve until standard input ends.
    """
    number = workerNumber(reactor) or 0
    options = KCPOptions.fromStrings(
        {**given(arguments), "interface": "127.0.0.1", "workers": str(arguments.workers)}, "server"
    )
    factory = Factory.forProtocol(lambda: Server(number, arguments.part == "work"))
    port = cast(Any, await KCPServerEndpoint(reactor, 0, options).listen(factory))
    print("ready", port.getHost().port, flush=True)
    commands = Commands()
    StandardIO(commands, reactor=reactor)
    await commands.ended
    await port.stopListening("abort")


async def call(reactor: Any, arguments: argparse.Namespace) -> None:
    """
    Reach the right worker, and tell how fast it answers.
    """
    options = KCPOptions.fromStrings(given(arguments), "client")
    endpoint = KCPClientEndpoint(reactor, "127.0.0.1", arguments.port, options)
    while True:
        client = Client(arguments.part == "work")
        await connectProtocol(endpoint, client)
        number, pid = await client.server
        if number == arguments.worker:
            break
        client.transport.abortConnection()
    print("ready", pid, flush=True)
    commands = Commands()
    StandardIO(commands, reactor=reactor)
    await commands.go
    client.begin()
    await deferLater(reactor, arguments.seconds / 4)
    before, began = client.answered, reactor.seconds()
    await deferLater(reactor, arguments.seconds)
    rate = (client.answered - before) / (reactor.seconds() - began) / 1e6
    print(json.dumps(rate), flush=True)


def given(arguments: argparse.Namespace) -> dict[str, str]:
    """
    @return: the endpoint options of the command line.
    """
    return dict(pair.split("=", 1) for pair in arguments.options.split(":"))


@contextmanager
def started(*command: str) -> Iterator[tuple[Process, int]]:
    """
    Run this file in another process.

    @return: it, and the number that it says when it is ready.
    """
    process = subprocess.Popen(
        [sys.executable, __file__, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        for line in process.stdout:
            # Workers print the same, after their number.
            if line.startswith("ready"):
                yield process, int(line.split()[1])
                break
        else:
            raise RuntimeError(f"did not start: {' '.join(command)}")
    except BaseException:
        process.terminate()
        raise
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


@contextmanager
def limited(pid: int, share: float) -> Iterator[None]:
    """
    Give a process a share of a core.
    """
    old = (GROUPS / "cpu").is_dir()
    group = (GROUPS / "cpu" if old else GROUPS) / f"kcptwisted-{os.getpid()}-{pid}"
    group.mkdir()
    quota = int(PERIOD * share)
    try:
        if old:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (group / "cpu.max").write_text(f"{quota} {PERIOD}")
        (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        (group.parent / "cgroup.procs").write_text(str(pid))
        group.rmdir()


def measure(workers: int, arguments: argparse.Namespace) -> float:
    """
    @return: megabytes a second, both clients together.
    """
    same = [f"--part={arguments.part}", f"--options={arguments.options}"]
    with ExitStack() as stack:
        _, port = stack.enter_context(started("serve", f"--workers={workers}", *same))
        clients = []
        pids = set()
        for number in range(CLIENTS):
            client, pid = stack.enter_context(
                started(
                    "call",
                    f"--port={port}",
                    f"--worker={number % workers}",
                    f"--seconds={arguments.seconds}",
                    *same,
                )
            )
            clients.append(client)
            pids.add(pid)
        assert len(pids) == workers, "each client has its worker"
        if arguments.part == "share":
            for pid in pids:
                stack.enter_context(limited(pid, arguments.share))
        for client in clients:
            assert client.stdin is not None
            client.stdin.write("go\n")
            client.stdin.flush()
        rate = 0.0
        for client in clients:
            assert client.stdout is not None
            rate += json.loads(client.stdout.readline())
        return rate


def compare(arguments: argparse.Namespace) -> None:
    """
    Print the rates of each round, and the median of the ratios.
    """
    print(f"{arguments.part}: 1 worker, 2 workers (MB/s), ratio", flush=True)
    ratios = []
    for number in range(arguments.rounds):
        rates = {}
        # Neither is always the first.
        for workers in (1, 2) if number % 2 else (2, 1):
            rates[workers] = measure(workers, arguments)
        ratios.append(rates[2] / rates[1])
        print(f"{rates[1]:12.1f} {rates[2]:12.1f} {ratios[-1]:8.2f}", flush=True)
    print(f"median of the ratios: {median(ratios):.2f}")


def parse() -> argparse.Namespace:
    """
    @return: the command line.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", nargs="?", choices=("compare", "serve", "call"), default="compare")
    parser.add_argument("--part", choices=("work", "share", "plain"), default="work")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3, help="of each measurement")
    parser.add_argument("--share", type=float, default=0.25, help="of a core, with --part=share")
    parser.add_argument(
        "--options",
        default="crypt=null:mode=fast3:sendWindow=1024:receiveWindow=1024",
        help="as in an endpoint string",
    )
    parser.add_argument("--workers", type=int, default=1, help="of serve")
    parser.add_argument("--port", type=int, help="of call")
    parser.add_argument("--worker", type=int, help="of call")
    return parser.parse_args()


def main() -> None:
    """
    Measure, or be one of those that are measured.
    """
    arguments = parse()
    roles = {"serve": serve, "call": call}
    if arguments.role in roles:
        run = roles[arguments.role]
        react(lambda reactor: Deferred.fromCoroutine(run(reactor, arguments)))
    else:
        compare(arguments)


if __name__ == "__main__":
    main()
