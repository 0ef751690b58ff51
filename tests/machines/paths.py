"""
A state machine of a connection over a path that changes in every way.
"""

from __future__ import annotations

from typing import Any

from tests.paths import Flow, Path, parse
from tests.paths.ends import End
from tests.properties import stateful, strategies

#: Mbit/s and milliseconds each way.
_rates = strategies.sampled_from([0.1, 1.0, 10.0, 100.0])
_delays = strategies.sampled_from([0, 1, 25, 300])

#: Bytes that wait in the queue at most.
_queues = strategies.sampled_from([3_000, 15_000, 200_000])

#: No outage of a run is long enough to end a connection.
PATIENT = ":keepAlive=1000"

#: Segments that may leave though the window is full: what leaves anyway when nothing is in flight,
#: and a probe.
EXTRA = 2


class PathMachine(stateful.RuleBasedStateMachine):
    """
    One end writes, the path is what the rules make it, and in the end all that was written is
    there.
    """

    @stateful.initialize(
        rate=_rates,
        delay=_delays,
        queue=_queues,
        options=strategies.sampled_from(["", "congestion=kcp", "mode=fast3:congestion=bbr"]),
    )
    def begin(self, rate: float, delay: int, queue: int, options: str) -> None:
        """
        A path.
        """
        self.path = Path(rate * 125_000, queue, delay / 1000)
        self.flow: Flow = self.path.flow(parse(options + PATIENT), lambda flow: None)
        self.written = 0
        self.now = 0.0
        self.flow.source.call()
        self.watch(self.flow.source)

    def watch(self, end: End) -> None:
        """
        See that an end never has more in flight than its window, when it sends.
        """
        send = end._send
        before: list[tuple[Any, int]] = [(None, 0)]

        def note() -> None:
            before[0] = end.sender.limits.governor, self.inFlight(end)

        def watched(datagrams: list[bytes]) -> None:
            governor, now = end.sender.limits.governor, self.inFlight(end)
            # What left before the control began its work is not its fault.
            if governor is not None and governor is before[0][0] and now > before[0][1]:
                window = governor.control.window
                most = window + EXTRA * end.sender._settings.mtu
                assert now <= most, f"{now} bytes in flight, window {window}"
            before[0] = governor, now
            send(datagrams)

        end.fill, end._send = note, watched  # type: ignore[method-assign]

    def inFlight(self, end: End) -> int:
        """
        @return: bytes that are in flight, as far as the congestion control knows.
        """
        sender = end.sender
        governor = sender.limits.governor
        return 0 if governor is None else governor.inFlight(sender._recovery.lost)

    def run(self, seconds: float) -> None:
        """
        Let time pass.
        """
        self.now += seconds
        self.path.run(self.now)

    @stateful.rule(size=strategies.sampled_from([1, 1000, 20_000, 200_000]))
    def write(self, size: int) -> None:
        """
        The application writes.
        """
        self.written += size
        self.flow.source.write(bytes(size))

    @stateful.rule(seconds=strategies.sampled_from([0.001, 0.05, 0.5, 3.0]))
    def wait(self, seconds: float) -> None:
        """
        Nothing happens for a time.
        """
        self.run(seconds)

    @stateful.rule(rate=_rates, queue=_queues)
    def changeLine(self, rate: float, queue: int) -> None:
        """
        The line becomes faster or slower.
        """
        self.path.changeAt(self.now, rate * 125_000)
        self.path.lines[0].queue = queue

    @stateful.rule(delay=_delays, loss=strategies.sampled_from([0.0, 0.02, 0.3, 1.0]))
    def changePath(self, delay: int, loss: float) -> None:
        """
        The path becomes longer or shorter, and loses more or less, or all.
        """
        self.path.change(delay / 1000, loss)

    @stateful.rule()
    def move(self) -> None:
        """
        The network changed, and the connection is told.
        """
        self.flow.source.sender.pathChanged(self.path.events.milliseconds)

    def teardown(self) -> None:
        """
        Over a good path all arrives.
        """
        path = self.path
        path.change(0.025, 0.0)
        path.changeAt(self.now, 10 * 125_000)
        path.lines[0].queue = path.lines[1].queue = 100_000
        flow = self.flow
        path.events.runUntil(lambda: flow.delivered >= self.written, self.now + 200)
        assert flow.source.ended is None, flow.source.ended
        assert flow.delivered == self.written, f"{flow.delivered} of {self.written} arrived"
