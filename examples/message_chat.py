"""
A chat room in message mode: with C{stream=no} each C{write} arrives as one C{dataReceived}.

Run the room and any number of members, with C{stream=no} at both ends::

    python examples/message_chat.py open "kcp:4000:stream=no:key=sesame"
    python examples/message_chat.py join "kcp:127.0.0.1:4000:stream=no:key=sesame" Alice

Each line that a member types is sent to all others.  The end of the input (Ctrl-D) leaves the room.
"""

from __future__ import annotations

import sys

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.interfaces import IAddress, IReactorCore
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.stdio import StandardIO
from twisted.internet.task import react
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from kcptwisted.interfaces import IKCPTransport


class Seat(Protocol):
    """
    One member, at the server.
    """

    transport: IKCPTransport

    def __init__(self, members: set[Seat]) -> None:
        """
        @param members: all members in the room.
        """
        self._members = members

    def connectionMade(self) -> None:
        """
        Enters the room.
        """
        self._members.add(self)

    def dataReceived(self, data: bytes) -> None:
        """
        Passes a message on.
        """
        for member in self._members - {self}:
            member.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Leaves the room.  The keepalive notices members that are gone.
        """
        self._members.discard(self)
        print(f"{len(self._members)} left: {reason.getErrorMessage()}", flush=True)


class Room(Factory):
    """
    Makes a seat for each new member.
    """

    def __init__(self) -> None:
        self._members: set[Seat] = set()

    def buildProtocol(self, addr: IAddress | None) -> Seat:
        """
        Makes a seat.
        """
        return Seat(self._members)


class Member(Protocol):
    """
    One member, at the client.  It prints what the others say.

    @ivar left: fires when the connection has ended.
    """

    transport: IKCPTransport

    def __init__(self, name: str) -> None:
        self._name = name
        self.left: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """
        Tells the others who has joined.
        """
        self.say("has joined")

    def say(self, text: str) -> None:
        """
        Sends a message.
        """
        self.transport.write(f"{self._name}: {text}".encode())

    def leave(self) -> None:
        """
        Closes the connection after all that was said has arrived.
        """
        self.transport.loseConnection()

    def dataReceived(self, data: bytes) -> None:
        """
        Prints a message.
        """
        print(data.decode(errors="replace"), flush=True)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Prints why the connection ended, and fires C{left}.
        """
        print(f"goodbye: {reason.getErrorMessage()}", flush=True)
        self.left.callback(None)


class Keyboard(LineOnlyReceiver):
    """
    Sends what is typed.
    """

    delimiter = b"\n"

    def __init__(self, member: Member) -> None:
        self._member = member

    def lineReceived(self, line: bytes) -> None:
        """
        Sends a line as one message.
        """
        self._member.say(line.decode(errors="replace"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Leaves the room at the end of the input.
        """
        self._member.leave()


async def main(reactor: IReactorCore, role: str, endpoint: str, name: str = "somebody") -> None:
    """
    Opens the room, or joins it.
    """
    if role == "open":
        port = await serverFromString(reactor, endpoint).listen(Room())
        print(f"listening on port {port.getHost().port}", flush=True)
        await Deferred()
    else:
        member = Member(name)
        connecting = clientFromString(reactor, endpoint)
        await connecting.connect(Factory.forProtocol(lambda: member))
        print("connected", flush=True)
        StandardIO(Keyboard(member), reactor=reactor)
        await member.left


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("open", "join"):
        sys.exit(__doc__)
    react(main, sys.argv[1:])
