"""
The two kinds of messages of a game: the players' positions, sent out-of-band, and what the players
say, sent on the stream.

Run the world and any number of players.  Out-of-band datagrams need FEC at the end that sends them,
so both ends have its options::

    python examples/outofband_position.py open "kcp:4000:dataShards=10:parityShards=3:key=sesame"
    python examples/outofband_position.py play \\
        "kcp:127.0.0.1:4000:dataShards=10:parityShards=3:key=sesame" Alice

Each player walks in a circle and sends its position to the world ten times a second.  A lost
position is not worth sending again, because the next one is better.  A line that is typed must
arrive: it is sent on the stream, and the world passes it on to the other players.  The end of the
input (Ctrl-D) leaves the world.
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

from kcptwisted.interfaces import IKCPTransport, IOutOfBandProtocol

#: The number of the step, x, y.  A datagram holds 1360 bytes here, more than a hundred positions.
POSITION = struct.Struct("<Iff")

#: Seconds between two steps.
PACE = 0.1


# Without this line the world would get no positions: the transport passes out-of-band datagrams
# only to protocols that provide this interface.
@implementer(IOutOfBandProtocol)
class Avatar(LineOnlyReceiver):
    """
    One player, at the server.
    """

    transport: IKCPTransport
    delimiter = b"\n"

    def __init__(self, players: set[Avatar]) -> None:
        """
        @param players: all players in the world.
        """
        self._players = players
        self._step = -1
        self._place = "nowhere yet"

    def connectionMade(self) -> None:
        """
        Enters the world.
        """
        self._players.add(self)

    def outOfBandReceived(self, data: bytes) -> None:
        """
        Takes the player's position.  Any data may arrive, in any order and more than once.
        """
        if len(data) != POSITION.size:
            return
        step, x, y = POSITION.unpack(data)
        # A datagram that was overtaken has an old position.
        if step > self._step:
            self._step = step
            self._place = f"({x:.0f}, {y:.0f})"

    def lineReceived(self, line: bytes) -> None:
        """
        Passes on what the player says.
        """
        print(f"{line.decode(errors='replace')} [at {self._place}]", flush=True)
        for player in self._players - {self}:
            player.sendLine(line)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Leaves the world.
        """
        self._players.discard(self)
        stats = self.transport.stats
        print(f"one left after {stats.OOBReceived} positions", flush=True)


class World(Factory):
    """
    Makes an avatar for each new player.
    """

    def __init__(self) -> None:
        self._players: set[Avatar] = set()

    def buildProtocol(self, addr: IAddress | None) -> Avatar:
        """
        Makes an avatar.
        """
        return Avatar(self._players)


class Player(LineOnlyReceiver):
    """
    One player, at the client.  It walks, and prints what the others say.

    @ivar left: fires when the connection has ended.
    """

    transport: IKCPTransport
    delimiter = b"\n"

    def __init__(self, name: str) -> None:
        self._name = name
        self._step = 0
        self._walking = LoopingCall(self.walk)
        self.left: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """
        Begins to walk.
        """
        self._walking.start(PACE).addErrback(self.stumble)

    def stumble(self, failure: Failure) -> None:
        """
        Ends the connection after a step that failed: the endpoint has no FEC.
        """
        print(failure.getErrorMessage(), flush=True)
        self.transport.abortConnection()

    def walk(self) -> None:
        """
        Walks one step, and sends the position.  The datagram is sent at once, even if the stream
        has to wait.
        """
        angle = self._step / 10
        position = POSITION.pack(self._step, 100 * cos(angle), 100 * sin(angle))
        self.transport.sendOutOfBand(position)
        self._step += 1

    def say(self, text: str) -> None:
        """
        Sends a line to all.
        """
        self.sendLine(f"{self._name}: {text}".encode())

    def lineReceived(self, line: bytes) -> None:
        """
        Prints what another player says.
        """
        print(line.decode(errors="replace"), flush=True)

    def leave(self) -> None:
        """
        Closes the connection after all that was said has arrived.
        """
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Prints why the connection ended, and fires C{left}.
        """
        if self._walking.running:
            self._walking.stop()
        print(f"goodbye: {reason.getErrorMessage()}", flush=True)
        self.left.callback(None)


class Keyboard(LineOnlyReceiver):
    """
    Sends what is typed.
    """

    delimiter = b"\n"

    def __init__(self, player: Player) -> None:
        self._player = player

    def lineReceived(self, line: bytes) -> None:
        """
        Sends a line.
        """
        self._player.say(line.decode(errors="replace"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Leaves the world at the end of the input.
        """
        self._player.leave()


async def main(reactor: IReactorCore, role: str, endpoint: str, name: str = "somebody") -> None:
    """
    Opens the world, or plays in it.
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
