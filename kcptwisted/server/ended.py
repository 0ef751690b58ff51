"""
Remembering sessions that have ended, so that their late datagrams open no new ones.
"""

from __future__ import annotations

from collections import OrderedDict

from kcptwisted.interfaces import Address

#: Milliseconds without a late datagram after which a session is forgotten.
REMEMBERED = 60_000

#: Milliseconds after a session's end within which all its datagrams are late.
SETTLING = 5000

#: Milliseconds between two answers at least.
ANSWER_PAUSE = 500

#: Sessions that are remembered at most; beyond that the oldest are forgotten.
MAXIMUM_REMEMBERED = 4096


class _Ended:
    """
    A session that has ended.  Times are milliseconds.

    @ivar settled: from when on a datagram of the same conversation may be a new session's.
    @ivar forgotten: when this is forgotten.
    @ivar nextAnswer: when it may be answered again.
    """

    __slots__ = ("answer", "conv", "forgotten", "mayBeNew", "nextAnswer", "settled")

    def __init__(self, conv: int, now: int, answer: bytes | None, mayBeNew: bool) -> None:
        self.conv = conv
        self.settled = now + SETTLING
        self.forgotten = now + REMEMBERED
        self.answer = answer
        self.mayBeNew = mayBeNew
        self.nextAnswer = now


class EndedSessions:
    """
    The last conversation of each address that had one and has none now.

    A datagram that could open a session has una 0.  If the peer had acknowledged data of ours, its
    una was above 0 from then on.  So such a datagram is either a leftover, which arrives soon, or
    from a peer that has started again with the same conversation id and must not be locked out.
    """

    def __init__(self) -> None:
        # By when they are forgotten, the oldest first.
        self._records: OrderedDict[Address, _Ended] = OrderedDict()

    def __len__(self) -> int:
        return len(self._records)

    def add(
        self,
        address: Address,
        conv: int,
        now: int,
        answer: bytes | None = None,
        mayBeNew: bool = False,
    ) -> None:
        """
        Remembers that the session with C{address} ended.

        @param now: milliseconds.
        @param answer: a datagram that says so, for a peer that still sends to the session.
        @param mayBeNew: whether the peer had acknowledged data.  What could open a session then
            belongs to a new one, unless it arrives soon.
        """
        self._keep(address, _Ended(conv, now, answer, mayBeNew))
        records = self._records
        while now >= next(iter(records.values())).forgotten or len(records) > MAXIMUM_REMEMBERED:
            records.popitem(last=False)

    def _keep(self, address: Address, record: _Ended) -> None:
        self._records[address] = record
        self._records.move_to_end(address)

    def _find(self, address: Address, conv: int, now: int) -> _Ended | None:
        record = self._records.get(address)
        if record is None or record.conv != conv or now >= record.forgotten:
            return None
        return record

    def isLate(self, address: Address, conv: int, now: int) -> bool:
        """
        Returns True if a datagram that could open a session belongs to one that has ended; if so,
        that is remembered anew.

        @param now: milliseconds.
        """
        record = self._find(address, conv, now)
        if record is None or (record.mayBeNew and now >= record.settled):
            return False
        record.forgotten = now + REMEMBERED
        self._keep(address, record)
        return True

    def endedPlain(self, address: Address, conv: int, now: int) -> bool:
        """
        Returns True if a session of that conversation, whose peer had not said hello, ended a
        moment ago.  Then a hello is that peer's, and late.

        @param now: milliseconds.
        """
        record = self._find(address, conv, now)
        return record is not None and record.answer is None and now < record.settled

    def remembers(self, address: Address, conv: int, now: int) -> bool:
        """
        Returns True if a session of that conversation ended not long ago.

        @param now: milliseconds.
        """
        return self._find(address, conv, now) is not None

    def answerFor(self, address: Address, conv: int, now: int) -> bytes | None:
        """
        Returns the answer to a datagram of a session that has ended; None if there is none, or it
        was given less than L{ANSWER_PAUSE} ago.

        @param now: milliseconds.
        """
        record = self._find(address, conv, now)
        if record is None or record.answer is None or now < record.nextAnswer:
            return None
        record.nextAnswer = now + ANSWER_PAUSE
        return record.answer

    def forget(self, address: Address) -> None:
        """
        Forgets what ended at C{address}, which has a session again.
        """
        self._records.pop(address, None)
