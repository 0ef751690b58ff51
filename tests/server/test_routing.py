"""
Tests for L{kcptwisted.server.routing}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.server.routing import IRouting, SingleProcess


class SingleProcessTests(SynchronousTestCase):
    """
    The routing of a listener that does not share its port.
    """

    def test_nobody(self) -> None:
        """
        It knows no other process, whatever it is told.
        """
        routing = SingleProcess()
        verifyObject(IRouting, routing)
        routing.began(5)
        routing.opened([b"key"])
        self.assertFalse(routing.knows(5))
        self.assertFalse(routing.claim(5, [b"x"], ("192.0.2.1", 1)))
        self.assertFalse(routing.follow([b"x"], ("192.0.2.1", 1)))
        routing.ended(5)
        routing.stop()
