"""
Listening with several processes: what that means in the program itself, and in each worker.
"""

from __future__ import annotations

import os
import socket
import sys
from signal import SIGKILL
from typing import Any

from twisted.internet.defer import Deferred, execute, fail
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IProtocolFactory,
    IReactorFDSet,
    IReactorProcess,
    IStreamServerEndpoint,
)
from twisted.internet.stdio import StandardIO
from zope.interface import implementer

from kcptwisted.accounts import accountsOf
from kcptwisted.interfaces import Address, IKCPListeningPort
from kcptwisted.metrics.snapshot import snapshotOf
from kcptwisted.options import KCPOptions
from kcptwisted.server.listener import KCPListener
from kcptwisted.server.listening import KCPListeningPort
from kcptwisted.stack.protection import warnIfUnprotected
from kcptwisted.stack.socketstack import RandomBytes, SocketLayer
from kcptwisted.status.elsewhere import Looks
from kcptwisted.udp.addresses import ANY_IPV4, resolve
from kcptwisted.udp.opening import openShared
from kcptwisted.workers.commandline import commandAgain
from kcptwisted.workers.orders import COUNT, LOOK, Orders
from kcptwisted.workers.ports import AbsentPort, MasterPort
from kcptwisted.workers.role import INBOX, ORDERS, OUTBOXES, REPORTS, SOCKET, Place, Role, rosterOf
from kcptwisted.workers.siblings import Siblings
from kcptwisted.workers.strays import StrayTaker
from kcptwisted.workers.supervisor import Command, Supervisor


@implementer(IStreamServerEndpoint)
class SharedEndpoint:
    """
    What a server endpoint with C{workers} does.
    """

    def __init__(
        self,
        reactor: Any,
        port: int,
        options: KCPOptions,
        layers: tuple[SocketLayer, ...],
        randomBytes: RandomBytes,
    ) -> None:
        """
        See L{kcptwisted.endpoints.KCPServerEndpoint}.
        """
        self._reactor = reactor
        self._port = port
        self._options = options
        self._layers = layers
        self._randomBytes = randomBytes
        # Before the program goes elsewhere: its command line may name files from here.
        self._directory = os.getcwd()

    def listen(  # type: ignore[override]
        self, factory: IProtocolFactory
    ) -> Deferred[IKCPListeningPort]:
        """
        See L{kcptwisted.endpoints.KCPServerEndpoint.listen}.
        """
        options, reactor = self._options, self._reactor
        if not (IReactorProcess.providedBy(reactor) and IReactorFDSet.providedBy(reactor)):
            return fail(ValueError("workers must be 1 with a reactor that starts no processes"))
        roster = rosterOf(reactor)
        place = roster.arrive(options.interface, self._port)
        if roster.role is not None and roster.role.place == place:
            return execute(self._serve, roster.role, factory)
        interface = options.interface or ANY_IPV4[0]
        found = resolve(reactor, interface, self._port, options.timeout)
        if roster.role is not None:
            # Other workers are for this port.
            return found.addCallback(lambda addresses: AbsentPort(addresses[0]))
        return found.addCallback(lambda addresses: self._supervise(addresses[0], place))

    # In the program itself.

    def _supervise(self, address: Address, place: Place) -> Deferred[IKCPListeningPort]:
        command = Command(
            sys.executable, commandAgain(sys.orig_argv), self._directory, dict(os.environ)
        )
        options = self._options
        sockets = openShared(address, options, options.workers)
        try:
            supervisor = Supervisor(
                self._reactor,
                command,
                place,
                sockets,
                options.authenticated,
                _print,
                options.stopLimit,
            )
        except OSError as problem:
            # No descriptor is left for the workers' inboxes.
            for sock in sockets:
                sock.close()
            raise CannotListenError(*address[:2], problem) from None
        warnIfUnprotected(options, f"what arrives at kcp:{supervisor.address[1]}")
        return supervisor.start().addCallback(lambda _: MasterPort(supervisor, self._reactor))

    # In a worker.

    def _serve(self, role: Role, factory: IProtocolFactory) -> IKCPListeningPort:
        accounts = accountsOf(self._reactor)
        orders = Orders(
            self._reactor,
            lambda: os.kill(os.getpid(), SIGKILL),
            {
                COUNT: lambda _: [snapshotOf(each).encode().encode() for each in accounts.all()],
                LOOK: Looks(accounts, self._reactor.seconds).answer,
            },
        )
        connect: Any = StandardIO
        connect(orders, ORDERS, REPORTS, self._reactor)
        try:
            port = self._open(role, factory)
        except Exception as problem:
            orders.failed(problem)
            raise
        orders.listening(port)
        return port

    def _open(self, role: Role, factory: IProtocolFactory) -> KCPListeningPort:
        reactor, options = self._reactor, self._options
        sock = _inherit(SOCKET)
        siblings = None
        if role.talks:
            others = [number for number in range(role.total) if number != role.number]
            outboxes = {number: _inherit(at) for at, number in enumerate(others, OUTBOXES)}
            siblings = Siblings(reactor, role.number, _inherit(INBOX), outboxes)
        listener = KCPListener(reactor, options, factory, self._randomBytes, siblings)
        port = KCPListeningPort(listener, sock.getsockname(), self._layers, sock)
        port.startListening()
        if siblings is not None:
            siblings.start(StrayTaker(listener))
        return port


def _inherit(descriptor: int) -> socket.socket:
    """
    Returns a socket that the master has opened; programs that this one starts do not get it.
    """
    sock = socket.socket(fileno=descriptor)
    sock.set_inheritable(False)
    sock.setblocking(False)
    return sock


def _print(line: str, error: bool) -> None:
    # Looked up now: twistd puts its log in their place.
    print(line, file=sys.stderr if error else sys.stdout, flush=True)
