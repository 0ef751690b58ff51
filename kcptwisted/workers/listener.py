"""
A listener that shares its port, and its clients' moves, with other workers.
"""

from __future__ import annotations

from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.interfaces import Address
from kcptwisted.server.listener import KCPListener
from kcptwisted.server.newcomers import helloOf
from kcptwisted.session.session import KCPSession
from kcptwisted.wire.opening import Opening, readOpening
from kcptwisted.workers.interfaces import ISiblings, IStrayTaker


@implementer(IStrayTaker)
class SharingListener(KCPListener):
    """
    Hands over what is of other workers' sessions, and takes what they get of its own.
    """

    siblings: ISiblings
    # Whether what is looked at has been given back.
    _returned = False

    def join(self, siblings: ISiblings) -> None:
        """
        Know the other workers.  To be called before anything else.
        """
        self.siblings = siblings
        self._doorkeeper.onOpened = siblings.opened

    # Datagrams for others.

    def strangeDatagrams(self, datagrams: list[bytes], address: Address) -> None:
        """
        Hand on what has been handed on before; else as ever.
        """
        if self._returned or not self.siblings.follow(datagrams, address):
            super().strangeDatagrams(datagrams, address)

    def _isElsewhere(self, opening: Opening, datagrams: list[bytes], address: Address) -> bool:
        hello = helloOf(opening)
        if self._returned or (hello is not None and not self._doorkeeper.knowsToken(hello)):
            return False
        return self.siblings.claim(opening.conv, datagrams, address)

    def strayReturned(self, datagrams: list[bytes], address: Address) -> None:
        """
        See L{IStrayTaker.strayReturned}.
        """
        self._returned = True
        try:
            self.datagramsReceived(datagrams, address)
        finally:
            self._returned = False

    # Datagrams from others.

    def strayReceived(self, datagrams: list[bytes], address: Address) -> list[bytes]:
        """
        See L{IStrayTaker.strayReceived}.
        """
        if address in self.sessions:
            self.datagramsReceived(datagrams, address)
            return []
        now = self.clock.now()
        left = []
        for position, datagram in enumerate(datagrams):
            opening = readOpening(datagram)
            mover = None if opening is None else self._moverOf(opening)
            if opening is None:
                self.stats.InErrs += 1
            elif mover is not None:
                if self._proves(mover, opening, address, now):
                    self._move(mover, address)
                    self.datagramsReceived(datagrams[position:], address)
                    break
            elif not opening.opens and self._departed.remembers(address, opening.conv, now):
                self.stats.InErrs += 1
                self._answerLate(opening, address, now)
            else:
                left.append(datagram)
        return left

    def learn(self, keys: list[bytes]) -> None:
        """
        See L{IStrayTaker.learn}.
        """
        self._doorkeeper.learn(keys)

    # Its own sessions.

    def movable(self) -> list[int]:
        """
        See L{IStrayTaker.movable}.
        """
        return self._paths.conversations()

    def sessionGreeted(self, session: KCPSession) -> None:
        """
        If its peer may move, the others are to know.
        """
        super().sessionGreeted(session)
        if self._paths.find(session.conv) is session:
            self.siblings.began(session.conv)

    def _left(self, session: KCPSession, reason: Failure) -> None:
        movable = self._paths.find(session.conv) is session
        super()._left(session, reason)
        if movable:
            self.siblings.ended(session.conv)

    def connectionLost(self, reason: Failure) -> None:
        """
        The socket is closed.
        """
        try:
            super().connectionLost(reason)
        finally:
            self.siblings.stop()
