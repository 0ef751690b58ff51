"""
Which newcomers a listener takes: limits, cookies, and nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kcptwisted.interfaces import Address
from kcptwisted.options import KCPOptions
from kcptwisted.server.admission import Admission, Admittance
from kcptwisted.server.cookies import CookieJar
from kcptwisted.server.replays import ReplayMemory
from kcptwisted.session.session import KCPSession
from kcptwisted.stats import PortStats
from kcptwisted.wire.control import Block, Cookie, Hello
from kcptwisted.wire.fec import DATA, FEC_OVERHEAD, packetType
from kcptwisted.wire.opening import Opening, opensNone, readOpening

#: Bytes of a secret.
SECRET = 32

#: Datagrams of a session, counted from the first acknowledgement of data, that are remembered if
#: they could have opened it.
WATCHED = 64

#: Of later batches that are larger nothing is remembered: they belong to a transfer under way.
LARGEST_REMEMBERED_BATCH = 4


def helloOf(opening: Opening) -> Block | None:
    """
    Returns the control frames of a datagram, if they say hello.
    """
    block = opening.block
    return None if block is None or block.find(Hello) is None else block


class Newcomers:
    """
    Decides about newcomers, and counts those that it refuses.  Times are milliseconds.

    @ivar cookies: makes what newcomers prove their address with.
    """

    def __init__(
        self,
        options: KCPOptions,
        stats: PortStats,
        randomBytes: Callable[[int], bytes],
        onOpened: Callable[[list[bytes]], object],
    ) -> None:
        """
        @param randomBytes: gives so many random bytes.
        @param onOpened: called with what opened sessions, or could have.
        """
        self._options = options
        self._stats = stats
        self._admission = Admission(
            options.maxSessions, options.maxSessionsPerHost, options.acceptRate
        )
        self.cookies = CookieJar(randomBytes(SECRET))
        self._replays = ReplayMemory(randomBytes(SECRET))
        self._onOpened = onOpened
        # How many datagrams of each session are still watched once its peer acknowledges data.
        self._watched: dict[KCPSession, int] = {}
        # The invented addresses under which sessions that are over count: their own are free.
        self._parked: dict[KCPSession, Address] = {}
        self._parkings = 0

    def __len__(self) -> int:
        """
        Returns how many sessions are counted.
        """
        return len(self._admission)

    def isReplayed(self, opening: Opening, datagram: bytes) -> bool:
        """
        Returns True if a datagram has opened a session before, or could have.  A hello's token
        opens one session at most, whatever the cipher.
        """
        hello = helloOf(opening)
        if hello is not None and self.knowsToken(hello):
            return True
        return self._options.authenticated and self._replays.seen(_withoutFEC(datagram))

    def knowsToken(self, hello: Block) -> bool:
        """
        Returns True if a session has been opened for who says hello.
        """
        return self._replays.seen(hello.source)

    def cookieFor(self, hello: Block, conv: int, address: Address, now: int) -> bytes:
        """
        Returns the cookie that a client has to repeat its hello with.
        """
        return self.cookies.make(address, conv, hello.source, now)

    def hasCookie(self, hello: Block, conv: int, address: Address, now: int) -> bool:
        """
        Returns True if a hello carries a cookie that was made for it.
        """
        cookie = hello.find(Cookie)
        return isinstance(cookie, Cookie) and self.cookies.check(
            cookie.cookie, address, conv, hello.source, now
        )

    def admits(self, address: Address, now: int, evict: Callable[[Address], None]) -> bool:
        """
        Returns True if there is room for a newcomer.

        @param evict: called with the address of a session that has to end to make room.
        """
        verdict = self._admission.verdict(address, now)
        if verdict in (Admittance.FULL, Admittance.HOST_FULL):
            victim = self._admission.candidate(address, now)
            if victim is not None:
                self._stats.SessionsEvicted += 1
                evict(victim)
                verdict = self._admission.verdict(address, now)
        self._stats.RefusedFull += verdict is Admittance.FULL
        self._stats.RefusedHostFull += verdict is Admittance.HOST_FULL
        self._stats.RefusedTooFast += verdict is Admittance.TOO_FAST
        return verdict is Admittance.ADMIT

    def opened(self, opening: Opening, session: KCPSession, now: int, unproven: bool) -> None:
        """
        Counts a newcomer that has a session.

        @param unproven: whether its address may be forged: see L{watch}.
        """
        self._admission.opened(session.address, now, unproven)
        self._watched[session] = WATCHED
        hello = helloOf(opening)
        if hello is not None:
            self._remember([hello.source])

    def _remember(self, keys: list[bytes]) -> None:
        self.learn(keys)
        if keys:
            self._onOpened(keys)

    def learn(self, keys: list[bytes]) -> None:
        """
        Takes note of what opened a session, or could have, here or elsewhere.
        """
        self._replays.remember(keys)

    def watch(self, session: KCPSession, datagrams: list[bytes], now: int) -> bool:
        """
        Takes note of what a new session has been given.  It may be over by now.

        Until its peer acknowledges data, all that it sends first may come again in other words.

        @return: whether to be called for what the session is given next.
        """
        if session.stats.InPkts <= WATCHED or len(datagrams) <= LARGEST_REMEMBERED_BATCH:
            self._remember(list(self._reusable(session, datagrams)))
        left = self._watched.get(session)
        if left is None:
            return False
        if session.connection.controls.unproven is None:
            self._admission.proven(session.address)
        else:
            self._admission.heard(session.address, now)
        if session.connection.lifecycle.mayReturn or not self._options.authenticated:
            left -= len(datagrams)
            self._watched[session] = left
            if left <= 0 and session.connection.controls.unproven is None:
                del self._watched[session]
                return False
        return True

    def _reusable(self, session: KCPSession, datagrams: list[bytes]) -> Iterator[bytes]:
        """
        Returns what to recognise those datagrams by that could open C{session} once more.
        """
        for datagram in datagrams:
            if opensNone(datagram):
                # Most are like this, and readOpening would take as long as the cipher.
                continue
            opening = readOpening(datagram)
            if opening is None or opening.conv != session.conv or not opening.opens:
                continue
            hello = helloOf(opening)
            if hello is not None:
                if not session.connection.controls.isOwnHello(hello):
                    continue
                yield hello.source
            if self._options.authenticated:
                yield _withoutFEC(datagram)

    def moved(self, old: Address, new: Address) -> None:
        """
        Counts a session at another address.
        """
        self._admission.moved(old, new)

    def parked(self, session: KCPSession) -> None:
        """
        Counts a session that is over until L{closed} is called.  Its address is free for another.
        """
        self._watched.pop(session, None)
        self._parkings += 1
        # No peer has a negative port.
        place: Address = (session.address[0], -self._parkings)
        self._parked[session] = place
        self._admission.moved(session.address, place)

    def closed(self, session: KCPSession) -> None:
        """
        Counts a session no more: it has ended.
        """
        self._watched.pop(session, None)
        self._admission.closed(self._parked.pop(session, session.address))


def _withoutFEC(datagram: bytes) -> bytes:
    """
    Returns the segments, as a session is given them; an out-of-band packet as it is.
    """
    return datagram[FEC_OVERHEAD:] if packetType(datagram) == DATA else datagram
