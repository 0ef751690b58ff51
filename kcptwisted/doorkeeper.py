"""
Which newcomers a listener takes: limits, cookies, and nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable

from kcptwisted.admission import Admission, Verdict
from kcptwisted.control.frames import Block, Cookie, Hello
from kcptwisted.firstcontact import Opening, readOpening
from kcptwisted.interfaces import Address
from kcptwisted.options import KCPOptions
from kcptwisted.replay import ReplayMemory
from kcptwisted.retry import CookieJar
from kcptwisted.stats import PortStats

#: Bytes of a secret.
SECRET = 32

#: Datagrams of a new session that are remembered if they could have opened it.
WATCHED = 64


def helloOf(opening: Opening) -> Block | None:
    """
    @return: the control frames of a datagram, if they say hello.
    """
    block = opening.block
    return None if block is None or block.find(Hello) is None else block


class Doorkeeper:
    """
    Decides about newcomers, and counts those that it refuses.  Times are milliseconds.
    """

    def __init__(
        self, options: KCPOptions, stats: PortStats, randomBytes: Callable[[int], bytes]
    ) -> None:
        """
        @param randomBytes: gives so many random bytes.
        """
        self._options = options
        self._stats = stats
        self._admission = Admission(
            options.maxSessions, options.maxSessionsPerHost, options.acceptRate
        )
        self.cookies = CookieJar(randomBytes(SECRET))
        self._replays = ReplayMemory(randomBytes(SECRET))
        # How many datagrams of a new session are still watched.
        self._newcomers: dict[Address, int] = {}

    def isReplayed(self, opening: Opening, datagram: bytes) -> bool:
        """
        Whether a datagram has opened a session before, or could have.  A hello's token is for one
        session, whatever the cipher.
        """
        hello = helloOf(opening)
        if hello is not None and self._replays.seen(hello.source):
            return True
        return self._options.authenticated and self._replays.seen(datagram)

    def cookieFor(self, hello: Block, conv: int, address: Address, now: int) -> bytes:
        """
        @return: the cookie that a hello should come back with.
        """
        return self.cookies.make(address, conv, hello.source, now)

    def hasCookie(self, hello: Block, conv: int, address: Address, now: int) -> bool:
        """
        Whether a hello comes with a cookie that was given to it.
        """
        cookie = hello.find(Cookie)
        return isinstance(cookie, Cookie) and self.cookies.check(
            cookie.cookie, address, conv, hello.source, now
        )

    def admits(self, address: Address, now: int, evict: Callable[[Address], None]) -> bool:
        """
        Whether there is room for a newcomer.

        @param evict: called with the address of a session that has to make room.
        """
        verdict = self._admission.verdict(address, now)
        if verdict in (Verdict.FULL, Verdict.HOST_FULL):
            victim = self._admission.candidate(address, now)
            if victim is not None:
                self._stats.SessionsEvicted += 1
                evict(victim)
                verdict = self._admission.verdict(address, now)
        self._stats.RefusedFull += verdict is Verdict.FULL
        self._stats.RefusedHostFull += verdict is Verdict.HOST_FULL
        self._stats.RefusedTooFast += verdict is Verdict.TOO_FAST
        return verdict is Verdict.ADMIT

    def opened(self, opening: Opening, address: Address, now: int, unproven: bool) -> None:
        """
        A newcomer has a session.

        @param unproven: whether its address may be forged.
        """
        self._admission.opened(address, now, unproven)
        self._newcomers[address] = WATCHED
        hello = helloOf(opening)
        if hello is not None:
            self._replays.remember([hello.source])

    def watches(self, address: Address) -> bool:
        """
        Whether L{watch} wants to see the datagrams from C{address}.
        """
        return address in self._newcomers

    def watch(self, datagrams: list[bytes], address: Address, before: int) -> None:
        """
        Take note of a new session's first datagrams.

        @param before: how many came before.
        """
        done = before + len(datagrams) > 1
        if done:
            self._admission.proven(address)
        if self._options.authenticated:
            watched = datagrams[: self._newcomers[address]]
            self._newcomers[address] -= len(watched)
            self._replays.remember(filter(_couldOpen, watched))
            done = not self._newcomers[address]
        if done:
            del self._newcomers[address]

    def moved(self, old: Address, new: Address) -> None:
        """
        A session has another address now.
        """
        self._newcomers.pop(old, None)
        self._admission.moved(old, new)

    def closed(self, address: Address) -> None:
        """
        A session has ended.
        """
        self._newcomers.pop(address, None)
        self._admission.closed(address)


def _couldOpen(datagram: bytes) -> bool:
    opening = readOpening(datagram)
    return opening is not None and opening.opens
