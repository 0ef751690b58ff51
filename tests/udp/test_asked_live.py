"""
Tests for L{kcptwisted.udp.asked} and L{kcptwisted.udp.sending}: in a network of many addresses.
"""

from __future__ import annotations

import subprocess
import sys
from shutil import which

from twisted.trial.unittest import SynchronousTestCase

from tests.interpreter import ROOT

#: Runs a program in a network of its own.
APART = ["unshare", "--net", "--map-root-user"]


def _canBeApart() -> bool:
    if not (sys.platform.startswith("linux") and which("unshare") and which("ip")):
        return False
    return subprocess.run([*APART, "ip", "link"], capture_output=True, check=False).returncode == 0


class ManyAddressesTests(SynchronousTestCase):
    """
    A server on all addresses of a host that has many.
    """

    if not _canBeApart():
        skip = "this user can make no network of its own"

    def serve(self, family: str) -> list[str]:
        """
        @param family: of the server's socket.
        @return: what L{tests.udp.manyaddresses} prints.
        """
        done = subprocess.run(
            [*APART, sys.executable, "-m", "tests.udp.manyaddresses", family],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()

    def test_ipv4(self) -> None:
        """
        The answer comes from the address that was asked, also of a network that is all the host's,
        and where it takes another path MTU.
        """
        hosts = ["10.9.0.1", "10.9.0.2", "10.77.0.7", "10.9.0.1"]
        self.assertEqual(
            self.serve("4"),
            [*[f"{host}: ok" for host in hosts], "asked " + " ".join(hosts), "refused 0"],
        )

    def test_both(self) -> None:
        """
        One socket does that for both families, and for an address of one link.
        """
        hosts = [
            *("10.9.0.1", "10.9.0.2", "fd09::1", "fd09::2", "10.77.0.7", "fd77::7"),
            *("fe80::9%lo", "10.9.0.1"),
        ]
        asked = " ".join(hosts).replace("%lo", "")
        self.assertEqual(
            self.serve("6"),
            [*[f"{host}: ok" for host in hosts], f"asked {asked}", "refused 0"],
        )
