"""
That no session is given what belongs to another.
"""

from __future__ import annotations

from random import Random
from typing import Any, cast

from kcptwisted.options import KCPOptions
from kcptwisted.testing import Link
from tests.callers import AEAD, CallerTestCase
from tests.connections import SERVER, RecordingProtocol
from tests.properties import given, settings, strategies

#: Of several clients with one conversation id the server follows only one to another address, so
#: none may go to one because of a lost keepalive.
STILL: dict[str, Any] = {"keepAlive": 0}

NULL = KCPOptions(crypt="null", **STILL)
NULL_FEC = KCPOptions(crypt="null", dataShards=3, parityShards=1, **STILL)
STILL_AEAD = KCPOptions(key="k", crypt="aes-128-gcm", **STILL)
STILL_AEAD_FEC = KCPOptions(key="k", crypt="aes-128-gcm", dataShards=3, parityShards=1, **STILL)
AEAD_FEC = KCPOptions(key="k", crypt="aes-128-gcm", dataShards=3, parityShards=1)

HOSTS = ["10.0.0.1", "10.0.0.3", "10.0.0.4"]

#: Clients of each host.
CLIENTS = 4

#: Bytes that each client sends, and gets back.
SIZE = 20_000


class SeparationTests(CallerTestCase):
    """
    Many clients at once, each of which puts its own number into every byte.
    """

    def hold(self, options: KCPOptions, convs: list[int], moves: int, seed: int) -> None:
        """
        Have clients talk over a bad link, on a new network, and assert that each gets its own bytes
        back, all of them, and no protocol of the server another client's.

        @param convs: the clients' conversation ids.
        @param moves: how often any of them gets another address.
        """
        self.setUp()
        random = Random(seed)
        bad = Link(delay=0.01, jitter=0.02, loss=0.05, reorder=0.1, duplicate=0.1)
        for host in HOSTS:
            self.network.setLink(host, SERVER, bad)
            self.network.setLink(SERVER, host, bad)
        port = self.listen(options)
        self.serverFactory.prepare = self._echo
        dialled = [
            self.dial(conv, options, HOSTS[number % len(HOSTS)])
            for number, conv in enumerate(convs)
        ]
        self.network.run(20)
        clients = [cast(RecordingProtocol, self.successResultOf(one)) for one in dialled]
        for number, client in enumerate(clients):
            client.session.write(bytes([number + 1]) * SIZE)
        for place in range(moves):
            self.network.run(0.3)
            mover = random.choice(clients)
            self.network.translate(self.addressOf(mover), (f"10.9.0.{place % 3}", 100 + place))
            mover.session.write(bytes([clients.index(mover) + 1]) * 10)
        self.network.run(60)
        for protocol in self.serverFactory.made:
            self.assertEqual(len(set(protocol.received)), 1)
        self.assertEqual(len(self.serverFactory.made), len(clients))
        for number, client in enumerate(clients):
            self.assertEqual(set(client.received), {number + 1})
            self.assertGreaterEqual(len(client.received), SIZE)
            self.assertEqual(client.reasons, [])
        self.assertEqual(len(port.sessions), len(clients))
        if moves:
            # Others move by themselves when questions of the keepalive are lost.
            self.assertGreater(port.stats.SessionsMoved, 0)

    def _echo(self, protocol: RecordingProtocol) -> None:
        protocol.onData = lambda data: protocol.session.write(data)

    @settings(max_examples=10)
    @given(
        strategies.sampled_from([NULL, STILL_AEAD, NULL_FEC, STILL_AEAD_FEC]),
        strategies.lists(strategies.integers(1, 4), min_size=2, max_size=12),
        strategies.integers(0, 1 << 16),
    )
    def test_conversations(self, options: KCPOptions, convs: list[int], seed: int) -> None:
        """
        Clients at addresses of their own, of which many have the same conversation id.
        """
        self.hold(options, convs, 0, seed)

    def test_moves(self) -> None:
        """
        Clients with conversation ids of their own that move all the time, also to hosts where
        others are.
        """
        for seed, options in enumerate((AEAD, AEAD_FEC)):
            self.hold(options, list(range(5, 5 + len(HOSTS) * CLIENTS)), 12, seed)
