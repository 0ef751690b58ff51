"""
Makes sessions, for the endpoints of both ends.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IAddress, IProtocolFactory
from twisted.internet.protocol import Factory

from kcptwisted.smux.counters import SmuxStats
from kcptwisted.smux.options import SmuxOptions
from kcptwisted.smux.protocol import SmuxProtocol


class SmuxSessionFactory(Factory):
    """
    Makes sessions.

    @ivar sessions: those that are connected.
    """

    noisy = False

    def __init__(
        self,
        reactor: Any,
        options: SmuxOptions,
        stats: SmuxStats,
        streams: IProtocolFactory | None = None,
    ) -> None:
        """
        @param streams: makes the protocols of the streams of server sessions; None for those of
            clients.
        """
        self._reactor = reactor
        self._options = options
        self._stats = stats
        self._streams = streams
        self.sessions: list[SmuxProtocol] = []

    def doStart(self) -> None:
        """
        Starts the factory of the streams.
        """
        super().doStart()  # type: ignore[no-untyped-call]
        if self._streams is not None:
            self._streams.doStart()

    def doStop(self) -> None:
        """
        Stops the factory of the streams.
        """
        super().doStop()  # type: ignore[no-untyped-call]
        if self._streams is not None:
            self._streams.doStop()

    def buildProtocol(self, addr: IAddress | None) -> SmuxProtocol:
        """
        Returns a new session.
        """
        session = SmuxProtocol(
            self._reactor,
            self._options,
            isClient=self._streams is None,
            factory=self._streams,
            stats=self._stats,
        )
        self.sessions.append(session)
        session.whenEnded().addCallback(lambda _: self.sessions.remove(session))
        return session
