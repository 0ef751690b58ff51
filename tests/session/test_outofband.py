"""
Tests for L{kcptwisted.session.outofband}: sending.  What arrives is in
L{tests.session.test_outofband_received}.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from zope.interface.verify import verifyObject

from kcptwisted.errors import OutOfBandRefused
from kcptwisted.interfaces import IOutOfBandProtocol
from kcptwisted.layer import DatagramLayer
from kcptwisted.options import KCPOptions
from kcptwisted.stack.socketstack import SocketLayer
from kcptwisted.testing.link import Link
from tests.connections import CLIENT, SERVER
from tests.outofband import (
    OUT_OF_BAND,
    PLAIN,
    SEQID,
    OutOfBandProtocol,
    OutOfBandTestCase,
    outOfBand,
)

BAD = Link(delay=0.02, jitter=0.01, loss=0.1, duplicate=0.02, reorder=0.05, corrupt=0.02)
DEAD = Link(loss=1)

PARITY = 0xF2

#: Around those at which such a packet is as long as a segment's header; and none.
LENGTHS = (0, 1, 11, 12, 13, 1000)


class DeliveryTests(OutOfBandTestCase):
    """
    What is sent out-of-band arrives beside the stream.
    """

    def exchange(self, client: OutOfBandProtocol, server: OutOfBandProtocol) -> None:
        """
        What a client sends the server's protocol is given as it was, and both ends count it.
        """
        datagrams = [self.data(length, length) for length in LENGTHS]
        for data in datagrams:
            client.session.sendOutOfBand(data)
        self.network.run(0.1)
        self.assertEqual((server.outOfBand, server.pieces), (datagrams, []))
        sent, got = client.session.stats, server.session.stats
        self.assertEqual((sent.OOBSent, got.OOBReceived), (len(LENGTHS), len(LENGTHS)))
        self.assertEqual((got.OOBDropped, got.KCPInErrors, got.FECErrs), (0, 0, 0))
        self.assertEqual((sent.OutPkts, sent.OutBytes), (got.InPkts, got.InBytes))

    def test_interface(self) -> None:
        """
        What takes the datagrams here is what the session takes it for.
        """
        verifyObject(IOutOfBandProtocol, OutOfBandProtocol())

    def test_toServer(self) -> None:
        """
        From the client to the server.
        """
        self.exchange(*self.join())

    def test_toClient(self) -> None:
        """
        From the server to the client.
        """
        client, server = self.join()
        self.exchange(server, client)

    def test_receiverWithoutFEC(self) -> None:
        """
        An end without FEC cannot send any, but is given its peer's.
        """
        client, server = self.join(server=PLAIN)
        self.exchange(client, server)
        self.assertRaises(OutOfBandRefused, server.session.sendOutOfBand, b"answer")

    def test_bytesLike(self) -> None:
        """
        A buffer is sent as it is now, whatever becomes of it.
        """
        client, server = self.join()
        buffer = bytearray(b"position")
        client.session.sendOutOfBand(buffer)  # type: ignore[arg-type]
        client.session.sendOutOfBand(memoryview(buffer)[:3])  # type: ignore[arg-type]
        buffer[:] = b"overwritten"
        self.network.run(0.1)
        self.assertEqual(server.outOfBand, [b"position", b"pos"])

    def test_atOnce(self) -> None:
        """
        It leaves in the call, ahead of what was written to the stream before.
        """
        client, server = self.join()
        self.sent.clear()
        client.session.write(b"stream")
        client.session.sendOutOfBand(b"beside")
        (packet,) = self.sentBy(CLIENT)
        self.assertEqual(packet, outOfBand(client.session.conv, b"beside"))
        self.network.run(0.1)
        self.assertEqual((server.received, server.outOfBand), (b"stream", [b"beside"]))

    def test_fromDataReceived(self) -> None:
        """
        So it does from inside dataReceived, and from inside outOfBandReceived.
        """
        client, server = self.join()
        during: list[int] = []

        def answer(data: bytes) -> None:
            before = len(self.sentBy(SERVER))
            server.session.sendOutOfBand(data.upper())
            during.append(len(self.sentBy(SERVER)) - before)

        server.onData = server.onOutOfBand = answer
        client.session.write(b"stream")
        self.network.run(0.1)
        client.session.sendOutOfBand(b"datagram of bytes")
        self.network.run(0.1)
        self.assertEqual(during, [1, 1])
        self.assertEqual(client.outOfBand, [b"STREAM", b"DATAGRAM OF BYTES"])

    def test_notResent(self) -> None:
        """
        One that is lost stays lost, and nothing more is sent on its account.
        """
        quiet = KCPOptions(crypt="null", dataShards=3, parityShards=1, keepAlive=0)
        client, server = self.join(quiet, quiet)
        self.bothWays(DEAD)
        client.session.sendOutOfBand(b"x" * 20)
        self.bothWays(Link())
        self.sent.clear()
        self.network.run(600)
        self.assertEqual((server.outOfBand, self.sent), ([], []))
        self.assertEqual(client.reasons, [])

    def test_whilePaused(self) -> None:
        """
        A protocol that has paused the stream is given it all the same.
        """
        client, server = self.join()
        server.session.pauseProducing()
        client.session.write(b"stream")
        client.session.sendOutOfBand(b"x" * 20)
        self.network.run(0.1)
        self.assertEqual((server.pieces, server.outOfBand), ([], [b"x" * 20]))
        server.session.resumeProducing()
        self.network.run(0.1)
        self.assertEqual((server.received, len(server.outOfBand)), (b"stream", 1))

    def test_badLink(self) -> None:
        """
        Over a bad link each that arrives is as it was sent, and the stream arrives whole.
        """
        options = KCPOptions(key="k", crypt="aes", dataShards=10, parityShards=3)
        client, server = self.join(options, options)
        self.bothWays(BAD)
        data = self.data(200_000)
        sent = [number.to_bytes(4, "big") * 10 for number in range(200)]
        for number, datagram in enumerate(sent):
            client.session.write(data[number * 1000 : (number + 1) * 1000])
            client.session.sendOutOfBand(datagram)
            self.network.run(0.005)
        self.network.runUntil(lambda: len(server.received) >= len(data))
        self.network.run(1)
        self.assertEqual(server.received, data)
        self.assertEqual(set(server.outOfBand) - set(sent), set())
        self.assertTrue(150 < len(set(server.outOfBand)) < 200)
        self.assertEqual(server.session.stats.OOBReceived, len(server.outOfBand))


class GroupTests(OutOfBandTestCase):
    """
    Out-of-band datagrams are of no FEC group.
    """

    def test_seqids(self) -> None:
        """
        The shards before and after one are numbered as if it were not there.
        """
        client, server = self.join()
        for number in range(9):
            client.session.write(bytes([number]))
            self.network.run(0.01)
            client.session.sendOutOfBand(b"x" * number)
        kinds = [struct.unpack_from("<IH", datagram) for datagram in self.sentBy(CLIENT)]
        shards = [pair for pair in kinds if pair[1] != OUT_OF_BAND]
        # A session's numbers begin with some group of four.
        first = shards[0][0]
        self.assertEqual(first % 4, 0)
        self.assertEqual([s - first for s, _ in shards], list(range(len(shards))))
        self.assertEqual([s - first for s, kind in shards if kind == PARITY], [3, 7, 11])
        self.assertEqual(kinds.count((SEQID, OUT_OF_BAND)), 9)
        self.assertEqual(server.session.stats.FECErrs, 0)

    def test_rebuilt(self) -> None:
        """
        A shard that is lost beside one is rebuilt, not sent again.
        """
        client, server = self.join()
        # The connecting took the first group's first two places.  After two more groups the server
        # is certain of the counts, and this one has begun.
        for _ in range(8):
            client.session.write(b".")
            self.network.run(0.01)
        client.session.write(b"lost ")
        self.bothWays(DEAD)
        self.network.run(0)
        self.bothWays(Link())
        client.session.sendOutOfBand(bytes(1000))
        client.session.write(b"and found")
        self.network.run(0.02)
        self.assertEqual(server.received, b"." * 8 + b"lost and found")
        self.assertEqual(server.session.stats.FECRecovered, 1)
        self.assertEqual(client.session.stats.RetransSegs, 0)


class Trailer(DatagramLayer):
    """
    A layer of a user's own that adds three bytes.
    """

    ownOverhead = 3

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Any) -> None:
        """
        Add them.
        """
        super().writeDatagrams([datagram + b"end" for datagram in datagrams], address)

    def datagramsReceived(self, datagrams: list[bytes], address: Any) -> None:
        """
        Take them off.
        """
        super().datagramsReceived([datagram[:-3] for datagram in datagrams], address)


class LimitTests(OutOfBandTestCase):
    """
    What cannot be sent.
    """

    def largest(self, options: KCPOptions, limit: int, layers: Sequence[SocketLayer] = ()) -> None:
        """
        C{limit} bytes make one datagram of exactly the mtu; one more are refused, with the limit.
        """
        self.setUp()
        client, server = self.join(options, options, layers)
        self.sent.clear()
        data = self.data(limit)
        client.session.sendOutOfBand(data)
        self.assertEqual([len(datagram) for datagram in self.sentBy(CLIENT)], [options.mtu])
        refusal = self.assertRaises(OutOfBandRefused, client.session.sendOutOfBand, data + b"x")
        self.assertIn(f"at most {limit} bytes", str(refusal))
        self.network.run(0.1)
        self.assertEqual(server.outOfBand, [data])
        self.assertEqual((client.session.stats.OOBSent, len(self.sentBy(CLIENT))), (1, 1))

    def test_ciphers(self) -> None:
        """
        FEC takes 8 bytes, the conversation id 4, and the cipher its own.
        """
        for mtu in (1400, 200):
            for crypt, overhead in (("null", 0), ("aes", 20), ("aes-128-gcm", 28)):
                with self.subTest(crypt=crypt, mtu=mtu):
                    key = None if crypt == "null" else "k"
                    options = KCPOptions(
                        crypt=crypt, key=key, mtu=mtu, dataShards=3, parityShards=1
                    )
                    self.largest(options, mtu - overhead - 8 - 4)

    def test_layers(self) -> None:
        """
        The layers of a user's own take theirs.
        """
        options = KCPOptions(key="k", dataShards=10, parityShards=3, mtu=1400)
        self.largest(options, 1400 - 3 - 3 - 28 - 8 - 4, [Trailer, Trailer])

    def test_withoutFEC(self) -> None:
        """
        Without FEC nothing can be sent, not even nothing; the connection is none the worse.
        """
        client, server = self.join(PLAIN, PLAIN)
        for data in (b"", b"x"):
            refusal = self.assertRaises(OutOfBandRefused, client.session.sendOutOfBand, data)
            self.assertIn("dataShards and parityShards", str(refusal))
        client.session.write(b"stream")
        self.network.run(0.1)
        self.assertEqual((server.received, server.outOfBand), (b"stream", []))
        self.assertEqual(client.session.stats.OOBSent, 0)

    def test_types(self) -> None:
        """
        Only bytes can be sent.
        """
        client, _ = self.join()
        self.sent.clear()
        for data in ("text", "", None, 5):
            self.assertRaises(TypeError, client.session.sendOutOfBand, data)
        self.assertEqual((client.session.stats.OOBSent, self.sent), (0, []))


class EndTests(OutOfBandTestCase):
    """
    Once an end has closed, nothing happens and nothing is counted.
    """

    def check(self, client: OutOfBandProtocol) -> None:
        """
        Nothing is sent, now or later.
        """
        self.sent.clear()
        client.session.sendOutOfBand(b"x" * 20)
        self.assertEqual((self.sent, client.session.stats.OOBSent), ([], 0))
        self.network.run(1)
        self.assertEqual(self.serverTakers.takers[0].outOfBand, [])

    def test_afterLoseConnection(self) -> None:
        """
        After loseConnection, although the stream is still being delivered.
        """
        client, server = self.join()
        client.session.write(b"stream")
        client.session.loseConnection()
        self.check(client)
        self.assertEqual(server.received, b"stream")

    def test_afterAbortConnection(self) -> None:
        """
        After abortConnection.
        """
        client, _ = self.join()
        client.session.abortConnection()
        self.check(client)

    def test_afterConnectionLost(self) -> None:
        """
        After connectionLost, and from inside it.
        """
        client, _ = self.join()
        session = client.session
        session.abortConnection()
        client.connectionLost = lambda reason: self.check(client)  # type: ignore[method-assign,assignment,misc]
        self.network.run(0)
        self.assertFalse(session.connected)
        self.check(client)
