"""
What an application of the fuzzed ends does.
"""

from __future__ import annotations

from random import Random

from kcptwisted.arq.sendqueue import MessageTooLong
from kcptwisted.connection.events import Cause, End, Event
from kcptwisted.connection.states import Sending, State
from tests.connection.driving import Party

#: Bytes of the longest write; the text is what both ends write, over and over.
LONGEST = 3000
TEXT = Random(1).randbytes(1 << 16)


class Application:
    """
    What one end's application has done.
    """

    def __init__(self, party: Party) -> None:
        self.party = party
        self.written: list[bytes] = []
        self.size = 0
        #: It has closed, or given up, before the peer had said that it had everything.
        self.left = False
        party.onFinished = self.finished
        party.onEnded = self.ended
        self.goesOn = False
        #: The other one, if nobody else can say what only it can.
        self.peer: Application | None = None
        #: Nobody keeps its data from arriving.
        self.getsAll = False

    def write(self, size: int) -> None:
        """
        Writes what follows.
        """
        start = self.size % len(TEXT)
        data = (TEXT + TEXT[:LONGEST])[start : start + size]
        try:
            if data and self.party.write(data):
                self.written.append(data)
                self.size += size
        except MessageTooLong:
            pass

    @property
    def text(self) -> bytes:
        """
        All that was written.
        """
        return b"".join(self.written)

    def finished(self) -> None:
        """
        The peer has finished: closes as well, unless it can go on alone.
        """
        peer = self.peer
        if peer is not None:
            assert peer.party.sending is not Sending.READY or peer.party.isOver, "forged FIN"
            if self.getsAll and not self.left:
                assert self.party.data == peer.text, "it has not been given everything"
        if not self.goesOn:
            self.party.close()

    def ended(self, end: End) -> None:
        """
        The connection is over; only the peer's own end can have reset it.
        """
        peer = self.peer
        if peer is not None and end.cause is Cause.PEER_RESET:
            assert peer.party.isOver, "forged reset"
        if end.cause.isPeers and not self.left:
            assert len(self.party.data) >= self.party.arrived, "what had arrived is lost"
        assert end.cause is not Cause.PEER_RESTARTED or not self.getsAll, "nobody has restarted"

    def close(self) -> None:
        """
        Closes.
        """
        self._leave()
        self.party.close()

    def abort(self) -> None:
        """
        Gives up.
        """
        self._leave()
        self.party.abort()

    def leave(self) -> None:
        """
        Ends its program.
        """
        self._leave()
        self.party.leave()

    def _leave(self) -> None:
        over = Event.PEER_FINISHED in self.party.events or self.party.state is State.CLOSED
        self.left = self.left or not over
