"""
Tests for L{kcptwisted.connection.connection.Connection}: opening, data, silence and proofs.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.sendqueue import MessageTooLong
from kcptwisted.connection.events import AnotherGreeted, Cause, End, Ended, Event
from kcptwisted.connection.settings import ConnectionSettings
from kcptwisted.connection.states import State
from kcptwisted.wire.control import (
    COOKIE,
    NO_TOKEN,
    Challenge,
    Cookie,
    Feature,
    Hello,
    Reset,
    ResetReason,
    Response,
    Retry,
    encodeBlock,
)
from kcptwisted.wire.segment import ACK, PUSH, WASK, WINS
from tests.connection.datagrams import CONV, blocks, commands, frames, segment
from tests.connection.driving import PLAIN, SETTINGS, START, Party, changed
from tests.connection.pairs import Pair
from tests.connection.peers import Peer, established


def calling(settings: ConnectionSettings = SETTINGS) -> tuple[Party, Peer]:
    """
    @return: an end that has called, and has not been answered; its hello is still in C{sent}.
    """
    party = Party(settings)
    party.call()
    party.flush()
    return party, Peer(party)


class OpeningTests(SynchronousTestCase):
    """
    How a connection begins.
    """

    def test_handshake(self) -> None:
        """
        A client says hello until it is answered; a server is there at once, and answers.
        """
        pair = Pair()
        pair.client.call()
        self.assertIs(pair.client.state, State.CONNECTING)
        pair.client.flush()
        (hello,) = pair.client.sent
        self.assertEqual(commands([hello]), [WASK])
        self.assertEqual(frames([hello]), [Hello(0, SETTINGS.arq.receiveWindow)])
        pair.carry(0, pair.client.take())
        pair.run(100)
        self.assertEqual(set(pair.client.events), {Event.ESTABLISHED, Event.GREETED})
        self.assertEqual(pair.server.events, [Event.ESTABLISHED, Event.GREETED])
        self.assertIs(pair.client.deadline(), None)

    def test_repeatedHello(self) -> None:
        """
        The hello is repeated after 250, 500, 1000, 2000, 4000 and then every 4000 ms.
        """
        party, _ = calling()
        times: list[int] = []
        party.take()
        while len(times) < 7:
            due = party.deadline()
            assert due is not None
            self.assertEqual(len(frames(party.passTo(due))), 1)
            times.append(due - START)
        self.assertEqual(times, [250, 750, 1750, 3750, 7750, 11_750, 15_750])

    def test_earlySegments(self) -> None:
        """
        What comes before the answer is for somebody else, and is not taken.
        """
        party, peer = calling()
        party.receive([peer.push(0, b"old"), segment(ACK)])
        self.assertIs(party.state, State.CONNECTING)
        self.assertEqual(party.stats.KCPInErrors, 2)
        party.receive([peer.push(0, b"old"), peer.hello(), peer.push(0, b"new")])
        self.assertEqual((party.state, party.data), (State.ESTABLISHED, b"new"))

    def test_foreign(self) -> None:
        """
        What is no segment of the conversation is given back.
        """
        party, _ = established()
        others = [b"", b"x", segment(WINS, conv=CONV + 1)]
        party.receive([*others])
        self.assertEqual(party.foreign, others)

    def test_plainPeer(self) -> None:
        """
        A peer that answers without a hello is asked three times in all, and gets no frames.
        """
        party, _ = calling(changed(keepAlive=10.0))
        party.receive([segment(WINS)])
        self.assertEqual(party.events, [Event.ESTABLISHED])
        party.write(b"data")
        party.closeOutput()
        sent = party.passTo(START + 3000)
        self.assertEqual(len(frames(sent)), 3)
        self.assertEqual(len([each for each in blocks(sent) if each.find(Hello)]), 3)
        self.assertIn(PUSH, commands(sent))

    def test_noRoom(self) -> None:
        """
        Where datagrams are too small for frames, none is sent, and none answered.
        """
        pair = Pair(SETTINGS, PLAIN)
        pair.client.call()
        pair.run(5000)
        self.assertEqual(pair.client.events, [Event.ESTABLISHED])
        self.assertEqual(pair.server.events, [Event.ESTABLISHED])
        pair = Pair(PLAIN, SETTINGS).connect()
        self.assertEqual(pair.server.events, [Event.ESTABLISHED])
        self.assertEqual(pair.server.stats.ControlErrs, 0)

    def test_noHandshake(self) -> None:
        """
        With C{handshake=no} the hello leaves with the first data, in the same datagram.
        """
        party, peer = calling(changed(handshake=False))
        self.assertEqual((party.state, party.sent), (State.ESTABLISHED, []))
        self.assertIs(party.deadline(), None)
        party.write(b"data")
        (datagram,) = party.flushed()
        self.assertEqual(commands([datagram]), [WASK, PUSH])
        self.assertEqual(len(frames([datagram])), 1)
        party.receive([peer.hello(una=1)])
        self.assertIn(Event.GREETED, party.events)

    def test_noHandshakeClose(self) -> None:
        """
        A close waits until the hello is answered, or has left three times.
        """
        party, peer = calling(changed(handshake=False))
        party.write(b"data")
        party.close()
        party.flush()
        party.receive([segment(WINS, una=1), peer.ack(0)])
        party.flush()
        self.assertIs(party.ended, None)
        party.receive([peer.hello(una=1)])
        self.assertEqual(frames(party.flushed())[-1:], [peer.lastFin(1)])
        other, peer = calling(changed(handshake=False))
        other.write(b"data")
        other.close()
        other.flush()
        other.receive([peer.ack(0)])
        other.passTo(START + 1749)
        self.assertIs(other.ended, None)
        other.passTo(START + 1751)
        self.assertEqual(other.ended, End(Cause.CLOSED))

    def test_retry(self) -> None:
        """
        A retry makes no connection; the hello is said again at once, with the cookie, and so is
        every later one.
        """
        party, peer = calling()
        party.take()
        cookie = bytes(range(COOKIE))
        own = party.connection.controls.channel
        assert own is not None
        retry = segment(WINS, data=encodeBlock(own.token, NO_TOKEN, [Retry(cookie)]))
        for _ in range(2):
            party.receive([retry])
        self.assertIs(party.state, State.CONNECTING)
        self.assertEqual(len(party.sent), 0)
        sent = party.flushed()
        self.assertEqual([frame for frame in frames(sent) if isinstance(frame, Cookie)],
                         [Cookie(cookie)])  # fmt: skip
        self.assertIn(Cookie(cookie), frames(party.passTo(START + 300)))
        party.receive([peer.hello()])
        self.assertIs(party.state, State.ESTABLISHED)

    def test_withdrawn(self) -> None:
        """
        Who gives up before the answer takes the hello back.
        """
        party, _ = calling()
        party.take()
        party.end(End(Cause.ABORTED))
        sent = party.take()
        self.assertEqual(commands(sent), [WINS, WINS])
        self.assertEqual(frames(sent[:1]), [Hello(0, 1024), Reset(ResetReason.ABORTED)])
        refused, _ = calling()
        refused.take()
        refused.end(End(Cause.REFUSED))
        self.assertEqual(refused.take(), [])
        self.assertEqual(refused.ended, End(Cause.REFUSED))

    def test_modes(self) -> None:
        """
        That one end keeps messages apart and the other does not is said once.
        """
        pair = Pair(changed(features=Feature.STREAM), changed(features=Feature.MESSAGES)).connect()
        for party in pair.ends:
            self.assertEqual(party.events.count(Event.MODES_DIFFER), 1)
        channel = pair.client.connection.controls.channel
        assert channel is not None
        pair.server.receive([segment(WASK, data=channel.hello())])
        self.assertEqual(pair.server.events.count(Event.MODES_DIFFER), 1)


class MessageTests(SynchronousTestCase):
    """
    Message mode.
    """

    def test_messages(self) -> None:
        """
        Messages arrive as they were written, and one that the peer has no room for is refused.
        """
        settings = changed(stream=False, receiveWindow=4)
        pair = Pair(settings, settings).connect()
        texts = [b"one", b"x" * 3000, b"three"]
        for text in texts:
            pair.client.write(text)
        pair.run(1000)
        self.assertEqual(pair.server.received, texts)
        with self.assertRaises(MessageTooLong):
            pair.client.write(bytes(5 * settings.arq.mss))


class SilenceTests(SynchronousTestCase):
    """
    A peer that says nothing.
    """

    def test_question(self) -> None:
        """
        After C{keepAlive} a client asks; the answer leaves through C{outbox}, without a flush.
        """
        settings = changed(keepAlive=10.0)
        pair = Pair(settings, settings).connect()
        asked = pair.client.passTo(pair.now + 12_000)
        self.assertEqual(commands(asked[:1]), [WASK])
        self.assertEqual(frames(asked[:1]), [])
        server = pair.server
        server.now = pair.client.now
        server.take()
        server.connection.receive(asked[:1], server.now)
        self.assertEqual(commands(list(server.connection.outbox)), [WINS])
        self.assertFalse(server.connection.wantsFlush)

    def test_alive(self) -> None:
        """
        Two that answer each other stay, for as long as nothing happens.
        """
        settings = changed(keepAlive=10.0)
        pair = Pair(settings, settings).connect()
        before = pair.passed
        pair.run(3_600_000)
        self.assertIs(pair.client.ended or pair.server.ended, None)
        self.assertTrue(600 < pair.passed - before < 800, pair.passed - before)

    def test_timeout(self) -> None:
        """
        A peer that does not answer is dead after C{deadAfter}.
        """
        pair = Pair(changed(keepAlive=10.0)).connect()
        pair.cut()
        pair.run(39_000)
        self.assertIs(pair.client.ended, None)
        pair.run(3000)
        self.assertEqual(pair.client.ended, End(Cause.PEER_TIMEOUT, "deadAfter=30 seconds"))
        self.assertIs(pair.server.ended, None)

    def test_idle(self) -> None:
        """
        Without data of the application a connection ends after C{idleTimeout}; the peer is told.
        """
        pair = Pair(changed(idleTimeout=20.0)).connect()
        pair.run(15_000)
        pair.server.write(b"data")
        pair.run(19_000)
        self.assertIs(pair.client.ended, None)
        pair.run(2000)
        self.assertEqual(pair.client.ended, End(Cause.IDLE, "idleTimeout=20 seconds"))
        self.assertEqual(pair.server.ended, End(Cause.PEER_RESET, "idle"))

    def test_deadLink(self) -> None:
        """
        A segment that nobody acknowledges ends the connection.
        """
        pair = Pair(changed(deadLinkAfter=1000, nodelay=True)).connect()
        pair.cut()
        pair.client.write(b"data")
        pair.run(600_000)
        self.assertEqual(pair.client.ended, End(Cause.DEAD_LINK))

    def test_pathSilent(self) -> None:
        """
        A client that can move says that the path is silent with the second question, and with
        each one after it; one that cannot does not.
        """
        roaming = changed(features=Feature.ROAMING, keepAlive=10.0)
        for peers, count in ((roaming, 5), (SETTINGS, 0)):
            pair = Pair(roaming, peers).connect()
            pair.cut()
            pair.run(14_000)
            self.assertNotIn(Event.PATH_SILENT, pair.client.events)
            pair.run(40_000)
            self.assertEqual(pair.client.events.count(Event.PATH_SILENT), count)

    def test_revived(self) -> None:
        """
        What was sent into a long silence is sent again as soon as the peer is heard.
        """
        party, _ = established(changed(keepAlive=10.0))
        party.write(b"data")
        party.passTo(party.now + 17_000)
        party.receive([segment(WINS)])
        self.assertIn(PUSH, commands(party.flushed()))


class RestartTests(SynchronousTestCase):
    """
    A peer that has lost its state.
    """

    def test_anotherHello(self) -> None:
        """
        Another end's hello is reported, not answered, and ends nothing.
        """
        pair = Pair().connect()
        hello = segment(WASK, data=encodeBlock(NO_TOKEN, b"stranger", [Hello(0, 32)]))
        pair.server.receive([hello])
        event = pair.server.events[-1]
        assert isinstance(event, AnotherGreeted)
        self.assertEqual(event.block.source, b"stranger")
        self.assertEqual(pair.server.flushed(), [])
        self.assertIs(pair.server.state, State.ESTABLISHED)

    def test_stale(self) -> None:
        """
        A peer without control frames that for seconds says nothing but an old una has restarted.
        """
        party = Party(SETTINGS)
        peer = Peer(party)
        party.call()
        party.flush()
        party.receive([segment(WINS)])
        party.write(b"data")
        party.flush()
        party.receive([peer.ack(0)])
        for _ in range(8):
            party.receive([segment(PUSH, 0, 0, b"anew")])
            party.passTo(party.now + 1000)
        assert party.ended is not None
        self.assertIs(party.ended.cause, Cause.PEER_RESTARTED)

    def test_staleWithControls(self) -> None:
        """
        One that has control frames would say so.  Its old unas are of datagrams that were late: the
        path has become short, and then has lost all that came after.
        """
        pair = Pair().connect()
        pair.client.write(b"data")
        pair.run(1000)
        pair.cut()
        for _ in range(8):
            pair.client.receive([segment(WINS)])
            pair.run(1000)
        self.assertIsNone(pair.client.ended)

    def test_unknown(self) -> None:
        """
        A server that is asked by a client of its earlier life says so; the client ends.
        """
        pair = Pair().connect()
        server = Party(seed=9)
        server.accept()
        pair.client.connection.question(pair.client.now)
        server.receive(pair.client.flushed())
        answer = server.flushed()
        self.assertEqual(frames(answer), [Reset(ResetReason.UNKNOWN)])
        pair.client.receive(answer)
        assert pair.client.ended is not None
        self.assertIs(pair.client.ended.cause, Cause.PEER_RESTARTED)


class ProofTests(SynchronousTestCase):
    """
    Addresses that may be forged.
    """

    def accepted(self) -> tuple[Party, Peer]:
        """
        @return: a server whose client has yet to prove its address, and has said hello.
        """
        party = Party(changed(keepAlive=10.0))
        peer = Peer(party)
        hello = segment(WASK, data=encodeBlock(NO_TOKEN, peer.token, [Hello(0, 512)]))
        party.accept(True, len(hello))
        party.receive([hello])
        return party, peer

    def test_limited(self) -> None:
        """
        A server sends no more than three times what has come, however much there is to send and
        however long it waits.
        """
        party, _ = self.accepted()
        party.write(bytes(100_000))
        party.passTo(party.now + 600_000)
        self.assertLessEqual(party.stats.OutBytes, 3 * party.stats.InBytes)
        self.assertGreater(party.stats.OutBytes, 0)

    def test_asked(self) -> None:
        """
        A newcomer that falls silent is asked after a second, by a challenge.
        """
        party, _ = self.accepted()
        party.flushed()
        sent = party.passTo(party.now + 1000)
        self.assertEqual([type(frame) for frame in frames(sent)], [Challenge])

    def test_proven(self) -> None:
        """
        The response to the challenge lifts the limit at once.
        """
        party, peer = self.accepted()
        party.write(bytes(100_000))
        sent = party.flushed()
        (challenge,) = (frame for frame in frames(sent) if isinstance(frame, Challenge))
        party.receive([peer.block(Response(challenge.data), una=0)])
        self.assertIs(party.connection.controls.unproven, None)
        self.assertGreater(sum(map(len, party.flushed())), 50_000)

    def test_challenge(self) -> None:
        """
        A client answers a challenge, and sends all again when its bytes are not the server's token:
        it has moved.
        """
        party, peer = established()
        party.write(b"data")
        party.flush()
        party.take()
        party.receive([peer.block(Challenge(peer.token), una=0)])
        sent = party.flushed()
        self.assertEqual((frames(sent), PUSH in commands(sent)), ([Response(peer.token)], False))
        party.receive([peer.block(Challenge(b"8 bytes!"), una=0)])
        sent = party.flushed()
        self.assertEqual((frames(sent), PUSH in commands(sent)), ([Response(b"8 bytes!")], True))

    def test_strangers(self) -> None:
        """
        Frames with other tokens do nothing, and are counted.
        """
        party, peer = established()
        peer.token = b"stranger"
        before = party.stats.ControlErrs
        party.receive([peer.fin(0), peer.block(Reset(1)), peer.block(Challenge(b"8 bytes!"))])
        self.assertEqual(party.stats.ControlErrs, before + 3)
        self.assertEqual(frames(party.flushed()), [])
        self.assertIs(party.state, State.ESTABLISHED)


class EndedTests(SynchronousTestCase):
    """
    L{Ended} comes once, and last.
    """

    def test_last(self) -> None:
        """
        Whatever ends a connection, it is the last event of both ends.
        """
        pair = Pair().connect()
        pair.client.abort()
        pair.run(1000)
        for party in pair.ends:
            self.assertIsInstance(party.events[-1], Ended)
            self.assertEqual(len([each for each in party.events if isinstance(each, Ended)]), 1)
