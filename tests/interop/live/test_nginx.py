"""
Servers of ours behind nginx, as docs/scaling.md and examples/nginx.conf have it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import DeferredList, gatherResults
from twisted.internet.error import ConnectionDone

from kcptwisted.errors import PeerRestarted
from kcptwisted.options import KCPOptions
from kcptwisted.server.listening import KCPListeningPort
from tests.interop.nginx import Nginx, whyMissing
from tests.interop.peers import OurProcess, skipReason
from tests.interop.restarting import RestartCase, inTime, reactor
from tests.interop.roles import EchoClient, EchoServer, session
from tests.interop.talking import Talker, Talkers

#: So many that all at one server would be a chance of one in 500,000.
CLIENTS = 20

#: Bytes that each of them sends and gets back.
SIZE = 300_000

#: An AEAD cipher, so that sessions can move.
OPTIONS = KCPOptions(key="sesame", environ={})

#: For clients that are to notice soon.
WATCHFUL = KCPOptions(key="sesame", keepAlive=1, deadAfter=10, environ={})


class NginxCase(RestartCase):
    """
    Starts servers and nginx before them.
    """

    timeout = 60
    skip = skipReason(whyMissing())

    async def balance(self, first: int, second: int, **changes: str) -> Nginx:
        """
        @param first: a server's port.
        @param second: the other one's.
        @param changes: see L{Nginx}.
        @return: nginx, which listens.
        """
        nginx = Nginx(Path(self.mktemp()), (first, second), **changes)
        self.addCleanup(nginx.stop)
        await nginx.start(reactor)
        return nginx

    async def servers(self, options: KCPOptions = OPTIONS) -> list[KCPListeningPort]:
        """
        @return: two echo servers.
        """
        return [await self.listen(EchoServer, options) for _ in range(2)]

    async def balanced(
        self, options: KCPOptions = OPTIONS, **changes: str
    ) -> tuple[Nginx, list[KCPListeningPort]]:
        """
        @param options: of the servers.
        @return: nginx, and two echo servers behind it.
        """
        servers = await self.servers(options)
        first, second = [server.getHost().port for server in servers]
        return await self.balance(first, second, **changes), servers

    async def talkers(self, port: int, options: KCPOptions) -> tuple[list[Talkers], list[Talker]]:
        """
        @param port: nginx's.
        @return: so many clients that connect again and again, and the first connection of each.
        """
        clients = [self.keepConnected(port, options) for _ in range(CLIENTS)]
        return clients, [await self.newTalker(client) for client in clients]


def conversations(server: KCPListeningPort) -> set[int]:
    """
    @return: those of a server's sessions.
    """
    return {session.conv for session in server.sessions}


def total(servers: list[KCPListeningPort], counter: str) -> int:
    """
    @return: the sum of a counter.
    """
    return sum(getattr(server.stats, counter) for server in servers)


class SpreadTests(NginxCase):
    """
    Many clients, two servers.
    """

    async def test_echo(self) -> None:
        """
        Both servers get sessions; every byte comes back, and each session stays where it began.
        """
        nginx, servers = await self.balanced()
        clients = [EchoClient(SIZE, seed) for seed in range(CLIENTS)]
        for client in clients:
            await self.connect(client, nginx.port, OPTIONS)
        began = [conversations(server) for server in servers]
        self.assertTrue(all(began))
        await gatherResults([client.done for client in clients])
        self.assertEqual([conversations(server) for server in servers], began)
        self.assertEqual(began[0] | began[1], {session(client).conv for client in clients})
        self.assertEqual(total(servers, "PassiveOpens"), CLIENTS)
        self.assertEqual(total(servers, "SessionsMoved"), 0)

    async def test_retry(self) -> None:
        """
        Behind nginx too a server can have a client show that it is at its address.
        """
        nginx, servers = await self.balanced(KCPOptions(key="sesame", retry=True, environ={}))
        talker = await self.connect(Talker(), nginx.port, OPTIONS)
        await talker.exchange(b"hello")
        self.assertEqual(total(servers, "RetriesSent"), 1)

    async def test_reload(self) -> None:
        """
        When nginx reads its configuration again, which ends what it knew of its clients, sessions
        move to where it sends from now, and stay at their servers.
        """
        nginx, servers = await self.balanced()
        talkers = [await self.connect(Talker(), nginx.port, OPTIONS) for _ in range(CLIENTS)]
        began = [conversations(server) for server in servers]
        self.assertTrue(all(began))
        await nginx.reload()
        await gatherResults([talker.exchange(b"still there?") for talker in talkers])
        self.assertEqual([conversations(server) for server in servers], began)
        self.assertEqual(total(servers, "SessionsMoved"), CLIENTS)
        self.assertEqual(total(servers, "PassiveOpens"), CLIENTS)


class LeavingTests(NginxCase):
    """
    One of the servers goes away.
    """

    async def test_killed(self) -> None:
        """
        Clients of a server that is killed are told by the other one, connect again, and are there;
        the other one's clients notice nothing.
        """
        (first, firstPort), (second, secondPort) = [
            await self.ourServer("key=sesame") for _ in range(2)
        ]
        nginx = await self.balance(firstPort, secondPort)
        clients, talkers = await self.talkers(nginx.port, WATCHFUL)
        at = [await self._which(talker, [first, second]) for talker in talkers]
        leaving = [client for client, server in zip(clients, at, strict=True) if server is first]
        self.assertTrue(0 < len(leaving) < CLIENTS)
        for talker in talkers:
            self.keepWriting(talker)
        await first.kill()
        for talker, server in zip(talkers, at, strict=True):
            if server is first:
                self.assertIsInstance(await inTime(talker.lost), PeerRestarted)
        for client in leaving:
            self.assertIs(await self._which(await self.newTalker(client), [second]), second)
        lost = [talker for talker in talkers if talker.lost.called]
        self.assertEqual(len(lost), len(leaving))

    @staticmethod
    async def _which(talker: Talker, servers: list[OurProcess]) -> OurProcess:
        """
        @return: the server that a client is connected to.
        """
        conv = talker.session.conv
        told = [server.tells(event="connected", conv=conv) for server in servers]
        result: Any = await DeferredList(told, fireOnOneCallback=True, consumeErrors=True)
        index: int = result[1]
        return servers[index]

    async def test_stopped(self) -> None:
        """
        Clients of a server that stops are told at once, connect again, and find the other one.
        """
        nginx, servers = await self.balanced()
        clients, talkers = await self.talkers(nginx.port, OPTIONS)
        told = conversations(servers[0])
        leaving = [
            (client, talker)
            for client, talker in zip(clients, talkers, strict=True)
            if talker.session.conv in told
        ]
        self.assertTrue(0 < len(leaving) < CLIENTS)
        servers[0].stopListening()
        for _, talker in leaving:
            self.assertIsInstance(await inTime(talker.lost), ConnectionDone)
        for client, _ in leaving:
            await self.newTalker(client)
        self.assertEqual(len(servers[1].sessions), CLIENTS)


class MovingTests(NginxCase):
    """
    A client's address changes on the way to nginx.
    """

    async def behindNAT(self, port: int) -> tuple[Talkers, Talker]:
        """
        @param port: nginx's.
        @return: a client that connects again and again through a NAT, and its first connection.
        """
        self.nat, self.way = self.silentRelay(port)
        talkers = self.keepConnected(self.way, WATCHFUL)
        return talkers, await self.newTalker(talkers)

    async def bindAnew(self) -> None:
        """
        From now on the NAT's client is seen at another port.
        """
        await self.nat.stop()
        self.nat.start(port=self.way)

    async def test_byAddress(self) -> None:
        """
        If nginx goes by the address alone, a session survives another port.
        """
        nginx, servers = await self.balanced(hash="$remote_addr consistent")
        _, talker = await self.behindNAT(nginx.port)
        for count in (1, 2, 3):
            await self.bindAnew()
            await inTime(talker.exchange(b"still there?"))
            self.assertEqual(total(servers, "SessionsMoved"), count)
        self.assertEqual(total(servers, "PassiveOpens"), 1)

    async def _survives(self, talker: Talker) -> bool:
        await self.bindAnew()
        try:
            await inTime(talker.exchange(b"still there?"))
        except PeerRestarted:
            return False
        return True

    async def test_byPort(self) -> None:
        """
        If it goes by the port as well, another port leads to the other server sooner or later.
        That one says that it knows of no such session, and the client connects again.
        """
        nginx, servers = await self.balanced()
        talkers, talker = await self.behindNAT(nginx.port)
        moves = 0
        while await self._survives(talker):
            moves += 1
            self.assertEqual(total(servers, "SessionsMoved"), moves)
        self.assertIsInstance(await talker.lost, PeerRestarted)
        await self.newTalker(talkers)
        self.assertEqual(total(servers, "PassiveOpens"), 2)
