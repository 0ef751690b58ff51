"""
What a connection does for the search for its path's MTU: probes, their answers, smaller and larger
segments.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Protocol

from kcptwisted.arq.conversation import Conversation
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.connection.controls import Controls
from kcptwisted.connection.events import Event, Events
from kcptwisted.connection.liveness import Liveness
from kcptwisted.connection.pathmtu import PathMTU
from kcptwisted.connection.settings import ConnectionSettings
from kcptwisted.connection.timers import NEVER, Timer, TimerTable
from kcptwisted.stats import SessionStats
from kcptwisted.wire.segment import OVERHEAD, WASK, WINS, carries


@lru_cache(maxsize=64)
def resized(arq: ARQSettings, mtu: int) -> ARQSettings:
    """
    Returns the settings with another mtu; one object for all connections.
    """
    return replace(arq, mtu=mtu)


class SearchingConnection(Protocol):
    """
    A connection, as far as it concerns the search.

    @ivar search: None before there is anything to search for.
    @ivar fragments: datagrams may be fragmented on their way.
    """

    conversation: Conversation
    controls: Controls
    liveness: Liveness
    timers: TimerTable
    events: Events
    settings: ConnectionSettings
    stats: SessionStats
    search: MTUSearch | None
    fragments: bool


class MTUSearch:
    """
    The search of one connection.  It is made when the first full datagram leaves: a connection that
    sends none has nothing to search for.  Times are milliseconds.

    @ivar path: where the search stands.
    """

    __slots__ = (
        "_controls",
        "_conversation",
        "_events",
        "_liveness",
        "_settings",
        "_stats",
        "_timers",
        "path",
    )

    def __init__(self, connection: SearchingConnection, now: int) -> None:
        """
        @param connection: whose parts are used; it is not kept.
        """
        self._conversation = conversation = connection.conversation
        self._controls = connection.controls
        self._liveness = connection.liveness
        self._timers = connection.timers
        self._events = connection.events
        self._stats = connection.stats
        self._settings = settings = connection.settings
        self.path = PathMTU(settings.arq.mtu + settings.overhead, conversation.sender.una, now)

    @property
    def _cutAnew(self) -> int:
        """
        The first sn whose segment is cut from now on.
        """
        sender = self._conversation.sender
        return sender.next + len(sender.queue)

    def configure(self, settings: ConnectionSettings, now: int) -> None:
        """
        Uses other settings from now on.
        """
        self._settings = settings
        self._resize(now)

    def _resize(self, now: int) -> None:
        """
        Has segments cut by the size that the path carries, also those of a stream that wait.
        """
        conversation, settings = self._conversation, self._settings
        size = self.path.size
        before = conversation.sender.sendQueue.mss
        conversation.configure(resized(settings.arq, size - settings.overhead), now)
        queue = conversation.sender.sendQueue
        queue.recut()
        if queue.mss < before:
            self.path.resized(self._cutAnew)

    # Sending.

    def progress(self, now: int) -> bool:
        """
        Takes note of what has been acknowledged, before a flush.

        @return: whether datagrams may be fragmented on their way.
        """
        sender, path = self._conversation.sender, self.path
        if path.progress(sender.una, bool(sender.inFlight), sender.rtt.timeout, now):
            self._note(True, now)
        return path.fragments

    def flushed(self, isFull: bool, now: int) -> None:
        """
        Has a probe sent if one is due, after a flush.

        @param isFull: whether there was a full datagram.
        """
        path = self.path
        if now < path.due or not (isFull or path.probed or path.inDoubt):
            return
        sender = self._conversation.sender
        isPlain = not self._controls.takesProbes
        if path.probe(isPlain, self._conversation.questions, sender.rtt.timeout, now):
            self._events.append(Event.PROBE_MTU)
            self._timers.set(Timer.PATH_MTU, path.expires)
        elif path.probed:
            self._timers.set(Timer.PATH_MTU, path.due)

    def datagram(self, lower: int, now: int) -> bytes:
        """
        Returns the probe that is to leave.

        It is the question for the window that each KCP peer answers, padded.  It is no part of a
        FEC group, whose parity would be as long.

        @param lower: bytes that the layers below the connection's own add to it.
        """
        self._stats.MTUProbes += 1
        room = self.path.probed - lower - OVERHEAD
        data = self._controls.sizeProbe(self.path.number)
        return self._conversation.windowDatagram(now, WASK, data.ljust(room, b"\0"))

    # What arrives, or does not.

    def receive(self, datagrams: list[bytes], now: int) -> None:
        """
        Takes datagrams, of which one may answer a probe though it does not say so.
        """
        path, conversation = self.path, self._conversation
        if self._controls.takesProbes or not any(carries(each, WINS) for each in datagrams):
            return
        rtt = conversation.sender.rtt
        isChanged = path.answeredPlainly(conversation.questions, rtt.smoothed / 2, rtt.timeout, now)
        self._note(isChanged, now)

    def answered(self, number: int, now: int) -> None:
        """
        Takes the answer to a probe.
        """
        self._note(self.path.answered(number, now), now)

    def timeOut(self, now: int) -> None:
        """
        Takes note that a probe has not been answered in time.
        """
        if now >= self.path.expires:
            self._stats.MTUProbesLost += 1
            isHeard = self._liveness.heard > self.path.sent
            self._note(self.path.timedOut(isHeard, now), now)
        self._timers.clear(Timer.PATH_MTU)

    def tooBig(self, limit: int, isExact: bool, now: int) -> None:
        """
        Takes note of what the system says of the path; see L{PathMTU.tooBig}.
        """
        self._note(self.path.tooBig(limit, isExact, now), now)

    def reset(self, now: int) -> None:
        """
        Begins anew: the path is another one.
        """
        self.path.reset(self._conversation.sender.una, now)
        self._note(True, now)

    def _note(self, isChanged: bool, now: int) -> None:
        if isChanged:
            self._resize(now)
        if not self.path.isAwaiting:
            self._timers.set(Timer.PATH_MTU, self.path.due if self.path.probed else NEVER)


def searchOf(connection: SearchingConnection, now: int) -> MTUSearch:
    """
    Returns a connection's search, made if there is none yet.
    """
    if connection.search is None:
        connection.search = MTUSearch(connection, now)
    return connection.search


def flushed(connection: SearchingConnection, isFull: bool, now: int) -> None:
    """
    Goes on with a connection's search, which begins with the first full datagram, after a flush.

    @param isFull: whether there was a full datagram.
    """
    if connection.controls.unproven is None:
        searchOf(connection, now).flushed(isFull, now)


def reconfigure(connection: SearchingConnection, before: ConnectionSettings, now: int) -> None:
    """
    Takes note that a connection has other settings now.

    @param before: those that it had.
    """
    settings = connection.settings
    connection.fragments = settings.fragments
    if not settings.searchesMtu:
        connection.search = None
        connection.timers.clear(Timer.PATH_MTU)
    elif connection.search is not None or not before.searchesMtu:
        searchOf(connection, now).configure(settings, now)


def tooBig(connection: SearchingConnection, limit: int, isExact: bool, now: int) -> None:
    """
    Takes note of what the system says of a connection's path; see L{PathMTU.tooBig}.
    """
    if connection.settings.searchesMtu:
        searchOf(connection, now).tooBig(limit, isExact, now)
