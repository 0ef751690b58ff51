"""
Clients that have yet to show that they are at their address: what it costs them.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

from kcptwisted.errors import Evicted
from kcptwisted.options import KCPOptions
from kcptwisted.testing.link import Link
from kcptwisted.wire.segment import PUSH, decodeSegments
from tests.callers import BARE_MTU, CallerTestCase
from tests.connections import CLIENT, SERVER, RecordingProtocol
from tests.inside import connectionOf
from tests.properties import given, strategies

CONV = 5
DELAY = 0.05
REQUEST = bytes(100)

NULL = KCPOptions(crypt="null", congestion="none")

#: Options of both ends.
SETTINGS: dict[str, dict[str, Any]] = {
    "stream": {},
    "messages": {"stream": False},
    "no handshake": {"handshake": False},
    "congestion": {"congestion": "kcp"},
    "FEC": {"dataShards": 3, "parityShards": 2},
    "fecFlush": {"dataShards": 10, "parityShards": 3, "fecFlush": 20},
    "CFB": {"key": "k", "crypt": "aes"},
    "bare": {"mtu": BARE_MTU},
    "rate": {"rateLimit": 10_000_000},
    "retry": {"retry": True},
}

MODES = {
    name: KCPOptions(**{"crypt": "null", "congestion": "none", **given})
    for name, given in SETTINGS.items()
}


class HonestTestCase(CallerTestCase):
    """
    A server and its clients.
    """

    def serve(self, options: KCPOptions, answer: bytes, first: bool) -> None:
        """
        Listen.

        @param answer: what the server says.
        @param first: when the client has come; else, when it has said something.
        """

        def say(protocol: RecordingProtocol) -> None:
            for start in range(0, len(answer), 40_000):
                protocol.session.write(answer[start : start + 40_000])

        def prepare(protocol: RecordingProtocol) -> None:
            if first:
                protocol.onMade = say
            else:
                protocol.onData = lambda data: say(protocol) if len(protocol.pieces) == 1 else None

        self.serverFactory.prepare = prepare
        self.port = self.listen(options)

    def ours(self, options: KCPOptions, first: bool) -> Callable[[], int]:
        """
        @return: how many bytes a client of ours has received.
        """

        def prepare(protocol: RecordingProtocol) -> None:
            if not first:
                protocol.onMade = lambda protocol: protocol.session.write(REQUEST)

        self.dial(CONV, options, prepare=prepare)
        made = self.clientFactory.made
        return lambda: sum(map(len, made[0].pieces)) if made else 0

    def others(self, options: KCPOptions) -> Callable[[], int]:
        """
        @return: how many bytes a client without control frames has received, that asks.
        """
        peer = self.plain(CONV, options)
        peer.write(REQUEST)
        return lambda: len(peer.received)


class TimeTests(HonestTestCase):
    """
    Without losses.
    """

    def times(self, options: KCPOptions, received: Callable[[], int], size: int) -> float:
        """
        @return: seconds until so much is there.
        """
        start = self.network.clock.seconds()
        self.network.runUntil(lambda: received() >= size, 60)
        return self.network.clock.seconds() - start

    def test_large(self) -> None:
        """
        A client of a server that says much waits no more than a round trip longer than behind a
        cipher that authenticates, whoever speaks first.
        """
        for name, first in product(MODES, (False, True)):
            if name == "bare":
                continue
            options = MODES[name]
            took = []
            sealed = KCPOptions(**{**SETTINGS[name], "key": "k", "crypt": "aes-128-gcm"})
            for each in (options, sealed):
                self.setUp()
                self.bothWays(Link(delay=DELAY))
                self.serve(each, bytes(200_000), first)
                took.append(self.times(each, self.ours(each, first), 200_000))
                self.finish(self.port)
            self.assertLessEqual(took[0], took[1] + 2 * DELAY + 0.03, f"{name} {first}: {took}")

    def test_nothingAgain(self) -> None:
        """
        What a client without handshake has in flight when it is challenged is not sent again.
        """
        options = MODES["no handshake"]
        self.bothWays(Link(delay=DELAY))
        self.serve(options, b"", False)
        data = self.data(100_000)
        self.dial(CONV, options)
        (client,) = self.clientFactory.made
        client.session.write(data)
        self.network.run(5)
        (server,) = self.serverFactory.made
        self.assertEqual(server.received, data)
        self.assertIs(connectionOf(server.session).controls.unproven, None)
        self.assertEqual(client.session.stats.RetransSegs, 0)

    def test_small(self) -> None:
        """
        Small answers wait for nothing: they come whole, with the first datagram.
        """
        self.bothWays(Link(delay=DELAY))
        self.serve(NULL, REQUEST, False)
        self.assertLess(self.times(NULL, self.others(NULL), len(REQUEST)), 2 * DELAY + 0.03)
        pushes = [
            segment
            for sent in self.sent
            if sent.source[0] == SERVER
            for segment in decodeSegments(sent.datagram)
            if segment.cmd == PUSH
        ]
        self.assertEqual([segment.data for segment in pushes], [REQUEST])

    def test_plain(self) -> None:
        """
        A client without control frames that asks for much waits a round trip longer.
        """
        self.bothWays(Link(delay=DELAY))
        self.serve(NULL, bytes(100_000), False)
        self.assertLess(self.times(NULL, self.others(NULL), 100_000), 4 * DELAY + 0.06)

    def test_longMessage(self) -> None:
        """
        So does one that gets a message which has as many fragments as it may, and so cannot be cut.
        """
        options = KCPOptions(crypt="null", stream=False, receiveWindow=16)
        answer = bytes(16 * options.arqSettings(0).mss)
        self.bothWays(Link(delay=DELAY))
        self.serve(options, answer, False)
        self.times(options, self.others(options), len(answer))

    def test_messages(self) -> None:
        """
        Messages that are cut arrive whole, one by one.
        """
        options = MODES["messages"]
        messages = [bytes([number]) * (number * 997 + 1) for number in range(30)]
        self.serve(options, b"", True)
        self.serverFactory.prepare = lambda protocol: setattr(
            protocol,
            "onMade",
            lambda protocol: [protocol.session.write(message) for message in messages],
        )
        received = self.ours(options, True)
        self.network.run(5)
        self.assertEqual(received(), sum(map(len, messages)))
        self.assertEqual(self.clientFactory.made[0].pieces, messages)


class LossTests(HonestTestCase):
    """
    Nobody waits for ever.
    """

    def completes(self, options: KCPOptions, kind: str, size: int, limit: float = 200) -> None:
        """
        All that the server says arrives, and nothing stays behind.
        """
        first = kind == "listens"
        self.serve(options, bytes(size), first)
        received = self.others(options) if kind == "plain" else self.ours(options, first)
        self.network.runUntil(lambda: received() >= size, limit)
        self.bothWays(Link())
        if kind != "plain":
            self.finish(self.port)

    def test_anyOne(self) -> None:
        """
        Whichever of the first datagrams is lost.
        """
        for name, kind, lost in product(MODES, ("listens", "asks", "plain"), range(12)):
            if kind == "plain" and MODES[name].dataShards:
                continue
            self.setUp()
            count = -1

            def fate(
                datagram: bytes, arrivals: Callable[[bytes], list[tuple[float, bytes]]], lost: int
            ) -> list[tuple[float, bytes]]:
                nonlocal count
                count += 1
                return [] if count == lost else arrivals(datagram)

            self.bothWays(Link(delay=0.01))
            for ends in ((CLIENT, SERVER), (SERVER, CLIENT)):
                model = self.network.model(*ends)
                self.patch(
                    model,
                    "arrivals",
                    lambda datagram, old=model.arrivals, lost=lost: fate(datagram, old, lost),
                )
            self.completes(MODES[name], kind, 10_000, 40)

    @given(
        strategies.sampled_from(sorted(MODES)),
        strategies.sampled_from(["listens", "asks", "plain"]),
        strategies.sampled_from([0.05, 0.15]),
        strategies.integers(1, 20_000),
        strategies.integers(0, 1 << 30),
    )
    def test_any(self, name: str, kind: str, loss: float, size: int, seed: int) -> None:
        """
        Nor whatever is lost.
        """
        if kind == "plain" and MODES[name].dataShards:
            return
        self.setUp()
        self.network._random.seed(seed)
        self.bothWays(Link(delay=0.01, loss=loss))
        self.completes(MODES[name], kind, size)


class EvictionTests(HonestTestCase):
    """
    Who goes first.
    """

    def test_uploading(self) -> None:
        """
        A client without control frames that only sends, and so never shows anything, stays as long
        as it sends; others that are silent go.
        """
        options = KCPOptions(crypt="null", maxSessions=2)
        self.port = self.listen(options)
        busy = self.plain(CONV, options)
        silent = self.plain(CONV + 1, options)
        silent.write(b"x")
        for _ in range(20):
            busy.write(b"x")
            self.network.run(0.5)
        self.reach(CONV + 2, options)
        first, second, _ = self.serverFactory.made
        self.assertEqual(first.reasons, [])
        self.assertIsInstance(self.reasonOf(second), Evicted)

    def test_greeted(self) -> None:
        """
        A client of ours has shown it with its first answer, and stays.
        """
        options = KCPOptions(crypt="null", maxSessions=1)
        self.port = self.listen(options)
        self.reach(CONV, options)
        self.assertIs(connectionOf(self.serverFactory.made[0].session).controls.unproven, None)
        self.network.run(60)
        self.dial(CONV + 1, options)
        self.network.run(5)
        self.assertEqual(len(self.serverFactory.made), 1)
        self.assertEqual(self.port.stats.SessionsEvicted, 0)

    def test_cookie(self) -> None:
        """
        One that came with a cookie has shown it before.
        """
        for options, proven in ((MODES["retry"], True), (NULL, False)):
            self.setUp()
            shown: list[bool] = []

            def show(protocol: RecordingProtocol, shown: list[bool] = shown) -> None:
                shown.append(connectionOf(protocol.session).controls.unproven is None)

            self.serverFactory.prepare = lambda protocol, show=show: setattr(  # type: ignore[misc]
                protocol, "onMade", show
            )
            self.port = self.listen(options)
            self.reach(CONV, options)
            self.assertEqual(shown, [proven])

    def test_plain(self) -> None:
        """
        A client without control frames has shown it when it acknowledges something.
        """
        options = KCPOptions(crypt="null", maxSessions=1)
        self.serve(options, b"answer", False)
        self.others(options)
        self.network.run(1)
        self.assertIs(connectionOf(self.serverFactory.made[0].session).controls.unproven, None)
