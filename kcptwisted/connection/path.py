"""
Whether the peer, or the path to it, is still there.
"""

from __future__ import annotations

from kcptwisted.arq.conversation import Conversation
from kcptwisted.connection.controls import Controls
from kcptwisted.connection.events import Cause, End, Event, Events
from kcptwisted.connection.liveness import Finding, Liveness
from kcptwisted.connection.settings import ConnectionSettings

#: Questions without an answer after which a client looks for another way to its peer.
QUESTIONS_BEFORE_MOVING = 2

#: Milliseconds without a sign of life after which the path, not the peer, may be what is dead.
SILENCE = 5000


class PathWatch:
    """
    The watch over one connection's path.  Times are milliseconds.
    """

    __slots__ = ("_controls", "_conversation", "_events", "_liveness", "_settings")

    def __init__(
        self,
        conversation: Conversation,
        controls: Controls,
        liveness: Liveness,
        settings: ConnectionSettings,
        events: Events,
    ) -> None:
        """
        @param events: takes what has happened.
        """
        self._conversation = conversation
        self._controls = controls
        self._liveness = liveness
        self._settings = settings
        self._events = events

    def revived(self, now: int) -> bool:
        """
        Takes note that the peer has been heard after it was asked for a sign of life.

        @return: whether there is something to send.
        """
        liveness = self._liveness
        # What was sent into the silence need not wait for its timeouts, which have grown.
        long = liveness.unanswered > 1
        if long:
            self._conversation.sender.resendAll(now)
        liveness.revived()
        return long

    def look(self, now: int) -> End | None:
        """
        Sees whether the peer lives, when that is due.

        @return: why the connection ends, if it does.
        """
        liveness, settings = self._liveness, self._settings
        finding = liveness.look(now)
        if finding is Finding.SILENT:
            self._controls.question(now)
            if liveness.unanswered >= QUESTIONS_BEFORE_MOVING and self._controls.roams:
                self._events.append(Event.PATH_SILENT)
        elif finding is Finding.DEAD:
            return End(Cause.PEER_TIMEOUT, f"deadAfter={settings.deadAfter:g} seconds")
        elif finding is Finding.IDLE:
            return End(Cause.IDLE, f"idleTimeout={settings.idleTimeout:g} seconds")
        return None

    def isDead(self, now: int) -> bool:
        """
        Returns True if the peer acknowledged none of many copies of a segment, and no other way to
        it is still to be tried.
        """
        if not self._conversation.sender.deadLink:
            return False
        liveness, controls = self._liveness, self._controls
        mayMove = (
            controls.calls
            and controls.roams
            and self._settings.keepAlive > 0
            and liveness.unanswered <= QUESTIONS_BEFORE_MOVING
            and now - liveness.heard >= SILENCE
        )
        return not mayMove
