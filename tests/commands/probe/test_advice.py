"""
Tests for L{kcptwisted.commands.probe.advice}.
"""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.probe.advice import (
    INCOMPLETE,
    MOST_PARITY,
    _incomplete,
    advise,
    parityFor,
)
from kcptwisted.commands.probe.findings import Findings
from kcptwisted.commands.probe.statistics import Loss, RoundTrips
from kcptwisted.options import KCPOptions
from tests.properties import given, strategies

#: A good path to a kcp-go server.
GOOD = Findings(
    connected=0.05,
    isOurs=False,
    roundTrips=RoundTrips(100, 0.05, 0.06, 0.07, 0.08, 0.002),
    loss=Loss(400, 0.0, 0.0, 0.0),
    interval=0.01,
    mtu=1472,
    mtuWhy="no more was tried",
    rate=20e6,
    rateWhy="no bytes were left for 64.0 Mbit/s",
    isLimit=False,
    window=1024,
    spent=1_700_000,
    received=50_000,
)


def options(found: Findings) -> dict[str, str]:
    """
    @return: what is advised.
    """
    return {name: value for each in advise(found) for name, value in each.options.items()}


def reasons(found: Findings) -> str:
    """
    @return: why.
    """
    return "\n".join(each.reason for each in advise(found))


def losing(share: float) -> Findings:
    """
    @return: a path that loses so many on their way there.
    """
    return replace(GOOD, loss=Loss(400, share, share, 0.0))


class AdviceTests(SynchronousTestCase):
    """
    What suits which path.
    """

    def test_good(self) -> None:
        """
        Where nothing is lost nothing is to be done about it.
        """
        self.assertEqual(options(GOOD), {"mode": "fast", "mtu": "1472"})
        self.assertIn("no FEC", reasons(GOOD))

    def test_losses(self) -> None:
        """
        The more is lost, the quicker the mode and the more parity.
        """
        found = [options(losing(share)) for share in (0.01, 0.03, 0.1, 0.2)]
        self.assertEqual([each["mode"] for each in found], ["fast2", "fast3", "fast3", "fast3"])
        self.assertEqual([each["parityShards"] for each in found], ["1", "2", "4", "8"])
        self.assertEqual({each["dataShards"] for each in found}, {"10"})
        self.assertIn("10.0 % is lost, and", reasons(losing(0.1)))

    def test_untold(self) -> None:
        """
        Where it cannot be told which way is lost, the worst is assumed.
        """
        loss = Loss(400, 0.1, None, None, "the peer does not answer several at once")
        self.assertEqual(options(replace(GOOD, loss=loss)), options(losing(0.1)))

    def test_near(self) -> None:
        """
        To a server that is near FEC saves no time.
        """
        near = replace(losing(0.05), roundTrips=RoundTrips(100, 0.001, 0.005, 0.01, 0.01, 0.002))
        self.assertNotIn("dataShards", options(near))
        self.assertIn("5 ms later", reasons(near))

    def test_slow(self) -> None:
        """
        A slow line has no room for many ACKs; a slow train says nothing about it.
        """
        slow = replace(losing(0.05), rate=0.3e6)
        self.assertEqual(options(replace(slow, isLimit=True))["mode"], "fast2")
        self.assertEqual(options(slow)["mode"], "fast3")

    def test_ours(self) -> None:
        """
        Two of ours find the path's MTU, and their windows grow.
        """
        ours = replace(GOOD, isOurs=True, window=16)
        self.assertEqual(options(ours), {"mode": "fast"})
        self.assertNotIn("window", reasons(ours))

    def test_windows(self) -> None:
        """
        Small windows at the server are named; a path that holds more than the defaults is given
        more.
        """
        self.assertIn("limits a connection to 3.1 Mbit/s", reasons(replace(GOOD, window=16)))
        self.assertNotIn("limits", reasons(GOOD))
        wide = replace(GOOD, rate=1e9)
        needed = 1e9 * 0.06 / 8 / 1448
        window = int(options(wide)["sendWindow"])
        self.assertTrue(needed < window <= 65535)
        self.assertEqual(options(wide)["receiveWindow"], str(window))

    def test_unknown(self) -> None:
        """
        Where little is known little is said.
        """
        self.assertEqual(advise(replace(GOOD, roundTrips=None)), [])
        little = replace(GOOD, mtu=None, rate=None)
        self.assertEqual(options(little), {"mode": "fast"})

    @given(strategies.floats(0, 0.99), strategies.floats(0, 0.99))
    def test_parity(self, one: float, other: float) -> None:
        """
        So much parity leaves few groups incomplete, and one shard less would not do; more losses
        never want less.
        """
        low, high = sorted((one, other))
        parity = parityFor(low)
        self.assertLessEqual(parity, parityFor(high))
        if parity < MOST_PARITY:
            self.assertLessEqual(_incomplete(10 + parity, parity, low), INCOMPLETE)
        if parity > 1:
            self.assertGreater(_incomplete(10 + parity - 1, parity - 1, low), INCOMPLETE)

    @given(
        strategies.floats(0, 1),
        strategies.floats(0.0001, 5),
        strategies.one_of(strategies.none(), strategies.floats(1, 1e10)),
        strategies.booleans(),
        strategies.integers(0, 65535),
    )
    def test_valid(
        self, loss: float, trip: float, rate: float | None, isOurs: bool, window: int
    ) -> None:
        """
        Whatever is found, what is advised can be given.
        """
        found = replace(
            losing(loss),
            roundTrips=RoundTrips(100, trip, trip, trip, trip, 0.0),
            rate=rate,
            isOurs=isOurs,
            window=window,
        )
        KCPOptions.fromStrings({"crypt": "null", **options(found)}, "client")
