"""
A client that goes on at once when its network changes, and does not wait for silence.

Run examples/echo_server.py, and then this with the same key, and type lines::

    python examples/echo_server.py "kcp:4000:key=sesame"
    python examples/roaming_client.py "kcp:127.0.0.1:4000:key=sesame"

It looks twice a second from which address this host would send to the server.  When that is another
one, such as from Wi-Fi to mobile, or when it gets SIGUSR1, such as from a script that the system
runs for each change of the network, it says so to the connection::

    kill -USR1 PID
"""

from __future__ import annotations

import signal
import socket
import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.protocol import connectionDone
from twisted.internet.stdio import StandardIO
from twisted.internet.task import LoopingCall, react
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from kcptwisted.interfaces import IKCPTransport

#: Seconds between two looks.
INTERVAL = 0.5


def ownAddress(server: tuple[str, int]) -> str:
    """
    Returns the address from which this host sends to a server now; empty if it cannot.  Nothing is
    sent for that.
    """
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(server)
        except OSError:
            return ""
        return str(probe.getsockname()[0])


class Roamer(LineOnlyReceiver):
    """
    Prints what comes back, and watches the network.
    """

    transport: IKCPTransport
    delimiter = b"\n"

    def __init__(self) -> None:
        self.closed: Deferred[None] = Deferred()
        self._watch = LoopingCall(self._look)
        self._address = ""

    def connectionMade(self) -> None:
        """
        Begins to watch.
        """
        peer = self.transport.getPeer()
        self._server = peer.host, peer.port
        self._address = ownAddress(self._server)
        self._watch.start(INTERVAL, now=False)

    def _look(self) -> None:
        address = ownAddress(self._server)
        # While there is no network there is nothing to do.
        if address and address != self._address:
            self._address = address
            self.networkChanged()

    def networkChanged(self) -> None:
        """
        Has the connection go on from wherever this host is now.
        """
        if self._watch.running:
            self.transport.networkChanged()
            print(f"going on from {self.transport.getHost().port}", flush=True)

    def lineReceived(self, line: bytes) -> None:
        """
        Prints a line.
        """
        print(f"echoed: {line.decode(errors='replace')}", flush=True)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Ends the program.
        """
        if self._watch.running:
            self._watch.stop()
        self.closed.callback(None)


class Input(LineOnlyReceiver):
    """
    Sends each line that is typed.
    """

    delimiter = b"\n"

    def __init__(self, roamer: Roamer) -> None:
        self._roamer = roamer

    def lineReceived(self, line: bytes) -> None:
        """
        Sends a line.
        """
        self._roamer.sendLine(line)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Closes the connection: that was all.
        """
        self._roamer.transport.loseConnection()


async def main(reactor: Any, endpoint: str) -> None:
    """
    Connect, and send what is typed.
    """
    roamer = Roamer()
    await connectProtocol(clientFromString(reactor, endpoint), roamer)
    if hasattr(signal, "SIGUSR1"):
        signal.signal(signal.SIGUSR1, lambda *_: reactor.callFromThread(roamer.networkChanged))
    print(f"connected from {roamer.transport.getHost().port}", flush=True)
    StandardIO(Input(roamer), reactor=reactor)
    await roamer.closed


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    react(main, sys.argv[1:])
