"""
What the garbage collector finds of messages and of connections: nothing.
"""

from __future__ import annotations

import gc

from kcptwisted.options import KCPOptions
from tests.connections import ConnectionTestCase, RecordingProtocol

MESSAGES = 200
CONNECTIONS = 20

VARIANTS = {
    "plain": KCPOptions(crypt="null", mode="fast3"),
    "fec": KCPOptions(crypt="null", dataShards=3, parityShards=1, fecFlush=20),
    "cipher": KCPOptions(key="sesame", crypt="aes-128"),
    "aead": KCPOptions(key="sesame", crypt="aes-128-gcm", keepAlive=1),
    "bbr": KCPOptions(crypt="null", congestion="bbr", rateLimit=1_000_000, portRateLimit=1_000_000),
}


#: Of whose objects a connection consists.
PACKAGES = ("arq", "congestion", "connection", "fec", "session")


class GarbageTests(ConnectionTestCase):
    """
    What is in no cycle goes at once, so the collector has nothing to free, and its pauses can be
    had rarely or never.
    """

    def collected(self) -> int:
        """
        Returns how many objects were in cycles that nobody holds.
        """
        return gc.collect()

    def setUp(self) -> None:
        """
        Only this test collects.
        """
        super().setUp()
        gc.disable()
        self.addCleanup(gc.enable)

    def test_found(self) -> None:
        """
        A cycle would be seen.
        """
        self.collected()
        held: list[object] = []
        held.append(held)
        del held
        self.assertEqual(self.collected(), 1)

    def test_messages(self) -> None:
        """
        Messages leave nothing, whatever is between the applications.
        """
        for name, options in VARIANTS.items():
            with self.subTest(name=name):
                super().setUp()
                client, server = self.connect(options)
                self.exchange(client, server, 10)
                self.collected()
                self.exchange(client, server, MESSAGES)
                self.assertEqual(self.collected(), 0)

    def exchange(self, client: RecordingProtocol, server: RecordingProtocol, count: int) -> None:
        """
        Send messages to and fro.
        """
        for _ in range(count):
            for one in (client, server):
                one.session.write(bytes(64))
                self.network.run(0.05)

    def test_connections(self) -> None:
        """
        Nothing of connections that begin, talk and end is in a cycle, but for a client's socket.
        """
        for name, options in VARIANTS.items():
            with self.subTest(name=name):
                super().setUp()
                self.port = self.listen(options)
                for count in (2, CONNECTIONS):
                    self.collected()
                    for _ in range(count):
                        self.once(options)
                gc.set_debug(gc.DEBUG_SAVEALL)
                try:
                    self.collected()
                finally:
                    gc.set_debug(0)
                modules = [type(found).__module__.split(".") for found in gc.garbage]
                gc.garbage.clear()
                of = [names[1] for names in modules if names[0] == "kcptwisted" and names[1:]]
                self.assertEqual(set(of).intersection(PACKAGES), set())

    def once(self, options: KCPOptions) -> None:
        """
        Connect, send a message, close.
        """
        self.begin(options)
        self.network.run(0.5)
        (client,), (server,) = self.clientFactory.made, self.serverFactory.made
        client.session.write(bytes(64))
        self.network.run(0.1)
        client.session.loseConnection()
        self.network.run(10)
        client.reasons.clear()
        server.reasons.clear()
        self.clientFactory.made.clear()
        self.serverFactory.made.clear()
