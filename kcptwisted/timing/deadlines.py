"""
Sessions by their deadlines.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from kcptwisted.timing.interfaces import IFlushed

#: Times that the heap may hold beside twice as many as are in use.
SPARE_TIMES = 64


class Deadlines:
    """
    Keeps sessions by their deadlines, milliseconds.  Sessions with the same deadline are one entry.

    @ivar times: a heap of the deadlines; some may have no session any more.
    """

    def __init__(self) -> None:
        self.times: list[int] = []
        self._sessions: dict[int, dict[IFlushed, None]] = {}

    def __len__(self) -> int:
        """
        Returns how many different deadlines there are.
        """
        return len(self._sessions)

    def add(self, session: IFlushed, due: int) -> None:
        """
        Keeps C{session}, which is not kept yet, under C{due}.
        """
        session.scheduled = due
        sessions = self._sessions.get(due)
        if sessions is None:
            sessions = self._sessions[due] = {}
            heappush(self.times, due)
        sessions[session] = None

    def remove(self, session: IFlushed, due: int) -> None:
        """
        Forgets C{session}, which is kept under C{due}.
        """
        session.scheduled = None
        sessions = self._sessions[due]
        del sessions[session]
        if sessions:
            return
        del self._sessions[due]
        if len(self.times) > 2 * len(self._sessions) + SPARE_TIMES:
            self.times = list(self._sessions)
            heapify(self.times)

    def first(self) -> int | None:
        """
        Returns the earliest deadline.
        """
        times = self.times
        while times and times[0] not in self._sessions:
            heappop(times)
        return times[0] if times else None

    def takeDue(self, now: int) -> list[IFlushed]:
        """
        Returns those whose deadlines have come, earliest first; they are forgotten.
        """
        taken: list[IFlushed] = []
        times = self.times
        while times and times[0] <= now:
            for session in self._sessions.pop(heappop(times), ()):
                session.scheduled = None
                taken.append(session)
        return taken
