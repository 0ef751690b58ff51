"""
The C C{ikcp} at the other end, through the Python package C{kcp}.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from importlib.util import find_spec
from socket import SO_RCVBUF, SOL_SOCKET
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import LoopingCall

if TYPE_CHECKING:
    from kcp.extension import KCP

#: Milliseconds between two updates, and the interval that ikcp is told.
INTERVAL = 10

#: Bytes of the socket's buffer for receiving.
BUFFER = 4 << 20

#: The conversation of a client.
CONVERSATION = 0x01234567

# ikcp's conv is unsigned, but the package takes a signed one.
_SIGNED = struct.Struct("<i")


def whyMissing() -> str | None:
    """
    @return: why there is no ikcp here, or None if there is.
    """
    return None if find_spec("kcp") else "there is no Python package kcp"


class CPeer(DatagramProtocol):
    """
    One C{ikcp} conversation in message mode on a UDP socket of its own: a client if it knows whom
    to talk to, else a server for the first who comes.

    @ivar received: called with the peer and each message.
    @ivar sent: called with each datagram that leaves.
    @ivar reading: whether messages are taken from C{ikcp}.
    """

    def __init__(
        self,
        received: Callable[[CPeer, bytes], None],
        address: tuple[str, int] | None = None,
        window: int = 1024,
    ) -> None:
        """
        @param received: is given the messages.
        @param address: of the server, if this is a client.
        @param window: segments, for sending and for receiving.
        """
        self.received = received
        self.sent: Callable[[bytes], None] = lambda datagram: None
        self.reading = True
        self._address = address
        self._window = window
        self._control: KCP | None = None
        self._loop = LoopingCall(self._update)

    def start(self, reactor: Any, host: str = "127.0.0.1", port: int = 0) -> int:
        """
        Open the socket.

        @return: its port.
        """
        self._port = reactor.listenUDP(port, self, interface=host)
        # A window at once, as our ends send it, is more than the default buffer holds.
        self._port.getHandle().setsockopt(SOL_SOCKET, SO_RCVBUF, BUFFER)
        self._loop.clock = reactor
        self._loop.start(INTERVAL / 1000)
        if self._address is not None:
            self._control = self._create(CONVERSATION)
        number: int = self._port.getHost().port
        return number

    def stop(self) -> Deferred[None] | None:
        """
        Close the socket.

        @return: fires when that is done.
        """
        self._loop.stop()
        stopped: Deferred[None] | None = self._port.stopListening()
        return stopped

    def write(self, message: bytes) -> None:
        """
        Send a message.
        """
        assert self._control is not None
        self._control.enqueue(message)

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """
        Feed C{ikcp}.
        """
        if self._control is None:
            self._address = addr
            self._control = self._create(_SIGNED.unpack_from(datagram)[0])
        self._control.receive(datagram)
        self.read()

    def read(self) -> None:
        """
        Take messages from C{ikcp}, if that is wanted.
        """
        assert self._control is not None
        while self.reading and self._control.next_packet_available:
            self.received(self, bytes(self._control.get_received()))

    def _create(self, conv: int) -> KCP:
        from kcp.extension import KCP

        control = KCP(
            conv,
            no_delay=True,
            update_interval=INTERVAL,
            resend_count=2,
            no_congestion_control=True,
            send_window_size=self._window,
            receive_window_size=self._window,
        )
        control.include_outbound_handler(self._send)
        return control

    def _update(self) -> None:
        if self._control is not None:
            self._control.update()

    def _send(self, control: KCP, datagram: bytes) -> None:
        assert self.transport is not None
        self.sent(datagram)
        self.transport.write(datagram, self._address)
