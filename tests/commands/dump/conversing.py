"""
Captures of connections of ours, on a network in memory.
"""

from __future__ import annotations

from kcptwisted.commands.dump.sources import Frame
from kcptwisted.options import KCPOptions
from kcptwisted.testing import Link
from tests.commands.dump.captures import RAW, SECOND, START, packet
from tests.connections import ConnectionTestCase, RecordingProtocol

#: Bytes that the client sends.
SIZE = 300_000


class CaptureTestCase(ConnectionTestCase):
    """
    Records what leaves the two hosts.

    @ivar frames: it, in order.
    @ivar client: the client's protocol.
    @ivar server: the server's.
    """

    client: RecordingProtocol
    server: RecordingProtocol

    def setUp(self) -> None:
        """
        Begin to record.
        """
        super().setUp()
        self.frames: list[Frame] = []
        self.network.taps.append(self._record)

    def _record(
        self, source: tuple[str, int], destination: tuple[str, int], datagram: bytes
    ) -> None:
        time = START + int(self.network.clock.seconds() * SECOND)
        self.frames.append(Frame(time, RAW, packet(source, destination, datagram)))

    def converse(self, options: KCPOptions, link: Link | None = None) -> None:
        """
        Connect, have the client send L{SIZE} bytes and the server answer, and close.

        @param link: the conditions once connected.
        """
        self.client, self.server = self.connect(options, link)
        self.client.session.write(self.data(SIZE))
        self.server.session.write(b"answer")
        self.network.runUntil(lambda: len(self.server.received) == SIZE)
        self.client.session.loseConnection()
        self.network.runUntil(lambda: bool(self.client.reasons and self.server.reasons))
        self.assertEqual(self.server.received, self.data(SIZE))
