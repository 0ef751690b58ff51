"""
Tests for L{kcptwisted.services.kcptun}: a client and a server, on the simulated network.
"""

from __future__ import annotations

import re
from typing import Any

from twisted.application.service import IService
from twisted.internet.protocol import Factory, Protocol
from zope.interface.verify import verifyObject

from kcptwisted.endpoints import KCPServerEndpoint
from kcptwisted.services.kcptun.configuration import configure
from kcptwisted.services.kcptun.flags import SERVER
from kcptwisted.services.kcptun.mismatch import NO_ANSWER, SILENT
from kcptwisted.services.kcptun.settings import kcpOptions
from kcptwisted.testing import Link
from tests.services.kcptun.tunnels import FAR, GOOD, NEAR, PORT, TunnelCase


class TransferTests(TunnelCase):
    """
    Data goes through.
    """

    def check(self, *flags: str) -> None:
        """
        Both ends with the same flags.
        """
        self.startServer(*flags)
        self.startClient(*flags)
        self.exchange(300_000)

    def test_defaults(self) -> None:
        """
        With the defaults.
        """
        self.check()
        verifyObject(IService, self.client)

    def test_plain(self) -> None:
        """
        Without compression, FEC and cipher, and smux 1.
        """
        self.check("--nocomp", "--ds=0", "--ps=0", "--crypt=null", "--smuxver=1")

    def test_old(self) -> None:
        """
        As kcptun 20210922 does it.
        """
        self.check("--compat=20210922")

    def test_manual(self) -> None:
        """
        With KCP's numbers as they are.
        """
        self.check("--mode=manual", "--nodelay=1", "--interval=20", "--resend=2", "--nc=1")

    def test_lossy(self) -> None:
        """
        Through a path that loses 10 %.
        """
        self.network = type(self.network)(seed=3, link=Link(loss=0.1, delay=0.02))
        self.near, self.far = self.network.host("10.0.0.1"), self.network.host("10.0.0.2")
        self.check()

    def test_many(self) -> None:
        """
        Several connections share a session, and do not mix.
        """
        self.startServer()
        self.startClient()
        pairs = []
        for number in range(5):
            near, far = self.pair()
            near.write(bytes([number]) * 50_000)
            pairs.append(far)
        self.network.run(5)
        found = [far.received for far in pairs]
        self.assertEqual(found, [bytes([number]) * 50_000 for number in range(5)])
        self.assertEqual(len(self.near.ports), 1)

    def test_conn(self) -> None:
        """
        C{--conn} sessions take connections in turn.
        """
        self.startServer()
        self.startClient("--conn=3")
        for _ in range(6):
            self.exchange()
        self.assertEqual(len(self.near.ports), 3)

    def test_lazy(self) -> None:
        """
        Nothing is sent before the first connection; then the target is called at once, before there
        is data.
        """
        sent = []
        self.network.taps.append(lambda source, destination, datagram: sent.append(datagram))
        self.startServer()
        self.startClient()
        self.network.run(60)
        self.assertEqual(sent, [])
        self.pair()

    def test_ports(self) -> None:
        """
        Of a range of ports all are served, and each session takes one.
        """
        self.startServer("-l", ":3000-3009")
        self.startClient("-r", "10.0.0.2:3000-3009", "--conn=20")
        for _ in range(20):
            self.exchange()
        ports: list[Any] = self.server.ports
        used = [port for port in ports if port.stats.InPkts]
        self.assertEqual(len(ports), 10)
        self.assertGreater(len(used), 3)


class EndTests(TunnelCase):
    """
    How connections end.
    """

    def setUp(self) -> None:
        """
        Start both.
        """
        super().setUp()
        self.startServer()
        self.startClient()

    def test_halfClosed(self) -> None:
        """
        The end of one direction passes through, and the other one goes on, either way.
        """
        for swap in (False, True):
            ends = self.pair()
            first, second = reversed(ends) if swap else ends
            first.write(b"question")
            first.transport.loseWriteConnection()
            self.network.run(5)
            self.assertEqual((second.received, second.sawEnd), (b"question", True))
            self.assertIs(second.reason, None)
            second.write(b"answer" * 10_000)
            second.transport.loseWriteConnection()
            self.network.run(5)
            self.assertEqual((first.received, first.sawEnd), (b"answer" * 10_000, True))
            found = [line for line in self.logged if line.endswith("both directions ended")]
            self.assertEqual(len(found), 2, self.logged)
            self.logged.clear()

    def test_closed(self) -> None:
        """
        What was written before a close arrives.
        """
        near, far = self.pair()
        near.write(bytes(100_000))
        near.transport.loseConnection()
        self.network.run(5)
        self.assertEqual((len(far.received), far.sawEnd), (100_000, True))

    def test_reset(self) -> None:
        """
        A reset at one end reaches the other one as the end of what was delivered.
        """
        for swap in (False, True):
            first, second = reversed(self.exchange()) if swap else self.exchange()
            first.transport.abortConnection()
            self.network.run(5)
            self.assertEqual(len(second.received), 1000)
            self.assertTrue(second.sawEnd)

    def test_resetWhileStalled(self) -> None:
        """
        What was read before a reset is delivered, however long that takes.
        """
        near, far = self.pair()
        self.network.setLink(NEAR, FAR, Link(loss=1.0))
        # More than the stream's first window, but not so much that the client stops reading.
        near.write(bytes(300_000))
        self.network.run(1)
        near.transport.abortConnection()
        self.network.run(1)
        self.network.setLink(NEAR, FAR, GOOD)
        self.network.run(20)
        self.assertEqual((len(far.received), far.sawEnd), (300_000, True))

    def test_refused(self) -> None:
        """
        Nobody listens at the target: the connection ends, the session goes on, and the log says
        why.
        """
        self.target.delay = None
        near = self.connect()
        self.network.run(5)
        self.assertTrue(near.sawEnd or near.reason)
        self.assertLogged("cannot connect: Connection was refused by other side")
        self.target.delay = 0
        self.exchange()
        self.assertEqual(len(self.near.ports), 1)

    def test_logged(self) -> None:
        """
        Each end leaves one line: who, how long, how much, why.
        """
        for end in self.exchange():
            end.transport.loseConnection()
        self.network.run(5)
        what = r"ended after 0\.[0-9] s: 1000 bytes sent, 1000 received, both directions ended"
        for who in (r"127\.0\.0\.1:1", r"10\.0\.0\.1:49152 stream 3"):
            found = [line for line in self.logged if re.fullmatch(f"{who} {what}", line)]
            self.assertEqual(len(found), 1, self.logged)

    def test_quiet(self) -> None:
        """
        With C{--quiet} there is none.
        """
        for service in self.services:
            service.stopService()
        self.network.run(10)
        self.startServer("--quiet")
        self.startClient("--quiet")
        self.logged.clear()
        for end in self.exchange():
            end.transport.loseConnection()
        self.network.run(5)
        self.assertEqual([line for line in self.logged if "ended after" in line], [])


class CloseWaitTests(TunnelCase):
    """
    Connections that are half-closed, and stay so.
    """

    def halfClose(self, wait: int, seconds: float, pause: float) -> bool:
        """
        Half-close, and have the target send something again and again.

        @return: whether the connection was closed.
        """
        self.startServer(f"--closewait={wait}")
        self.startClient()
        near, far = self.pair()
        near.transport.loseWriteConnection()
        for _ in range(int(seconds / pause)):
            self.network.run(pause)
            far.write(b"more")
        self.network.run(1)
        return near.sawEnd

    def test_silent(self) -> None:
        """
        Without data they are closed.
        """
        self.assertTrue(self.halfClose(30, 40, 40))
        self.assertLogged("half-closed, and without data for 30 s")

    def test_busy(self) -> None:
        """
        With data they go on.
        """
        self.assertFalse(self.halfClose(30, 200, 20))

    def test_never(self) -> None:
        """
        With 0 they go on in any case.
        """
        self.assertFalse(self.halfClose(0, 500, 500))

    def test_bothOpen(self) -> None:
        """
        Connections that are not half-closed are left alone, however silent.
        """
        self.startServer("--closewait=30")
        self.startClient("--closewait=30")
        near, far = self.pair()
        self.network.run(500)
        self.assertTrue(near.up and far.up)


class RestartTests(TunnelCase):
    """
    Processes that end and begin again.
    """

    def setUp(self) -> None:
        """
        Exchange something.
        """
        super().setUp()
        self.startServer()
        self.startClient()
        self.exchange()

    def untilServed(self) -> float:
        """
        Connect again and again, each second, until a connection is served.

        @return: how many seconds that takes.
        """
        began = self.network.clock.seconds()
        while True:
            near = self.connect()
            near.write(b"hello")
            count = len(self.accepted)
            self.network.run(1)
            if any(far.received == b"hello" for far in self.accepted[count:]):
                return self.network.clock.seconds() - began
            self.assertLess(self.network.clock.seconds() - began, 100)

    def test_server(self) -> None:
        """
        The server restarts at once: traffic flows when the next sign of life was due.
        """
        self.kill(self.far)
        self.startServer()
        self.assertLess(self.untilServed(), 13)

    def test_serverIdle(self) -> None:
        """
        So it is if the client was idle for long meanwhile.
        """
        self.kill(self.far)
        self.startServer()
        self.network.run(45)
        self.assertLess(self.untilServed(), 2)

    def test_serverLater(self) -> None:
        """
        The server is gone for a while: connections fail meanwhile.
        """
        self.kill(self.far)
        near = self.connect()
        self.network.run(20)
        assert near.reason is not None
        self.startServer()
        self.assertLess(self.untilServed(), 3)

    def test_client(self) -> None:
        """
        The client restarts.
        """
        self.kill(self.near)
        self.startClient()
        self.assertLess(self.untilServed(), 2)
        # The server gives up what it had, and the target is told.
        self.network.run(70)
        self.assertFalse(self.accepted[0].up)


class MismatchTests(TunnelCase):
    """
    Flags that do not fit are named in the log.
    """

    def talk(self) -> None:
        """
        Have both ends send something.
        """
        near = self.connect()
        near.write(b"hello")
        self.network.run(70)
        self.assertTrue(near.reason)
        self.assertEqual([far.received for far in self.accepted if far.received], [])

    def test_key(self) -> None:
        """
        The key: the server gets what does not open, and the client no answer.
        """
        self.startServer()
        self.startClient("--key=other", "--crypt=aes")
        self.talk()
        self.assertTrue(any("did not open: 1, " in line for line in self.logged), self.logged)
        self.assertLogged(f"Cannot reach 10.0.0.2:29900: User timeout caused connection failure: "
                          f"no answer within timeout=30 seconds; {NO_ANSWER}")  # fmt: skip

    def test_version(self) -> None:
        """
        smux's version.
        """
        self.startServer("--smuxver=1")
        self.startClient()
        self.talk()
        self.assertTrue(
            any("the peer has --smuxver 2, and here it is 1" in line for line in self.logged)
        )
        self.assertLogged(f"The peer reset the connection: aborted; {SILENT}")

    def test_compressed(self) -> None:
        """
        Only the client compresses.
        """
        self.startServer("--nocomp")
        self.startClient()
        self.talk()
        self.assertTrue(any("the peer compresses, and here is --nocomp" in line
                            for line in self.logged))  # fmt: skip

    def test_plain(self) -> None:
        """
        Only the server compresses.
        """
        self.startServer()
        self.startClient("--nocomp")
        self.talk()
        self.assertTrue(any("the peer does not compress: give --nocomp" in line
                            for line in self.logged))  # fmt: skip

    def test_silent(self) -> None:
        """
        The server takes everything and says nothing, as kcptun's does when it cannot read what it
        gets.
        """
        options = kcpOptions(configure(self.flags, SERVER, {}))
        silent = Factory.forProtocol(Protocol)
        silent.noisy = False
        port = self.successResultOf(KCPServerEndpoint(self.far, PORT, options).listen(silent))
        self.startClient()
        near = self.connect()
        self.network.run(70)
        self.assertTrue(near.reason)
        self.assertLogged(f"for too long; {SILENT}")
        port.stopListening("abort")


class ListenTests(TunnelCase):
    """
    The start.
    """

    def test_logged(self) -> None:
        """
        One line of each end says where it listens, for what, and which flags must be the same at
        both ends.
        """
        self.startServer("--smuxver=1", "-t", "h:80")
        self.startClient("--nocomp")
        self.assertLogged("Listening at 10.0.0.2:29900 for h:80: crypt xor, smux 1, compressed")
        self.assertLogged(" for 10.0.0.2:29900: crypt xor, smux 2, not compressed")

    def test_range(self) -> None:
        """
        A range of ports has one line.
        """
        self.startServer("-l", ":3000-3002")
        self.assertLogged("Listening at :3000-3002 for ")


class StopTests(TunnelCase):
    """
    Stopping.
    """

    def test_graceful(self) -> None:
        """
        What was read is delivered, and then all is over, at the end that is stopped and at the
        other one.
        """
        for name in ("client", "server"):
            self.startServer()
            self.startClient()
            near, far = self.pair()
            near.write(bytes(100_000))
            self.network.run(0.2)
            stopped = getattr(self, name).stopService()
            self.network.run(10)
            self.successResultOf(stopped)
            self.assertGreater(len(far.received), 0)
            self.assertTrue(far.sawEnd or far.reason)
            self.assertTrue(near.sawEnd or near.reason)
            for service in self.services:
                if service.running:
                    service.stopService()
            self.services.clear()
            self.network.run(60)
            self.assertEqual(self.near.ports, {})
            self.assertEqual(self.far.ports, {})

    def test_dialling(self) -> None:
        """
        A stop while the server is called says nothing of a server that cannot be reached.
        """
        self.startServer()
        self.startClient("--key=other")
        self.connect()
        self.network.run(1)
        self.client.stopService()
        self.network.run(60)
        self.assertEqual([line for line in self.logged if "Cannot reach" in line], [])
        self.assertLogged("ended after 1.0 s: Connecting was cancelled. 0 bytes sent")

    def test_nothingLeft(self) -> None:
        """
        After a stop no call is left behind.
        """
        self.startServer()
        self.startClient("--autoexpire=100")
        self.exchange()
        self.client.stopService()
        self.server.stopService()
        self.network.run(10)
        self.assertEqual(self.network.clock.getDelayedCalls(), [])


class CounterTests(TunnelCase):
    """
    The counters.
    """

    def test_file(self) -> None:
        """
        C{--snmplog} gets a line a period, the first one a heading.
        """
        path = self.mktemp()
        self.startServer("--snmplog", path, "--snmpperiod=10")
        self.startClient()
        self.exchange()
        self.network.run(25)
        with open(path, encoding="ascii") as file:
            lines = [line.strip().split(",") for line in file]
        self.assertEqual(lines[0][:3], ["Unix", "BytesSent", "BytesReceived"])
        self.assertEqual(len(lines), 3)
        last = dict(zip(lines[0], map(int, lines[-1]), strict=True))
        self.assertGreater(last["BytesReceived"], 100)
        self.assertEqual((last["MaxConn"], last["CurrEstab"], last["PassiveOpens"]), (1, 1, 1))
        self.assertGreater(last["InPkts"], 5)

    def test_unwritable(self) -> None:
        """
        A file that cannot be written is a warning, and nothing else.
        """
        self.startServer("--snmplog", "/nowhere/at/all", "--snmpperiod=10")
        self.startClient()
        self.network.run(11)
        self.assertLogged("The counters cannot be written: ")
        self.exchange()

    def test_logged(self) -> None:
        """
        SIGUSR1 logs them, also those of sessions that have ended.
        """
        self.startServer()
        self.startClient("--autoexpire=1", "--scavengettl=0")
        self.exchange()
        self.network.run(10)
        self.exchange()
        self.client.logCounters()
        (line,) = [line for line in self.logged if line.startswith("Counters: ")]
        self.assertIn(" MaxConn=1 ActiveOpens=2 ", line)
        self.assertIn(" CurrEstab=1 ", line)
