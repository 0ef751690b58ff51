"""
The demonstration: it sends a file over a bad link and checks that it arrives complete.
"""

from __future__ import annotations

import argparse
import secrets
import struct
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from os import urandom
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import LoopingCall
from twisted.protocols.basic import FileSender
from twisted.python.failure import Failure

from kcptwisted.interfaces import IKCPTransport
from kcptwisted.stats import SessionStats
from kcptwisted.testing.bottleneck import Bottleneck
from kcptwisted.testing.link import Link
from kcptwisted.testing.lossyrelay import LossyRelay

#: Seconds after which the demonstration gives up.
TIME_LIMIT = 60

_FILE_LENGTH = struct.Struct("<Q")
_BAR_WIDTH = 40


class FileServer(Protocol):
    """
    Sends the length of a file, in eight bytes, and the file to each client.
    """

    def __init__(self, open: Callable[[], BinaryIO], length: int) -> None:
        """
        @param open: opens the file.
        @param length: length of the file in bytes.
        """
        self._open = open
        self._length = length

    def connectionMade(self) -> None:
        """
        Sends the length and the file.
        """
        transport = cast(IKCPTransport, self.transport)
        transport.write(_FILE_LENGTH.pack(self._length))
        file = self._open()
        sending = FileSender().beginFileTransfer(file, transport)
        sending.addBoth(lambda _: file.close())


class FileFetcher(Protocol):
    """
    Receives what L{FileServer} sends.

    @ivar length: length of the file in bytes; None until it is known.
    @ivar received: bytes of the file that have arrived.
    @ivar digest: SHA-256 of these bytes.
    @ivar finished: fires when the file is complete; fails if the connection ends before.
    """

    def __init__(self) -> None:
        self.length: int | None = None
        self.received = 0
        self.digest = sha256()
        self.finished: Deferred[None] = Deferred()
        self._header = b""

    def dataReceived(self, data: bytes) -> None:
        """
        Takes a piece of the file.
        """
        if self.length is None:
            self._header += data
            if len(self._header) < _FILE_LENGTH.size:
                return
            (self.length,) = _FILE_LENGTH.unpack_from(self._header)
            data = self._header[_FILE_LENGTH.size :]
        self.received += len(data)
        self.digest.update(data)
        if self.received >= (self.length or 0) and not self.finished.called:
            self.finished.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Fails C{finished} if the file is not complete.
        """
        if not self.finished.called:
            self.finished.errback(reason)


class ProgressBar:
    """
    Draws the progress of a transfer.
    """

    def __init__(self, fetcher: FileFetcher, output: TextIO) -> None:
        """
        @param fetcher: receives the file.
        @param output: where to draw.
        """
        self._fetcher = fetcher
        self._output = output

    def draw(self) -> None:
        """
        Draws the present state over the previous one.
        """
        length = self._fetcher.length
        share = self._fetcher.received / length if length else 0.0
        bar = ("#" * int(share * _BAR_WIDTH)).ljust(_BAR_WIDTH, ".")
        megabytes = self._fetcher.received / 1e6
        self._output.write(f"\r[{bar}] {share:4.0%} {megabytes:7.1f} MB")
        self._output.flush()


def _source(arguments: argparse.Namespace) -> tuple[Callable[[], BinaryIO], int]:
    """
    Returns a function that opens the file, and the file's length in bytes.
    """
    if arguments.file is not None:
        path = Path(arguments.file)
        return lambda: path.open("rb"), path.stat().st_size
    content = urandom(arguments.megabytes * 1_000_000)
    return lambda: BytesIO(content), len(content)


def _link(arguments: argparse.Namespace) -> Link:
    return Link(
        loss=arguments.loss,
        delay=arguments.delay,
        rate=(arguments.mbit or 0) * 125_000,
        queue=round(arguments.queue * 1000),
    )


def _digest(open: Callable[[], BinaryIO]) -> str:
    digest = sha256()
    with open() as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@inlineCallbacks
def demonstrate(reactor: Any, arguments: argparse.Namespace, output: TextIO) -> Any:
    """
    Serves the file, fetches it, checks it, and prints a report.

    @return: a Deferred that fires with True if the bytes are right, else with False.
    """
    open, length = _source(arguments)
    served: list[FileServer] = []

    def serve() -> FileServer:
        served.append(FileServer(open, length))
        return served[-1]

    key = secrets.token_hex(16)
    options = f"crypt=aes-128-gcm:rawKey={key}:{arguments.options}".rstrip(":")
    endpoint = serverFromString(reactor, f"kcp:0:interface=127.0.0.1:{options}")
    port = yield endpoint.listen(Factory.forProtocol(serve))
    link = _link(arguments)
    relay = LossyRelay(reactor, ("127.0.0.1", port.getHost().port), link, arguments.seed)
    relayPort = relay.start()
    print(
        f"{length / 1e6:.1f} MB over a link that loses {link.loss:.0%} and takes"
        f" {link.delay * 1000:g} ms each way ({arguments.options})",
        file=output,
    )
    client = clientFromString(reactor, f"kcp:127.0.0.1:{relayPort}:{options}")
    fetcher = yield client.connect(Factory.forProtocol(FileFetcher))
    transport = fetcher.transport
    progress = ProgressBar(fetcher, output)
    drawing = LoopingCall(progress.draw)
    drawing.clock = reactor
    began = reactor.seconds()
    drawing.start(0.1)
    fetcher.finished.addTimeout(TIME_LIMIT, reactor)
    try:
        yield fetcher.finished
    finally:
        drawing.stop()
        progress.draw()
        print(file=output)
    seconds = reactor.seconds() - began
    right = fetcher.received == length and fetcher.digest.hexdigest() == _digest(open)
    _report(
        fetcher, cast(IKCPTransport, served[0].transport).stats, transport.stats, seconds, output
    )
    if relay.inward.bottleneck is not None:
        _reportBottleneck(relay.inward.bottleneck, output)
    print(f"SHA-256 {'matches' if right else 'DIFFERS'}", file=output)
    transport.abortConnection()
    for session in port.sessions:
        session.abortConnection()
    yield port.stopListening()
    yield relay.stop()
    return right


def _report(
    fetcher: FileFetcher,
    sender: SessionStats,
    receiver: SessionStats,
    seconds: float,
    output: TextIO,
) -> None:
    rate = fetcher.received / 1e6 / seconds
    print(f"throughput       {rate:.1f} MB/s ({seconds:.1f} s)", file=output)
    print(
        f"retransmissions  {sender.RetransSegs} of {sender.OutSegs} segments"
        f" ({sender.FastRetransSegs} fast, {sender.EarlyRetransSegs} early,"
        f" {sender.LostSegs} after a timeout)",
        file=output,
    )
    print(
        f"FEC recovered    {receiver.FECRecovered} datagrams"
        f" (from {receiver.FECParityShards} parity shards)",
        file=output,
    )


def _reportBottleneck(bottleneck: Bottleneck, output: TextIO) -> None:
    delays = bottleneck.delays
    print(
        f"bottleneck       {bottleneck.dropped} of {bottleneck.offered} datagrams dropped;"
        f" queueing delay p50 {delays.percentile(50) * 1000:.1f} ms,"
        f" p99 {delays.percentile(99) * 1000:.1f} ms",
        file=output,
    )


def run(arguments: argparse.Namespace, output: TextIO) -> int:
    """
    Runs the reactor until the demonstration has ended.

    @return: the exit status: 0 if the bytes are right, else 1.
    """
    from twisted.internet import reactor

    status = [1]

    def ended(result: object) -> None:
        if isinstance(result, Failure):
            print(f"failed: {result.getErrorMessage()}", file=output)
        elif result:
            status[0] = 0
        cast(Any, reactor).stop()

    def begin() -> None:
        demonstrate(reactor, arguments, output).addBoth(ended)

    cast(Any, reactor).callWhenRunning(begin)
    cast(Any, reactor).run()
    return status[0]
