"""
Two ends of which one sends messages and the other a stream.
"""

from __future__ import annotations

from dataclasses import replace

from twisted.logger import LogLevel, capturedLogs

from kcptwisted.options import KCPOptions
from kcptwisted.wire.control import Feature
from tests.callers import CallerTestCase
from tests.controlling import PlainPeer
from tests.inside import connectionOf

STREAM = KCPOptions(crypt="null")
MESSAGES = KCPOptions(crypt="null", stream=False)


class DifferTests(CallerTestCase):
    """
    What the log says of them.
    """

    def warned(self, server: KCPOptions, client: KCPOptions, old: bool = False) -> list[str]:
        """
        @param old: the client's hello does not tell.
        @return: the lines that a connection leaves at both ends.
        """
        self.setUp()
        port = self.listen(server)
        if old:
            server._connectionSettings[0] = replace(
                server.connectionSettings(0), features=Feature.NONE
            )
        with capturedLogs() as events:
            protocol = self.reach(5, client)
            protocol.session.write(b"one")
            protocol.session.write(b"two")
            # A hello that comes again.
            connectionOf(protocol.session).controls.sayHello()
            self.network.run(60)
        self.assertEqual(self.serverFactory.made[0].received, b"onetwo")
        self.finish(port)
        server._connectionSettings.clear()
        return [
            event["log_format"]
            for event in events
            if event["log_level"] is LogLevel.warn and "stream=no" in event["log_format"]
        ]

    def test_differ(self) -> None:
        """
        Each end says so, once a connection, whichever is which; the bytes arrive all the same.
        """
        for server, client in ((STREAM, MESSAGES), (MESSAGES, STREAM)):
            self.assertEqual(len(self.warned(server, client)), 2)

    def test_same(self) -> None:
        """
        Nothing is said where they agree.
        """
        for options in (STREAM, MESSAGES):
            self.assertEqual(self.warned(options, options), [])

    def test_unknown(self) -> None:
        """
        Nor where one does not tell: only that one can know then.
        """
        for server, client in ((STREAM, MESSAGES), (MESSAGES, STREAM)):
            self.assertEqual(self.warned(server, client, old=True), [])

    def test_plain(self) -> None:
        """
        Nor with a peer without control frames.
        """
        port = self.listen(MESSAGES)
        peer = PlainPeer(77, ("10.0.0.2", 4000))
        self.network.host("10.0.0.1").listenUDP(1, peer)
        with capturedLogs() as events:
            peer.write(b"hello")
            self.network.run(5)
        self.assertEqual([event for event in events if event["log_level"] is LogLevel.warn], [])
        self.finish(port)
