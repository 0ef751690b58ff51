"""
One busy session beside others on the same port.
"""

from __future__ import annotations

from kcptwisted.options import KCPOptions
from kcptwisted.timing.turns import ALONE, SHARE, TURN
from tests.connections import SERVER, ConnectionTestCase
from tests.inside import sessionOf

WIDE = KCPOptions(crypt="null", congestion="none", mtu=1400, sendWindow=65535, receiveWindow=65535)


class TurnTests(ConnectionTestCase):
    """
    What a session sends in one turn is bounded.
    """

    def test_othersGetTheirs(self) -> None:
        """
        Of a session with much to send one burst leaves in a turn; then others send theirs.
        """
        first, busy = self.connect(WIDE)
        connecting = self.begin(WIDE)
        self.network.run(0.1)
        self.successResultOf(connecting)
        other = self.serverFactory.made[1]
        sent: list[tuple[str, int]] = []

        def note(source: tuple[str, int], to: tuple[str, int], datagram: bytes) -> None:
            if source[0] == SERVER:
                sent.append(to)

        self.network.taps.append(note)
        segment = 1400 - 24
        busy.session.write(bytes(3 * ALONE * segment))
        self.network.clock.callLater(0, other.session.write, b"me too")
        self.network.run(0)
        self.assertEqual(sent.index(sessionOf(other.session).address[:2]), ALONE)
        self.network.run(2)
        self.assertEqual(len(first.received), 3 * ALONE * segment)

    def test_smallAmongMany(self) -> None:
        """
        However many sessions have much to send, little is sent before the message of another.
        """
        self.connect(WIDE)
        connecting = [self.begin(WIDE) for _ in range(10)]
        self.network.run(0.1)
        for each in connecting:
            self.successResultOf(each)
        *crowd, small = self.serverFactory.made
        sent: list[tuple[str, int]] = []

        def note(source: tuple[str, int], to: tuple[str, int], datagram: bytes) -> None:
            if source[0] == SERVER:
                sent.append(to)

        self.network.taps.append(note)
        total = 1_000_000
        for busy in crowd:
            busy.session.write(bytes(total))
        self.network.clock.callLater(0, small.session.write, b"me too")
        self.network.run(0)
        before = sent.index(sessionOf(small.session).address[:2])
        self.assertLess(before, TURN + len(crowd) * SHARE)
        self.network.run(5)
        received = [len(client.received) for client in self.clientFactory.made]
        self.assertEqual(received, [total] * 10 + [len(b"me too")])
