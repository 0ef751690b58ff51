"""
A sender that watches its round trip, and keeps its rate below what makes a queue grow on the path.

Run the receiver, then the sender, with the number of seconds to send for::

    python examples/live_tuning.py receive "kcp:4000:key=sesame"
    python examples/live_tuning.py send "kcp:127.0.0.1:4000:key=sesame" 10

Routers that have more to send than their line takes keep it waiting, and the round trip grows: the
sender then lowers the C{rateLimit} of its live connection.  While the round trip is short it tries
for a little more.  Beside it others who use the same line, such as for calls, have little delay.
"""

from __future__ import annotations

import sys

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.interfaces import IPushProducer, IReactorCore
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import LoopingCall, react
from twisted.python.failure import Failure
from zope.interface import implementer

from kcptwisted.session import KCPTransport

#: Seconds between two looks at the round trip.
PERIOD = 0.2

#: The rate at first, and its bounds, bytes a second.
FIRST, LEAST, MOST = 1_000_000, 100_000, 100_000_000

#: Milliseconds beyond the shortest round trip that are taken for a queue on the path.
QUEUE = 50


class Tuner:
    """
    Finds a rate from round trips.

    @ivar rate: bytes a second.
    """

    def __init__(self) -> None:
        self.rate = FIRST
        self._shortest = 0.0

    def look(self, roundTrip: float) -> bool:
        """
        @param roundTrip: smoothed, milliseconds; 0 if it is not known.
        @return: whether the rate is lower than before.
        """
        if not roundTrip:
            return False
        self._shortest = min(self._shortest or roundTrip, roundTrip)
        waits = roundTrip > self._shortest + QUEUE
        self.rate = min(max(self.rate * (7 if waits else 11) // 10, LEAST), MOST)
        return waits


@implementer(IPushProducer)
class Sender(Protocol):
    """
    Sends for some seconds, and tunes its connection.

    @ivar closed: fires when the connection is over.
    """

    # The class, not the interface, so that every type checker knows what it has.
    transport: KCPTransport

    def __init__(self, seconds: float) -> None:
        self._left = round(seconds / PERIOD)
        self._tuner = Tuner()
        self._paused = False
        self._looking = LoopingCall(self._look)
        self.closed: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """
        Begin, with little that waits here: what is written has to be sent at the end.
        """
        self.transport.configure(sendWindow=256, rateLimit=FIRST)
        self.transport.registerProducer(self, streaming=True)
        self.resumeProducing()
        self._looking.start(PERIOD, now=False)

    def _look(self) -> None:
        tuner, transport = self._tuner, self.transport
        self._left -= 1
        if self._left < 0:
            self._looking.stop()
            transport.unregisterProducer()
            # The rest as fast as it goes.
            transport.configure(rateLimit=0)
            transport.loseConnection()
            return
        slower = tuner.look(transport.smoothedRTT)
        transport.configure(rateLimit=tuner.rate)
        print(
            f"round trip {transport.smoothedRTT:.0f} ms, {transport.segmentsInFlight} in flight: "
            f"{'slower' if slower else 'faster'}, {tuner.rate // 1000} kB/s",
            flush=True,
        )

    def resumeProducing(self) -> None:
        """
        Write until the transport has enough.
        """
        self._paused = False
        while not self._paused:
            self.transport.write(bytes(65536))

    def pauseProducing(self) -> None:
        """
        The transport has enough.
        """
        self._paused = True

    def stopProducing(self) -> None:
        """
        The connection is over.
        """
        self._paused = True

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The program ends.
        """
        if self._looking.running:
            self._looking.stop()
        print(f"{self.transport.stats.BytesSent} bytes: {reason.getErrorMessage()}", flush=True)
        self.closed.callback(None)


class Receiver(Protocol):
    """
    Counts what comes.
    """

    transport: KCPTransport

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Print the count.
        """
        print(f"{self.transport.stats.BytesReceived} bytes received", flush=True)


async def main(reactor: IReactorCore, role: str, endpoint: str, seconds: str = "10") -> None:
    """
    Receive, or send.
    """
    if role == "receive":
        port = await serverFromString(reactor, endpoint).listen(Factory.forProtocol(Receiver))
        print(f"listening on port {port.getHost().port}", flush=True)
        await Deferred()
    else:
        sender = Sender(float(seconds))
        await clientFromString(reactor, endpoint).connect(Factory.forProtocol(lambda: sender))
        await sender.closed


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("receive", "send"):
        sys.exit(__doc__)
    react(main, sys.argv[1:])
