"""
What one forged datagram makes a server send to the address that it says it is from.
"""

from __future__ import annotations

from collections.abc import Callable

from kcptwisted.arq.tailtimer import MAXIMUM_PROBES
from kcptwisted.options import KCPOptions
from kcptwisted.wire.control import TOKEN, encodeBlock
from kcptwisted.wire.fec import DATA, DATA_HEADER, outOfBandPacket
from kcptwisted.wire.segment import ACK, WASK, Segment
from tests.callers import ATTACKER, CallerTestCase, control, hello, push
from tests.connections import RecordingProtocol

CONV = 0x11223344
FACTOR = 3

#: What the server says first, bytes.
GREETING = 1_000_000

TOKEN_A = b"A" * TOKEN
TOKEN_B = b"B" * TOKEN

WASK_24 = Segment(CONV, WASK, 0, 128, 0, 0, 0, b"").encode()


def _coded(datagram: bytes) -> bytes:
    return DATA_HEADER.pack(0, DATA, len(datagram) + 2) + datagram


#: One datagram of each kind that opens a session.
OPENINGS = {
    "WASK": WASK_24,
    "PUSH": push(CONV, 0),
    "long PUSH": push(CONV, 0, bytes(1000)),
    "hello": hello(CONV, TOKEN_A),
    "out-of-band": outOfBandPacket(CONV, b""),
    "FEC": _coded(WASK_24),
    "hello in FEC": _coded(hello(CONV, TOKEN_A)),
}

#: Options of the server, none of which authenticates.
SERVERS = {
    "null": KCPOptions(crypt="null"),
    "messages": KCPOptions(crypt="null", stream=False),
    "nodelay": KCPOptions(crypt="null", mode="fast3"),
    "retry": KCPOptions(crypt="null", retry=True),
    "none": KCPOptions(crypt="none"),
    "CFB": KCPOptions(key="k", crypt="aes"),
    "FEC": KCPOptions(crypt="null", dataShards=2, parityShards=2, fecFlush=20),
    "much parity": KCPOptions(crypt="null", dataShards=1, parityShards=9),
    "CFB and FEC": KCPOptions(key="k", crypt="aes", dataShards=10, parityShards=3, fecFlush=20),
}


class ForgedTests(CallerTestCase):
    """
    Datagrams that open sessions.
    """

    def sealed(self, datagram: bytes, options: KCPOptions) -> bytes:
        """
        @return: as it comes; with a key, as it was recorded.
        """
        cipher = options.cipher.make(options.cipherKey)
        return datagram if cipher is None else cipher.seal([datagram])[0]

    def drawn(
        self,
        datagrams: list[bytes],
        options: KCPOptions,
        speak: Callable[[RecordingProtocol], object],
    ) -> float:
        """
        @return: how many bytes a server sends there for each that comes, in 70 s.
        """
        self.setUp()
        self.serverFactory.prepare = lambda protocol: setattr(protocol, "onMade", speak)
        port = self.listen(options)
        came = 0
        for datagram in datagrams:
            sealed = self.sealed(datagram, options)
            self.inject(sealed)
            came += len(sealed)
            self.network.run(0.3)
        self.assertLessEqual(len(self.serverFactory.made), 1)
        self.network.run(70)
        self.finish(port)
        return sum(map(len, self.sentTo(ATTACKER))) / came

    def check(
        self, datagrams: list[bytes], name: str, speak: Callable[[RecordingProtocol], object]
    ) -> None:
        """
        With each server.
        """
        for server, options in SERVERS.items():
            drawn = self.drawn(datagrams, options, speak)
            self.assertLessEqual(drawn, FACTOR, f"{name}, {server}: {drawn:.1f}")
            self.assertGreater(drawn, 0)

    def test_costOfAsking(self) -> None:
        """
        A datagram does not make a server go through all that is in flight.
        """

        def speak(protocol: RecordingProtocol) -> None:
            protocol.session.write(bytes(GREETING // 4))

        self.serverFactory.prepare = lambda protocol: setattr(protocol, "onMade", speak)
        port = self.listen(SERVERS["null"])
        for _ in range(400):
            self.inject(push(CONV, 0, bytes(1000)))
        self.network.run(4)
        stats = port.sessions[0].stats
        before = stats.RetransSegs
        for _ in range(10):
            self.inject(WASK_24)
        self.assertLessEqual(stats.RetransSegs - before, 10 * MAXIMUM_PROBES)
        self.assertGreater(stats.RetransSegs, before)
        self.finish(port)

    def test_speaksFirst(self) -> None:
        """
        From a server that speaks first no datagram draws more than three times its size.
        """

        def speak(protocol: RecordingProtocol) -> None:
            for start in range(0, GREETING, 250_000):
                protocol.session.write(bytes(min(250_000, GREETING - start)))

        for name, datagram in OPENINGS.items():
            self.check([datagram], name, speak)

    def test_closes(self) -> None:
        """
        Nor from one that says a little and closes, or aborts.
        """

        def closes(protocol: RecordingProtocol) -> None:
            protocol.session.write(b"go away")
            protocol.session.loseConnection()

        for name, datagram in OPENINGS.items():
            if name != "out-of-band":
                self.check([datagram], name, closes)

    def test_outOfBand(self) -> None:
        """
        Nor by datagrams beside the stream.
        """

        def speak(protocol: RecordingProtocol) -> None:
            for _ in range(100):
                protocol.session.sendOutOfBand(bytes(100))

        for name in ("long PUSH", "hello"):
            drawn = self.drawn([OPENINGS[name]], SERVERS["FEC"], speak)
            self.assertLessEqual(drawn, FACTOR)

    def test_several(self) -> None:
        """
        Nor do two, also if the second one acknowledges what has been sent, as anybody can guess,
        since it begins at 0; or draws an answer without a session.
        """

        def speak(protocol: RecordingProtocol) -> None:
            protocol.session.write(bytes(250_000))

        ack = Segment(CONV, ACK, 0, 128, 0, 0, 1, b"").encode()
        una = Segment(CONV, WASK, 0, 128, 0, 0, 1, b"").encode()
        other = hello(CONV + 1, TOKEN_B)
        strange = control(CONV, encodeBlock(TOKEN_B, TOKEN_A))
        for second in (WASK_24, ack, una, other, strange):
            self.check([WASK_24, second], "two", speak)

    def test_recorded(self) -> None:
        """
        Nor do recordings of a whole connection, in which the client acknowledged what the server
        said, behind a cipher that can be replayed.
        """
        options = SERVERS["CFB"]
        self.serverFactory.prepare = lambda protocol: setattr(
            protocol, "onMade", lambda protocol: protocol.session.write(bytes(250_000))
        )
        port = self.listen(options)
        client = self.reach(CONV, options, wait=1)
        self.assertEqual(len(client.received), 250_000)
        recorded = self.fromClient()
        self.finish(port)
        self.setUp()
        self.serverFactory.prepare = lambda protocol: setattr(
            protocol, "onMade", lambda protocol: protocol.session.write(bytes(2_500_000))
        )
        port = self.listen(options)
        came = 0
        for datagram in recorded:
            self.inject(datagram)
            came += len(datagram)
            self.network.run(0.005)
        self.network.run(70)
        self.assertLessEqual(sum(map(len, self.sentTo(ATTACKER))), FACTOR * came)
        self.finish(port)


class StatelessTests(CallerTestCase):
    """
    Answers without a session.
    """

    def check(self, datagram: bytes, options: KCPOptions) -> None:
        """
        The answer is no longer than three times what it answers.
        """
        cipher = options.cipher.make(options.cipherKey)
        sealed = datagram if cipher is None else cipher.seal([datagram])[0]
        before = len(self.sentTo(ATTACKER))
        self.inject(sealed)
        self.network.run(60)
        answers = self.sentTo(ATTACKER)[before:]
        self.assertLessEqual(sum(map(len, answers)), FACTOR * len(sealed))

    def test_retry(self) -> None:
        """
        A retry.
        """
        for options in (KCPOptions(crypt="null", retry=True), KCPOptions(key="k", retry=True)):
            self.setUp()
            port = self.listen(options)
            self.check(hello(CONV, TOKEN_A), options)
            self.assertEqual(port.stats.RetriesSent, 1)
            self.finish(port)

    def test_reset(self) -> None:
        """
        A reset.
        """
        port = self.listen()
        self.check(control(CONV, encodeBlock(TOKEN_B, TOKEN_A)), self.options)
        self.assertEqual(len(self.sentTo(ATTACKER)), 1)
        self.finish(port)

    def test_lastWord(self) -> None:
        """
        The last word, which a short datagram does not draw.
        """
        port = self.listen()
        self.inject(hello(CONV, TOKEN_A))
        self.network.run(0.1)
        self.serverFactory.made[0].session.abortConnection()
        self.network.run(60)
        for datagram in (WASK_24, outOfBandPacket(CONV, b""), _coded(push(CONV, 0))):
            self.check(datagram, self.options)
        self.finish(port)
