"""
The demonstration: a file goes over a bad link and arrives whole.
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

from kcptwisted.session import KCPTransport
from kcptwisted.stats import SessionStats
from kcptwisted.testing.link import Link
from kcptwisted.testing.lossyrelay import LossyRelay

#: Seconds after which the demonstration gives up.
TIME_LIMIT = 60

_LENGTH = struct.Struct("<Q")
_BAR_WIDTH = 40


class FileServer(Protocol):
    """
    Sends a length of eight bytes and a file to whoever connects.
    """

    def __init__(self, open: Callable[[], BinaryIO], length: int) -> None:
        """
        @param open: opens the file.
        @param length: bytes of the file.
        """
        self._open = open
        self._length = length

    def connectionMade(self) -> None:
        """
        Send.
        """
        transport = cast(KCPTransport, self.transport)
        transport.write(_LENGTH.pack(self._length))
        file = self._open()
        sending = FileSender().beginFileTransfer(file, transport)
        sending.addBoth(lambda _: file.close())


class FileFetcher(Protocol):
    """
    Takes what L{FileServer} sends.

    @ivar length: bytes of the file, None until it is known.
    @ivar received: bytes of the file so far.
    @ivar digest: SHA-256 of them.
    @ivar finished: fires when the file is complete, or fails with why it is not.
    """

    def __init__(self) -> None:
        self.length: int | None = None
        self.received = 0
        self.digest = sha256()
        self.finished: Deferred[None] = Deferred()
        self._header = b""

    def dataReceived(self, data: bytes) -> None:
        """
        Take a piece.
        """
        if self.length is None:
            self._header += data
            if len(self._header) < _LENGTH.size:
                return
            (self.length,) = _LENGTH.unpack_from(self._header)
            data = self._header[_LENGTH.size :]
        self.received += len(data)
        self.digest.update(data)
        if self.received >= (self.length or 0) and not self.finished.called:
            self.finished.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The rest will not come.
        """
        if not self.finished.called:
            self.finished.errback(reason)


class ProgressBar:
    """
    Draws how far a transfer is.
    """

    def __init__(self, fetcher: FileFetcher, output: TextIO) -> None:
        """
        @param output: where to draw.
        """
        self._fetcher = fetcher
        self._output = output

    def draw(self) -> None:
        """
        Draw the present state over the one before.
        """
        length = self._fetcher.length
        share = self._fetcher.received / length if length else 0.0
        bar = ("#" * int(share * _BAR_WIDTH)).ljust(_BAR_WIDTH, ".")
        megabytes = self._fetcher.received / 1e6
        self._output.write(f"\r[{bar}] {share:4.0%} {megabytes:7.1f} MB")
        self._output.flush()


def _source(arguments: argparse.Namespace) -> tuple[Callable[[], BinaryIO], int]:
    """
    @return: what opens the file, and its length.
    """
    if arguments.file is not None:
        path = Path(arguments.file)
        return lambda: path.open("rb"), path.stat().st_size
    content = urandom(arguments.megabytes * 1_000_000)
    return lambda: BytesIO(content), len(content)


def _digest(open: Callable[[], BinaryIO]) -> str:
    digest = sha256()
    with open() as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@inlineCallbacks
def demonstrate(reactor: Any, arguments: argparse.Namespace, output: TextIO) -> Any:
    """
    Serve, fetch, check and report.

    @return: a Deferred of whether the bytes are right.
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
    link = Link(loss=arguments.loss, delay=arguments.delay)
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
    server = cast(KCPTransport, served[0].transport)
    _report(fetcher, server.stats, transport.stats, seconds, output)
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


def run(arguments: argparse.Namespace, output: TextIO) -> int:
    """
    Run the reactor until the demonstration is over.

    @return: the exit status: 0 only if the bytes are right.
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
