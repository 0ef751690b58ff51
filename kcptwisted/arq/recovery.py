"""
Recovery: which segments in flight are sent again, and when.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from kcptwisted.arq.rtt import RoundTripEstimator
from kcptwisted.arq.sendqueue import Fragment
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.stats import SessionStats

#: A segment sent this often without an ACK means that the peer is gone, if nothing at all was newly
#: acknowledged for a while either: with short timeouts twenty copies are soon sent.
DEAD_LINK = 20


class Recovery(ABC):
    """
    Finds the segments in flight that are to be sent again.  It shares the sender's dictionary of
    segments in flight, by sn (not wrapped), and the sender's round-trip estimate.

    @ivar lost: bytes, headers included, of segments in flight that are taken for lost and wait to
        be sent again; always 0 if they do not wait.
    @ivar newlyLost: bytes, headers included, that the last L{acknowledged} or L{take} took for
        lost.
    @ivar timedOut: the last L{take} found that a timeout had passed that says that the path is bad.
    @ivar exhausted: the last L{take} gave a segment that has now been sent L{DEAD_LINK} times at
        least, and for the setting C{deadLinkAfter} nothing was newly acknowledged.
    @ivar needless: the last L{acknowledged} showed that nothing was lost of what had been taken for
        lost at last.
    @ivar pending: something waits to be sent again, as soon as there is room.
    @ivar due: when L{take} finds something that is not C{pending} yet, milliseconds; None if
        nothing waits.
    """

    __slots__ = (
        "_inFlight",
        "_rtt",
        "_settings",
        "_stats",
        "due",
        "exhausted",
        "lost",
        "needless",
        "newlyLost",
        "pending",
        "timedOut",
    )

    def __init__(
        self,
        settings: ARQSettings,
        inFlight: dict[int, Fragment],
        rtt: RoundTripEstimator,
        stats: SessionStats,
    ) -> None:
        """
        @param inFlight: the segments in flight by sn, kept by the caller.
        @param rtt: the round-trip estimate, likewise.
        """
        self._settings = settings
        self._inFlight = inFlight
        self._rtt = rtt
        self._stats = stats
        self.lost = 0
        self.newlyLost = 0
        self.timedOut = False
        self.exhausted = False
        self.needless = False
        self.pending = False
        self.due: int | None = None

    def configure(self, settings: ARQSettings) -> None:
        """
        Uses other settings from now on.
        """
        self._settings = settings

    @abstractmethod
    def sent(self, now: int, first: int, stop: int) -> None:
        """
        New segments left, and are in flight.

        @param now: milliseconds.
        @param first: the first sn.
        @param stop: one beyond the last.
        """

    @abstractmethod
    def acknowledged(self, newly: list[tuple[int, int]], before: int, una: int, now: int) -> None:
        """
        Takes what a batch newly acknowledged; it is no longer in flight.

        @param newly: (sn, when the acknowledged copy left) of the ACKs; may be sorted in place.
            Segments that only una acknowledged are not among them; some may be among them twice.
        @param before: the first sn in flight before the batch.
        @param una: the first sn in flight.
        @param now: milliseconds.
        """

    @abstractmethod
    def clear(self) -> None:
        """
        Nothing is in flight any more.  Little memory is held from now on.
        """

    @abstractmethod
    def take(
        self, now: int, una: int, progress: int, fresh: bool, room: int, blocked: bool
    ) -> list[int]:
        """
        Returns the sns to send again, ascending; they are taken to leave now.

        @param now: milliseconds.
        @param una: the first sn in flight.
        @param progress: when something was last newly acknowledged, or sent with nothing else in
            flight, milliseconds.
        @param fresh: whether new segments could leave as well.
        @param room: bytes that may leave of what was lost; a probe takes no notice of it.
        @param blocked: whether more could leave, but for a full window: what is missing at the
            peer holds it up, and the path has room.
        """

    @abstractmethod
    def expire(self, sns: list[int], now: int) -> None:
        """
        Lets segments time out at once, as if for the first time: L{take} gives them, and nothing is
        held against the path.

        @param sns: ascending, in flight.
        @param now: milliseconds.
        """
