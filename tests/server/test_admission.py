"""
Tests for L{kcptwisted.server.admission}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.interfaces import Address
from kcptwisted.server.admission import UNPROVEN_AGE, Admission, Admittance, TokenBucket, hostOf
from tests.properties import given, strategies

#: More than any test opens.
MANY = 1_000_000


def _address(host: int, port: int = 1) -> Address:
    return f"10.0.0.{host}", port


def _admission(maxSessions: int = MANY, maxSessionsPerHost: int = MANY) -> Admission:
    """
    @return: one that limits no rate.
    """
    return Admission(maxSessions, maxSessionsPerHost, MANY)


class HostTests(SynchronousTestCase):
    """
    Tests for L{hostOf}.
    """

    def test_ipv4(self) -> None:
        """
        Each IPv4 address is a host, whatever the port.
        """
        self.assertEqual(hostOf(("192.0.2.1", 1)), hostOf(("192.0.2.1", 2)))
        self.assertNotEqual(hostOf(("192.0.2.1", 1)), hostOf(("192.0.2.2", 1)))

    def test_ipv6(self) -> None:
        """
        IPv6 addresses whose first 64 bits are the same are one host.
        """
        host = hostOf(("2001:db8:1:2::1", 1, 0, 0))
        self.assertEqual(hostOf(("2001:db8:1:2:ffff:ffff:ffff:ffff", 2, 3, 4)), host)
        self.assertNotEqual(hostOf(("2001:db8:1:3::1", 1, 0, 0)), host)

    def test_mapped(self) -> None:
        """
        An IPv4 address in IPv6's form is that of IPv4.
        """
        self.assertEqual(hostOf(("::ffff:192.0.2.1", 1, 0, 0)), hostOf(("192.0.2.1", 1)))
        self.assertEqual(hostOf(("::ffff:c000:201", 1, 0, 0)), hostOf(("192.0.2.1", 1)))

    def test_scope(self) -> None:
        """
        A scope in the text is not of the address.
        """
        self.assertEqual(hostOf(("fe80::1%eth0", 1, 0, 2)), hostOf(("fe80::1", 1, 0, 2)))


class TokenBucketTests(SynchronousTestCase):
    """
    Tests for L{TokenBucket}.
    """

    def _take(self, bucket: TokenBucket, now: int) -> int:
        """
        @return: how many tokens there were.
        """
        count = 0
        while bucket.ready(now):
            bucket.take(now)
            count += 1
        return count

    def test_burst(self) -> None:
        """
        It is full at first, with a second's tokens.
        """
        for rate in (1, 2, 3, 7, 10, 1000):
            self.assertEqual(self._take(TokenBucket(rate), 0), rate)

    def test_refill(self) -> None:
        """
        Tokens come anew at the rate.
        """
        bucket = TokenBucket(10)
        self._take(bucket, 0)
        self.assertEqual([self._take(bucket, now) for now in (99, 100, 199, 200)], [0, 1, 0, 1])
        self.assertEqual(self._take(bucket, 500), 3)

    def test_capacity(self) -> None:
        """
        No more are kept than it holds.
        """
        bucket = TokenBucket(10)
        self._take(bucket, 0)
        self.assertEqual(self._take(bucket, 3_600_000), 10)

    def test_slow(self) -> None:
        """
        A rate below one a second still holds one.
        """
        bucket = TokenBucket(0.5)
        self.assertEqual([self._take(bucket, now) for now in (0, 1999, 2000, 9000)], [1, 0, 1, 1])

    def test_asking(self) -> None:
        """
        Asking takes nothing.
        """
        bucket = TokenBucket(1)
        self.assertEqual([bucket.ready(0) for _ in range(3)], [True] * 3)

    @given(
        strategies.floats(0.01, 10_000), strategies.lists(strategies.integers(0, 500), max_size=30)
    )
    def test_rate(self, rate: float, pauses: list[int]) -> None:
        """
        Up to any time there were no more than the rate and one second's allow.
        """
        bucket = TokenBucket(rate)
        now = taken = 0
        for pause in pauses:
            now += pause
            if bucket.ready(now):
                bucket.take(now)
                taken += 1
            self.assertLessEqual(taken, max(1, rate) + now * rate / 1000 + 1e-6)


class LimitTests(SynchronousTestCase):
    """
    When a newcomer does not fit.
    """

    def test_full(self) -> None:
        """
        At C{maxSessions} there is no room until one has ended.
        """
        admission = _admission(maxSessions=2)
        for host in (1, 2):
            self.assertIs(admission.verdict(_address(host), 0), Admittance.ADMIT)
            admission.opened(_address(host), 0, False)
        self.assertIs(admission.verdict(_address(3), 0), Admittance.FULL)
        admission.closed(_address(1))
        self.assertIs(admission.verdict(_address(3), 0), Admittance.ADMIT)

    def test_hostFull(self) -> None:
        """
        At C{maxSessionsPerHost} there is no room for that host, but for others.
        """
        admission = _admission(maxSessionsPerHost=2)
        for port in (1, 2):
            self.assertIs(admission.verdict(_address(1, port), 0), Admittance.ADMIT)
            admission.opened(_address(1, port), 0, False)
        self.assertIs(admission.verdict(_address(1, 3), 0), Admittance.HOST_FULL)
        self.assertIs(admission.verdict(_address(2), 0), Admittance.ADMIT)
        admission.closed(_address(1, 1))
        self.assertIs(admission.verdict(_address(1, 3), 0), Admittance.ADMIT)

    def test_tooFast(self) -> None:
        """
        Only those who are opened count for the rate.
        """
        admission = Admission(MANY, MANY, 2)
        for _ in range(5):
            self.assertIs(admission.verdict(_address(9), 0), Admittance.ADMIT)
        for host in (1, 2):
            admission.opened(_address(host), 0, False)
        self.assertIs(admission.verdict(_address(3), 499), Admittance.TOO_FAST)
        self.assertIs(admission.verdict(_address(3), 500), Admittance.ADMIT)

    def test_nobodyGoesInVain(self) -> None:
        """
        Who comes too fast is told so even if it is full.
        """
        admission = Admission(1, 1, 1)
        admission.opened(_address(1), 0, True)
        self.assertIs(admission.verdict(_address(1, 2), 999), Admittance.TOO_FAST)
        self.assertIs(admission.verdict(_address(1, 2), 1000), Admittance.HOST_FULL)

    def test_again(self) -> None:
        """
        A session in place of another at the same address is one, and has nothing of the other's;
        what ends twice ends once.
        """
        admission = _admission(maxSessions=2, maxSessionsPerHost=1)
        admission.opened(_address(1), 0, True)
        admission.opened(_address(1), 0, False)
        admission.opened(_address(2), 0, False)
        self.assertEqual(len(admission), 2)
        self.assertIs(admission.candidate(_address(3), UNPROVEN_AGE), None)
        admission.closed(_address(1))
        admission.closed(_address(1))
        self.assertEqual(len(admission), 1)
        self.assertIs(admission.verdict(_address(1), 0), Admittance.ADMIT)

    def test_moved(self) -> None:
        """
        A session that moves is counted at its new host.
        """
        admission = _admission(maxSessionsPerHost=1)
        admission.opened(_address(1), 0, True)
        admission.moved(_address(1), _address(2))
        self.assertEqual(len(admission), 1)
        self.assertIs(admission.verdict(_address(1), 0), Admittance.ADMIT)
        self.assertIs(admission.verdict(_address(2, 2), 0), Admittance.HOST_FULL)
        self.assertIs(admission.candidate(_address(2, 2), UNPROVEN_AGE), None)
        admission.closed(_address(2))
        self.assertIs(admission.verdict(_address(2, 2), 0), Admittance.ADMIT)

    def test_movedOnto(self) -> None:
        """
        Where a session moves to an address that has one, it takes its place.
        """
        admission = _admission(maxSessionsPerHost=1)
        for host in (1, 2):
            admission.opened(_address(host), 0, True)
        admission.moved(_address(1), _address(2))
        self.assertEqual(len(admission), 1)
        self.assertIs(admission.candidate(_address(2, 2), UNPROVEN_AGE), None)
        admission.closed(_address(2))
        self.assertIs(admission.verdict(_address(2), 0), Admittance.ADMIT)


class CandidateTests(SynchronousTestCase):
    """
    Whose session may go.
    """

    def test_age(self) -> None:
        """
        An unproven session may go after a while.
        """
        admission = _admission(maxSessions=1)
        admission.opened(_address(1), 100, True)
        self.assertIs(admission.candidate(_address(2), 100 + UNPROVEN_AGE - 1), None)
        self.assertEqual(admission.candidate(_address(2), 100 + UNPROVEN_AGE), _address(1))

    def test_oldest(self) -> None:
        """
        The oldest goes first.
        """
        admission = _admission(maxSessions=3)
        for host in (3, 1, 2):
            admission.opened(_address(host), 0, True)
        for host in (3, 1, 2):
            self.assertEqual(admission.candidate(_address(9), UNPROVEN_AGE), _address(host))
            admission.closed(_address(host))
        self.assertIs(admission.candidate(_address(9), UNPROVEN_AGE), None)

    def test_proven(self) -> None:
        """
        Who has proven itself stays, whether at first or later.
        """
        admission = _admission(maxSessions=3)
        admission.opened(_address(1), 0, False)
        for host in (2, 3):
            admission.opened(_address(host), 0, True)
        admission.proven(_address(2))
        self.assertEqual(admission.candidate(_address(9), UNPROVEN_AGE), _address(3))
        admission.proven(_address(3))
        self.assertIs(admission.candidate(_address(9), UNPROVEN_AGE), None)
        admission.proven(_address(3))
        admission.proven(_address(8))

    def test_heard(self) -> None:
        """
        Who was last heard the longest time ago goes first, counted from then; of a host as well.
        """
        admission = _admission(maxSessions=3, maxSessionsPerHost=2)
        for port in (1, 2):
            admission.opened(_address(1, port), 0, True)
        admission.opened(_address(2), 5, True)
        admission.heard(_address(1, 1), 10)
        admission.heard(_address(9), 10)
        for now, expected in ((-1, None), (0, _address(1, 2)), (10, _address(1, 2))):
            for address in (_address(1, 3), _address(3)):
                self.assertEqual(admission.candidate(address, now + UNPROVEN_AGE), expected)
        admission.closed(_address(1, 2))
        admission.opened(_address(1, 2), 20, True)
        self.assertEqual(admission.candidate(_address(3), 4 + UNPROVEN_AGE), None)
        self.assertEqual(admission.candidate(_address(3), 5 + UNPROVEN_AGE), _address(2))
        self.assertEqual(admission.candidate(_address(1, 3), 9 + UNPROVEN_AGE), None)
        self.assertEqual(admission.candidate(_address(1, 3), 10 + UNPROVEN_AGE), _address(1, 1))
        admission.proven(_address(1, 1))
        admission.heard(_address(1, 1), 30)
        self.assertEqual(admission.candidate(_address(1, 3), 20 + UNPROVEN_AGE), _address(1, 2))

    def test_host(self) -> None:
        """
        Where a host is full, its own oldest goes, though others are older.
        """
        admission = _admission(maxSessions=4, maxSessionsPerHost=2)
        admission.opened(_address(1), 0, True)
        for port in (6, 5):
            admission.opened(_address(2, port), 10, True)
        admission.opened(_address(3), 10, True)
        now = 10 + UNPROVEN_AGE
        self.assertEqual(admission.candidate(_address(2, 7), now), _address(2, 6))
        self.assertIs(admission.candidate(_address(2, 7), now - 1), None)
        self.assertEqual(admission.candidate(_address(4), now), _address(1))

    def test_provenOfHost(self) -> None:
        """
        Of a host's sessions those that have proven themselves stay, whichever they are.
        """
        admission = _admission(maxSessionsPerHost=3)
        for port in (1, 2, 3):
            admission.opened(_address(1, port), 0, True)
        admission.proven(_address(1, 2))
        self.assertEqual(admission.candidate(_address(1, 4), UNPROVEN_AGE), _address(1, 1))
        admission.proven(_address(1, 1))
        self.assertEqual(admission.candidate(_address(1, 4), UNPROVEN_AGE), _address(1, 3))

    def test_hostOfProven(self) -> None:
        """
        A host whose sessions are all proven gets no room from others.
        """
        admission = _admission(maxSessionsPerHost=1)
        admission.opened(_address(1), 0, True)
        admission.opened(_address(2), 0, False)
        self.assertIs(admission.candidate(_address(2, 2), UNPROVEN_AGE), None)

    def test_makesRoom(self) -> None:
        """
        Once the candidate has gone the newcomer fits.
        """
        admission = _admission(maxSessions=2, maxSessionsPerHost=2)
        for port in (1, 2):
            admission.opened(_address(1, port), 0, True)
        for newcomer, verdict in (
            (_address(1, 3), Admittance.HOST_FULL),
            (_address(2), Admittance.FULL),
        ):
            self.assertIs(admission.verdict(newcomer, UNPROVEN_AGE), verdict)
            candidate = admission.candidate(newcomer, UNPROVEN_AGE)
            assert candidate is not None
            admission.closed(candidate)
            self.assertIs(admission.verdict(newcomer, UNPROVEN_AGE), Admittance.ADMIT)
            admission.opened(newcomer, UNPROVEN_AGE, False)


class MemoryTests(SynchronousTestCase):
    """
    What is kept.
    """

    def test_nothing(self) -> None:
        """
        Nothing is kept of those who have gone, nor of those who only asked.
        """
        admission = _admission()
        for host in range(100):
            admission.opened(_address(host), 0, host % 2 == 0)
            admission.moved(_address(host), _address(host, 2))
            admission.opened(_address(host), 0, True)
            admission.verdict(("192.0.2.1", host), 0)
            admission.candidate(("192.0.2.1", host), 0)
        for host in range(100):
            admission.closed(_address(host))
            admission.closed(_address(host, 2))
        held = [getattr(admission, name) for name in dir(admission) if name[:2] != "__"]
        self.assertEqual([kept for kept in held if isinstance(kept, dict)], [{}] * 4)

    @given(
        strategies.lists(
            strategies.tuples(
                strategies.sampled_from(["come", "come", "heard", "proven", "closed", "moved"]),
                strategies.integers(0, 2),
                strategies.integers(0, 3),
                strategies.integers(0, UNPROVEN_AGE),
            ),
            max_size=60,
        )
    )
    def test_model(self, steps: list[tuple[str, int, int, int]]) -> None:
        """
        Whatever happens, it says the same as looking through all sessions would.
        """
        admission = _admission(maxSessions=5, maxSessionsPerHost=2)
        # In order of when they were heard; the time for those that are unproven.
        sessions: dict[Address, int | None] = {}
        now = 0
        for what, host, port, pause in steps:
            now += pause
            address = _address(host, port)
            if what == "proven":
                admission.proven(address)
                if address in sessions:
                    sessions[address] = None
            elif what == "heard":
                admission.heard(address, now)
                if sessions.get(address) is not None:
                    del sessions[address]
                    sessions[address] = now
            elif what == "closed":
                admission.closed(address)
                sessions.pop(address, None)
            elif what == "moved" and address in sessions:
                new = _address(2 - host, port)
                admission.moved(address, new)
                del sessions[address]
                sessions[new] = None
            elif what == "come" and address not in sessions:
                same = {other: sessions[other] for other in sessions if other[0] == address[0]}
                hostFull = len(same) >= 2
                full = Admittance.FULL if len(sessions) >= 5 else Admittance.ADMIT
                verdict = admission.verdict(address, now)
                self.assertIs(verdict, Admittance.HOST_FULL if hostFull else full)
                old = [
                    other
                    for other, opened in (same if hostFull else sessions).items()
                    if opened is not None and now - opened >= UNPROVEN_AGE
                ]
                self.assertEqual(admission.candidate(address, now), old[0] if old else None)
                if verdict is Admittance.ADMIT:
                    admission.opened(address, now, True)
                    sessions[address] = now
            self.assertEqual(len(admission), len(sessions))
