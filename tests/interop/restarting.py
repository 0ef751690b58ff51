"""
What the tests with peers that are killed and start again have in common.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

from twisted.application.internet import ClientService
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from kcptwisted.endpoints import KCPClientEndpoint
from kcptwisted.options import KCPOptions
from kcptwisted.testing.lossyrelay import LossyRelay
from tests.interop.cases import OurEndsCase
from tests.interop.peers import OurProcess
from tests.interop.talking import Talker, Talkers
from tests.interop.tap import Tap

T = TypeVar("T")

reactor: Any = installed

#: Seconds.
KEEP_ALIVE = 1.0
DEAD_AFTER = 2.0

#: Seconds that a busy machine may add.
SLACK = 5.0

#: Seconds until a client that lost its connection tries again.
RETRY = 0.1

#: Seconds between two writes of a busy client.
PAUSE = 0.01


def inTime(awaited: Deferred[T]) -> Deferred[T]:
    """
    @return: the same, which fails if it does not fire within the time in which a peer's death is
        noticed.
    """
    return awaited.addTimeout(KEEP_ALIVE + DEAD_AFTER + SLACK, reactor)


class RestartCase(OurEndsCase):
    """
    Keeps a client connected.
    """

    timeout = 60

    def keepConnected(self, port: int, options: KCPOptions, tap: Tap | None = None) -> Talkers:
        """
        Connect again whenever the connection is lost.

        @return: the connections.
        """
        endpoint = KCPClientEndpoint(reactor, "127.0.0.1", port, options, [tap] if tap else [])
        talkers = Talkers()
        service = ClientService(endpoint, talkers, lambda attempt: RETRY)
        service.startService()
        self.addCleanup(service.stopService)
        return talkers

    async def newTalker(self, talkers: Talkers) -> Talker:
        """
        @return: the next connection, on which something has been echoed.
        """
        talker = await inTime(talkers.made.get())
        await talker.exchange(b"hello")
        return talker

    def keepWriting(self, talker: Talker) -> None:
        """
        Write again and again, as long as the connection lasts.
        """
        loop = LoopingCall(talker.write, b"and so on")
        loop.start(PAUSE)

        def stop(reason: BaseException | None) -> BaseException | None:
            loop.stop()
            return reason

        talker.lost.addCallback(stop)

    def silentRelay(self, port: int) -> tuple[LossyRelay, int]:
        """
        A way to a server on which nobody tells that the server is gone.

        @return: the relay, and its port.
        """
        relay = self.relay(port, loss=0)
        return relay, relay.start()

    async def ourServer(self, options: str, port: int = 0) -> tuple[OurProcess, int]:
        """
        Start a server of ours.

        @param options: endpoint options.
        @param port: where to listen; 0 for wherever there is room.
        @return: it, and its port.
        """
        server = OurProcess("listen", f"kcp:{port}:interface=127.0.0.1:{options}")
        server.start(reactor)
        self.addCleanup(server.kill)
        listening = await server.tells(event="listening")
        return server, cast(int, listening["port"])
