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

    def test_neitherReads(self) -> None:
        """
        A client and a server that read nothing before they have written all: when the server's
        connection is over, what the client still writes is dropped, so that it ends as well.
        """
        machine = RelayMachine()
        machine.begin(seed=0, windows=(16, 16), stopTimeout=0.0, delay=0.0)
        machine.write(choice=0, size=150_000)
        machine.write(choice=1, size=60_000)
        machine.loseConnection(choice=0)
        machine.loseConnection(choice=0)
        machine.teardown()
