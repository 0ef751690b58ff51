"""
C{kcptwisted probe} in a process of its own, against servers of all kinds.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from kcptwisted.interfaces import Address, IDatagramProtocol
from kcptwisted.layer import DatagramLayer
from kcptwisted.options import KCPOptions
from tests.interop import cpeer
from tests.interop.cases import KCPGoCase, OurEndsCase, Settings
from tests.interop.cpeer import CPeer
from tests.interop.peers import skipReason
from tests.programs import Program, ProgramTestCase, freePort

#: What keeps a run short.
SHORT = ("--seconds", "4", "--megabytes", "1")

PLAIN = Settings()


class Witness(Protocol):
    """
    An application that notes what it is given, and why its connection ends.
    """

    made: list[Witness]

    def __init__(self) -> None:
        """
        Nothing yet.
        """
        self.received = b""
        self.cause = ""
        self.made.append(self)

    def dataReceived(self, data: bytes) -> None:
        """
        Note.
        """
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Note.
        """
        self.cause = reason.type.__name__ if reason.type else ""


class Counting(DatagramLayer):
    """
    Tells when so many datagrams have come.
    """

    def __init__(self, wrapped: IDatagramProtocol, count: int, came: Deferred[None]) -> None:
        """
        @param count: how many.
        @param came: fires then.
        """
        super().__init__(wrapped)
        self._left = count
        self._came = came

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Count, and pass on.
        """
        self._left -= len(datagrams)
        if self._left <= 0 and not self._came.called:
            self._came.callback(None)
        super().datagramsReceived(datagrams, address)


class ProbeCase(OurEndsCase, ProgramTestCase):
    """
    Runs the command.
    """

    timeout = 60

    def probe(self, server: str, *arguments: str) -> Program:
        """
        @return: the running command.
        """
        return self.start("-m", "kcptwisted", "probe", server, *SHORT, *arguments)

    async def found(self, server: str) -> dict[str, Any]:
        """
        @return: what a whole run prints.
        """
        program = self.probe(server, "--json")
        await program.ended()
        self.assertEqual(program.status, 0, program.output)
        # Beside it there is what was said before.
        values: dict[str, Any] = json.loads(program.output[program.output.index("{") :])
        return values

    def checkLoopback(self, found: dict[str, Any], largest: int) -> None:
        """
        Fail unless the path was found to be what the loopback interface is.
        """
        self.assertGreater(found["roundTrip"]["count"], 20)
        self.assertTrue(0 < found["roundTrip"]["min"] <= found["roundTrip"]["median"])
        # A busy machine may lose some.
        self.assertLess(found["loss"]["both"], 0.2)
        if sys.platform.startswith("linux"):
            self.assertEqual(found["mtu"], largest)
        self.assertGreater(found["rate"], 0)
        self.assertTrue(0 < found["bytesSent"] <= 1_000_000)
        self.assertIsNone(found["problem"])


class OursTests(ProbeCase):
    """
    A server of ours.
    """

    def setUp(self) -> None:
        """
        Nobody has come.
        """
        Witness.made = []

    async def test_key(self) -> None:
        """
        With its key, a server is measured up to 1500 bytes.  Its application gets a connection that
        ends cleanly, and no data.
        """
        port = await self.listen(Witness, KCPOptions(key="one", environ={}))
        number = port.getHost().port
        self.checkLoopback(await self.found(f"127.0.0.1:{number}:key=one"), 1500)
        (witness,) = Witness.made
        self.assertEqual((witness.received, witness.cause), (b"", "ConnectionDone"))

    async def test_retry(self) -> None:
        """
        So is one that first has clients show where they are, and uses FEC.
        """
        options = KCPOptions(key="one", retry=True, dataShards=5, parityShards=2, environ={})
        port = await self.listen(Witness, options)
        number = port.getHost().port
        found = await self.found(f"127.0.0.1:{number}:key=one:dataShards=5:parityShards=2")
        self.checkLoopback(found, 1500)
        self.assertTrue(found["kcptwisted"])

    async def test_wrongKey(self) -> None:
        """
        With another key there is no answer, and the status is 1.
        """
        port = await self.listen(Witness, KCPOptions(key="one", environ={}))
        number = port.getHost().port
        program = self.probe(f"127.0.0.1:{number}:key=two:timeout=1")
        await program.ended()
        self.assertEqual(program.status, 1)
        self.assertIn("no answer within timeout=1 seconds", program.output)

    async def test_interrupted(self) -> None:
        """
        After Ctrl-C, what is known is printed, the connection is closed, and the status is 130.
        """
        options = KCPOptions(key="one", environ={})
        came: Deferred[None] = Deferred()
        port = await self.listen(Witness, options, [lambda above: Counting(above, 100, came)])
        program = self.probe(f"127.0.0.1:{port.getHost().port}:key=one")
        await program.printed("sends at most 1 MB within 4 s")
        await came
        program.transport.signalProcess("INT")
        await program.ended()
        self.assertEqual(program.status, 130)
        self.assertIn("round trip  min", program.output)
        self.assertIn("interrupted", program.output)
        self.assertEqual([witness.cause for witness in Witness.made], ["ConnectionDone"])

    async def test_nobody(self) -> None:
        """
        Where nobody listens, that is said, and the status is 1.
        """
        program = self.probe(f"127.0.0.1:{freePort()}")
        await program.ended()
        self.assertEqual(program.status, 1)
        self.assertIn("Nothing listens", program.output)


class KCPGoTests(KCPGoCase, ProbeCase):
    """
    A kcp-go server.
    """

    async def test_plain(self) -> None:
        """
        It is measured.  It reads nothing from the connection, so it can serve the next one.
        """
        _, port = await self.goServer("echo", PLAIN)
        found = await self.found(f"127.0.0.1:{port}")
        self.checkLoopback(found, 1472)
        self.assertFalse(found["kcptwisted"])
        self.assertEqual(found["window"], PLAIN.window)
        # fast3 flushes each 10 ms.
        self.assertTrue(5 <= found["interval"] <= 40, found["interval"])
        self.assertIsNotNone((await self.found(f"127.0.0.1:{port}"))["mtu"])

    async def test_coded(self) -> None:
        """
        Also with a cipher and FEC, whether the client says so or not.
        """
        coded = replace(PLAIN, crypt="aes", dataShards=10, parityShards=3)
        _, port = await self.goServer("echo", coded)
        key = f"crypt=aes:key={coded.key}"
        for options in (key, f"{key}:dataShards=10:parityShards=3"):
            self.checkLoopback(await self.found(f"127.0.0.1:{port}:{options}"), 1472)


class IKCPTests(ProbeCase):
    """
    A server with C's ikcp.
    """

    skip = skipReason(cpeer.whyMissing())

    async def test_measured(self) -> None:
        """
        It is measured, and gets no message.
        """
        messages: list[bytes] = []
        peer = CPeer(lambda _, message: messages.append(message))
        port = peer.start(reactor)
        self.addCleanup(peer.stop)
        program = self.probe(f"127.0.0.1:{port}", "--json")
        await program.ended()
        found = json.loads(program.output[program.output.index("{") :])
        self.checkLoopback(found, 1472)
        self.assertEqual((program.status, messages), (0, []))
