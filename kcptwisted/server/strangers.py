"""
Datagrams of no session: whether one opens a session, and what is the answer if it does not.
"""

from __future__ import annotations

from collections.abc import Callable

from kcptwisted.interfaces import Address
from kcptwisted.options import KCPOptions
from kcptwisted.server.ended import EndedSessions
from kcptwisted.server.newcomers import Newcomers, helloOf
from kcptwisted.stack.socketstack import SocketStack
from kcptwisted.wire.control import NO_TOKEN, Block, Frame, Reset, ResetReason, Retry, encodeBlock
from kcptwisted.wire.opening import Opening
from kcptwisted.wire.segment import WINS, controlSegment


class Strangers:
    """
    Decides about datagrams of no session, and answers without keeping anything.  Times are
    milliseconds.

    @ivar accepting: whether sessions are opened at all.
    """

    def __init__(
        self,
        options: KCPOptions,
        stack: SocketStack,
        newcomers: Newcomers,
        ended: EndedSessions,
    ) -> None:
        """
        @param stack: sends the answers.
        """
        self.accepting = True
        self._options = options
        self._stack = stack
        self._stats = stack.stats
        self._newcomers = newcomers
        self._ended = ended

    def mayOpen(
        self,
        opening: Opening,
        datagram: bytes,
        address: Address,
        now: int,
        evict: Callable[[Address], None],
    ) -> bool:
        """
        Returns True if a datagram opens a session.  If not, it is counted, and answered if that
        helps.

        @param opening: what C{datagram} says.
        @param evict: called with the address of a session that has to make room.
        """
        hello = helloOf(opening)
        late = self.isLate(opening, address, now)
        # A WINS answers what was asked in a session.
        mayBegin = opening.opens and opening.cmd != WINS
        if late or not mayBegin or not self.accepting:
            self._stats.InErrs += 1
            self.answerLate(opening, address, now)
        elif self._newcomers.isReplayed(opening, datagram):
            self._stats.InReplayed += 1
            self.answerLate(opening, address, now)
        elif (
            hello is None
            or not self._options.retry
            or self.isThere(hello, opening.conv, address, now)
        ):
            # An evicted session's protocol may stop the port.
            return self._newcomers.admits(address, now, evict) and self.accepting
        return False

    def isLate(self, opening: Opening, address: Address, now: int) -> bool:
        """
        Returns True if a datagram is a leftover of a conversation that has ended.
        """
        if helloOf(opening) is None:
            return self._ended.isLate(address, opening.conv, now)
        return self._ended.endedPlain(address, opening.conv, now)

    def answerLate(self, opening: Opening, address: Address, now: int) -> None:
        """
        Answers a peer that takes control frames that its session has ended.
        """
        if opening.cmd in (WINS, None):
            # An answer itself, or smaller than what would be the answer.
            return
        answer = self._ended.answerFor(address, opening.conv, now)
        block = opening.block
        if answer is not None:
            self._stack.sendStateless([answer], address)
        elif (
            block is not None
            and block.to != NO_TOKEN
            and not self._ended.remembers(address, opening.conv, now)
        ):
            self._reply(block, opening.conv, address, now, Reset(ResetReason.UNKNOWN))

    def isThere(self, hello: Block, conv: int, address: Address, now: int) -> bool:
        """
        Returns True if the sender of a hello has proven, by a cookie, that it receives at
        C{address}.  If not, it is sent one.
        """
        if self._newcomers.hasCookie(hello, conv, address, now):
            return True
        self._stats.RetriesSent += 1
        cookie = self._newcomers.cookieFor(hello, conv, address, now)
        self._reply(hello, conv, address, now, Retry(cookie))
        return False

    def _reply(self, block: Block, conv: int, address: Address, now: int, frame: Frame) -> None:
        data = encodeBlock(block.source, NO_TOKEN, [frame])
        window = self._options.windows.receive
        self._stack.sendStateless([controlSegment(conv, WINS, window, now, 0, data)], address)
