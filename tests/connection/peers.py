"""
The other end of a connection, made up.
"""

from __future__ import annotations

from kcptwisted.connection.settings import ConnectionSettings
from kcptwisted.connection.states import State
from kcptwisted.wire.control import TOKEN, Fin, FinAck, Frame, Hello, encodeBlock
from kcptwisted.wire.segment import ACK, PUSH, WASK, WINS
from tests.connection.datagrams import segment
from tests.connection.driving import SETTINGS, Party


class Peer:
    """
    The other end of a connection, made of datagrams that a test makes up.

    @ivar party: the end under test.
    """

    def __init__(self, party: Party, token: bytes = b"peerpeer") -> None:
        self.party = party
        self.token = token

    def block(self, *some: Frame, cmd: int = WINS, una: int | None = None) -> bytes:
        """
        @return: frames in a datagram that names both ends rightly.
        """
        channel = self.party.connection.controls.channel
        to = bytes(TOKEN) if channel is None else channel.token
        if una is None:
            una = self.party.connection.conversation.sender.next
        return segment(cmd, una=una, data=encodeBlock(to, self.token, some))

    def hello(self, window: int = 512, features: int = 0, una: int = 0) -> bytes:
        """
        @return: a hello, or the answer to one.
        """
        return self.block(Hello(features, window), una=una)

    def fin(self, sn: int, both: bool = True) -> bytes:
        """
        @return: a FIN.
        """
        return self.block(Fin(sn, both), cmd=WASK)

    def finAck(self, sn: int, both: bool = True) -> bytes:
        """
        @return: the answer to one.
        """
        return self.block(FinAck(sn, both))

    @staticmethod
    def lastFin(sn: int) -> Fin:
        """
        @return: the FIN of an end that closes the connection.
        """
        return Fin(sn, True)

    def ack(self, sn: int) -> bytes:
        """
        @return: the acknowledgement of data, and of all before.
        """
        return segment(ACK, sn, sn + 1, ts=self.party.now)

    def push(self, sn: int, data: bytes) -> bytes:
        """
        @return: data.
        """
        una = self.party.connection.conversation.sender.next
        return segment(PUSH, sn, una, data)


def established(settings: ConnectionSettings = SETTINGS) -> tuple[Party, Peer]:
    """
    @return: an end that has called, and the peer that has answered.
    """
    party = Party(settings)
    peer = Peer(party)
    party.call()
    party.flush()
    party.receive([peer.hello()])
    party.flush()
    party.take()
    assert party.state is State.ESTABLISHED
    return party, peer
