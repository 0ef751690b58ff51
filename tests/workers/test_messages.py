"""
Tests for L{kcptwisted.workers.messages}.
"""

from __future__ import annotations

import struct
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.udp.asked import askedAddress, ownAddressOf, readOwnAddress
from kcptwisted.workers.messages import (
    LARGEST_MESSAGE,
    Begin,
    Message,
    Movable,
    Opened,
    Over,
    Returned,
    Strays,
    decode,
    encode,
)
from tests.properties import effort, given, strategies

SENDERS = strategies.integers(0, 63)
CONVS = strategies.lists(strategies.integers(0, 2**32 - 1), max_size=50).map(tuple)
PORTS = strategies.integers(0, 65535)
FLOWS = strategies.integers(0, 2**32 - 1)
ADDRESSES = strategies.one_of(
    strategies.tuples(strategies.ip_addresses(v=4).map(str), PORTS),
    strategies.tuples(
        strategies.one_of(strategies.ip_addresses(v=6).map(str), strategies.just("fe80::1%eth0")),
        PORTS,
        FLOWS,
        FLOWS,
    ),
)
DATAGRAMS = strategies.lists(strategies.binary(max_size=200), min_size=1, max_size=20)
MESSAGES = strategies.one_of(
    strategies.builds(Begin, SENDERS),
    strategies.builds(Movable, SENDERS, CONVS),
    strategies.builds(Over, SENDERS, CONVS),
    strategies.builds(Opened, SENDERS, DATAGRAMS),
    strategies.builds(Strays, SENDERS, ADDRESSES, DATAGRAMS),
    strategies.builds(Returned, SENDERS, ADDRESSES, DATAGRAMS),
)

ADDRESS = ("10.0.0.1", 77)


class MessageTests(SynchronousTestCase):
    """
    Messages as bytes.
    """

    def test_asked(self) -> None:
        """
        What is known of where a peer has asked goes along: the answer is to come from there.
        """
        data = struct.pack("=i4s4s", 2, bytes([10, 0, 0, 9]), bytes([10, 0, 0, 9]))
        own = readOwnAddress(data)
        assert own is not None
        (encoded,) = encode(Strays(1, askedAddress(ADDRESS, own), [b"x"]))
        message = decode(encoded)
        assert isinstance(message, Strays)
        found = ownAddressOf(message.address)
        assert found is not None
        self.assertEqual((message.address, message.datagrams), (ADDRESS, [b"x"]))
        self.assertEqual((found.host, found.messages), (own.host, own.messages))

    @given(MESSAGES)
    def test_roundTrip(self, message: Message) -> None:
        """
        Each message comes out as it went in.
        """
        (data,) = encode(message)
        decoded = decode(data)
        self.assertEqual((type(decoded), decoded), (type(message), message))

    @effort(500)
    @given(
        strategies.one_of(strategies.binary(max_size=60), MESSAGES.map(lambda m: encode(m)[0])),
        strategies.data(),
    )
    def test_malformed(self, data: bytes, choice: Any) -> None:
        """
        Whatever bytes come, they are a message or none; nothing is raised.
        """
        cut = data[: choice.draw(strategies.integers(0, len(data)))]
        for attempt in (data, cut, bytes([choice.draw(strategies.integers(0, 8))]) + cut[1:]):
            decode(attempt)

    def test_cutOff(self) -> None:
        """
        A message of which a part is missing is none.
        """
        for message in (
            Movable(1, (5,)),
            Over(1, (5,)),
            Opened(1, [b"abc"]),
            Strays(1, ADDRESS, [b"abc"]),
            Returned(1, ADDRESS, [b"abc"]),
        ):
            (data,) = encode(message)
            self.assertIs(decode(data[:-1]), None)
        self.assertIs(decode(encode(Begin(1))[0] + b"x"), None)
        self.assertIs(decode(b"\x07\x01"), None)

    def test_noAddress(self) -> None:
        """
        Nor is one with an address of neither kind, or with a host that is no text.
        """
        (data,) = encode(Strays(1, ADDRESS, [b"abc"]))
        self.assertIs(decode(data.replace(b"\x04\x01\x04", b"\x04\x01\x05")), None)
        self.assertIs(decode(data.replace(b"10.0", b"\xff0.0")), None)

    def test_large(self) -> None:
        """
        What is too much for one datagram goes in several, in order.
        """
        datagrams = [bytes([number]) * 1400 for number in range(200)]
        parts = encode(Strays(1, ADDRESS, datagrams))
        self.assertEqual(len(parts), 5)
        found: list[bytes] = []
        for part in parts:
            self.assertLessEqual(len(part), LARGEST_MESSAGE + 2000)
            strays = decode(part)
            assert isinstance(strays, Strays)
            self.assertEqual(strays[:2], (1, ADDRESS))
            found += strays.datagrams
        self.assertEqual(found, datagrams)
        convs = tuple(range(40_000))
        told = [decode(part) for part in encode(Movable(1, convs))]
        self.assertEqual(len(told), 3)
        self.assertEqual(sum([one.convs for one in told if isinstance(one, Movable)], ()), convs)
