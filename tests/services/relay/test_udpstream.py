"""
Tests for L{kcptwisted.services.relay.stream} with UDP at its ends, in a simulated network.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from twisted.logger import formatEvent

from kcptwisted.services.relay.kinds import placeOf
from kcptwisted.services.relay.routes import Route
from kcptwisted.services.relay.sides import sourceOf, targetOf
from kcptwisted.services.relay.stream import StreamRelay
from tests.services.relay.udpworld import ENTRY, NEAR, SERVER, TARGET, Peer, RelayedUDPCase

ROUTE = Route(f"udp:{ENTRY}", f"udp:{SERVER}:{TARGET}", flowIdle=30.0)


class UDPStreamTests(RelayedUDPCase):
    """
    A route of datagrams.
    """

    def setUp(self) -> None:
        """
        Listen.
        """
        super().setUp()
        near = self.host(NEAR)
        self.events = self.listen()
        self.stream = StreamRelay(near, partial(sourceOf, near), partial(targetOf, near), ROUTE)
        self.successResultOf(self.stream.start())

    def test_changed(self) -> None:
        """
        Another target and other limits hold from now on; the flow that there is goes on, with the
        limits.
        """
        other = Peer(True)
        self.host(SERVER).listenUDP(TARGET + 1, other)
        first, second = self.client(), self.client()
        first.send(b"a")
        self.run_()
        changed = replace(ROUTE, target=f"udp:{SERVER}:{TARGET + 1}", flowIdle=5.0)
        self.assertEqual(placeOf(self.host(NEAR), ROUTE), placeOf(self.host(NEAR), changed))
        self.stream.change(changed)
        first.send(b"b")
        second.send(b"c")
        self.run_()
        self.assertEqual((self.server.data, other.data), ([b"a", b"b"], [b"c"]))
        self.run_(10)
        first.send(b"d")
        self.run_()
        self.assertEqual((self.server.data, other.data), ([b"a", b"b"], [b"c", b"d"]))

    def test_removed(self) -> None:
        """
        A route that is gone takes no new flow, and holds nobody up; its flows go on until they are
        idle.
        """
        first, second = self.client(), self.client()
        first.send(b"a")
        self.run_()
        self.successResultOf(self.stream.stopListening())
        over = self.stream.whenOver()
        second.send(b"b")
        first.send(b"c")
        self.run_()
        self.assertEqual(self.server.data, [b"a", b"c"])
        self.assertNoResult(over)
        self.run_(40)
        self.successResultOf(over)
        self.assertEqual(self.host(NEAR).ports, {})

    def test_counted(self) -> None:
        """
        When it stops, the log has the counts of both ends.
        """
        self.client().send(b"a")
        self.run_()
        stopped = self.stream.stop()
        self.run_()
        self.successResultOf(stopped)
        lines: list[Any] = [formatEvent(event) for event in self.events]
        for end in (f"udp:{ENTRY}", f"udp:{SERVER}:{TARGET}"):
            (line,) = [line for line in lines if line.startswith(f"At {end}: ")]
            self.assertIn("flows: 1, ", line)
            self.assertIn("datagrams: 1 received, 1 sent", line)
