"""
What a session holds while nothing happens.
"""

from __future__ import annotations

from weakref import ref

from zope.interface import Interface, directlyProvides

from kcptwisted.link import Link
from kcptwisted.options import KCPOptions
from tests.connections import ConnectionTestCase, RecordingProtocol

BAD = Link(delay=0.02, jitter=0.01, loss=0.1, duplicate=0.02, reorder=0.05)


class IMarked(Interface):
    """
    Something that an application may say of a transport.
    """


def echo(protocol: RecordingProtocol) -> None:
    """
    Have a protocol write back what it receives, and pause itself.
    """
    protocol.onMade = lambda made: made.session.registerProducer(made.session, True)
    protocol.onData = lambda data: protocol.session.write(data)


class AttributeTests(ConnectionTestCase):
    """
    The attributes of a session.
    """

    def test_none(self) -> None:
        """
        Whatever happens in its life, a session sets no attribute that has no slot.
        """
        self.serverFactory.prepare = echo
        client, server = self.connect(
            KCPOptions(key="k", dataShards=3, parityShards=1, idleTimeout=50, trace=True), BAD
        )
        data = self.data(100_000)
        client.session.write(data)
        self.network.runUntil(lambda: client.received == data)
        client.session.sendOutOfBand(b"x")
        self.network.run(30)
        server.session.unregisterProducer()
        client.session.loseWriteConnection()
        self.network.run(5)
        client.session.loseConnection()
        self.network.run(20)
        for protocol in (client, server):
            self.assertEqual(len(protocol.reasons), 1)
            self.assertEqual(vars(protocol.session), {})

    def test_own(self) -> None:
        """
        An application may set some, have the session provide an interface, and refer to it weakly.
        """
        client, _ = self.connect()
        client.session.user = "me"  # type: ignore[attr-defined]
        directlyProvides(client.session, IMarked)
        self.assertEqual(vars(client.session)["user"], "me")
        self.assertTrue(IMarked.providedBy(client.session))
        self.assertIs(ref(client.session)(), client.session)
