"""
Conversations in a capture, by addresses and conversation id.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from kcptwisted.commands.dump.content import Content
from kcptwisted.commands.dump.direction import Direction, Seen
from kcptwisted.commands.dump.opening import (
    GUESSED,
    LARGEST,
    TRIES,
    CipherChoice,
    Opened,
    Opener,
    guess,
    guessJoined,
    read,
    split,
)
from kcptwisted.commands.dump.packets import Endpoint, Packet
from kcptwisted.commands.dump.sequence import Copy
from kcptwisted.commands.dump.streams import StreamReader

#: Pairs of addresses, and conversations of one, that are followed at once, at most.
MOST_FLOWS = 1024
MOST_CONVERSATIONS = 16


class Smux(NamedTuple):
    """
    What is known of smux.

    @ivar isOff: it is not to be looked for.
    @ivar version: that of all streams; None to find out which are smux.
    """

    isOff: bool = False
    version: int | None = None

    def reader(self) -> StreamReader:
        """
        Returns what reads one direction.
        """
        return StreamReader(self.version, self.isOff)


#: Which streams are smux is to be found out.
FIND_SMUX = Smux()


class Conversation:
    """
    One conversation.

    @ivar conv: its id; None while only parity has been seen.
    @ivar crypt: the cipher's name.
    @ivar isGuess: nobody has said so.
    @ivar ends: the addresses; the first is that of the first datagram's sender.
    @ivar directions: what each end sent, in this order.
    """

    __slots__ = ("conv", "crypt", "directions", "ends", "isGuess")

    def __init__(
        self,
        conv: int | None,
        crypt: str,
        isGuess: bool,
        ends: tuple[Endpoint, Endpoint],
        smux: Smux,
    ) -> None:
        self.conv = conv
        self.crypt = crypt
        self.isGuess = isGuess
        self.ends = ends
        self.directions = (Direction(smux.reader()), Direction(smux.reader()))

    def of(self, source: Endpoint) -> tuple[Direction, Direction]:
        """
        Returns the direction of what an end sends, and the other one.
        """
        one, other = self.directions
        return (one, other) if source == self.ends[0] else (other, one)


class Record(NamedTuple):
    """
    A datagram and what it is.

    @ivar packet: the UDP datagram, with others that segmentation offload joined to it.
    @ivar size: bytes of the datagram's own UDP payload.
    @ivar conversation: None if it could not be opened.
    @ivar content: likewise.
    @ivar segments: likewise; empty.
    @ivar isRecovered: FEC has rebuilt it from the datagrams up to this one.
    @ivar problem: why it could not be opened; empty if it could.
    """

    packet: Packet
    size: int
    conversation: Conversation | None
    content: Content | None
    segments: list[Seen]
    isRecovered: bool = False
    problem: str = ""


class Flow:
    """
    What passes between two addresses.

    @ivar ends: the first is the first datagram's sender.
    @ivar cipher: what opens the datagrams; None while it is not known.
    @ivar isGuess: nobody has said so.
    @ivar refused: datagrams that did not open.
    @ivar opened: those that did.
    @ivar meant: what the first that did not open looks like: C{"null"}, C{"none"} or nothing.
    @ivar conversations: by id.
    """

    __slots__ = (
        "_current",
        "_sizes",
        "_smux",
        "_tries",
        "cipher",
        "conversations",
        "ends",
        "isGuess",
        "meant",
        "opened",
        "refused",
    )

    def __init__(
        self, ends: tuple[Endpoint, Endpoint], cipher: CipherChoice | None, smux: Smux
    ) -> None:
        self._smux = smux
        self.ends = ends
        self.cipher = cipher
        self.isGuess = cipher is None
        self.refused = self.opened = 0
        self.meant = ""
        self.conversations: OrderedDict[int, Conversation] = OrderedDict()
        self._current: Conversation | None = None
        # Sizes of datagrams that were joined, and payloads that were tried in vain.
        self._sizes: list[int] = []
        self._tries = 0

    def take(self, packet: Packet) -> tuple[list[Record], list[Conversation]]:
        """
        Takes a UDP datagram.

        @return: what it is, and conversations that were forgotten for its own.
        """
        opened = self._open(packet)
        if not opened:
            self.refused += 1
            problem = self._problem(packet)
            return [Record(packet, packet.length, None, None, [], problem=problem)], []
        records: list[Record] = []
        forgotten: list[Conversation] = []
        for each in opened:
            content = read(each)
            conversation = self._find(content, forgotten)
            records += self._record(packet, each, content, conversation)
        self.opened += len(opened)
        return records, forgotten

    def _open(self, packet: Packet) -> list[Opened]:
        payload, length = packet.payload, packet.length
        isWhole = len(payload) == length
        if self.cipher is None:
            name = guess(payload, length)
            if not name and isWhole and self._tries < TRIES:
                self._tries += 1
                name = guessJoined(payload)
            if not name:
                return []
            self.cipher = CipherChoice(name, GUESSED[name])
        opener = self.cipher.opener
        opened = opener(payload, length)
        isKCP = opened is not None and length <= LARGEST and read(opened).isKCP
        if not isKCP and isWhole:
            found = self._split(payload, opener)
            if found:
                return found
        # With a guess, anything else is taken for other traffic.
        if opened is None or (self.isGuess and not isKCP):
            return []
        return [opened]

    def _split(self, payload: bytes, opener: Opener) -> list[Opened]:
        if self._tries >= TRIES:
            return []
        found = split(payload, opener, self._sizes)
        if not found:
            self._tries += 1
            return []
        self._tries = 0
        if found[0].size not in self._sizes:
            self._sizes = [found[0].size, *self._sizes[:3]]
        return found

    def _problem(self, packet: Packet) -> str:
        if len(packet.payload) < packet.length:
            return f"cut: the capture has {len(packet.payload)} of {packet.length} bytes"
        looks = guess(packet.payload, packet.length)
        if not self.opened and not self.meant:
            self.meant = looks
        if self.isGuess:
            return "encrypted, or no KCP"
        assert self.cipher is not None
        if looks:
            return f"does not open with crypt={self.cipher.name}: it looks like crypt={looks}"
        return f"does not open with crypt={self.cipher.name}"

    def _find(self, content: Content, forgotten: list[Conversation]) -> Conversation:
        conv = content.conv
        assert self.cipher is not None
        current = self._current
        if current is None or (conv is not None and current.conv not in (conv, None)):
            current = None if conv is None else self.conversations.get(conv)
            if current is None:
                current = Conversation(conv, self.cipher.name, self.isGuess, self.ends, self._smux)
            self._current = current
        if conv is not None and conv not in self.conversations:
            current.conv = conv
            self.conversations[conv] = current
            if len(self.conversations) > MOST_CONVERSATIONS:
                forgotten.append(self.conversations.popitem(last=False)[1])
        return current

    def _record(
        self, packet: Packet, opened: Opened, content: Content, conversation: Conversation
    ) -> list[Record]:
        direction, opposite = conversation.of(packet.source)
        direction.count(packet.time, opened.size)
        segments = direction.take(content, packet.time, opposite)
        records = [Record(packet, opened.size, conversation, content, segments)]
        if len(opened.datagram) == opened.length:
            for rebuilt in direction.rebuild(content, opened.datagram):
                seen = direction.takeRecovered(rebuilt)
                # Until the counts of a group are known, some may be rebuilt that were there.
                if all(one.copy is Copy.AGAIN for one in seen):
                    continue
                direction.rebuilt += 1
                records.append(Record(packet, 0, conversation, rebuilt, seen, isRecovered=True))
        return records


class Flows:
    """
    All that a capture shows.  At most L{MOST_FLOWS} pairs of addresses are followed at once; the
    one that was silent for longest is forgotten for a new one.

    @ivar datagrams: UDP datagrams so far.
    @ivar opened: KCP datagrams so far.
    """

    def __init__(self, cipher: CipherChoice | None, smux: Smux = FIND_SMUX) -> None:
        """
        @param cipher: None to guess, for each pair of addresses.
        """
        self._smux = smux
        self._cipher = cipher
        self._flows: OrderedDict[tuple[Endpoint, Endpoint], Flow] = OrderedDict()
        self.datagrams = self.opened = 0

    def take(self, packet: Packet) -> tuple[list[Record], list[Conversation]]:
        """
        Takes a UDP datagram.

        @return: what it is, and conversations that were forgotten.
        """
        self.datagrams += 1
        ends = (packet.source, packet.destination)
        key = min(ends), max(ends)
        forgotten: list[Conversation] = []
        flow = self._flows.get(key)
        if flow is None:
            if len(self._flows) >= MOST_FLOWS:
                _, silent = self._flows.popitem(last=False)
                forgotten += silent.conversations.values()
            flow = self._flows[key] = Flow(ends, self._cipher, self._smux)
        self._flows.move_to_end(key)
        before = flow.opened
        records, more = flow.take(packet)
        self.opened += flow.opened - before
        return records, forgotten + more

    def flows(self) -> list[Flow]:
        """
        Returns those that are followed.
        """
        return list(self._flows.values())
