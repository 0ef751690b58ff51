"""
Following a client to another address.  Only a challenge is sent there until the client has proven,
by its answer, that it receives there and that it is the same client.
"""

from __future__ import annotations

from collections.abc import Callable

from kcptwisted.interfaces import Address
from kcptwisted.server.cookies import CookieJar
from kcptwisted.server.newcomers import helloOf
from kcptwisted.session.session import KCPSession
from kcptwisted.stats import PortStats
from kcptwisted.wire.control import TOKEN, Response
from kcptwisted.wire.opening import Opening

#: Milliseconds between two challenges of one session to one address.
CHALLENGE_INTERVAL = 250


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

    A challenge depends on the address, as a cookie does.  So somebody who sends recordings from
    other addresses does not keep the client from answering its own challenge.
    """

    def __init__(
        self,
        cookies: CookieJar,
        randomBytes: Callable[[int], bytes],
        stats: PortStats,
        send: Callable[[list[bytes], Address], object],
    ) -> None:
        """
        @param cookies: makes the challenges.
        @param randomBytes: gives so many random bytes.
        @param stats: count challenges, and datagrams that are dropped.
        @param send: sends a challenge.
        """
        self._cookies = cookies
        self._randomBytes = randomBytes
        self._stats = stats
        self._send = send
        self._roamers: dict[int, _Roamer] = {}

    def __len__(self) -> int:
        return len(self._roamers)

    def add(self, session: KCPSession) -> bool:
        """
        Takes note that C{session} may move.  Of several with one conversation id only the first
        can.

        @return: whether it can.
        """
        if session.conv not in self._roamers:
            self._roamers[session.conv] = _Roamer(session, self._randomBytes(TOKEN))
        return self._roamers[session.conv].session is session

    def remove(self, session: KCPSession) -> bool:
        """
        Forgets C{session}, which is over.

        @return: whether it could move.
        """
        roamer = self._roamers.get(session.conv)
        if roamer is None or roamer.session is not session:
            return False
        del self._roamers[session.conv]
        return True

    def sessionOf(self, opening: Opening) -> KCPSession | None:
        """
        Returns the session whose peer may have sent a datagram from another address.

        @param opening: what a datagram from an address without a session says.
        """
        roamer = self._roamers.get(opening.conv)
        if roamer is None:
            return None
        hello = helloOf(opening)
        if hello is not None and not roamer.session.connection.controls.isOwnHello(hello):
            return None
        return roamer.session

    def hasMoved(self, session: KCPSession, opening: Opening, address: Address, now: int) -> bool:
        """
        Returns True if a datagram proves that a session's peer is at C{address} now.  If not, it is
        counted as dropped, and proof is asked for.

        @param session: one that may move.
        @param now: milliseconds.
        """
        block = opening.block
        response = (
            None
            if block is None or not session.connection.controls.isPeer(block)
            else block.find(Response)
        )
        if isinstance(response, Response) and self._isProof(session, address, response.data, now):
            return True
        self._stats.InErrs += 1
        challenge = self._challenge(session, address, now)
        if challenge is not None:
            self._stats.PathsChallenged += 1
            self._send([challenge], address)
        return False

    def conversations(self) -> list[int]:
        """
        Returns the conversations of the sessions that may move.
        """
        return list(self._roamers)

    def _challenge(self, session: KCPSession, address: Address, now: int) -> bytes | None:
        """
        Returns a datagram to send to where the peer might be; None if one went there a moment ago.
        """
        roamer = self._roamers[session.conv]
        if roamer.address == address and now - roamer.challenged < CHALLENGE_INTERVAL:
            return None
        roamer.address = address
        roamer.challenged = now
        challenge = self._cookies.make(address, session.conv, roamer.nonce, now)
        return session.connection.controls.challengeDatagram(challenge, now)

    def _isProof(self, session: KCPSession, address: Address, data: bytes, now: int) -> bool:
        """
        Returns True if C{data} answers a challenge that was sent to C{address} lately.  If so, all
        earlier challenges become invalid.
        """
        roamer = self._roamers[session.conv]
        if not self._cookies.check(data, address, session.conv, roamer.nonce, now):
            return False
        roamer.nonce = self._randomBytes(TOKEN)
        return True
