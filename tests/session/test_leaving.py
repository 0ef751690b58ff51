"""
Programs that end by stopping their reactor.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import error
from twisted.internet.defer import inlineCallbacks

from kcptwisted.errors import PeerReset
from kcptwisted.options import KCPOptions
from kcptwisted.testing.link import Link
from kcptwisted.wire.control import Fin, Reset
from tests.connections import CLIENT, SERVER, RecordingProtocol
from tests.controlling import ControlledTestCase, PlainServerTestCase
from tests.programs import ProgramTestCase
from tests.session.test_session_producers import Producer

SLOW = Link(delay=0.05)


class LeavingTestCase(ControlledTestCase):
    """
    A client and a server, the reactor of either of which stops.
    """

    def stopReactor(self, host: str) -> None:
        """
        Close a host's sockets, as a reactor that stops does.
        """
        for port in list(self.network.host(host).ports.values()):
            port.stopListening()

    def meet(self, leaver: str, link: Link = SLOW) -> tuple[RecordingProtocol, RecordingProtocol]:
        """
        @return: the protocol on the host that leaves, and the other one.
        """
        client, server = self.connect(link=link)
        return (client, server) if leaver == CLIENT else (server, client)


class LeavingTests(LeavingTestCase):
    """
    What the peer is told.
    """

    def leave(self, leaver: str, one: RecordingProtocol) -> None:
        """
        Stop the reactor, and see that the end itself is told that the connection is lost.
        """
        self.stopReactor(leaver)
        self.assertIs(type(self.reasonOf(one)), error.ConnectionLost)

    def test_delivered(self) -> None:
        """
        Whose peer program ends when all that it wrote has been delivered, has a closed connection.
        """
        for leaver in (CLIENT, SERVER):
            with self.subTest(leaver=leaver):
                self.setUp()
                one, other = self.meet(leaver)
                one.session.write(b"all")
                self.network.run(1)
                self.leave(leaver, one)
                self.network.run(0.2)
                self.assertEqual(other.received, b"all")
                self.assertIsInstance(self.reasonOf(other), error.ConnectionDone)
                (said, *_) = self.sent(Fin, leaver)
                self.assertEqual([type(frame) for frame in said.frames], [Fin, Reset])
                self.network.run(5)
                self.assertEqual(self.sent(Fin, CLIENT if leaver == SERVER else SERVER), [])

    def test_justWritten(self) -> None:
        """
        What was written a moment before, and what is on its way, is delivered if it arrives.
        """
        for leaver in (CLIENT, SERVER):
            with self.subTest(leaver=leaver):
                self.setUp()
                one, other = self.meet(leaver)
                data = self.data(15_000)
                one.session.write(data[:5_000])
                self.network.run(0.01)
                one.session.write(data[5_000:])
                self.leave(leaver, one)
                self.network.run(0.2)
                self.assertEqual(other.received, data)
                self.assertIsInstance(self.reasonOf(other), error.ConnectionDone)

    def assertEnded(self, other: RecordingProtocol) -> None:
        """
        The peer knows that its peer's program has ended, and not in good order.
        """
        self.assertIsInstance(self.reasonOf(other), PeerReset)
        self.assertIn("its program ended", str(self.reasonOf(other)))

    def test_tooMuch(self) -> None:
        """
        If more was written than could be sent, the connection is reset.
        """
        for leaver in (CLIENT, SERVER):
            with self.subTest(leaver=leaver):
                self.setUp()
                one, other = self.meet(leaver)
                one.session.write(bytes(3_000_000))
                self.leave(leaver, one)
                self.network.run(0.2)
                self.assertEqual(self.sent(Fin, leaver), [])
                self.assertEnded(other)
                self.assertGreater(len(other.received), 0)

    def test_lost(self) -> None:
        """
        So it is if something of it is lost.
        """
        one, other = self.meet(CLIENT)
        self.tamper(CLIENT, lambda datagram: None if len(datagram) > 500 else 0.0)
        one.session.write(b"x" * 1000)
        self.leave(CLIENT, one)
        self.network.run(0.2)
        self.assertEnded(other)

    def test_producer(self) -> None:
        """
        So it is if a producer has not brought everything.
        """
        one, other = self.meet(CLIENT)
        one.session.registerProducer(Producer(one.session, b""), False)
        self.network.run(1)
        self.leave(CLIENT, one)
        self.network.run(0.2)
        self.assertEnded(other)

    def test_pausedReader(self) -> None:
        """
        A peer that has paused gets it all when it resumes.
        """
        one, other = self.meet(SERVER)
        other.session.pauseProducing()
        data = self.data(15_000)
        one.session.write(data)
        self.leave(SERVER, one)
        self.network.run(100)
        self.assertEqual(other.reasons, [])
        other.session.resumeProducing()
        self.network.run(0.2)
        self.assertEqual(other.received, data)
        self.assertIsInstance(self.reasonOf(other), error.ConnectionDone)

    def test_peerIsClosing(self) -> None:
        """
        A peer that is closing, and has not delivered everything, need not wait for it.
        """
        one, other = self.meet(SERVER)
        one.session.pauseProducing()
        other.session.write(bytes(3_000_000))
        other.session.loseConnection()
        self.network.run(1)
        self.leave(SERVER, one)
        self.network.run(0.2)
        self.assertEnded(other)

    def test_factories(self) -> None:
        """
        The factories are stopped, once, whatever is asked of the port before or after; and a stop
        that waits for connections is over.
        """
        one, _ = self.meet(SERVER)
        one.session.pauseProducing()
        self.leave(SERVER, one)
        self.stopReactor(CLIENT)
        self.assertEqual((self.serverFactory.stops, self.clientFactory.stops), (1, 1))
        self.successResultOf(self.port.stopListening())
        self.assertEqual(self.serverFactory.stops, 1)
        self.setUp()
        self.meet(SERVER)
        stopped = self.port.stopListening("finish")
        self.network.run(1)
        self.assertNoResult(stopped)
        self.stopReactor(SERVER)
        self.successResultOf(stopped)
        self.assertEqual(self.serverFactory.stops, 1)


class PlainTests(PlainServerTestCase):
    """
    A peer without control frames.
    """

    def test_nothing(self) -> None:
        """
        It is told nothing, and is sent what was written.
        """
        client = self.meet(KCPOptions(crypt="null"))
        client.session.write(b"all")
        for port in list(self.network.host(CLIENT).ports.values()):
            port.stopListening()
        self.network.run(1)
        self.assertEqual((self.peer.received, self.peer.others), (b"all", []))


PROGRAM = """
import sys
from twisted.internet import reactor
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.protocol import Factory, Protocol
from kcptwisted.interfaces import IKCPListeningPort
from kcptwisted.udp import opening

class Ending(Protocol):
    def connectionLost(self, reason):
        print(self.factory.name, "lost", type(reason.value).__name__, flush=True)

class Noting(Factory):
    protocol = Ending
    noisy = False
    def __init__(self, name):
        self.name = name
    def stopFactory(self):
        print(self.name, "stopped", flush=True)

if sys.argv[1] == "fallback":
    # Something that the reactor does not provide.
    opening.IReactorFDSet = IKCPListeningPort

def listening(port):
    where = f"kcp:127.0.0.1:{port.getHost().port}:crypt=null"
    clientFromString(reactor, where).connect(Noting("client")).addCallback(
        lambda _: reactor.callLater(0, reactor.stop)
    )

serverFromString(reactor, "kcp:0:interface=127.0.0.1:crypt=null").listen(
    Noting("server")
).addCallback(listening)
reactor.run()
print("over", flush=True)
"""


class RealTests(ProgramTestCase):
    """
    A real reactor that stops.
    """

    @inlineCallbacks
    def test_factories(self) -> Any:
        """
        Server's and client's factories are stopped once, after their protocols have been told, on
        each kind of socket.
        """
        for kind in ("batches", "fallback"):
            program = self.start("-c", PROGRAM, kind)
            yield program.ended()
            lines = program.output.split("\n")
            for end in ("client", "server"):
                self.assertEqual(lines.count(f"{end} stopped"), 1, program.output)
                self.assertLess(
                    lines.index(f"{end} lost ConnectionLost"), lines.index(f"{end} stopped")
                )
