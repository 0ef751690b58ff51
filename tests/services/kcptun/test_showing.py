"""
Tests for L{kcptwisted.services.kcptun.showing}.
"""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.services.kcptun.showing import showPeer
from kcptwisted.smux.addresses import SmuxAddress


class ShowTests(SynchronousTestCase):
    """
    Addresses for people.
    """

    def test_kinds(self) -> None:
        """
        Of each kind.
        """
        for address, shown in (
            (IPv4Address("TCP", "10.0.0.1", 80), "10.0.0.1:80"),
            (IPv6Address("TCP", "fe80::1", 80), "[fe80::1]:80"),
            (IPv6Address("TCP", "::ffff:10.0.0.1", 80), "10.0.0.1:80"),
            (SmuxAddress(IPv4Address("UDP", "10.0.0.1", 4000), 3), "10.0.0.1:4000 stream 3"),
            (UNIXAddress("/run/socket"), "a unix socket"),
            (None, "a unix socket"),
        ):
            self.assertEqual(showPeer(address), shown)
