"""
A congestion control of your own that endpoint strings can name: AIMD, as TCP Reno does.

Run it without arguments; it connects two hosts by a simulated line of 8 Mbit/s and a round trip of
40 ms, sends 2 MB, and says how long that took::

    python examples/own_congestion.py

A control is told what each batch of ACKs says, and sets two attributes: C{window}, the most bytes
in flight, and C{pacingRate}, bytes a second.  kcptwisted.congestion.control documents both.
"""

from __future__ import annotations

from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.protocol import Factory, Protocol

from kcptwisted.congestion.control import Acknowledgement, CongestionControl
from kcptwisted.congestion.registry import CongestionSpec, registerCongestionControl
from kcptwisted.interfaces import IKCPTransport
from kcptwisted.testing.link import Link
from kcptwisted.testing.network import SimulatedNetwork

SIZE = 2_000_000

#: 8 Mbit/s, and a queue of 40 ms.
LINE = Link(delay=0.02, rate=1_000_000, queue=40_000)


class Reno(CongestionControl):
    """
    The window grows by what is acknowledged until something is lost; from then on by one segment a
    round trip.  A loss halves it, once for all that was in flight.
    """

    def __init__(self, segment: int, roundTrip: int) -> None:
        self.segment = segment
        self.window = 10 * segment
        self.threshold = 1 << 40
        # Losses count again when so many bytes have been acknowledged.
        self.recovered = 0
        # Bursts are spread over the round trip if it is known.
        self.roundTrip = roundTrip
        self.pacingRate = 0

    def onAck(self, ack: Acknowledgement) -> None:
        """
        Grows or halves the window.
        """
        if ack.roundTrip > 0:
            self.roundTrip = ack.roundTrip
        if ack.lost and ack.totalDelivered >= self.recovered:
            self.recovered = ack.totalDelivered + ack.inFlight
            self.threshold = self.window = max(ack.priorInFlight // 2, 2 * self.segment)
        elif not ack.isAppLimited and ack.totalDelivered >= self.recovered:
            if self.window < self.threshold:
                self.window += ack.delivered
            else:
                self.window += self.segment * ack.delivered // self.window
        if self.roundTrip:
            self.pacingRate = 2 * 1000 * self.window // self.roundTrip

    def onTimeout(self, now: int, inFlight: int) -> None:
        """
        Begins again with a small window.
        """
        self.threshold = max(inFlight // 2, 2 * self.segment)
        self.window = 2 * self.segment

    def onPathChanged(self, now: int) -> None:
        """
        Begins with what is allowed after a timeout: the old window says nothing about this path.
        """
        self.threshold = 1 << 40
        self.window = 2 * self.segment
        self.pacingRate = self.roundTrip = 0

    def configure(self, segment: int) -> None:
        """
        The path MTU changed.
        """
        self.segment = segment


#: The meaning of C{congestion=reno}.
RENO = CongestionSpec("reno", Reno)

# This adds the control for the endpoints of this process.  If no code of yours runs before the
# endpoints are made, as with twistd, put the CongestionSpec in a module of twisted/plugins: it is a
# plugin.
registerCongestionControl(RENO)


class Receiver(Protocol):
    """
    Counts the bytes that all connections have received.
    """

    received = 0

    def dataReceived(self, data: bytes) -> None:
        """
        Counts.
        """
        Receiver.received += len(data)


class Sender(Protocol):
    """
    Sends all at once.
    """

    transport: IKCPTransport

    def connectionMade(self) -> None:
        """
        Sends.
        """
        self.transport.write(bytes(SIZE))


def main() -> None:
    """
    Sends from one host to the other.  Only the sender needs the control.
    """
    network = SimulatedNetwork(link=LINE)
    server, client = network.host("10.0.0.2"), network.host("10.0.0.1")
    serverFromString(server, "kcp:4000:crypt=null").listen(Factory.forProtocol(Receiver))
    endpoint = clientFromString(client, "kcp:10.0.0.2:4000:crypt=null:congestion=reno")
    endpoint.connect(Factory.forProtocol(Sender))
    network.runUntil(lambda: Receiver.received == SIZE, 60)
    line = network.model("10.0.0.1", "10.0.0.2")
    print(
        f"{Receiver.received} bytes in {client.seconds():.1f} s, {line.dropped} datagrams dropped"
    )


if __name__ == "__main__":
    main()
