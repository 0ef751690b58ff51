"""
The state machine of L{tests.machines.relays}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.machines.relays import RelayMachine
from tests.properties import runMachine


class RelayMachineTests(SynchronousTestCase):
    """
    Connections through two relays.
    """

    def test_relays(self) -> None:
        """
        Whatever happens, the far side has all the bytes and the end of them, or a beginning and an
        abort.
        """
        runMachine(RelayMachine, examples=120, steps=15)
