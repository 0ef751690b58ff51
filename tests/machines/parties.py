"""
Protocols that know what their peers have written, for the state machines.
"""

from __future__ import annotations

from random import Random
from typing import cast

from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.arq.sendqueue import MessageTooLong
from kcptwisted.session import KCPTransport

#: What is written is cut out of this, from another place for each party.
TEXT = Random(0).randbytes(1 << 16) * 2


class Party(Protocol):
    """
    One end of a connection.

    @ivar conv: the conversation id.
    @ivar written: the writes that were taken.
    @ivar pieces: each dataReceived's data.
    @ivar reasons: each connectionLost's reason.
    @ivar wrong: what must not have happened.
    @ivar closed: loseConnection was called.
    @ivar meddled: something was done after which data may be lost.
    @ivar dead: its process is gone.
    @ivar paused: nothing is to be delivered.
    @ivar hesitates: it pauses with each delivery.
    """

    def __init__(self, number: int, stream: bool) -> None:
        """
        @param number: different for each party.
        """
        self._random = Random(number)
        self._stream = stream
        self.conv = 0
        self.written: list[bytes] = []
        self.pieces: list[bytes] = []
        self.reasons: list[Failure] = []
        self.wrong: list[str] = []
        self.paused = self.hesitates = False
        self.closed = self.sealed = self.meddled = self.dead = False

    @property
    def session(self) -> KCPTransport:
        """
        The transport, by its type.
        """
        return cast(KCPTransport, self.transport)

    @property
    def open(self) -> bool:
        """
        Whether its application can do something with it.
        """
        return not (self.reasons or self.dead)

    def connectionMade(self) -> None:
        """
        Note.
        """
        self.conv = self.session.conv
        if self.reasons or self.pieces:
            self.wrong.append("made late")

    def dataReceived(self, data: bytes) -> None:
        """
        Note.
        """
        if self.reasons:
            self.wrong.append("data after connectionLost")
        if not data:
            self.wrong.append("no data")
        if self.paused:
            self.wrong.append("data although paused")
        self.pieces.append(data)
        if self.hesitates:
            self.pause()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Note.
        """
        if self.reasons:
            self.wrong.append("lost twice")
        self.reasons.append(reason)

    def pause(self) -> None:
        """
        Take nothing more.
        """
        self.paused = True
        self.session.pauseProducing()

    def resume(self) -> None:
        """
        Go on.
        """
        self.paused = False
        self.session.resumeProducing()

    def say(self, size: int) -> None:
        """
        Write C{size} bytes.
        """
        start = self._random.randrange(1 << 16)
        data = TEXT[start : start + size]
        before = self.session.stats.BytesSent
        try:
            self.session.write(data)
        except MessageTooLong:
            return
        if self.session.stats.BytesSent > before:
            # Not dropped: this end, and the peer, had not closed.
            self.written.append(data)

    def heard(self, peer: Party) -> bool:
        """
        Whether all that was received is the beginning of what C{peer} wrote.
        """
        if self._stream:
            return b"".join(peer.written).startswith(b"".join(self.pieces))
        return peer.written[: len(self.pieces)] == self.pieces

    def heardAll(self, peer: Party) -> bool:
        """
        Whether that is all that C{peer} wrote.
        """
        return self.heard(peer) and sum(map(len, peer.written)) == sum(map(len, self.pieces))


@implementer(IHalfCloseableProtocol)
class HalfCloseableParty(Party):
    """
    One that goes on when one direction is closed.
    """

    def __init__(self, number: int, stream: bool) -> None:
        """
        See L{Party}.
        """
        super().__init__(number, stream)
        self._ends: list[str] = []

    def _note(self, end: str) -> None:
        if end in self._ends or self.reasons:
            self.wrong.append(end)
        self._ends.append(end)

    def readConnectionLost(self) -> None:
        """
        Note.
        """
        self._note("read")

    def writeConnectionLost(self) -> None:
        """
        Note.
        """
        self._note("write")

    def dataReceived(self, data: bytes) -> None:
        """
        Note.
        """
        if "read" in self._ends:
            self.wrong.append("data after readConnectionLost")
        super().dataReceived(data)


class PartyFactory(Factory):
    """
    Makes parties.

    @ivar made: all of them.
    @ivar halfCloseable: whether the next ones are.
    """

    noisy = False

    def __init__(self, stream: bool, first: int) -> None:
        """
        @param first: the number of the first.
        """
        self.made: list[Party] = []
        self.halfCloseable = False
        self._stream = stream
        self._first = first

    def buildProtocol(self, addr: IAddress | None) -> Party:
        """
        @return: a new one.
        """
        kind = HalfCloseableParty if self.halfCloseable else Party
        party = kind(self._first + len(self.made), self._stream)
        self.made.append(party)
        return party
