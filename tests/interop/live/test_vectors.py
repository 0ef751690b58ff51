"""
The stored test vectors are what the Go peer prints; see C{tests/vectors/README.md}.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.interop.peers import goPeerBinary

STORED = Path(__file__).parents[2] / "vectors/reedsolomon/klauspost.json"

#: Seconds that the peer may take.
TIMEOUT = 30


class VectorTests(SynchronousTestCase):
    """
    What C{gopeer -vectors} prints.
    """

    def test_regenerated(self) -> None:
        """
        klauspost/reedsolomon still computes the stored parity.
        """
        printed = subprocess.run(
            [goPeerBinary(), "-vectors"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=TIMEOUT,
            check=True,
        )
        self.assertEqual(json.loads(printed.stdout), json.loads(STORED.read_bytes()))
