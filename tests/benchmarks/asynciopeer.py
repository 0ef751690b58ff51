"""
One end of a measurement with a library for asyncio, aiokcp or aioquic, in a process of its own.

The roles, what is printed and how a server ends are those of C{kcptwisted.commands.bench.peer}, for
one session.  Neither library tells a writer to wait, so all that is to be moved is written at once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from pathlib import Path
from time import perf_counter_ns
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kcptwisted.commands.bench.latencies import summarise
from kcptwisted.commands.bench.loads import ANSWER, CHUNK, COUNT
from kcptwisted.commands.bench.resources import usage
from kcptwisted.commands.bench.stream import Pattern
from kcptwisted.wire.segment import OVERHEAD
from tests.benchmarks.certificate import HOST
from tests.benchmarks.contenders import MTU, SOCKET_BUFFER

Streams = tuple[StreamReader, StreamWriter]
Serve = Callable[[StreamReader, StreamWriter], Any]


class WideLoop(asyncio.SelectorEventLoop):
    """
    Gives each UDP socket the buffers that all contenders have.
    """

    async def create_datagram_endpoint(self, *args: Any, **kwargs: Any) -> Any:
        """
        @return: as the base class does.
        """
        transport, protocol = await super().create_datagram_endpoint(*args, **kwargs)
        wide = transport.get_extra_info("socket")
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            wide.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER)
        return transport, protocol


class AioKCP:
    """
    KCP in mode fast3, without a cipher.
    """

    def __init__(self, window: int, certificate: str) -> None:
        """
        @param window: segments, both ways.
        """
        self._settings = {
            "max_transmission": MTU,
            "no_delay": True,
            "update_interval": 10,
            "resend_count": 2,
            "no_congestion_control": True,
            "send_window_size": window,
            "receive_window_size": window,
            "stream": 1,
        }

    async def serve(self, port: int, handle: Serve) -> None:
        """
        Serve for ever.
        """
        from aiokcp import start_server

        server = await start_server(handle, HOST, port, kcp_kwargs=self._settings)
        await server.start_serving()

    @asynccontextmanager
    async def connect(self, port: int) -> AsyncIterator[Streams]:
        """
        @return: a session, while the context lasts.
        """
        from aiokcp import open_connection

        yield await open_connection(HOST, port, kcp_kwargs=self._settings)


class AioQuic:
    """
    One bidirectional stream of QUIC.  Flow control allows what a KCP window does.
    """

    def __init__(self, window: int, certificate: str) -> None:
        """
        @param certificate: a directory with C{cert.pem} and C{key}.
        """
        self._limits: dict[str, Any] = {
            "max_datagram_size": MTU,
            "max_data": window * (MTU - OVERHEAD),
            "max_stream_data": window * (MTU - OVERHEAD),
            "alpn_protocols": ["benchmark"],
        }
        self._certificate = Path(certificate)

    async def serve(self, port: int, handle: Serve) -> None:
        """
        Serve for ever.
        """
        from aioquic.asyncio.server import serve
        from aioquic.quic.configuration import QuicConfiguration

        handling = set()

        def begin(reader: StreamReader, writer: StreamWriter) -> None:
            task = asyncio.ensure_future(handle(reader, writer))
            handling.add(task)
            task.add_done_callback(handling.discard)

        settings = QuicConfiguration(is_client=False, **self._limits)
        settings.load_cert_chain(self._certificate / "cert.pem", self._certificate / "key")
        await serve(HOST, port, configuration=settings, stream_handler=begin)

    @asynccontextmanager
    async def connect(self, port: int) -> AsyncIterator[Streams]:
        """
        @return: a session, while the context lasts.
        """
        from aioquic.asyncio.client import connect
        from aioquic.quic.configuration import QuicConfiguration

        settings = QuicConfiguration(is_client=True, **self._limits)
        settings.load_verify_locations(str(self._certificate / "cert.pem"))
        async with connect(HOST, port, configuration=settings) as connection:
            yield await connection.create_stream()


LIBRARIES: dict[str, type[AioKCP | AioQuic]] = {"aiokcp": AioKCP, "aioquic": AioQuic}


async def serveEcho(reader: StreamReader, writer: StreamWriter) -> None:
    """
    Write back all that comes.
    """
    # Some versions of asyncio complain of a handler that ends otherwise with the server.
    with suppress(asyncio.CancelledError):
        while data := await reader.read(CHUNK):
            writer.write(data)


async def serveSink(reader: StreamReader, writer: StreamWriter) -> None:
    """
    Count what comes, and tell how long that took.
    """
    (expected,) = COUNT.unpack(await reader.readexactly(COUNT.size))
    got = len(await reader.read(CHUNK))
    first = perf_counter_ns()
    while got < expected:
        got += len(await reader.read(CHUNK))
    writer.write(ANSWER.pack(got, perf_counter_ns() - first))


def ready() -> None:
    """
    What is timed begins.
    """
    print("ready", flush=True)


def send(writer: StreamWriter, stream: Pattern, count: int) -> None:
    """
    Write so many bytes.
    """
    while count:
        piece = stream.take(min(count, CHUNK))
        count -= len(piece)
        writer.write(piece)


async def sink(reader: StreamReader, writer: StreamWriter, given: argparse.Namespace) -> Any:
    """
    Send bytes, which the server counts.

    @return: what to print.
    """
    ready()
    writer.write(COUNT.pack(given.bytes))
    send(writer, Pattern(), given.bytes)
    counted, nanoseconds = ANSWER.unpack(await reader.readexactly(ANSWER.size))
    return {"bytes": counted, "seconds": nanoseconds / 1e9}


async def echo(reader: StreamReader, writer: StreamWriter, given: argparse.Namespace) -> Any:
    """
    Send bytes and have them come back.

    @return: what to print.
    @raise ValueError: if they are others.
    """
    expected = Pattern()
    digest = sha256()
    ready()
    began = perf_counter_ns()
    send(writer, Pattern(), given.bytes)
    got = 0
    while got < given.bytes:
        data = await reader.read(CHUNK)
        got += len(data)
        digest.update(data)
        if not expected.matches(data):
            raise ValueError(f"wrong bytes before byte {got}")
    return {"bytes": got, "seconds": (perf_counter_ns() - began) / 1e9}


async def pingpong(reader: StreamReader, writer: StreamWriter, given: argparse.Namespace) -> Any:
    """
    Send one message after the other.

    @return: what to print.
    @raise ValueError: if something else comes back.
    """
    stream = Pattern()

    async def trip() -> int:
        message = stream.take(given.size)
        began = perf_counter_ns()
        writer.write(message)
        if await reader.readexactly(given.size) != message:
            raise ValueError("another message came back")
        return perf_counter_ns() - began

    await trip()
    ready()
    began = perf_counter_ns()
    took = [await trip() for _ in range(given.count)]
    seconds = (perf_counter_ns() - began) / 1e9
    rate = given.count / seconds
    counted = {"seconds": seconds, "messages": given.count, "messages_per_second": rate}
    return {**counted, **summarise(took)}


def freePort() -> int:
    """
    @return: a UDP port that nobody has at the moment; these servers do not tell theirs.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


async def run(given: argparse.Namespace) -> None:
    """
    Be the end that the command line asks for.
    """
    library = LIBRARIES[given.library](given.window, given.certificate)
    if given.role == "serve":
        port = freePort()
        await library.serve(port, {"echo": serveEcho, "sink": serveSink}[given.what])
        print(f"listening {HOST}:{port}", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        print(json.dumps(usage()), flush=True)
        return
    role = {"sink": sink, "echo": echo, "pingpong": pingpong}[given.role]
    async with library.connect(int(given.what.rpartition(":")[2])) as (reader, writer):
        found = await role(reader, writer, given)
    print(json.dumps({"role": given.role, "sessions": 1, **found, **usage()}), flush=True)


def main() -> None:
    """
    Run either end.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", choices=sorted(LIBRARIES))
    parser.add_argument("role", choices=["serve", "sink", "echo", "pingpong"])
    parser.add_argument("what", help="the server's role, echo or sink; of a client HOST:PORT")
    parser.add_argument("--window", type=int, default=1024, help="segments")
    parser.add_argument("--certificate", default=".", help="the directory of cert.pem and key")
    parser.add_argument("--bytes", type=int, default=1 << 20)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--count", type=int, default=1000)
    given = parser.parse_args()
    loop = WideLoop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(run(given))
    finally:
        # aiokcp's sessions go on for ever.
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()


if __name__ == "__main__":
    main()
