"""
kcptun's tunnel with both ends of Debian's, and with both of ours: downloads and ping-pong through
it, by plain sockets, with the same relay in between.  Both have the flags that they have by
default, those of kcptun 20210922.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from statistics import quantiles
from time import monotonic, sleep
from typing import NamedTuple

from kcptwisted.commands.bench.stream import Pattern
from tests.benchmarks.children import PATIENCE, ROOT, ChildFailed
from tests.benchmarks.contenders import OURS
from tests.benchmarks.measuring import BadPath, Found, opened
from tests.benchmarks.subjects import Stage, Subject

KCPTUN = "kcptun"

#: What lies between the ends, as the table calls it: delay and loss each way; None for nothing.
PATHS = {"loopback": None, "25 ms, 1 % lost": (0.025, 0.01)}

_LOCAL = "127.0.0.1"
_CHUNK = 1 << 16

#: What is fetched: one half of it compresses.
_DATA = Pattern().take(_CHUNK // 2) + b"This compresses well. " * (_CHUNK // 44)


class TunnelLoad(NamedTuple):
    """
    What is done through a tunnel.

    @ivar bytes: of all downloads together.
    @ivar trips: of the ping-pong.
    """

    bytes: int
    trips: int


def whyMissing() -> str | None:
    """
    @return: why kcptun cannot be measured; None if it can.
    """
    return None if shutil.which("kcptun-client") else "kcptun is not installed"


def commands(name: str) -> list[list[str]]:
    """
    @param name: L{KCPTUN}, or anything else for ours.
    @return: how the client and the server are run.
    """
    if name == KCPTUN:
        return [["kcptun-client", "--quiet"], ["kcptun-server", "--quiet"]]
    ours = [sys.executable, "-m", "kcptwisted"]
    flags = ["--compat=20210922", "--quiet"]
    return [[*ours, "kcptun-client", *flags], [*ours, "kcptun-server", *flags]]


def _freePort(kind: int) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind((_LOCAL, 0))
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def _running(command: Sequence[str]) -> Iterator[None]:
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


class Target:
    """
    The server behind the tunnel: it gives as many bytes as the first line asks for, or echoes.
    """

    def __init__(self) -> None:
        self._socket = socket.create_server((_LOCAL, 0), backlog=64)
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """
        Take no more connections.
        """
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            left = int(connection.makefile("rb", buffering=0).readline() or b"0")
            while left > 0:
                connection.sendall(_DATA[:left])
                left -= len(_DATA)
            while data := connection.recv(_CHUNK):
                connection.sendall(data)


def _connect(port: int, first: bytes) -> socket.socket:
    connection = socket.create_connection((_LOCAL, port), timeout=PATIENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(first)
    return connection


def _fetch(port: int, size: int) -> None:
    """
    @raise ChildFailed: if something else comes.
    """
    with _connect(port, b"%d\n" % size) as connection:
        count = 0
        while count < size:
            data = connection.recv(_CHUNK)
            if not data:
                raise ChildFailed(f"{count} bytes instead of {size} through a tunnel")
            count += len(data)


def _download(port: int, size: int, count: int) -> float:
    """
    @param size: of all together.
    @return: MB/s.
    """
    problems: list[Exception] = []

    def fetch() -> None:
        try:
            _fetch(port, size // count)
        except (OSError, ChildFailed) as problem:
            problems.append(problem)

    threads = [threading.Thread(target=fetch) for _ in range(count)]
    began = monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise ChildFailed(f"a download through a tunnel failed: {problems[0]}")
    return size / (monotonic() - began) / 1e6


def _pingPong(port: int, trips: int) -> Found:
    """
    @return: p50 and p99, µs.
    """
    times = []
    with _connect(port, b"0\n") as connection:
        for _ in range(trips):
            began = monotonic()
            connection.sendall(bytes(64))
            missing = 64
            while missing:
                data = connection.recv(missing)
                if not data:
                    raise ChildFailed("a tunnel ended in the middle of a ping-pong")
                missing -= len(data)
            times.append((monotonic() - began) * 1e6)
    cuts = quantiles(times, n=100)
    return {"p50": cuts[49], "p99": cuts[98]}


def _untilServed(port: int) -> None:
    deadline = monotonic() + PATIENCE
    while True:
        try:
            return _fetch(port, 1)
        except (OSError, ChildFailed):
            if monotonic() > deadline:
                raise ChildFailed("a tunnel does not begin to work") from None
            sleep(0.1)


def measureTunnel(name: str, load: TunnelLoad, bad: BadPath | None) -> Found:
    """
    @param name: L{KCPTUN}, or anything else for ours.
    @param bad: what lies between the ends; None for loopback alone.
    @return: C{download} and C{downloads}, MB/s, of one and of ten at once; C{p50} and C{p99} of a
        ping-pong of 64 bytes, µs.
    @raise ChildFailed: if something failed.
    """
    client, server = commands(name)
    udp, tcp = _freePort(socket.SOCK_DGRAM), _freePort(socket.SOCK_STREAM)
    target = Target()
    with ExitStack() as stack:
        stack.callback(target.close)
        flags = ["-l", f"{_LOCAL}:{udp}", "-t", f"{_LOCAL}:{target.port}"]
        stack.enter_context(_running([*server, *flags]))
        path = stack.enter_context(opened(f"{_LOCAL}:{udp}", bad))
        stack.enter_context(_running([*client, "-r", path.address, "-l", f"{_LOCAL}:{tcp}"]))
        _untilServed(tcp)
        found = {"download": _download(tcp, load.bytes, 1)}
        found["downloads"] = _download(tcp, load.bytes, 10)
        return {**found, **_pingPong(tcp, load.trips)}


def tunnelled(stage: Stage) -> list[Subject]:
    """
    @return: both, over loopback and through a relay; nothing where one is missing.
    """
    if whyMissing() or not stage.gopeer:
        return []

    def run(name: str, path: tuple[float, float] | None, number: int) -> Found:
        load = TunnelLoad(40_000_000, 200) if path is None else TunnelLoad(20_000_000, 100)
        if stage.quick:
            load = TunnelLoad(1_000_000, 10)
        return measureTunnel(name, load, path and BadPath(stage.gopeer, *path, number))

    return [
        Subject(name, label, partial(run, name, path))
        for label, path in PATHS.items()
        for name in (KCPTUN, OURS)
    ]
