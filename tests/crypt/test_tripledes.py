"""
Tests for L{kcptwisted.crypt.tripledes}.
"""

from __future__ import annotations

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm
from twisted.trial.unittest import SynchronousTestCase

from tests.crypt.opensslcases import OpenSSLTestsMixin

# NIST SP 800-67, B.1.
_KEY = "0123456789abcdef23456789abcdef01456789abcdef0123"


class TripleDESTests(OpenSSLTestsMixin, SynchronousTestCase):
    """
    Tests for L{kcptwisted.crypt.tripledes.tripleDES}.
    """

    names = {24: "3des"}
    keys = [bytes(range(24)), bytes(range(24, 0, -1))]
    block = 8
    blocks = (
        (_KEY, "5468652071756663", "a826fd8ce53b855f"),
        (_KEY, "6b2062726f776e20", "cce21c8112256fe6"),
        (_KEY, "666f78206a756d70", "68d5c05dd9b6b900"),
    )
    # NIST CAVP, TCFB64MMT3.rsp, encryption, counts 0, 2 and 3.
    examples = (
        (
            "cb37f85b32dfad768643cddae5a470d6f2cd94e3fbe508a4",
            "3def8dc845ee8345",
            "ee04103555f9f28b",
            "96ef9c65c761f30b",
        ),
        (
            "9e32daa42679a898c2627a2f4ac4975885cb2a68c8c81920",
            "cc20aa6c34214217",
            "6b7acd01c975d53f544b35b76103a7d00c63ad9091bd1a10",
            "39be9a6d7702b3477bade6e1664d3d922ccb124204eff794",
        ),
        (
            "2f9437c10ed61a67e9131507f8c1bc37436898cece20a26b",
            "928cfa488780e47b",
            "c3798b2a7de3c552c21c40b177c6249b2f78bc049f648544533785179f41dee8",
            "3cc150ff3c0437d3a25bb0d5ee8ed6690f165a57c0a6342d4017342f01e4553e",
        ),
    )

    def algorithm(self, key: bytes) -> BlockCipherAlgorithm:
        """
        @return: triple DES.
        """
        return TripleDES(key)
