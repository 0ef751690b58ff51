"""
What an echo costs a server: the functions that are called for it, counted by the interpreter.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any
from unittest import SkipTest

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.wire import Echo
from twisted.trial.unittest import TestCase

from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.native import isCompiled
from kcptwisted.options import KCPOptions
from kcptwisted.udp.port import BatchPort

#: Without cipher and FEC.
PLAIN = KCPOptions(crypt="null", mode="fast3", interface="127.0.0.1")

#: Messages before the counting begins, and those that are counted.
FIRST = 100
COUNTED = 200

#: The most functions in Python, and in C, for one message.
LIMIT = 55


class Asker(Protocol):
    """
    Sends 64 bytes each time that they have come back.

    @ivar answers: how often they have.
    @ivar done: fires after the last.
    """

    def __init__(self) -> None:
        self.answers = 0
        self.done: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """
        Begins.
        """
        self._ask()

    def _ask(self) -> None:
        assert self.transport is not None
        self.transport.write(bytes(64))

    def dataReceived(self, data: bytes) -> None:
        """
        Counts, and goes on.
        """
        self.answers += 1
        if self.answers < FIRST + COUNTED:
            self._ask()
        else:
            self.done.callback(None)


class EchoTests(TestCase):
    """
    A server's turn for one message: reading, everything in between, and sending.
    """

    timeout = 30

    async def test_echo(self) -> None:
        """
        A 64-byte message that is echoed costs few calls.
        """
        if isCompiled():
            raise SkipTest("compiled functions are not seen")
        calls = {"call": 0, "c_call": 0}

        def note(frame: FrameType, event: str, argument: object) -> None:
            if event in calls:
                calls[event] += 1

        port: Any = await KCPServerEndpoint(reactor, 0, PLAIN).listen(Factory.forProtocol(Echo))
        self.addCleanup(port.stopListening, "abort")
        asker = Asker()
        whole = BatchPort.doRead

        def doRead(reader: BatchPort) -> object:
            if reader is port._listener.stack._port and asker.answers >= FIRST:
                sys.setprofile(note)
                try:
                    return whole(reader)
                finally:
                    sys.setprofile(None)
            return whole(reader)

        self.patch(BatchPort, "doRead", doRead)
        host = port.getHost()
        factory = Factory.forProtocol(lambda: asker)
        await KCPClientEndpoint(reactor, host.host, host.port, PLAIN).connect(factory)
        await asker.done
        assert asker.transport is not None
        self.addCleanup(asker.transport.loseConnection)
        for kind, count in calls.items():
            self.assertGreater(count, COUNTED, kind)
            self.assertLessEqual(count / COUNTED, LIMIT, kind)
