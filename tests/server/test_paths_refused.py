"""
Clients whose address seems to change: what is not proof of that, and who cannot prove it.
"""

from __future__ import annotations

from kcptwisted.errors import DeadLink, PeerRestarted, PeerTimeout
from kcptwisted.options import KCPOptions
from kcptwisted.wire.control import Challenge, Response, encodeBlock
from tests.callers import AEAD, ATTACKER, BARE_AEAD, blocksOf, control
from tests.server.test_paths import PLACES, RoamingTestCase

CFB = KCPOptions(key="k", crypt="aes-128")
NULL = KCPOptions(crypt="null")


class ForgedTests(RoamingTestCase):
    """
    Answers that prove nothing.
    """

    def moved(self) -> bytes:
        """
        Have the client move.

        @return: the datagram with its answer to the challenge.
        """
        self.start()
        self.move(PLACES[0])
        self.client.session.write(b"x")
        self.network.run(1)
        self.assertAt(PLACES[0])
        for datagram in self.fromClient():
            for block in blocksOf(self.openedBy(AEAD, datagram)):
                if block.find(Response) is not None:
                    return datagram
        raise AssertionError("no answer")

    def test_replayed(self) -> None:
        """
        The right answer from another address moves nothing, and an old answer moves nothing either,
        also not back to where it was right.
        """
        answer = self.moved()
        for place in (ATTACKER, PLACES[1], self.home):
            self.inject(answer, place)
            self.network.run(0.5)
            self.assertAt(PLACES[0])
        self.move(PLACES[1])
        self.assertTalk()
        self.assertAt(PLACES[1])
        self.inject(answer, PLACES[0])
        self.network.run(0.5)
        self.assertAt(PLACES[1])
        self.assertTalk()
        self.assertEqual(self.port.stats.SessionsMoved, 2)

    def test_forged(self) -> None:
        """
        Nor does an answer with another challenge's bytes, or in other names, even by somebody with
        the key.
        """
        answer = self.moved()
        (right,) = blocksOf(self.openedBy(AEAD, answer))
        self.inject(answer, ATTACKER)
        self.network.run(0.1)
        (asked,) = blocksOf(self.openedBy(AEAD, self.sentTo(ATTACKER)[-1]))
        (frame,) = asked.frames
        assert isinstance(frame, Challenge)
        wrong = bytes(8)
        for to, source, data in (
            (right.to, right.source, wrong),
            (right.source, right.to, frame.data),
            (right.to, wrong, frame.data),
            (wrong, right.source, frame.data),
        ):
            self.inject(
                self.sealed(control(5, encodeBlock(to, source, [Response(data)]))), ATTACKER
            )
            self.network.run(1)
            self.assertAt(PLACES[0])
        self.inject(
            self.sealed(control(5, encodeBlock(right.to, right.source, [Response(frame.data)]))),
            ATTACKER,
        )
        self.assertAt(ATTACKER)

    def test_recording(self) -> None:
        """
        A recording of the client's datagrams, sent from elsewhere at a high rate, neither moves
        the session nor keeps its client from moving.
        """
        self.start()
        self.client.session.write(self.data(100_000))
        self.network.run(1)
        recorded = self.fromClient()
        for number, place in enumerate(PLACES, 1):
            self.move(place)
            for _ in range(200):
                for datagram in recorded[-5:]:
                    self.inject(datagram, ATTACKER)
                    self.inject(datagram, ("10.6.6.7", 7))
                self.network.run(0.001)
            self.assertTalk()
            self.assertAt(place)
            self.assertEqual(self.port.stats.SessionsMoved, number)


class StrangerTests(RoamingTestCase):
    """
    Where either end lacks the means, what comes from the new address is a stranger's.
    """

    def lose(self, server: KCPOptions, client: KCPOptions) -> None:
        """
        Have the client move, and see that it is counted, opens nothing and causes no challenge.
        """
        self.start(server, client)
        self.assertTalk()
        self.move(PLACES[0])
        errors = self.port.stats.InErrs
        self.client.session.write(b"lost")
        self.network.run(2)
        self.assertEqual(self.sentTo(PLACES[0]), [])
        self.assertGreater(self.port.stats.InErrs, errors)
        self.network.run(60)
        self.assertEqual(self.server.received, b"to the server")
        self.assertEqual((self.port.stats.PathsChallenged, self.port.stats.SessionsMoved), (0, 0))
        self.assertEqual((len(self.serverFactory.made), self.port.sessions), (1, []))
        self.assertIsInstance(self.reasonOf(self.server), PeerTimeout)

    def test_cipher(self) -> None:
        """
        Without a cipher that authenticates the client is told, when it asks, that it is not known
        there.
        """
        for options in (CFB, NULL):
            self.lose(options, options)
            self.assertIsInstance(self.reasonOf(self.client), PeerRestarted)

    def test_extension(self) -> None:
        """
        Without control frames at either end nothing at all is sent to the new address.
        """
        for server, client in ((AEAD, BARE_AEAD), (BARE_AEAD, AEAD)):
            self.lose(server, client)
            self.assertIsInstance(self.reasonOf(self.client), (PeerTimeout, DeadLink))
            self.assertEqual(self.sentTo(PLACES[0]), [])
