"""
The client: each connection that it takes becomes a stream.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectingCancelledError, TimeoutError
from twisted.internet.interfaces import IStreamClientEndpoint, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure

from kcptwisted.endpoints import KCPClientEndpoint
from kcptwisted.options import KCPOptions
from kcptwisted.services.kcptun.configuration import Configuration, configure
from kcptwisted.services.kcptun.flags import CLIENT
from kcptwisted.services.kcptun.joining import Joining
from kcptwisted.services.kcptun.mismatch import NO_ANSWER
from kcptwisted.services.kcptun.pool import SessionPool
from kcptwisted.services.kcptun.service import TunnelService
from kcptwisted.services.kcptun.sessions import ClientSession, SessionFactory
from kcptwisted.services.kcptun.settings import kcpOptions, smuxOptions

_log = Logger()


class Dialler:
    """
    Makes sessions, each from a socket of its own to one of the server's ports.
    """

    def __init__(
        self,
        reactor: Any,
        configuration: Configuration,
        options: KCPOptions,
        factory: SessionFactory,
        choose: Callable[[range], int] = random.choice,
    ) -> None:
        """
        @param reactor: as for L{KCPClientEndpoint}.
        @param options: KCP's.
        @param factory: makes the sessions.
        @param choose: returns one of several ports.
        """
        self._reactor = reactor
        self._server = configuration.udp
        self._options = options
        self._factory = factory
        self._choose = choose
        self.ended: Callable[[ClientSession], object] = lambda session: None

    def dial(self) -> Deferred[ClientSession]:
        """
        Makes a session.
        """
        port = self._choose(self._server.numbers)
        endpoint: IStreamClientEndpoint = KCPClientEndpoint(
            self._reactor, self._server.host, port, self._options
        )
        dialling: Deferred[Any] = endpoint.connect(self._factory)
        return dialling.addCallbacks(self._made, self._failed)

    def _made(self, carrier: Any) -> ClientSession:
        session = ClientSession(carrier)
        session.whenEnded().addCallback(lambda _: self.ended(session))
        return session

    def _failed(self, reason: Failure) -> Failure:
        if reason.check(ConnectingCancelledError):
            return reason
        hint = f"; {NO_ANSWER}" if reason.check(TimeoutError) else ""
        _log.warn(
            "Cannot reach {server}: {why}{hint}",
            server=self._server,
            why=reason.getErrorMessage().rstrip("."),
            hint=hint,
        )
        return reason


def _pool(reactor: Any, configuration: Configuration) -> tuple[SessionPool, SessionFactory]:
    number = configuration.number
    factory = SessionFactory(reactor, smuxOptions(configuration), not number("nocomp"), None)
    dialler = Dialler(reactor, configuration, kcpOptions(configuration), factory)
    pool = SessionPool(
        reactor, dialler.dial, number("conn"), number("autoexpire"), number("scavengettl")
    )
    dialler.ended = pool.ended
    return pool, factory


def clientPool(
    reactor: Any, flags: Sequence[str], environ: Mapping[str, str] | None = None
) -> SessionPool:
    """
    Makes an endpoint whose connections are streams of sessions with a kcptun server.

    @param reactor: as for L{KCPClientEndpoint}.
    @param flags: C{kcptun-client}'s; those about taking connections do not matter.
    @param environ: where KCPTUN_KEY is looked up; the process's environment if None.
    @raise ConfigurationError: if a flag is wrong.
    """
    environ = os.environ if environ is None else environ
    return _pool(reactor, configure(flags, CLIENT, environ))[0]


def makeClient(
    reactor: Any, configuration: Configuration, server: IStreamServerEndpoint
) -> TunnelService:
    """
    Makes the client's service.

    @param server: where to take connections.
    @raise ConfigurationError: if flags do not go together.
    """
    pool, factory = _pool(reactor, configuration)
    number = configuration.number
    joining = Joining(pool, reactor, number("closewait"), bool(number("quiet")))
    return TunnelService(reactor, configuration, [(server, joining)], joining, factory, pool)
