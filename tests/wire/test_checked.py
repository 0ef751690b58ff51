"""
Tests for L{kcptwisted.wire.checked}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.wire.checked import CHECKED_OVERHEAD, NONCE, packChecksum


class CheckedTests(SynchronousTestCase):
    """
    The header of packets with a checksum.
    """

    def test_sizes(self) -> None:
        """
        16 bytes of nonce, four of checksum.
        """
        self.assertEqual((NONCE, CHECKED_OVERHEAD), (16, 20))

    def test_checksum(self) -> None:
        """
        The checksum is little-endian.
        """
        self.assertEqual(packChecksum(0x01020304), b"\4\3\2\1")
