"""
Small messages that take turns with their echoes.
"""

from __future__ import annotations

from random import Random

from kcptwisted.testing.link import Link, LinkModel
from kcptwisted.wire.fec import DATA, FEC_OVERHEAD, packetType
from kcptwisted.wire.segment import PUSH, decodeSegments
from tests.interop.roles import Client, WrongBytes, session
from tests.interop.stream import Pattern


class TurnsClient(Client):
    """
    Sends a message, and the next when the echo of the last is there.
    """

    size = 100

    def connectionMade(self) -> None:
        """
        Send the first.
        """
        self._stream = Pattern(self.seed)
        self._left = self.count
        self._send()

    def _send(self) -> None:
        self._left -= 1
        self._received = b""
        self._message = self._stream.take(self.size)
        session(self).write(self._message)

    def dataReceived(self, data: bytes) -> None:
        """
        Wait for the whole echo.
        """
        self._received += data
        if not self._message.startswith(self._received):
            self.finish(WrongBytes(f"{self._left} messages before the last"))
        elif self._received == self._message:
            if self._left:
                self._send()
            else:
                self.finish()


class LosesFirstCopies(LinkModel):
    """
    Loses each datagram that brings something new, in plain KCP with FEC, and lets all others
    through: of a message nothing arrives but what parity restores or the sender repeats.
    """

    def __init__(self) -> None:
        super().__init__(Link(), Random(0))
        self._known: set[int] = set()

    def arrivals(self, datagram: bytes) -> list[tuple[float, bytes]]:
        """
        @return: what arrives of one datagram.
        """
        if packetType(datagram) == DATA:
            segments = decodeSegments(datagram[FEC_OVERHEAD:])
            pushed = {segment.sn for segment in segments if segment.cmd == PUSH}
            if not pushed <= self._known:
                self._known |= pushed
                self.lost += 1
                return []
        return super().arrivals(datagram)
