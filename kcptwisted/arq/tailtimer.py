"""
The timer for what no later ACK tells of: the tail of what was sent.
"""

from __future__ import annotations

from kcptwisted.arq.rtt import MAXIMUM_RTO, RoundTripEstimator

#: The most probes that leave before something is newly acknowledged.
MAXIMUM_PROBES = 4


class TailTimer:
    """
    Says when the timer passes.  Times are milliseconds.

    The timer passes when the oldest copy in flight is as old as the retransmission timeout.  Its
    segment is sent again then, as a probe, and so are others when they are as old, up to
    L{MAXIMUM_PROBES}.  If nothing is acknowledged, the timer passes again after another timeout,
    because a probe does not lengthen it, and then after a longer one each time: by half of the
    retransmission timeout with C{nodelay}, else by all of it.  Until the round trip is known it is
    longer each time, the second time too.

    @ivar probes: how many have left since something was newly acknowledged.
    @ivar expiries: how often the timer has passed since then; a series of probes counts once.
    """

    __slots__ = ("_passed", "expiries", "probes")

    def __init__(self) -> None:
        self.probes = 0
        self.expiries = 0
        # When it did so first, or last for longer.
        self._passed = 0

    def acknowledged(self) -> None:
        """
        Something was newly acknowledged.
        """
        self.probes = self.expiries = 0

    def passed(self, now: int) -> None:
        """
        It has passed.
        """
        self.expiries += 1
        self._passed = now

    def due(self, sent: int, rtt: RoundTripEstimator, nodelay: bool, mayProbe: bool) -> int:
        """
        Returns when it passes again.

        @param sent: when the oldest copy in flight left.
        @param mayProbe: whether that may be one more probe.
        """
        isProbe = mayProbe and self.expiries == 1 and self.probes < MAXIMUM_PROBES
        if isProbe and sent < self._passed:
            return sent + rtt.timeout
        return self.end(sent, rtt, nodelay)

    def end(self, sent: int, rtt: RoundTripEstimator, nodelay: bool) -> int:
        """
        Returns when it has passed for so long that no probe may help.

        @param sent: when the oldest copy in flight left.
        """
        timeout = rtt.timeout
        growths = self.expiries if rtt.least < 0 else self.expiries - 1
        wait = timeout + growths * (timeout // 2 if nodelay else timeout)
        end = self._passed + (wait if wait < MAXIMUM_RTO else MAXIMUM_RTO)
        return end if end > sent + timeout else sent + timeout
