"""
A connection between two hosts that are both behind a NAT.  Each host learns the other's address
from an introducer that both can reach.  It sends a datagram to that address, so that its own NAT
lets answers in, and then uses the same socket for KCP.

Run the introducer on a host with a public address, and one end at each of the others::

    python examples/hole_punching.py introduce 4001
    python examples/hole_punching.py listen INTRODUCER 4001 secret-word "key=sesame"
    python examples/hole_punching.py connect INTRODUCER 4001 secret-word "key=sesame"

Both ends send the same word, so that the introducer knows that they belong together.  This does not
work with a NAT that uses another port for each destination (a "symmetric" NAT).
"""

from __future__ import annotations

import socket
import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import connectProtocol
from twisted.internet.interfaces import IUDPTransport
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol, connectionDone
from twisted.internet.task import LoopingCall, react
from twisted.python.failure import Failure

from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.options import KCPOptions

#: Seconds between two questions to the introducer.
PAUSE = 0.5

#: The role of an end, and the role of the other end.
OTHER = {"listen": "connect", "connect": "listen"}


class Introducer(DatagramProtocol):
    """
    Tells each end of a pair the public address of the other.
    """

    transport: IUDPTransport

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], tuple[str, int]] = {}

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """
        Answers, if the other end has asked before.
        """
        end, _, word = datagram.decode("utf-8", "replace").partition(" ")
        if end not in OTHER:
            return
        self._seen[end, word] = addr
        other = self._seen.get((OTHER[end], word))
        if other is not None:
            self.transport.write(f"{other[0]} {other[1]}".encode(), addr)


class Meeting(DatagramProtocol):
    """
    Asks the introducer until it answers.

    @ivar met: fires with the address of the other end.
    """

    transport: IUDPTransport

    def __init__(self, end: str, word: str, introducer: tuple[str, int]) -> None:
        self._question = f"{end} {word}".encode()
        self._introducer = introducer
        self._asking = LoopingCall(self._ask)
        self.met: Deferred[tuple[str, int]] = Deferred()

    def startProtocol(self) -> None:
        """
        Begins to ask.
        """
        self._asking.start(PAUSE)

    def _ask(self) -> None:
        self.transport.write(self._question, self._introducer)

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """
        Takes the introducer's answer.
        """
        if addr == self._introducer and self._asking.running:
            self._asking.stop()
            host, port = datagram.decode().split()
            self.met.callback((host, int(port)))


class Greeter(Protocol):
    """
    Says hello, prints what the other end says, and closes the connection.

    @ivar lost: fires when the connection has ended.
    """

    def __init__(self) -> None:
        self.lost: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """
        Says hello.
        """
        assert self.transport is not None
        self.transport.write(b"hello")

    def dataReceived(self, data: bytes) -> None:
        """
        Prints the data, and closes the connection.
        """
        assert self.transport is not None
        print(f"{data.decode()} from {self.transport.getPeer()}", flush=True)
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Fires C{lost}.
        """
        self.lost.callback(None)


async def main(reactor: Any, role: str, *arguments: str) -> None:
    """
    Runs the introducer or one end.
    """
    if role == "introduce":
        introducer = reactor.listenUDP(int(arguments[0]), Introducer())
        print(f"listening on port {introducer.getHost().port}", flush=True)
        await Deferred()
    host, number, word, text = arguments
    given = dict(item.split("=", 1) for item in text.split(":"))
    options = KCPOptions.fromStrings(given, "client" if role == "connect" else "server")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("", 0))
        sock.setblocking(False)
        meeting = Meeting(role, word, (socket.gethostbyname(host), int(number)))
        asking = reactor.adoptDatagramPort(sock.fileno(), socket.AF_INET, meeting)
        peer = await meeting.met
        # Only one port may read the socket.
        await asking.stopListening()
        sock.sendto(b"let me in", peer)
        greeter = Greeter()
        if role == "connect":
            endpoint = KCPClientEndpoint(reactor, *peer, options, socket=sock)
            await connectProtocol(endpoint, greeter)
        else:
            factory: Factory = Factory.forProtocol(lambda: greeter)
            await KCPServerEndpoint(reactor, 0, options, socket=sock).listen(factory)
    # The endpoint has duplicated the socket.
    await greeter.lost


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("introduce", *OTHER):
        sys.exit(__doc__)
    react(main, sys.argv[1:])
