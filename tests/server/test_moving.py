"""
Clients whose address changes, on real sockets.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import deferLater

from kcptwisted.errors import PeerRestarted, PeerTimeout
from kcptwisted.interfaces import Address
from kcptwisted.options import KCPOptions
from kcptwisted.server.listening import KCPListeningPort
from kcptwisted.testing.link import Link
from kcptwisted.testing.lossyrelay import LossyRelay
from kcptwisted.wire.control import Challenge, decodeBlock
from kcptwisted.wire.segment import WASK, decodeSegments
from tests.interop.cases import OurEndsCase
from tests.interop.roles import EchoServer
from tests.interop.stream import Pattern
from tests.interop.talking import Talker

reactor: Any = installed

SIZE = 100_000

#: Seconds.
KEEP_ALIVE = 0.3
DEAD_AFTER = 1.2


class _Outside(DatagramProtocol):
    """
    A socket that an address translator has towards the server.
    """

    def __init__(self, translator: Translator) -> None:
        self._translator = translator

    def datagramReceived(self, datagram: bytes, addr: Address) -> None:
        """
        Pass on.
        """
        self._translator.passIn(self, datagram)


class Translator(DatagramProtocol):
    """
    A network address translator with one client, which forgets what it knew of it when told so.

    @ivar passed: all datagrams that the client has sent.
    """

    transport: Any

    def __init__(self, server: int) -> None:
        """
        @param server: its port.
        """
        self._server = ("127.0.0.1", server)
        self._client: Address | None = None
        self.passed: list[bytes] = []
        self._ports: list[Any] = []

    def start(self) -> int:
        """
        @return: the port for the client.
        """
        self._ports.append(reactor.listenUDP(0, self, interface="127.0.0.1"))
        self.rebind()
        number: int = self.transport.getHost().port
        return number

    def rebind(self) -> None:
        """
        Give the client another address towards the server, and forget the former.
        """
        self._outside = _Outside(self)
        self._ports.append(reactor.listenUDP(0, self._outside, interface="127.0.0.1"))

    @property
    def outside(self) -> int:
        """
        The port from which the server hears the client.
        """
        number: int = self._ports[-1].getHost().port
        return number

    def datagramReceived(self, datagram: bytes, addr: Address) -> None:
        """
        From the client.
        """
        self._client = addr
        self.passed.append(datagram)
        assert self._outside.transport is not None
        self._outside.transport.write(datagram, self._server)

    def passIn(self, side: _Outside, datagram: bytes) -> None:
        """
        From the server.
        """
        if side is self._outside and self._client is not None:
            self.transport.write(datagram, self._client)

    def stop(self) -> Deferred[Any]:
        """
        Close all sockets.
        """
        return gatherResults([maybeDeferred(port.stopListening) for port in self._ports])


class Recording(DatagramProtocol):
    """
    Keeps what comes.
    """

    transport: Any

    def __init__(self) -> None:
        self.received: list[bytes] = []

    def datagramReceived(self, datagram: bytes, addr: Address) -> None:
        """
        Keep.
        """
        self.received.append(datagram)


class LeavingRelay(LossyRelay):
    """
    A relay of which clients can be cut off.

    @ivar gone: their addresses.
    """

    def __init__(self, server: int) -> None:
        """
        @param server: its port.
        """
        super().__init__(reactor, ("127.0.0.1", server), Link())
        self.gone: set[Address] = set()

    def fromClient(self, datagrams: list[bytes], client: Address) -> None:
        """
        Pass on to the target.
        """
        if client not in self.gone:
            super().fromClient(datagrams, client)

    def fromTarget(self, datagrams: list[bytes], client: Address) -> None:
        """
        Pass on to a client.
        """
        if client not in self.gone:
            super().fromTarget(datagrams, client)


class _Echo(EchoServer):
    """
    Echoes, and tells when it is over.
    """

    def __init__(self) -> None:
        self.lost: Deferred[Any] = Deferred()

    def connectionLost(self, reason: Any = None) -> None:
        """
        Tell.
        """
        self.lost.callback(reason.value)


class MovingCase(OurEndsCase):
    """
    An echo server of which all protocols are known.
    """

    timeout = 20

    def options(self, crypt: str) -> KCPOptions:
        """
        @return: the same for both ends.
        """
        return KCPOptions(
            crypt=crypt,
            key="k",
            keepAlive=KEEP_ALIVE,
            deadAfter=DEAD_AFTER,
            linger=1.0,
            environ={},
        )

    async def serve(self, crypt: str) -> KCPListeningPort:
        """
        Start the server.
        """
        self.made: list[_Echo] = []

        def build() -> _Echo:
            self.made.append(_Echo())
            return self.made[-1]

        return await self.listen(build, self.options(crypt))

    def assertMovedTo(self, listening: KCPListeningPort, number: int, moves: int = 1) -> None:
        """
        The one session that there was is at that port now.
        """
        [session] = listening.sessions
        self.assertEqual(session.getPeer().port, number)
        stats = listening.stats
        self.assertEqual((stats.PassiveOpens, stats.SessionsMoved), (1, moves))
        self.assertEqual(len(self.made), 1)
        self.assertFalse(self.made[0].lost.called)


class RebindingTests(MovingCase):
    """
    An address translator gives a client another address.
    """

    async def connectThrough(self, listening: KCPListeningPort, crypt: str) -> Talker:
        """
        Connect a client through a translator.
        """
        self.translator = Translator(listening.getHost().port)
        self.addCleanup(self.translator.stop)
        port = self.translator.start()
        talker = await self.connect(Talker(), port, self.options(crypt))
        await talker.exchange(Pattern().take(SIZE))
        self.assertMovedTo(listening, self.translator.outside, 0)
        return talker

    async def test_authenticated(self) -> None:
        """
        The connection goes on at the new address, once the client has answered a challenge.
        """
        listening = await self.serve("aes-128-gcm")
        talker = await self.connectThrough(listening, "aes-128-gcm")
        self.translator.rebind()
        await talker.exchange(Pattern().take(SIZE))
        self.assertMovedTo(listening, self.translator.outside)
        self.assertGreater(listening.stats.PathsChallenged, 0)
        self.assertFalse(talker.lost.called)

    async def test_replayed(self) -> None:
        """
        Somebody else who sends again what the client has sent, its answer to the challenge among
        it, gets challenges at most, and the connection stays where it is.
        """
        listening = await self.serve("aes-128-gcm")
        talker = await self.connectThrough(listening, "aes-128-gcm")
        self.translator.rebind()
        await talker.exchange(Pattern().take(SIZE))
        before = listening.stats.PathsChallenged
        attacker = Recording()
        port = reactor.listenUDP(0, attacker, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        for datagram in list(self.translator.passed):
            attacker.transport.write(datagram, ("127.0.0.1", listening.getHost().port))
        await talker.exchange(Pattern().take(SIZE))
        # What the server sends within a turn has come now.
        await deferLater(reactor, 0.1)
        self.assertMovedTo(listening, self.translator.outside)
        options = self.options("aes-128-gcm")
        cipher = options.cipher.make(options.cipherKey)
        assert cipher is not None
        plain, bad = cipher.open(attacker.received)
        self.assertEqual(bad, 0)
        self.assertEqual(len(plain), listening.stats.PathsChallenged - before)
        self.assertGreater(len(plain), 0)
        for datagram in plain:
            [segment] = decodeSegments(datagram)
            self.assertEqual(segment.cmd, WASK)
            block = decodeBlock(segment.data)
            assert block is not None
            self.assertEqual([type(frame) for frame in block.frames], [Challenge])

    async def test_notAuthenticated(self) -> None:
        """
        Without a cipher that authenticates, what comes from the new address is a stranger's; the
        client is told with its next question for a sign of life, and the server gets none.
        """
        listening = await self.serve("aes-128")
        talker = await self.connectThrough(listening, "aes-128")
        self.translator.rebind()
        talker.write(b"does anybody hear?")
        self.assertIsInstance(await talker.lost, PeerRestarted)
        self.assertIsInstance(await self.made[0].lost, PeerTimeout)
        stats = listening.stats
        self.assertGreater(stats.InErrs, 0)
        self.assertEqual(
            (stats.PassiveOpens, stats.SessionsMoved, stats.PathsChallenged), (1, 0, 0)
        )


class NewSocketTests(MovingCase):
    """
    A client whose own address is of no use any more.
    """

    async def test_rebinds(self) -> None:
        """
        When nothing that it sends is answered it goes on with another socket, and the connection
        lives.
        """
        listening = await self.serve("aes-128-gcm")
        relay = LeavingRelay(listening.getHost().port)
        self.addCleanup(relay.stop)
        talker = await self.connect(Talker(), relay.start(), self.options("aes-128-gcm"))
        await talker.exchange(Pattern().take(SIZE))
        [session] = listening.sessions
        former, formerPeer = talker.session.getHost(), session.getPeer()
        relay.gone.add(("127.0.0.1", former.port))
        await talker.exchange(Pattern().take(SIZE))
        self.assertNotEqual(talker.session.getHost().port, former.port)
        self.assertNotEqual(session.getPeer().port, formerPeer.port)
        self.assertMovedTo(listening, session.getPeer().port)
        self.assertFalse(talker.lost.called)
