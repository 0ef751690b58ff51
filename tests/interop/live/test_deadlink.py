"""
A link that is dead, on real sockets.
"""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from kcptwisted.errors import DeadLink
from kcptwisted.options import KCPOptions
from kcptwisted.testing.link import Link, LinkModel
from tests.interop.cases import OurEndsCase
from tests.interop.roles import EchoServer, session

reactor: Any = installed

#: Without keepalive nothing else ends the connection.
OPTIONS = KCPOptions(crypt="null", mode="fast3", keepAlive=0.0, environ={})


class Ending(Protocol):
    """
    Notes when and why its connection ends.
    """

    def __init__(self) -> None:
        self.echoed: Deferred[bytes] = Deferred()
        self.lost: Deferred[tuple[float, Failure]] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        """
        Note.
        """
        self.echoed.callback(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Note.
        """
        self.lost.callback((reactor.seconds(), reason))


class DeadLinkTests(OurEndsCase):
    """
    A path that loses all from some moment on, and reports nothing.
    """

    timeout = 40

    async def test_deadLink(self) -> None:
        """
        Ten seconds after the last acknowledgement the connection ends, with L{DeadLink}.
        """
        listening = await self.listen(EchoServer, OPTIONS)
        relay = self.relay(listening.getHost().port, loss=0)
        protocol = await self.connect(Ending(), relay.start(), OPTIONS)
        session(protocol).write(b"before")
        self.assertEqual(await protocol.echoed, b"before")
        relay.outward = relay.inward = LinkModel(Link(loss=1), Random(0))
        began = reactor.seconds()
        session(protocol).write(b"into the void")
        ended, reason = await protocol.lost
        self.assertTrue(reason.check(DeadLink), reason)
        # However busy the machine is, it is no sooner.
        self.assertGreater(ended - began, 9.9)
