"""
Tests for L{kcptwisted.commands.dump.flows} and L{kcptwisted.commands.dump.direction}.
"""

from __future__ import annotations

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.dump.direction import MOST_WAITING, RoundTrips
from kcptwisted.commands.dump.flows import (
    MOST_CONVERSATIONS,
    MOST_FLOWS,
    Conversation,
    Flows,
    Record,
)
from kcptwisted.commands.dump.opening import TRIES, CipherChoice, openerOf, openNull
from kcptwisted.commands.dump.packets import Packet
from kcptwisted.commands.dump.sequence import Copy
from kcptwisted.crypt.checksummed import NoneCipher
from kcptwisted.crypt.registry import CIPHERS
from kcptwisted.fec.encoder import FECEncoder
from kcptwisted.wire.fec import outOfBandPacket
from kcptwisted.wire.segment import ACK, PUSH, Segment
from tests.commands.dump.captures import CLIENT, MILLISECOND, SERVER, START, captured
from tests.properties import given, strategies

CONV = 0xC0FFEE

NULL = CipherChoice("null", openNull)


def push(sn: int, ts: int = 0, data: bytes = b"abc", conv: int = CONV) -> bytes:
    """
    @return: a PUSH.
    """
    return Segment(conv, PUSH, 0, 128, ts, sn, 0, data).encode()


def ack(sn: int, ts: int = 0) -> bytes:
    """
    @return: an ACK.
    """
    return Segment(CONV, ACK, 0, 128, ts, sn, sn + 1, b"").encode()


class FlowsCase(SynchronousTestCase):
    """
    Has L{Flows} take datagrams.
    """

    def setUp(self) -> None:
        """
        Guessing.
        """
        self.flows = Flows(None)

    def take(
        self, *datagrams: bytes, fromClient: bool = True, milliseconds: float = 0
    ) -> list[Record]:
        """
        @return: what they are.
        """
        found: list[Record] = []
        for datagram in datagrams:
            found += self.flows.take(captured(datagram, fromClient, milliseconds))[0]
        return found

    def conversation(self) -> Conversation:
        """
        @return: the only one.
        """
        (flow,) = self.flows.flows()
        (conversation,) = flow.conversations.values()
        return conversation


class ConversationTests(FlowsCase):
    """
    What is counted of a conversation.
    """

    def test_directions(self) -> None:
        """
        Each direction is counted by itself; the first sender is named first.
        """
        self.take(push(0), push(1), fromClient=False, milliseconds=10)
        self.take(ack(0) + ack(1), milliseconds=12)
        conversation = self.conversation()
        self.assertEqual(conversation.ends, (SERVER, CLIENT))
        self.assertEqual((conversation.conv, conversation.crypt), (CONV, "null"))
        self.assertTrue(conversation.isGuess)
        server, client = conversation.directions
        self.assertEqual((server.datagrams, server.carried, server.data), (2, 54, 6))
        self.assertEqual((client.datagrams, client.carried, client.data), (1, 48, 0))
        self.assertEqual((server.allPushes, server.acks, client.acks), (2, 0, 2))
        self.assertEqual(server.first, START + 10 * MILLISECOND)
        self.assertEqual(client.last, START + 12 * MILLISECOND)

    def test_roundTrips(self) -> None:
        """
        An ACK with the ts of a PUSH tells how long it took from here to the receiver and back; the
        first ACK of a copy counts.
        """
        self.take(push(0, 5), milliseconds=0)
        self.take(push(0, 9), milliseconds=4)
        self.take(push(1, 9), milliseconds=4)
        self.take(ack(0, 9), ack(0, 5), ack(0, 5), fromClient=False, milliseconds=7)
        self.take(ack(1, 9), fromClient=False, milliseconds=14)
        self.take(ack(1, 77), ack(3, 9), fromClient=False, milliseconds=15)
        times = self.conversation().directions[0].roundTrips
        self.assertEqual(times, RoundTrips(3, 20 * MILLISECOND, 3 * MILLISECOND, 10 * MILLISECOND))

    def test_again(self) -> None:
        """
        What is sent again, what replaces something lost, and what is missing are counted; data but
        once.
        """
        self.take(push(0, 1), push(0, 2), push(2, 3), push(1, 4), push(4, 5), push(3, 4))
        self.take(push(6, 7))
        direction = self.conversation().directions[0]
        self.assertEqual(
            direction.pushes,
            {Copy.NEW: 4, Copy.AGAIN: 1, Copy.REPLACED: 1, Copy.OVERTAKEN: 1},
        )
        self.assertEqual((direction.sentAgain, direction.allPushes), (2, 7))
        self.assertEqual((direction.sequence.missing, direction.data), (1, 18))

    def test_bounded(self) -> None:
        """
        PUSHes that nobody acknowledges are forgotten.
        """
        for sn in range(MOST_WAITING + 50):
            self.take(push(sn))
        self.take(ack(0), ack(MOST_WAITING), fromClient=False)
        direction = self.conversation().directions[0]
        self.assertLessEqual(len(direction._waiting), MOST_WAITING)
        self.assertEqual(direction.roundTrips.count, 1)

    def test_outOfBand(self) -> None:
        """
        Out-of-band packets and malformed datagrams are counted.
        """
        self.flows = Flows(NULL)
        self.take(outOfBandPacket(CONV, b"abc"), push(0) + b"x")
        direction = self.conversation().directions[0]
        self.assertEqual((direction.outOfBand, direction.malformed), (1, 1))

    def test_restart(self) -> None:
        """
        Conversations of the same ends are kept apart, and the oldest of many are forgotten.
        """
        forgotten = []
        for conv in range(1, MOST_CONVERSATIONS + 3):
            forgotten += self.flows.take(captured(push(0, conv=conv)))[1]
        self.assertEqual([one.conv for one in forgotten], [1, 2])
        (flow,) = self.flows.flows()
        self.assertEqual(list(flow.conversations), list(range(3, MOST_CONVERSATIONS + 3)))


class FECTests(FlowsCase):
    """
    FEC in a capture.
    """

    def encoded(self, groups: int) -> list[bytes]:
        """
        @return: groups of four data and two parity shards.
        """
        encoder = FECEncoder(4, 2)
        return encoder.encode([push(sn, sn) for sn in range(4 * groups)], 0)

    def test_whole(self) -> None:
        """
        The counts of a group are found, and nothing is missing or rebuilt.
        """
        self.take(*self.encoded(4))
        direction = self.conversation().directions[0]
        self.assertEqual(direction.shardCounts, (4, 2))
        self.assertEqual(
            (direction.missingShards, direction.rebuilt, direction.recovered), (0,) * 3
        )
        self.assertEqual((direction.fec.FECDataShards, direction.fec.FECParityShards), (16, 8))

    def test_lost(self) -> None:
        """
        What the capture lacks is rebuilt, shown, and counted; what cannot be rebuilt is missing.
        """
        packets = self.encoded(8)
        # Two of the fifth group, three of the sixth.
        for place in (32, 31, 30, 25, 24):
            del packets[place]
        records = self.take(*packets)
        rebuilt = [record for record in records if record.isRecovered]
        self.assertEqual([record.segments[0].view.sn for record in rebuilt], [16, 17])
        direction = self.conversation().directions[0]
        self.assertEqual((direction.rebuilt, direction.recovered), (2, 2))
        self.assertEqual((direction.missingShards, direction.sequence.missing), (5, 3))
        self.assertEqual(direction.data, 3 * 29)

    def test_doubtful(self) -> None:
        """
        Before enough groups have come their counts are not known.
        """
        self.take(*self.encoded(1))
        direction = self.conversation().directions[0]
        self.assertEqual((direction.shardCounts, direction.missingShards), (None, None))


class CipherTests(FlowsCase):
    """
    Opening and guessing.
    """

    def test_wrong(self) -> None:
        """
        What does not open is told, and what it looks like.
        """
        cipher = CIPHERS["aes"].make(bytes(32))
        assert cipher is not None
        self.flows = Flows(CipherChoice("aes", openerOf(cipher)))
        records = self.take(Random(1).randbytes(60), push(0))
        self.assertEqual(
            [record.problem for record in records],
            [
                "does not open with crypt=aes",
                "does not open with crypt=aes: it looks like crypt=null",
            ],
        )
        (flow,) = self.flows.flows()
        self.assertEqual((flow.refused, flow.opened, flow.meant), (2, 0, "null"))
        self.assertEqual((self.flows.datagrams, self.flows.opened), (2, 0))

    def test_guess(self) -> None:
        """
        The cipher is guessed for each pair of ends; other traffic of theirs is passed over.
        """
        (record,) = self.take(*NoneCipher().seal([push(0)]))
        assert record.conversation is not None
        self.assertEqual((record.conversation.crypt, record.conversation.isGuess), ("none", True))
        (other,) = self.take(b"something else that is no KCP")
        self.assertEqual((other.conversation, other.problem), (None, "encrypted, or no KCP"))
        packet = Packet(0, ("10.0.0.9", 1), ("10.0.0.8", 2), push(0), 27)
        (record,) = self.flows.take(packet)[0]
        assert record.conversation is not None
        self.assertEqual(record.conversation.crypt, "null")

    def test_cut(self) -> None:
        """
        What was cut is shown in clear, and cannot be opened if it is encrypted.
        """
        records, _ = self.flows.take(captured(push(0, data=bytes(100)), cut=60))
        self.assertEqual(records[0].segments[0].view.length, 100)
        cipher = CIPHERS["aes"].make(bytes(32))
        assert cipher is not None
        self.flows = Flows(CipherChoice("aes", openerOf(cipher)))
        ((record,), _) = self.flows.take(captured(cipher.seal([push(0)])[0], cut=30))
        self.assertEqual(record.problem, "cut: the capture has 30 of 47 bytes")

    def test_joined(self) -> None:
        """
        Datagrams that segmentation offload joined are counted one by one, however few and small.
        """
        cipher = CIPHERS["aes-128-gcm"].make(bytes(16))
        assert cipher is not None
        self.flows = Flows(CipherChoice("aes-128-gcm", openerOf(cipher)))
        for count in (2, 50):
            sealed = cipher.seal([push(sn, data=bytes(60)) for sn in range(count)])
            records = self.take(b"".join(sealed))
            self.assertEqual([record.size for record in records], [112] * count)

    def test_joinedGuess(self) -> None:
        """
        So are those in clear, if FEC or a checksum tells where they begin.
        """
        for packets in (
            NoneCipher().seal([push(sn) for sn in range(9)]),
            FECEncoder(8, 1).encode([push(sn) for sn in range(8)], 0),
        ):
            self.setUp()
            self.assertEqual(len(self.take(b"".join(packets))), 9)

    def test_givesUp(self) -> None:
        """
        What never comes apart is not tried for ever, but again when something has.
        """
        tried = []

        def opener(payload: bytes, length: int) -> None:
            tried.append(length)

        self.flows = Flows(CipherChoice("aes", opener))
        for _ in range(TRIES):
            self.take(bytes(3000))
        many = len(tried)
        self.take(bytes(3000))
        self.assertEqual(len(tried), many + 1)


class BoundTests(FlowsCase):
    """
    Memory.
    """

    def test_flows(self) -> None:
        """
        Of many pairs of ends the one that was silent for longest is forgotten, and its
        conversations are handed out.
        """
        forgotten = []
        for port in range(1, MOST_FLOWS + 3):
            self.take(push(0))
            packet = Packet(0, ("10.0.0.9", port), SERVER, push(0, conv=port), 27)
            forgotten += self.flows.take(packet)[1]
        self.assertEqual([one.conv for one in forgotten], [1, 2, 3])
        self.assertEqual(len(self.flows.flows()), MOST_FLOWS)

    @given(
        strategies.sampled_from([None, NULL]),
        strategies.lists(strategies.tuples(strategies.binary(max_size=90), strategies.booleans())),
    )
    def test_garbage(self, cipher: CipherChoice | None, payloads: list[tuple[bytes, bool]]) -> None:
        """
        Nothing is raised, and each datagram is recorded.
        """
        self.flows = Flows(cipher)
        heads = [b"", push(0)[:20], push(0), bytes(4) + b"\xf1\0", bytes(4) + b"\xf2\0"]
        for number, (payload, fromClient) in enumerate(payloads):
            payload = heads[number % len(heads)] + payload
            self.assertGreaterEqual(len(self.take(payload, fromClient=fromClient)), 1)
        self.assertEqual(self.flows.datagrams, len(payloads))
