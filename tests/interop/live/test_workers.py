"""
Programs with workers, in processes of their own.
"""

from __future__ import annotations

import os
from pathlib import Path
from signal import SIGTERM

from twisted.internet.defer import gatherResults
from twisted.internet.error import ConnectionDone

from kcptwisted.errors import PeerReset, PeerRestarted
from kcptwisted.options import KCPOptions
from tests.inside import sessionOf
from tests.programs import freePort
from tests.workers.clients import WorkersCase, isLinux

SERVER = "kcp:0:interface=127.0.0.1:key=sesame:workers=2"


class LiveTests(WorkersCase):
    """
    Two workers on a port of the loopback interface.
    """

    if not isLinux():
        skip = "only Linux shares a port out"

    async def test_share(self) -> None:
        """
        The clients are shared out among both workers, and each gets what it sent, at the same time.
        """
        _, (port,) = await self.program(SERVER)
        clients = await self.reach(port, 0, 0, 0, 0, 1, 1, 1, 1)
        self.assertEqual(len({who.pid for _, who in clients}), 2)
        texts = [b"%d" % number * 5000 for number in range(len(clients))]
        answers = await gatherResults(
            [asker.ask(text) for (asker, _), text in zip(clients, texts, strict=True)]
        )
        self.assertEqual(answers, texts)

    async def test_killed(self) -> None:
        """
        When a worker is killed the connections of the other go on; its own clients are told as soon
        as they ask whether it is there; and the next one takes new connections.
        """
        program, (port,) = await self.program(SERVER)
        clients = await self.reach(port, 0, 0, 1, 1)
        staying, leaving = clients[:2], clients[2:]
        dead = leaving[0][1].pid
        self.kill(dead)
        for _ in range(20):
            for asker, who in staying:
                self.assertEqual(await asker.who(), who)
        for asker, _ in leaving:
            self.assertIsInstance(await asker.lost, PeerRestarted)
        ((_, who),) = await self.reach(port, 1)
        self.assertNotEqual(who.pid, dead)
        for asker, who in staying:
            self.assertEqual(await asker.who(), who)
            self.assertFalse(asker.lost.called)
        self.assertEqual(program.output.count("worker 1: started"), 2)
        self.assertEqual(program.output.count("worker 0: started"), 1)

    async def test_moving(self) -> None:
        """
        A client that goes on from another port, which the kernel takes to the other worker, keeps
        its connection with its own.
        """
        _, (port,) = await self.program(SERVER)
        asker = await self.connect(port)
        who = await asker.who()
        for number in range(40):
            session = sessionOf(asker.session)
            session._holder.pathSilent(session)
            text = b"from place %d" % number
            self.assertEqual(await asker.ask(text), text)
            self.assertEqual(await asker.who(), who)
            stats = await asker.stats()
            if stats["StraysTaken"]:
                break
        self.assertGreater(stats["StraysTaken"], 0)
        self.assertEqual((stats["SessionsMoved"], stats["PassiveOpens"]), (number + 1, 1))

    async def test_orphaned(self) -> None:
        """
        When the master is killed the workers end, and their clients are told.
        """
        program, (port,) = await self.program(SERVER)
        clients = await self.reach(port, 0, 1)
        await program.stop()
        for asker, _ in clients:
            self.assertIsInstance(await asker.lost, PeerReset)
        await self.assertFree(port)

    async def test_terminated(self) -> None:
        """
        When the master is asked to end, the connections are closed, the workers end, and then it
        does.
        """
        program, (port,) = await self.program(SERVER)
        clients = await self.reach(port, 0, 1)
        program.transport.signalProcess("TERM")
        for asker, _ in clients:
            self.assertIsInstance(await asker.lost, ConnectionDone)
        await program.ended()
        for _, who in clients:
            self.assertRaises(ProcessLookupError, os.kill, who.pid, 0)
        await self.assertFree(port)

    async def test_crash(self) -> None:
        """
        A worker that does not come to listen is an error that shows what it said, and nothing stays
        behind.
        """
        self.patch(os, "environ", {**os.environ, "KCPTWISTED_TEST_CRASH": "1"})
        port = freePort()
        program = self.start("-m", "tests.workers.program", SERVER.replace("kcp:0", f"kcp:{port}"))
        await program.printed(r"CannotListenError: (.*\n)*.*exit code 1(.*\n)*no luck")
        await program.ended()
        self.assertEqual(program.status, 1)
        await self.assertFree(port)

    async def test_layersTooLarge(self) -> None:
        """
        So is a port that a worker cannot open, though its program goes on.
        """
        script = (
            "import sys\n"
            "from twisted.internet import reactor\n"
            "from twisted.internet.protocol import Factory, Protocol\n"
            "from kcptwisted.endpoints import KCPServerEndpoint\n"
            "from kcptwisted.layer import DatagramLayer\n"
            "from kcptwisted.options import KCPOptions\n"
            "class Large(DatagramLayer):\n"
            "    ownOverhead = 1400\n"
            "options = KCPOptions(crypt='null', workers=2, interface='127.0.0.1')\n"
            "endpoint = KCPServerEndpoint(reactor, 0, options, [Large])\n"
            "listening = endpoint.listen(Factory.forProtocol(Protocol))\n"
            "listening.addErrback(lambda reason: print('failed', reason.value))\n"
            "reactor.run()\n"
        )
        program = self.start("-c", script)
        await program.printed(r"(?m)^failed Couldn't listen on (.*\n)*.*ValueError: mtu must be")

    async def test_twoPorts(self) -> None:
        """
        Each port has workers of its own, also where both ports are given as any that is free.
        """
        _, ports = await self.program(SERVER, SERVER)
        found = []
        for index, port in enumerate(ports):
            for _, who in await self.reach(port, 0, 1):
                self.assertEqual(who.endpoint, index)
                found.append(who.pid)
        self.assertEqual(len(set(found)), 4)

    async def test_inUse(self) -> None:
        """
        A port that another program's workers share is in use.
        """
        _, (port,) = await self.program(SERVER)
        program = self.start("-m", "tests.workers.program", SERVER.replace("kcp:0", f"kcp:{port}"))
        await program.printed("CannotListenError: .*in use")
        await program.ended()
        self.assertNotIn("started", program.output)

    async def test_withoutMoving(self) -> None:
        """
        Workers whose clients cannot move share them out, too.
        """
        _, (port,) = await self.program("kcp:0:interface=127.0.0.1:crypt=null:workers=2")
        found: set[int | None] = set()
        options = KCPOptions(crypt="null")
        while len(found) < 2:
            asker = await self.connect(port, options)
            found.add((await asker.who()).worker)
        self.assertEqual(found, {0, 1})


class TwistdTests(WorkersCase):
    """
    Programs that Twisted's commands run.
    """

    if not isLinux():
        skip = "only Linux shares a port out"

    def relay(self, port: int, target: int) -> list[str]:
        """
        @return: the command line of a relay with workers.
        """
        endpoint = SERVER.replace("kcp:0", f"kcp:{port}")
        target_ = f"kcp:127.0.0.1:{target}:key=sesame"
        return ["kcp-relay", "--from", endpoint, "--to", target_]

    async def passes(self, port: int) -> None:
        """
        Assert that the relay is there.
        """
        asker = await self.connect(port)
        self.assertEqual(await asker.ask(b"hello"), b"hello")

    async def test_foreground(self) -> None:
        """
        In the foreground, with a logfile and a pidfile of its own.
        """
        _, (target,) = await self.program("kcp:0:interface=127.0.0.1:key=sesame")
        port = freePort()
        program = self.twistd("-n", "--logfile=-", "--pidfile", "x.pid", *self.relay(port, target))
        await program.printed(r"2 workers listening on .*port=\d+")
        await self.passes(port)
        self.assertIn("worker 1: ", program.output)
        program.transport.signalProcess("INT")
        await program.printed(r"(?m)^\S+ \[\S+\] Server Shut Down\.$")
        await program.ended()
        await self.assertFree(port)

    async def test_background(self) -> None:
        """
        In the background: the pidfile is the master's, and what the workers log is in its log.
        """
        _, (target,) = await self.program("kcp:0:interface=127.0.0.1:key=sesame")
        port = freePort()
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        pidfile, logfile = directory / "x.pid", directory / "x.log"
        program = self.twistd(f"--pidfile={pidfile}", "-l", str(logfile), *self.relay(port, target))
        await program.ended()
        self.assertEqual(program.status, 0, program.output)
        master = int(pidfile.read_text())
        self.addCleanup(self.killIfAlive, master)
        await self.eventually(lambda: "2 workers listening" in logfile.read_text())
        await self.passes(port)
        os.kill(master, SIGTERM)
        await self.assertFree(port)
        await self.eventually(lambda: not pidfile.exists())
        log = logfile.read_text()
        for number in (0, 1):
            self.assertIn(f"worker {number}: ", log)

    async def test_twist(self) -> None:
        """
        C{python -m twisted}.
        """
        _, (target,) = await self.program("kcp:0:interface=127.0.0.1:key=sesame")
        port = freePort()
        program = self.start("-m", "twisted", "--log-format=text", *self.relay(port, target))
        await program.printed(r"2 workers listening on .*port=\d+")
        await self.passes(port)
        program.transport.signalProcess("INT")
        await program.ended()
        await self.assertFree(port)
