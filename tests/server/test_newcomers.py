"""
Tests for L{kcptwisted.server.newcomers}.
"""

from __future__ import annotations

from random import Random
from typing import cast

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.interfaces import Address
from kcptwisted.options import KCPOptions
from kcptwisted.server.admission import UNPROVEN_AGE
from kcptwisted.server.newcomers import WATCHED, Newcomers, helloOf
from kcptwisted.session.session import KCPSession
from kcptwisted.stats import PortStats, SessionStats
from kcptwisted.wire.control import (
    COOKIE,
    NO_TOKEN,
    TOKEN,
    Block,
    Cookie,
    Hello,
    Response,
    encodeBlock,
)
from kcptwisted.wire.fec import DATA, DATA_HEADER
from kcptwisted.wire.opening import Opening, readOpening
from kcptwisted.wire.segment import ACK, WASK, Segment
from tests.callers import hello, push

HERE = ("192.0.2.1", 1000)
THERE = ("192.0.2.2", 1000)

TOKEN_A = b"A" * TOKEN
TOKEN_B = b"B" * TOKEN

NULL = KCPOptions(crypt="null")
AEAD = KCPOptions(key="k")


def opening(datagram: bytes) -> Opening:
    """
    @return: what a datagram says.
    """
    read = readOpening(datagram)
    assert read is not None
    return read


def coded(datagram: bytes, seqid: int = 0) -> bytes:
    """
    @return: a data shard.
    """
    return DATA_HEADER.pack(seqid, DATA, len(datagram) + 2) + datagram


class Session:
    """
    Stands for a session.
    """

    def __init__(self, address: Address, conv: int = 5, token: bytes = TOKEN_A) -> None:
        self.address = address
        self.conv = conv
        self.token = token
        self.mayReturn = False
        self.unproven: object | None = None
        self.stats = SessionStats()
        # What a session has behind these names.
        self.connection = self.controls = self.lifecycle = self

    def isOwnHello(self, block: Block) -> bool:
        """
        Whether it is from the token that was given.
        """
        return block.source == self.token


class NewcomersTestCase(SynchronousTestCase):
    """
    Holds what decides about newcomers.
    """

    def build(self, options: KCPOptions) -> None:
        """
        Make it.
        """
        self.stats = PortStats()
        self.remembered: list[bytes] = []
        self.newcomers = Newcomers(options, self.stats, Random(1).randbytes, self.remembered.extend)
        self.evicted: list[Address] = []
        self.sessions: dict[Address, KCPSession] = {}

    def open(
        self, datagram: bytes, address: Address = HERE, now: int = 0, unproven: bool = False
    ) -> KCPSession:
        """
        Open a session with a datagram, as a listener does.
        """
        session = cast(KCPSession, Session(address))
        cast(Session, session).unproven = object() if unproven else None
        self.newcomers.opened(opening(datagram), session, now, unproven)
        self.sessions[address] = session
        self.watch(session, datagram)
        return session

    def watch(self, session: KCPSession, *datagrams: bytes, now: int = 0) -> bool:
        """
        Give a session datagrams.

        @return: whether it goes on being watched.
        """
        session.stats.InPkts += len(datagrams)
        return self.newcomers.watch(session, list(datagrams), now)

    def isReplayed(self, datagram: bytes) -> bool:
        """
        Whether a datagram is refused as one that has been here.
        """
        return self.newcomers.isReplayed(opening(datagram), datagram)

    def evict(self, address: Address) -> None:
        """
        End a session that has to make room.
        """
        self.evicted.append(address)
        self.newcomers.closed(self.sessions[address])


class HelloTests(SynchronousTestCase):
    """
    L{helloOf}.
    """

    def test_hello(self) -> None:
        """
        It is the block with the hello, and nothing if there is another block or none.
        """
        block = helloOf(opening(hello(5, TOKEN_A)))
        assert block is not None
        self.assertEqual((block.source, block.frames), (TOKEN_A, (Hello(0, 128),)))
        other = Block(TOKEN_A, TOKEN_B, (Response(bytes(8)),))
        for without in (opening(push(5, 0)), Opening(5, WASK), Opening(5, WASK, block=other)):
            self.assertIs(helloOf(without), None)


class ReplayTests(NewcomersTestCase):
    """
    Nothing twice.
    """

    def test_token(self) -> None:
        """
        A token that a session was opened with opens none again, whatever the cipher, in whichever
        hello; other tokens, and hellos that opened nothing, are welcome.
        """
        for options in (NULL, AEAD):
            self.build(options)
            self.assertFalse(self.isReplayed(hello(5, TOKEN_A)))
            self.assertFalse(self.isReplayed(hello(5, TOKEN_A)))
            self.open(hello(5, TOKEN_A))
            for again in (hello(5, TOKEN_A), hello(6, TOKEN_A), hello(5, TOKEN_A, bytes(COOKIE))):
                self.assertTrue(self.isReplayed(again))
            self.assertFalse(self.isReplayed(hello(5, TOKEN_B)))

    def test_laterToken(self) -> None:
        """
        The same holds for a hello that was overtaken by the first data.
        """
        for options in (NULL, AEAD):
            self.build(options)
            session = self.open(push(5, 0))
            self.watch(session, push(5, 1))
            self.watch(session, hello(5, TOKEN_A))
            self.newcomers.closed(session)
            self.assertTrue(self.isReplayed(hello(5, TOKEN_A, bytes(COOKIE))))

    def test_datagram(self) -> None:
        """
        With a cipher that authenticates, a datagram that opened a session, or could have, opens
        none again, also in the shard of a FEC group; without one anybody could make it anew.
        """
        for options, known in ((AEAD, True), (NULL, False)):
            self.build(options)
            session = self.open(push(5, 0, ts=1))
            self.watch(session, push(5, 0, ts=2), coded(push(5, 0, ts=3)))
            self.newcomers.closed(session)
            for ts in (1, 2, 3):
                self.assertEqual(self.isReplayed(push(5, 0, ts=ts)), known)
                self.assertEqual(self.isReplayed(coded(push(5, 0, ts=ts), 77)), known)
            self.assertFalse(self.isReplayed(push(5, 0, ts=4)))

    def test_others(self) -> None:
        """
        Who asks for it is told what opens nothing any more, and nothing else; and what is told by
        others opens nothing here.
        """
        self.build(AEAD)
        session, remembered = self.open(hello(5, TOKEN_A)), self.remembered
        first, late = push(5, 0, b"first"), push(5, 3, b"late")
        self.watch(session, first, late)
        self.watch(session, late)
        self.assertEqual(set(remembered), {TOKEN_A, hello(5, TOKEN_A), first})
        ended = cast(KCPSession, Session(THERE))
        self.newcomers.opened(opening(hello(6, b"C" * TOKEN)), ended, 0, False)
        self.assertEqual(remembered[-1], b"C" * TOKEN)
        self.build(AEAD)
        self.assertFalse(self.isReplayed(first))
        self.newcomers.learn(remembered)
        for again in (first, hello(5, TOKEN_A), hello(6, TOKEN_A)):
            self.assertTrue(self.isReplayed(again))
        self.assertFalse(self.isReplayed(hello(5, TOKEN_B)))

    def test_overAlready(self) -> None:
        """
        That holds for the datagrams that a session was given together with its end, too.
        """
        self.build(AEAD)
        session = cast(KCPSession, Session(HERE))
        self.newcomers.opened(opening(hello(5, TOKEN_A)), session, 0, False)
        self.newcomers.closed(session)
        self.assertFalse(self.watch(session, hello(5, TOKEN_A), push(5, 0, ts=2)))
        self.assertTrue(self.isReplayed(push(5, 0, ts=2)))

    def test_another(self) -> None:
        """
        What a peer sends that has restarted is not its predecessor's: it may yet open a session.
        """
        self.build(AEAD)
        session = self.open(hello(5, TOKEN_A))
        anew = [push(6, 0), hello(6, TOKEN_B), hello(5, TOKEN_B), hello(6, TOKEN_B, bytes(COOKIE))]
        self.watch(session, *anew)
        for datagram in anew:
            self.assertFalse(self.isReplayed(datagram))

    def test_harmless(self) -> None:
        """
        What can open nothing takes no place in the memory.
        """
        self.build(AEAD)
        session = self.open(push(5, 0))
        ack = Segment(5, ACK, 0, 128, 0, 0, 0, b"").encode()
        block = Segment(5, WASK, 0, 128, 0, 0, 0, encodeBlock(TOKEN_A, TOKEN_B)).encode()
        self.watch(session, push(5, 1), push(5, 0, una=1), ack, block, b"noise" * 9)
        self.assertEqual(len(self.newcomers._replays), 1)

    def test_untilAcknowledged(self) -> None:
        """
        A session is watched as long as its peer has acknowledged nothing, and a little longer:
        until then it may send its first segment again.
        """
        self.build(AEAD)
        session = self.open(push(5, 0, ts=1))
        for number in range(10 * WATCHED):
            self.watch(session, push(5, number + 1))
        self.watch(session, push(5, 0, ts=2))
        self.assertTrue(self.isReplayed(push(5, 0, ts=2)))
        cast(Session, session).mayReturn = True
        self.assertTrue(self.watch(session, *[push(5, 2, una=1)] * (WATCHED - 1)))
        self.assertFalse(self.watch(session, push(5, 0, ts=3)))
        self.assertTrue(self.isReplayed(push(5, 0, ts=3)))


class WatchTests(NewcomersTestCase):
    """
    Which sessions are watched for how long, and proven by what.
    """

    def test_ends(self) -> None:
        """
        A session is watched until it is closed, also where it has moved to.
        """
        for options in (NULL, AEAD):
            self.build(options)
            session, other = self.open(push(5, 0)), self.open(push(5, 0), THERE)
            cast(Session, session).address = ("192.0.2.3", 1000)
            self.newcomers.moved(HERE, session.address)
            self.assertTrue(self.watch(session))
            self.newcomers.closed(session)
            self.assertFalse(self.watch(session))
            self.assertTrue(self.watch(other))
            self.newcomers.closed(other)
            self.assertEqual((len(self.newcomers._watched), len(self.newcomers)), (0, 0))

    def test_count(self) -> None:
        """
        A peer that acknowledges is watched for so many datagrams, in batches of any size; without
        a cipher that authenticates, so is any other.
        """
        for options, acknowledges in ((NULL, False), (AEAD, True)):
            for size in (1, 3, WATCHED, 10 * WATCHED):
                self.build(options)
                session = self.open(push(5, 0))
                cast(Session, session).mayReturn = acknowledges
                while self.watch(session, *[push(5, 1)] * size):
                    pass
                self.assertTrue(WATCHED <= session.stats.InPkts <= WATCHED + size)

    def test_proof(self) -> None:
        """
        A session that has shown that its peer is there stays.  Any other one goes when nothing has
        come from there for a while, however much has before.
        """
        for count in (1, 2, 10 * WATCHED):
            for proves in (False, True):
                self.build(KCPOptions(crypt="null", maxSessions=1))
                session = self.sessions[HERE] = cast(KCPSession, Session(HERE))
                cast(Session, session).unproven = object()
                self.newcomers.opened(opening(push(5, 0)), session, 0, True)
                for now in range(count):
                    self.watch(session, push(5, now), now=now)
                if proves:
                    cast(Session, session).unproven = None
                    self.watch(session, push(5, count), now=count)
                due = count - 1 + UNPROVEN_AGE
                self.assertFalse(self.newcomers.admits(THERE, due - 1, self.evict))
                admitted = self.newcomers.admits(THERE, due, self.evict)
                goes = not proves
                self.assertEqual((admitted, self.evicted), (goes, [HERE] * goes))


class AdmitTests(NewcomersTestCase):
    """
    Room for newcomers, and what is counted.
    """

    def counts(self) -> tuple[int, int, int, int]:
        """
        @return: refused for each of the limits, and evicted.
        """
        stats = self.stats
        return (
            stats.RefusedFull,
            stats.RefusedHostFull,
            stats.RefusedTooFast,
            stats.SessionsEvicted,
        )

    def test_counted(self) -> None:
        """
        A newcomer is refused for one reason, and counted so; being let in counts nothing.
        """
        for options, expected in (
            (KCPOptions(crypt="null", maxSessions=1), (1, 0, 0, 0)),
            (KCPOptions(crypt="null", maxSessionsPerHost=1), (0, 1, 0, 0)),
            (KCPOptions(crypt="null", maxSessions=1, maxSessionsPerHost=1), (0, 1, 0, 0)),
            (KCPOptions(crypt="null", maxSessions=1, acceptRate=1), (0, 0, 1, 0)),
        ):
            self.build(options)
            self.assertTrue(self.newcomers.admits(HERE, 0, self.evict))
            self.assertEqual(self.counts(), (0, 0, 0, 0))
            self.open(push(5, 0))
            self.assertFalse(self.newcomers.admits((HERE[0], 1001), 0, self.evict))
            self.assertEqual((self.counts(), self.evicted), (expected, []))

    def test_evicted(self) -> None:
        """
        An unproven session that makes room is counted as such, and the newcomer not as refused.
        """
        self.build(KCPOptions(crypt="null", maxSessions=1))
        self.open(push(5, 0), unproven=True)
        self.assertFalse(self.newcomers.admits(THERE, UNPROVEN_AGE - 1, self.evict))
        self.assertTrue(self.newcomers.admits(THERE, UNPROVEN_AGE, self.evict))
        self.assertEqual((self.counts(), self.evicted), ((1, 0, 0, 1), [HERE]))


class CookieTests(NewcomersTestCase):
    """
    Cookies, as they come back in a hello.
    """

    def test_cookie(self) -> None:
        """
        A hello with the cookie that was made for it is told from one without, and from one of
        another address, conversation or token.
        """
        self.build(NULL)
        first = helloOf(opening(hello(5, TOKEN_A)))
        assert first is not None
        cookie = self.newcomers.cookieFor(first, 5, HERE, 0)
        self.assertFalse(self.newcomers.hasCookie(first, 5, HERE, 0))
        for source, conv, address, good in (
            (TOKEN_A, 5, HERE, True),
            (TOKEN_B, 5, HERE, False),
            (TOKEN_A, 6, HERE, False),
            (TOKEN_A, 5, THERE, False),
        ):
            block = Block(NO_TOKEN, source, (Hello(0, 128), Cookie(cookie)))
            self.assertEqual(self.newcomers.hasCookie(block, conv, address, 0), good)
        changed = bytes([cookie[0] ^ 1]) + cookie[1:]
        block = Block(NO_TOKEN, TOKEN_A, (Hello(0, 128), Cookie(changed)))
        self.assertFalse(self.newcomers.hasCookie(block, 5, HERE, 0))

    def test_secrets(self) -> None:
        """
        Two listeners' cookies differ.
        """
        block = Block(NO_TOKEN, TOKEN_A, (Hello(0, 128),))
        cookies = {
            Newcomers(NULL, PortStats(), Random(seed).randbytes, print).cookieFor(block, 5, HERE, 0)
            for seed in range(3)
        }
        self.assertEqual(len(cookies), 3)
