"""
Datagrams that an end gets, and that its peer has not sent now.
"""

from __future__ import annotations

from random import Random

from kcptwisted.wire.control import (
    CHALLENGE,
    NO_TOKEN,
    TOKEN,
    Challenge,
    Cookie,
    Fin,
    FinAck,
    Frame,
    Hello,
    Reset,
    Response,
    Retry,
    encodeBlock,
)
from kcptwisted.wire.segment import ACK, MASK, PUSH, WASK, WINS
from tests.connection.datagrams import commands, segment
from tests.connection.driving import Party
from tests.connection.pairs import Pair

#: Datagrams that are remembered, of an earlier connection and of this one.
REMEMBERED = 200


class Forger:
    """
    Somebody who knows the conversation id.
    """

    def __init__(self, random: Random, ends: Pair, reads: bool, writes: bool) -> None:
        """
        @param ends: whom he wants to harm.
        @param reads: whether he knows tokens and sns.
        @param writes: whether he makes up data that the receiver would take.
        """
        self._random = random
        self._ends = ends
        self._reads = reads
        self._writes = writes
        self._earlier: tuple[list[bytes], list[bytes]] = ([], [])
        self._recent: tuple[list[bytes], list[bytes]] = ([], [])

    def remember(self) -> None:
        """
        Listens to an earlier connection of the same conversation.
        """
        random = self._random
        pair = Pair(seed=random.getrandbits(32))
        carry = pair.carry

        def listen(source: int, datagrams: list[bytes]) -> None:
            self._earlier[1 - source].extend(datagrams)
            carry(source, datagrams)

        pair.carry = listen  # type: ignore[method-assign]
        pair.connect()
        pair.client.write(random.randbytes(3000))
        pair.server.write(random.randbytes(3000))
        pair.run(1000)
        if random.randrange(2):
            pair.client.close()
        else:
            pair.server.abort()
        pair.run(5000)
        if not self._writes:
            for to, datagrams in enumerate(self._earlier):
                datagrams[:] = [each for each in datagrams if PUSH not in commands([each])]
                assert datagrams, to

    def record(self, source: int, datagram: bytes) -> None:
        """
        Takes note of what an end sends.
        """
        recent = self._recent[1 - source]
        recent.append(datagram)
        if len(recent) > REMEMBERED:
            del recent[: REMEMBERED // 2]

    def datagram(self, party: Party, peer: Party) -> bytes:
        """
        @return: something for C{party}.
        """
        random = self._random
        kind = random.randrange(6 if self._reads or self._writes else 5)
        to = self._ends.ends.index(party)
        if kind == 0:
            return random.randbytes(random.randrange(80))
        if kind == 1 and self._earlier[to]:
            return random.choice(self._earlier[to])
        if kind == 2 and self._recent[to]:
            return random.choice(self._recent[to])
        if kind == 3:
            return self._segment(party)
        if kind == 4 and self._writes and self._recent[to]:
            return self._damaged(random.choice(self._recent[to]))
        return self._control(party, peer)

    def _near(self, number: int) -> int:
        random = self._random
        if random.randrange(8) == 0:
            return random.getrandbits(32)
        return (number + random.randrange(-6, 7)) & MASK

    def _una(self, party: Party) -> int:
        sender = party.connection.conversation.sender
        if self._reads:
            return self._near(self._random.randint(sender.una, sender.next))
        # One that lies ahead takes data from the sender that have not arrived.
        return max(sender.una - self._random.randrange(4), 0) & MASK

    def _segment(self, party: Party) -> bytes:
        random = self._random
        receiver = party.connection.conversation.receiver
        cmd = random.choice([PUSH, ACK, WASK, WINS])
        una, window = self._una(party), random.choice([0, 1, 32, 0xFFFF])
        if cmd == ACK:
            sn = una - 1 & MASK if not self._reads else self._near(una)
            return segment(cmd, sn, una, ts=self._near(party.now), window=window)
        if cmd == PUSH:
            ahead = 2 * party.connection.settings.arq.receiveWindow + random.randrange(1 << 16)
            sn = receiver.next + (ahead if random.randrange(2) or not receiver.next else -1)
            if self._writes:
                sn = self._near(receiver.next)
            frg = random.choice([0, 0, 1, 255])
            data = random.randbytes(random.randrange(1, 40))
            return segment(cmd, sn & MASK, una, data, frg=frg, window=window, ts=self._near(0))
        return segment(cmd, 0, una, random.randbytes(random.randrange(30)), window=window)

    def _control(self, party: Party, peer: Party) -> bytes:
        random = self._random
        channel = party.connection.controls.channel
        to, source = random.randbytes(TOKEN), random.randbytes(TOKEN)
        frames = [self._frame(party) for _ in range(random.randrange(4))]
        if channel is not None and self._reads:
            to = random.choice([channel.token] * 3 + [NO_TOKEN])
            source = random.choice([channel.peerToken] * 3 + [source, NO_TOKEN])
        elif channel is None or not channel.known:
            # The hello that comes first is the peer's.
            frames = [frame for frame in frames if not isinstance(frame, Hello)]
        else:
            to = random.choice([to, NO_TOKEN])
            source = random.choice([source, NO_TOKEN, channel.token])
        cmd = random.choice([WASK, WINS])
        data = encodeBlock(to, source, frames)
        return segment(cmd, 0, self._una(party), data, window=random.choice([0, 32]))

    def _frame(self, party: Party) -> Frame:
        random = self._random
        conversation = party.connection.conversation
        its = self._near(conversation.receiver.next)
        own = self._near(conversation.sender.next)
        both = bool(random.randrange(2))
        data = random.randbytes(CHALLENGE)
        frames: list[Frame] = [
            Hello(random.randrange(8), random.choice([0, 1, 32])),
            Retry(data),
            Cookie(data),
            Fin(its, both),
            FinAck(own, both),
            Reset(random.randrange(8)),
            Challenge(data),
            Response(data),
        ]
        return random.choice(frames)

    def _damaged(self, datagram: bytes) -> bytes:
        random = self._random
        changed = bytearray(datagram)
        bit = random.randrange(8 * len(changed))
        changed[bit // 8] ^= 1 << bit % 8
        return bytes(changed)
