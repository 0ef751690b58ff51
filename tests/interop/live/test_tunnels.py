"""
The search for a path's MTU (L{kcptwisted.connection.pathmtu}) on real sockets, through a router to
a tunnel.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.interop import cpeer
from tests.interop.peers import goPeerBinary, skipReason
from tests.interop.router import APART, canBeApart
from tests.interop.tunnelled import Case
from tests.interpreter import ROOT

#: Slow enough for a transfer to last some seconds.
SLOWLY = ":rateLimit=5000000"
LONG = 40_000_000

#: Bytes that are sent again and again, until the size is found.
ROUND = 1_000_000

#: A busy machine loses datagrams, also three probes of one size.  The search then takes that size
#: for too large, for ten minutes.  Of so many connections one has to find the size.
CONNECTIONS = 3

#: What leaves a client whole.
NOT_FRAGMENTED = {"IpFragCreates": 0, "Ip6FragCreates": 0}

#: Counters of kcp-go that must stay 0.
ERRORS = ("InErrs", "InCsumErrors", "KCPInErrors", "FECErrs")


class TunnelCase(SynchronousTestCase):
    """
    Sends through a tunnel.
    """

    if not canBeApart():
        skip = skipReason("this user can make no networks of its own")

    def carry(self, **how: Any) -> dict[str, Any]:
        """
        @param how: the fields of L{Case}.
        @return: what L{tests.interop.tunnelled} says.
        """
        case = Case(**how)
        for _ in range(CONNECTIONS):
            result = self.carryOnce(case)
            if case.until in (0, max(result["sizes"])):
                break
        return result

    def carryOnce(self, case: Case) -> dict[str, Any]:
        """
        Transfers by one connection.
        """
        done = subprocess.run(
            [*APART, sys.executable, "-m", "tests.interop.tunnelled", json.dumps(asdict(case))],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        result: dict[str, Any] = json.loads(done.stdout)
        self.assertEqual(result["counted"], case.size)
        # A probe that the system refuses is no error.
        self.assertEqual(result["port"]["OutErrs"], 0)
        return result

    def assertWhole(self, result: dict[str, Any]) -> None:
        """
        No datagram was fragmented.
        """
        for counters in (result, result["router"]):
            found = {name: counters[name] for name in NOT_FRAGMENTED}
            self.assertEqual(found, NOT_FRAGMENTED)


class FoundTests(TunnelCase):
    """
    What the tunnel carries is found.
    """

    def test_told(self) -> None:
        """
        A router tells, and the client's datagrams become as large as pass: no more, and no less.
        """
        for family, mtu, ethernet, size in (
            (4, 1420, 1500, 1392),
            (6, 1420, 9000, 1372),
            (4, 1500, 1500, 1472),
            (6, 1500, 1500, 1452),
            (6, 1280, 1500, 1232),
            (4, 9000, 9000, 1500),
            # No size that is probed, but one that the router names.
            (4, 1437, 1500, 1409),
        ):
            with self.subTest(family=family, mtu=mtu):
                result = self.carry(
                    family=family, mtu=mtu, ethernet=ethernet, until=size, size=ROUND
                )
                self.assertEqual(max(result["sizes"]), size)
                self.assertWhole(result)

    def test_ciphersAndFEC(self) -> None:
        """
        What ciphers and FEC add is part of it, and parity is no larger.
        """
        for options in ("key=k", "key=k:crypt=aes-128:dataShards=10:parityShards=3"):
            with self.subTest(options=options):
                result = self.carry(options=options, serverOptions=options, until=1392, size=ROUND)
                self.assertEqual(max(result["sizes"]), 1392)
                self.assertWhole(result)

    def test_untold(self) -> None:
        """
        Where larger datagrams vanish, the search ends a bit lower, and nothing is sent again.
        """
        options = "crypt=null" + SLOWLY
        result = self.carry(isKnown=False, size=ROUND, until=1372, options=options)
        self.assertEqual(max(result["sizes"]), 1372)
        self.assertWhole(result)

    def test_tooNarrow(self) -> None:
        """
        Where not even the first size passes, IP fragments it, as it does with C{mtu=1400}.
        """
        result = self.carry(mtu=576)
        self.assertEqual(result["sizes"], [1232])
        self.assertGreater(result["IpFragCreates"], 0)


class ShrinkingTests(TunnelCase):
    """
    The tunnel carries less from the middle of a transfer on.
    """

    def test_told(self) -> None:
        """
        A router tells: at once datagrams are smaller, and those in flight are fragmented.
        """
        for family, size in ((4, 1392), (6, 1372)):
            with self.subTest(family=family):
                result = self.carry(
                    family=family,
                    mtu=1500,
                    later=1420,
                    size=LONG,
                    options="crypt=null" + SLOWLY,
                )
                sizes = result["sizes"]
                self.assertEqual([*sizes[:2], sizes[-1]], [1232, size + 80, size])
                self.assertLess(result["IpFragOKs"] + result["Ip6FragOKs"], 1000)

    def test_blackHole(self) -> None:
        """
        Nobody tells: when full datagrams are acknowledged no more, they may be fragmented, and
        later ones are smaller.
        """
        for options in ("crypt=null", "crypt=null:dataShards=10:parityShards=3"):
            with self.subTest(options=options):
                result = self.carry(
                    mtu=1500,
                    later=1400,
                    isDeaf=True,
                    size=LONG,
                    options=options + SLOWLY,
                    serverOptions=options,
                )
                self.assertEqual(result["sizes"][:3], [1232, 1472, 1232])
                self.assertLessEqual(max(result["sizes"][2:]), 1372)


class KCPGoTests(TunnelCase):
    """
    To kcp-go, which notices nothing.
    """

    def toGo(self, flags: list[str], **how: Any) -> dict[str, Any]:
        """
        Sends to kcp-go.
        """
        listening = "[{address}]:{port}" if how.get("family") == 6 else "{address}:{port}"
        role = ["-listen", listening, "-role=sink", "-stdin", "-snmp", "-mode=fast3"]
        command = [goPeerBinary(), *role, *flags]
        result = self.carry(server=command, size=ROUND, **how)
        self.assertEqual([result["server"][name] for name in ERRORS], [0] * len(ERRORS))
        self.assertWhole(result)
        return result

    def test_sizes(self) -> None:
        """
        Datagrams become as large as the path carries, up to what kcp-go takes.
        """
        for family, mtu, size in (
            (6, 1420, 1372),
            (4, 9000, 1472),
        ):
            with self.subTest(family=family, mtu=mtu):
                result = self.toGo(
                    [],
                    family=family,
                    mtu=mtu,
                    ethernet=max(mtu, 1500),
                    options="crypt=null" + SLOWLY,
                    until=size,
                )
                self.assertEqual(max(result["sizes"]), size)

    def test_ciphersAndFEC(self) -> None:
        """
        Probes are as good as other datagrams with each kind of cipher, and with FEC.
        """
        for crypt, fec in (
            ("salsa20", False),
            ("aes-128-gcm", False),
            ("null", True),
            ("aes-128", True),
        ):
            with self.subTest(crypt=crypt, fec=fec):
                keyed = "" if crypt in ("null", "none") else ":key=k"
                options = f"crypt={crypt}{keyed}" + ":dataShards=10:parityShards=3" * fec
                flags = [f"-crypt={crypt}", "-key=k"]
                flags += ["-datashard=10", "-parityshard=3"] * fec
                result = self.toGo(flags, options=options + SLOWLY, until=1392)
                self.assertEqual(max(result["sizes"]), 1392)


class IKCPTests(TunnelCase):
    """
    To C C{ikcp}, which answers the question for its window as each KCP does.
    """

    skip = getattr(TunnelCase, "skip", None) or skipReason(cpeer.whyMissing())

    def test_sizes(self) -> None:
        """
        Datagrams become as large as the path carries, told by the router or not.
        """
        for isKnown, size in ((True, 1392), (False, 1372)):
            with self.subTest(isKnown=isKnown):
                result = self.carry(
                    isKnown=isKnown,
                    options="crypt=null" + SLOWLY,
                    server=[sys.executable, "-m", "tests.interop.csink", "{address}", "{port}"],
                    size=ROUND,
                    until=size,
                )
                self.assertEqual(max(result["sizes"]), size)
                self.assertEqual(result["server"]["longest"], size)
                self.assertWhole(result)
