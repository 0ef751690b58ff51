"""
One measurement: a server, a client and the load between them, and perhaps a bad path.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, replace
from time import monotonic, sleep
from typing import Any

from tests.benchmarks.children import ROOT, Child, ChildFailed, started
from tests.benchmarks.contenders import SOCKET_BUFFER, TIMEOUT, Contender, Load
from tests.interop.router import APART
from tests.interop.tunnelled import Case

#: What a measurement found, by quantity.
Found = dict[str, float]

#: Seconds that idle sessions are left alone before they are watched.
SETTLING = 3


@dataclass(frozen=True)
class BadPath:
    """
    What lies between client and server, each way.

    @ivar relay: the path of C{gopeer}, which makes it so.
    @ivar delay: seconds.
    @ivar loss: the share of datagrams that is lost.
    @ivar seed: of the chance.
    """

    relay: str
    delay: float
    loss: float
    seed: int

    def command(self, address: str) -> list[str]:
        """
        @param address: the server's.
        @return: what makes the path.
        """
        return [
            self.relay,
            "-listen=127.0.0.1:0",
            f"-relay={address}",
            f"-delay={self.delay}",
            f"-loss={self.loss}",
            f"-seed={self.seed}",
            f"-sockbuf={SOCKET_BUFFER}",
        ]


class Path:
    """
    The way to a server.

    @ivar address: where a client finds it.
    @ivar counted: what became of the datagrams, once the path is closed; empty of a direct one.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.counted: dict[str, Any] = {}


@contextmanager
def opened(address: str, bad: BadPath | None) -> Iterator[Path]:
    """
    @param address: the server's.
    @param bad: None for a direct one.
    @return: a path, while the context lasts.
    """
    if bad is None:
        yield Path(address)
        return
    with started(bad.command(address)) as relay:
        path = Path(relay.expect("listening "))
        yield path
        relay.finish()
        path.counted = relay.result()


def measure(contender: Contender, load: Load, bad: BadPath | None = None) -> Found:
    """
    @param bad: the path, if it is not to be the direct one.
    @return: what came of the load.  CPU seconds are those from when all sessions were there to the
        end of the load.
    @raise ChildFailed: if an end failed.
    """
    if contender.both is not None:
        with _started(contender, contender.both(load)) as both:
            both.expect("ready", TIMEOUT)
            before = both.cpu
            result = both.result(TIMEOUT)
            return summarised(load, result, both.cpu - before)
    with _started(contender, contender.serve(load.server)) as server:
        address = server.expect("listening ")
        with (
            opened(address, bad) as path,
            _started(contender, contender.dial(path.address, load)) as client,
        ):
            client.expect("ready", TIMEOUT)
            atServer, atClient = server.cpu, client.cpu
            result = client.result(TIMEOUT)
            atServer, atClient = server.cpu - atServer, client.cpu - atClient
    return {
        **summarised(load, result, atServer + atClient, atServer),
        **whatWasLost(path.counted),
    }


def _started(contender: Contender, command: list[str]) -> AbstractContextManager[Child]:
    return started(command, contender.environment, contender.directory)


def measureBeside(contender: Contender, crowd: Load, messages: Load) -> Found:
    """
    @param crowd: what takes all it can, without end.
    @param messages: a load of messages with the same server.
    @return: of the messages alone C{alone50} and C{alone99}, and beside the crowd C{p50} and
        C{p99}, µs; and C{growth}, that of the latter.
    @raise ChildFailed: if an end failed.
    """
    alone = measure(contender, messages)
    with _started(contender, contender.serve(crowd.server)) as server:
        address = server.expect("listening ")
        with _started(contender, contender.dial(address, crowd)) as bulk:
            bulk.expect("ready", TIMEOUT)
            with _started(contender, contender.dial(address, messages)) as client:
                client.expect("ready", TIMEOUT)
                found = summarised(messages, client.result(TIMEOUT), 0)
            # They would wait for each other's last bytes.
            bulk.kill()
            server.kill()
    return {
        "alone50": alone["p50"],
        "alone99": alone["p99"],
        "p50": found["p50"],
        "p99": found["p99"],
        "growth": found["p99"] / alone["p99"],
    }


def runGoBenchmark(binary: str, seconds: float) -> Found:
    """
    @param binary: kcp-go's own benchmarks.
    @param seconds: for each.
    @return: C{echo} and C{sink}, MB/s, each with the size of a message that it is fastest with.
    @raise ChildFailed: if it failed.
    """
    flags = ["run=^$", "bench=EchoSpeed|SinkSpeed", f"benchtime={seconds}s"]
    command = [binary, *[f"-test.{flag}" for flag in flags]]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        raise ChildFailed(f"not done within {TIMEOUT} s: {binary}") from None
    rates = re.findall(r"^Benchmark(Echo|Sink)Speed\S+.*?([\d.]+) MB/s", done.stdout, re.MULTILINE)
    found = {
        name: max([float(rate) for which, rate in rates if which.lower() == name], default=0)
        for name in ("echo", "sink")
    }
    if done.returncode or not all(found.values()):
        raise ChildFailed(f"status {done.returncode}, {len(rates)} rates: {binary}")
    return found


def measureTunnel(contender: Contender, options: str, size: int) -> Found:
    """
    @param contender: ours; only where it is found counts.
    @param options: of both ends.
    @param size: bytes.
    @return: the C{rate}, MB/s, of a transfer through a tunnel of 1420 bytes, in networks of its own
        (L{tests.interop.tunnelled}), and C{fragmented}, how many fragments were made.
    @raise ChildFailed: if it failed.
    """
    case = Case(size=size, options=options, serverOptions=options)
    command = [*APART, sys.executable, "-m", "tests.interop.tunnelled", json.dumps(asdict(case))]
    environment = {**os.environ, **contender.environment, "PYTHONPATH": str(ROOT)}
    try:
        done = subprocess.run(
            command,
            cwd=contender.directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        raise ChildFailed(f"not done within {TIMEOUT} s: {command}") from None
    if done.returncode:
        raise ChildFailed(f"status {done.returncode}: {done.stderr.strip()}")
    told = json.loads(done.stdout)
    if told["counted"] != size:
        raise ChildFailed(f"{told['counted']} bytes instead of {size}")
    fragments = sum(counted["IpFragCreates"] for counted in (told, told["router"]))
    return {"rate": size / told["seconds"] / 1e6, "fragmented": fragments}


def summarised(
    load: Load, result: dict[str, Any], cpu: float, atServer: float | None = None
) -> Found:
    """
    @param result: what a client printed.
    @param cpu: seconds that both ends used for it.
    @param atServer: those of the server, if it has a process of its own.
    @return: of bulk loads C{rate}, MB/s, and C{cpuPerGigabyte}, seconds; of messages the
        percentiles and the maximum, µs, C{messages}, a second, C{cpuPerMessage}, µs, C{lost}, and
        C{serverPerMessage}, µs, if there is C{atServer}.
    @raise ChildFailed: if fewer bytes arrived than were sent.
    """
    if load.role in ("sink", "echo"):
        count = load.bytes * load.sessions
        if result["bytes"] != count:
            raise ChildFailed(f"{result['bytes']} bytes instead of {count}")
        return {"rate": count / result["seconds"] / 1e6, "cpuPerGigabyte": cpu / count * 1e9}
    server = {} if atServer is None else {"serverPerMessage": atServer / result["messages"] * 1e6}
    return {
        **{name: result[f"{name}_us"] for name in ("p50", "p99", "p999", "max")},
        **server,
        "messages": result["messages_per_second"],
        "cpuPerMessage": cpu / result["messages"] * 1e6,
        "lost": result.get("lost", 0),
    }


def whatWasLost(counted: dict[str, Any]) -> Found:
    """
    @param counted: what a bad path has counted.
    @return: the C{pathLoss} of both directions together, and how many datagrams it dropped for want
        of room; nothing for a direct path.
    """
    if not counted:
        return {}
    lanes = (counted["out"], counted["in"])
    passed, lost, over = (
        sum(lane[name] for lane in lanes) for name in ("passed", "lost", "overflowed")
    )
    return {"pathLoss": lost / (passed + lost), "pathOverflow": over}


def watchIdle(contender: Contender, load: Load) -> Found:
    """
    Watch sessions that do nothing.

    @return: C{share}, of a core, of the server, and C{clientShare}; and the C{memory} of the
        server, bytes a session.
    """
    with _started(contender, contender.serve("echo")) as server:
        address = server.expect("listening ")
        # The first session also brings what all have in common.
        first = contender.dial(address, replace(load, sessions=1))
        with _started(contender, first) as client:
            client.expect("ready", TIMEOUT)
            empty = server.memory
        with _started(contender, contender.dial(address, load)) as client:
            client.expect("ready", TIMEOUT)
            sleep(SETTLING)
            began, before = monotonic(), (server.cpu, client.cpu)
            sleep(load.seconds)
            took = monotonic() - began
            share, clientShare = (server.cpu - before[0]) / took, (client.cpu - before[1]) / took
            memory = (server.memory - empty) / load.sessions
    return {"share": share, "clientShare": clientShare, "memory": memory}
