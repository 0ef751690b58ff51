"""
Bounds on the calls that one message takes; each is time, whatever the machine.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from types import FrameType

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from kcptwisted.arq import conversation
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.congestion.registry import CONTROLS
from tests.arq.link import SETTINGS
from tests.arq.single import alone

#: How many messages are counted.
ROUNDS = 20


class CallTests(SynchronousTestCase):
    """
    A message of 64 bytes comes in, is read, and is written back, as at an echo server.
    """

    def setUp(self) -> None:
        """
        Do without where the code is not Python, or calls are counted already.
        """
        if not conversation.__file__.endswith(".py"):
            raise SkipTest("compiled, most calls cannot be counted")
        if sys.getprofile() is not None:
            raise SkipTest("something else profiles")

    def count(self, settings: ARQSettings, rounds: int) -> Counter[str]:
        """
        @return: the Python and the C calls of so many messages.
        """
        counts: Counter[str] = Counter()

        def count(frame: FrameType, event: str, argument: object) -> None:
            counts[event] += 1

        client, server = alone(settings), alone(settings)
        client.write(bytes(64))
        for now in range(0, 2 * rounds, 2):
            datagrams = client.datagramsToSend(now)
            sys.setprofile(count)
            try:
                server.receive(datagrams, now)
                data = server.read()
                server.write(data or b"")
                datagrams = server.datagramsToSend(now)
                server.deadline()
            finally:
                sys.setprofile(None)
            client.receive(datagrams, now + 1)
            client.write(client.read() or b"")
        return counts

    def test_echo(self) -> None:
        """
        One datagram with an ACK and the message comes in, and one goes out.
        """
        self.check(replace(SETTINGS, mtu=1400))

    def test_byTime(self) -> None:
        """
        It costs nothing that losses would be found by time, and that there is a congestion control.
        """
        congestion = CONTROLS["bbr"]
        self.check(replace(SETTINGS, mtu=1400, detectsLossByTime=True, congestion=congestion))

    def check(self, settings: ARQSettings) -> None:
        """
        See that the calls are within the bounds.
        """
        few, many = self.count(settings, ROUNDS), self.count(settings, 2 * ROUNDS)
        perMessage = {event: (many[event] - few[event]) / ROUNDS for event in many}
        self.assertLessEqual(perMessage["call"], 20)
        # sys.setprofile itself is one.
        self.assertLessEqual(perMessage["c_call"], 23 + 1)
