"""
A game's two kinds of news: where a player is, out-of-band; and what a player says, on the stream.

Run the world, then any number of players.  Out-of-band datagrams need FEC at the end that sends
them, so both name its shards::

    python examples/outofband_position.py open "kcp:4000:dataShards=10:parityShards=3:key=sesame"
    python examples/outofband_position.py play \\
        "kcp:127.0.0.1:4000:dataShards=10:parityShards=3:key=sesame" Alice

Each player walks round in a circle and tells the world so ten times a second.  A position that is
lost is not worth sending again, as the next is better.  A line that is typed is: it goes on the
stream, and the world passes it on to the others.  The end of the input (Ctrl-D) leaves.
"""

from __future__ import annotations

import struct
import sys
from math import cos, sin

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.interfaces import IAddress, IReactorCore
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.stdio import StandardIO
from twisted.internet.task import LoopingCall, react
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.interfaces import IOutOfBandProtocol
from kcptwisted.session import KCPTransport

#: Number of the step, x, y.  A datagram would hold more than a hundred of them: 1360 bytes here.
POSITION = struct.Struct("<Iff")

#: Seconds between two steps.
PACE = 0.1


# Without this line the world would be given no position: the session asks whether the protocol
# provides the interface.
@implementer(IOutOfBandProtocol)
class Avatar(LineOnlyReceiver):
    """
    One player, in the world.
    """

    transport: KCPTransport
    delimiter = b"\n"

    def __init__(self, players: set[Avatar]) -> None:
        """
        @param players: all who are in the world.
        """
        self._players = players
        self._step = -1
        self._place = "nowhere yet"

    def connectionMade(self) -> None:
        """
        Enter.
        """
        self._players.add(self)

    def outOfBandReceived(self, data: bytes) -> None:
        """
        The player has moved.  Anything may come, in any order and more than once.
        """
        if len(data) != POSITION.size:
            return
        step, x, y = POSITION.unpack(data)
        # A datagram that was overtaken tells an old position.
        if step > self._step:
            self._step = step
            self._place = f"({x:.0f}, {y:.0f})"

    def lineReceived(self, line: bytes) -> None:
        """
        The player says something.
        """
        print(f"{line.decode(errors='replace')} [at {self._place}]", flush=True)
        for player in self._players - {self}:
            player.sendLine(line)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Leave the world.
        """
        self._players.discard(self)
        stats = self.transport.stats
        print(f"one left after {stats.OOBReceived} positions", flush=True)


class World(Factory):
    """
    Gives each newcomer an avatar.
    """

    def __init__(self) -> None:
        self._players: set[Avatar] = set()

    def buildProtocol(self, addr: IAddress | None) -> Avatar:
        """
        @return: an avatar.
        """
        return Avatar(self._players)


class Player(LineOnlyReceiver):
    """
    Walks, and prints what the others say.

    @ivar left: fires when the connection is over.
    """

    transport: KCPTransport
    delimiter = b"\n"

    def __init__(self, name: str) -> None:
        self._name = name
        self._step = 0
        self._walking = LoopingCall(self.walk)
        self.left: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """
        Set out.
        """
        self._walking.start(PACE).addErrback(self.stumble)

    def stumble(self, failure: Failure) -> None:
        """
        A step failed: the endpoint is without FEC.
        """
        print(failure.getErrorMessage(), flush=True)
        self.transport.abortConnection()

    def walk(self) -> None:
        """
        Take a step, and say where it led.  The datagram leaves at once, whatever the stream waits
        for.
        """
        angle = self._step / 10
        position = POSITION.pack(self._step, 100 * cos(angle), 100 * sin(angle))
        self.transport.sendOutOfBand(position)
        self._step += 1

    def say(self, text: str) -> None:
        """
        Say a line to all.
        """
        self.sendLine(f"{self._name}: {text}".encode())

    def lineReceived(self, line: bytes) -> None:
        """
        Somebody said something.
        """
        print(line.decode(errors="replace"), flush=True)

    def leave(self) -> None:
        """
        Close, when all that was said has arrived.
        """
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The program ends.
        """
        if self._walking.running:
            self._walking.stop()
        print(f"goodbye: {reason.getErrorMessage()}", flush=True)
        self.left.callback(None)


class Keyboard(LineOnlyReceiver):
    """
    Says what is typed.
    """

    delimiter = b"\n"

    def __init__(self, player: Player) -> None:
        self._player = player

    def lineReceived(self, line: bytes) -> None:
        """
        One line.
        """
        self._player.say(line.decode(errors="replace"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The input is at its end.
        """
        self._player.leave()


async def main(reactor: IReactorCore, role: str, endpoint: str, name: str = "somebody") -> None:
    """
    Open the world, or play in it.
    """
    if role == "open":
        port = await serverFromString(reactor, endpoint).listen(World())
        print(f"listening on port {port.getHost().port}", flush=True)
        await Deferred()
    else:
        player = Player(name)
        connecting = clientFromString(reactor, endpoint)
        await connecting.connect(Factory.forProtocol(lambda: player))
        print("connected", flush=True)
        StandardIO(Keyboard(player), reactor=reactor)
        await player.left


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("open", "play"):
        sys.exit(__doc__)
    react(main, sys.argv[1:])
