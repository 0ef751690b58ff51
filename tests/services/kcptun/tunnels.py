"""
A client and a server on the simulated network, with TCP in memory around them.
"""

from __future__ import annotations

from typing import Any

from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.services.kcptun.client import makeClient
from kcptwisted.services.kcptun.configuration import configure
from kcptwisted.services.kcptun.flags import CLIENT, SERVER
from kcptwisted.services.kcptun.server import makeServer
from kcptwisted.services.kcptun.service import TunnelService
from kcptwisted.testing import Link, SimulatedHost, SimulatedNetwork
from kcptwisted.timing.shared import dropClock
from tests.machines.relays import Talker
from tests.machines.streams import StreamClient, StreamServer

NEAR, FAR, PORT = "10.0.0.1", "10.0.0.2", 29900

GOOD = Link(delay=0.02)


class TunnelCase(SynchronousTestCase):
    """
    Programs, TCP, a client of ours, KCP, a server of ours, TCP, and a target.

    @ivar accepted: the target's ends, in order.
    @ivar logged: the lines in the log.
    """

    link = GOOD
    #: Flags of both ends.
    flags: tuple[str, ...] = ("--key=k", "--crypt=xor")

    def setUp(self) -> None:
        """
        Start nothing yet.
        """
        self.network = SimulatedNetwork(seed=1, link=self.link)
        self.near, self.far = self.network.host(NEAR), self.network.host(FAR)
        self.accepted: list[Talker] = []
        self.logged: list[str] = []
        observer: Any = self._observe
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.addCleanup(self._stopAll)
        self.services: list[TunnelService] = []

    def _observe(self, event: LogEvent) -> None:
        self.logged.append(formatEvent(event))

    def _stopAll(self) -> None:
        for service in self.services:
            if service.running:
                service.stopService()
        self.network.run(100)

    def accept(self) -> Talker:
        """
        @return: the target's end of a connection.
        """
        self.accepted.append(Talker())
        return self.accepted[-1]

    def startServer(self, *flags: str) -> TunnelService:
        """
        Start a server.
        """
        self.target = StreamClient(self.far, self.accept)  # type: ignore[arg-type]
        configuration = configure([*self.flags, "-l", f":{PORT}", *flags], SERVER, {})
        self.server = makeServer(self.far, configuration, self.target, "")
        return self._start(self.server)

    def startClient(self, *flags: str) -> TunnelService:
        """
        Start a client.
        """
        self.entry = StreamServer(self.near)  # type: ignore[arg-type]
        configuration = configure([*self.flags, "-r", f"{FAR}:{PORT}", *flags], CLIENT, {})
        self.client = makeClient(self.near, configuration, self.entry)
        return self._start(self.client)

    def _start(self, service: TunnelService) -> TunnelService:
        service.privilegedStartService()
        service.startService()
        self.services.append(service)
        return service

    def kill(self, host: SimulatedHost) -> None:
        """
        End a process: its system knows nothing of its connections any more.
        """
        service = self.server if host is self.far else self.client
        self.services.remove(service)
        service.running = 0
        host.suspend()
        for call in list(host._waiting):
            call.cancel()
        dropClock(host)
        host.suspended = False
        host.ports.clear()
        streams: Any = self.target if host is self.far else self.entry
        streams.dead = True
        for end in streams.ends:
            end.kill()

    def connect(self) -> Talker:
        """
        @return: a program that is connected to the client.
        """
        talker = Talker()
        self.assertTrue(self.entry.connect(talker))
        return talker

    def pair(self) -> tuple[Talker, Talker]:
        """
        @return: a program and the target's end of its connection.
        """
        count = len(self.accepted)
        talker = self.connect()
        self.network.runUntil(lambda: len(self.accepted) > count, 60)
        return talker, self.accepted[-1]

    def exchange(self, size: int = 1000) -> tuple[Talker, Talker]:
        """
        Send something each way.
        """
        near, far = self.pair()
        near.write(bytes(size))
        far.write(b"x" * size)
        self.network.runUntil(lambda: (len(near.received), len(far.received)) == (size, size), 600)
        self.assertEqual((far.received, near.received), (bytes(size), b"x" * size))
        return near, far

    def assertLogged(self, text: str) -> None:
        """
        There is exactly one line with C{text} in it.
        """
        found = [line for line in self.logged if text in line]
        self.assertEqual(len(found), 1, "\n".join(found or self.logged))
