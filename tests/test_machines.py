"""
State machines: whatever happens to connections, what is received is a beginning of what was
written, and both sides end.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.machines.connections import AUTHENTICATED, ConnectionMachine
from tests.machines.conversations import ConversationMachine
from tests.machines.paths import PathMachine
from tests.properties import runMachine


class AuthenticatedMachine(ConnectionMachine):
    """
    Where strangers can do nothing but repeat, and clients may move.
    """

    ciphers = [AUTHENTICATED]


class MachineTests(SynchronousTestCase):
    """
    The machines of L{tests.machines}.
    """

    def test_connections(self) -> None:
        """
        Connections, with all ciphers.
        """
        runMachine(ConnectionMachine, examples=80, steps=30)

    def test_authenticated(self) -> None:
        """
        Connections with an AEAD.
        """
        runMachine(AuthenticatedMachine, examples=80, steps=30)

    def test_conversations(self) -> None:
        """
        The ARQ core alone, with any order of datagrams.
        """
        runMachine(ConversationMachine, examples=80, steps=40)

    def test_paths(self) -> None:
        """
        A connection over a path that changes.
        """
        runMachine(PathMachine, examples=40, steps=20)
