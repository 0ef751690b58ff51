"""
Following a client to another address: nothing but a challenge is sent there before the client has
shown, by the answer, that it is there and that it is the same.
"""

from __future__ import annotations

from collections.abc import Callable

from kcptwisted.interfaces import Address
from kcptwisted.server.cookies import CookieJar
from kcptwisted.session.session import KCPSession
from kcptwisted.wire.control import TOKEN

#: Milliseconds between two challenges of one session to one address.
PAUSE = 250


class _Roamer:
    """
    A session that may move.

    @ivar nonce: what its challenges are made with, until it moves.
    @ivar address: where the last challenge went.
    @ivar challenged: when, milliseconds.
    """

    __slots__ = ("address", "challenged", "nonce", "session")

    def __init__(self, session: KCPSession, nonce: bytes) -> None:
        self.session = session
        self.nonce = nonce
        self.address: Address | None = None
        self.challenged = 0


class PathChecks:
    """
    The sessions that may move, by conversation.

    A challenge is made of the address, as a cookie is.  So recordings that somebody sends from
    other addresses do not keep the client from answering its own.
    """

    def __init__(self, cookies: CookieJar, randomBytes: Callable[[int], bytes]) -> None:
        """
        @param cookies: makes the challenges.
        @param randomBytes: gives so many random bytes.
        """
        self._cookies = cookies
        self._randomBytes = randomBytes
        self._roamers: dict[int, _Roamer] = {}

    def add(self, session: KCPSession) -> None:
        """
        C{session} may move.  Of several with one conversation id only the first can.
        """
        if session.conv not in self._roamers:
            self._roamers[session.conv] = _Roamer(session, self._randomBytes(TOKEN))

    def remove(self, session: KCPSession) -> None:
        """
        C{session} is over.
        """
        if self.find(session.conv) is session:
            del self._roamers[session.conv]

    def find(self, conv: int) -> KCPSession | None:
        """
        @return: the session of that conversation, if it may move.
        """
        roamer = self._roamers.get(conv)
        return None if roamer is None else roamer.session

    def conversations(self) -> list[int]:
        """
        @return: those of the sessions that may move.
        """
        return list(self._roamers)

    def challenge(self, session: KCPSession, address: Address, now: int) -> bytes | None:
        """
        @param session: one that may move.
        @param address: where its peer might be.
        @param now: milliseconds.
        @return: a datagram to send there; None if one went there a moment ago.
        """
        roamer = self._roamers[session.conv]
        if roamer.address == address and now - roamer.challenged < PAUSE:
            return None
        roamer.address = address
        roamer.challenged = now
        return session.challenge(self._cookies.make(address, session.conv, roamer.nonce, now))

    def isProof(self, session: KCPSession, address: Address, data: bytes, now: int) -> bool:
        """
        Whether C{data} answers a challenge that went to C{address} lately.  If so, no challenge
        that was made before is good any more.

        @param session: one that may move.
        @param now: milliseconds.
        """
        roamer = self._roamers[session.conv]
        if not self._cookies.check(data, address, session.conv, roamer.nonce, now):
            return False
        roamer.nonce = self._randomBytes(TOKEN)
        return True
